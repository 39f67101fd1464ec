//! Configuration from outside: what holds by default, which source wins, what is refused and how.

mod cassandra;
mod refusals;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use viewlog::actors::{Limits, Role, Roles};
use viewlog::config::{Config, ConfigError, LogFormat, LogStore, Sources, ViewsStore, WebOrigin};
use viewlog::events::Media;
use viewlog::events::embedded::EmbeddedOptions;
use viewlog::projections::{RedisOptions, RedisUrl, RedisViewsOptions, SignalsOptions};
use viewlog::telemetry::{self, Metrics};

const MANUAL: &str = include_str!("../../deploy/viewlog.toml");

/// Loads a file with this text, and what the environment and the command line say beside it.
fn load(
    file: &str,
    environment: &[(&str, &str)],
    overrides: &[(&str, &str)],
) -> Result<Config, ConfigError> {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("viewlog.toml");
    std::fs::write(&path, file).unwrap();
    load_from(Some(path), environment, overrides)
}

fn load_from(
    file: Option<PathBuf>,
    environment: &[(&str, &str)],
    overrides: &[(&str, &str)],
) -> Result<Config, ConfigError> {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    Config::load(Sources {
        file,
        environment: environment.iter().map(owned),
        overrides: overrides.iter().map(owned).collect(),
    })
}

/// What is said about a file with this text and nothing beside it.
fn refused(file: &str) -> String {
    load(file, &[], &[]).unwrap_err().to_string()
}

fn refused_in_environment(name: &str, text: &str) -> String {
    load("", &[(name, text)], &[]).unwrap_err().to_string()
}

#[track_caller]
fn assert_says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "{said:?} does not say {part:?}");
    }
}

/// The manual with every setting in force.
fn uncommented() -> String {
    let is_setting = |line: &str| line.starts_with(|c: char| c.is_ascii_lowercase());
    let lines = MANUAL.lines().map(|line| match line.strip_prefix('#') {
        Some(setting) if is_setting(setting) => setting,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_manual_can_be_installed_as_it_is() {
    assert_eq!(load(MANUAL, &[], &[]).unwrap(), Config::default());
}

#[test]
fn every_commented_setting_is_known_and_at_its_default() {
    assert_eq!(load(&uncommented(), &[], &[]).unwrap(), Config::default());
}

#[test]
fn every_setting_of_the_manual_is_explained_above_it() {
    let mut above = "";
    for line in MANUAL.lines() {
        if line.starts_with('#') && !line.starts_with("# ") && line.contains(" = ") {
            assert!(above.starts_with("# "), "{line} has nothing above that explains it");
        }
        above = line;
    }
}

#[test]
fn every_setting_of_the_manual_can_be_set_in_the_environment() {
    let table: toml::Table = toml::from_str(&uncommented()).unwrap();
    let mut environment = Vec::new();
    variables("VIEWLOG", "_", &table, &mut environment);
    assert!(environment.len() > 40);
    let borrowed: Vec<_> =
        environment.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(load("", &borrowed, &[]).unwrap(), Config::default());
}

fn variables(under: &str, joint: &str, table: &toml::Table, into: &mut Vec<(String, String)>) {
    for (name, value) in table {
        let name = format!("{under}{joint}{}", name.to_uppercase());
        match value {
            toml::Value::Table(inner) => variables(&name, "__", inner, into),
            toml::Value::String(text) => into.push((name, text.clone())),
            toml::Value::Array(_) => into.push((name, String::new())),
            toml::Value::Integer(number) => into.push((name, number.to_string())),
            toml::Value::Float(number) => into.push((name, number.to_string())),
            toml::Value::Boolean(is) => into.push((name, is.to_string())),
            toml::Value::Datetime(_) => panic!("{name} has a date"),
        }
    }
}

#[test]
fn the_defaults_are_those_of_the_parts_they_set() {
    let config = Config::default();
    assert_eq!(format!("{:?}", config.limits()), format!("{:?}", Limits::default()));
    let options = format!("{:?}", EmbeddedOptions::default());
    assert_eq!(format!("{:?}", config.embedded_options()), options);
    let options = format!("{:?}", RedisOptions::default());
    assert_eq!(format!("{:?}", config.redis_options()), options);
    let options = format!("{:?}", RedisViewsOptions::default());
    assert_eq!(format!("{:?}", config.redis_views_options()), options);
    let options = format!("{:?}", SignalsOptions::default());
    assert_eq!(format!("{:?}", config.signals_options()), options);
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let config = Config::default();
    assert_eq!(config.listen, "127.0.0.1:7070".parse::<SocketAddr>().unwrap());
    assert_eq!(config.log, LogStore::Embedded(config.data.join("log")));
    assert_eq!(config.views, ViewsStore::Memory);
    assert_eq!(config.log_format, LogFormat::Text);
    assert_eq!((config.public_url, config.allowed_origins), (None, Vec::new()));
    assert_eq!((config.http.body_bytes_max, config.http.facts_max), (4 << 20, 5_000));
    assert_eq!((config.http.frame_bytes_max, config.http.sockets_per_account_max), (65_536, 20));
    assert_eq!((config.compact.older_than_days, config.compact.every_hours), (14, 24));
    assert!(!config.chaos);
    for media in [Media::Trailer, Media::Clip, Media::Live] {
        assert!(!config.policy.of(Some(media)).in_continue_watching);
    }
    assert!(config.policy.of(None).in_continue_watching);
    assert!(config.policy.of(Some(Media::Movie)).in_continue_watching);
}

#[test]
fn what_comes_later_wins() {
    let file = "[http]\nfacts_max = 1";
    let variable = ("VIEWLOG_HTTP__FACTS_MAX", "2");
    let option = ("http.facts_max", "3");
    let facts_max = |config: Result<Config, ConfigError>| config.unwrap().http.facts_max;
    assert_eq!(facts_max(load("", &[], &[])), 5_000);
    assert_eq!(facts_max(load(file, &[], &[])), 1);
    assert_eq!(facts_max(load(file, &[variable], &[])), 2);
    assert_eq!(facts_max(load(file, &[variable], &[option])), 3);
    assert_eq!(facts_max(load(file, &[], &[option])), 3);
}

#[test]
fn the_environment_may_name_the_file_unless_the_command_line_does() {
    let dir = TempDir::new().unwrap();
    let file = |name: &str, facts_max: u32| {
        let path = dir.path().join(name);
        std::fs::write(&path, format!("[http]\nfacts_max = {facts_max}")).unwrap();
        path
    };
    let (one, other) = (file("one.toml", 1), file("other.toml", 2));
    let named = [("VIEWLOG_CONFIG", one.to_str().unwrap())];
    assert_eq!(load_from(None, &named, &[]).unwrap().http.facts_max, 1);
    assert_eq!(load_from(Some(other), &named, &[]).unwrap().http.facts_max, 2);
}

#[test]
fn a_whole_number_will_do_for_a_share() {
    let config = load("policy.finished_share = 1", &[], &[]).unwrap();
    assert!((config.policy.otherwise.finished_share - 1.0).abs() < f64::EPSILON);
}

#[test]
fn data_is_where_the_environment_says_unless_the_command_line_says_otherwise() {
    let file = "data = \"/srv/file\"";
    assert_eq!(load(file, &[], &[]).unwrap().data, Path::new("/srv/file"));
    let config = load(file, &[("VIEWLOG_DATA", "/srv/variable")], &[]).unwrap();
    assert_eq!(config.data, Path::new("/srv/variable"));
    assert_eq!(config.log, LogStore::Embedded(PathBuf::from("/srv/variable/log")));
    let both = load(file, &[("VIEWLOG_DATA", "/srv/variable")], &[("data", "/srv/option")]);
    assert_eq!(both.unwrap().data, Path::new("/srv/option"));
}

#[test]
fn stores_are_named_by_urls() {
    let log = |url: &str| load("", &[], &[("log", url)]).unwrap().log;
    assert_eq!(log("memory:"), LogStore::Memory);
    assert_eq!(log("embedded:/srv/log"), LogStore::Embedded(PathBuf::from("/srv/log")));
    assert_eq!(log("embedded:relative"), LogStore::Embedded(PathBuf::from("relative")));
    assert_eq!(load("", &[], &[("views", "memory:")]).unwrap().views, ViewsStore::Memory);
}

#[test]
fn a_redis_is_named_with_its_nodes_its_database_and_never_its_password() {
    let shown = |url: &str| {
        let url: RedisUrl = url.parse().unwrap();
        format!("{url} {url:?}")
    };
    assert_eq!(shown("redis://h"), "redis://h:6379 RedisUrl(redis://h:6379)");
    let whole = shown("redis://me:p%40ss,word@10.0.0.1:7000/3");
    assert_eq!(whole, "redis://10.0.0.1:7000/3 RedisUrl(redis://10.0.0.1:7000/3)");
    let cluster = shown("redis-cluster://:secret@h1,h2:7001");
    assert!(cluster.starts_with("redis-cluster://h1:6379,h2:7001 "), "{cluster}");
    assert!(!cluster.contains("secret"), "{cluster}");
}

#[test]
fn web_origins_are_kept_as_browsers_write_them() {
    let file = "public_url = \"https://TV.Example.org:443/\"\n\
                allowed_origins = [\"http://player.example.org:8080\"]";
    let config = load(file, &[], &[]).unwrap();
    let public = config.public_url.unwrap();
    assert_eq!((public.as_str(), public.host()), ("https://tv.example.org", "tv.example.org"));
    let player: WebOrigin = "http://player.example.org:8080".parse().unwrap();
    assert_eq!(player.host(), "player.example.org:8080");
    assert_eq!(config.allowed_origins, [player]);
    let listed = ("VIEWLOG_ALLOWED_ORIGINS", "https://a.example, https://b.example");
    assert_eq!(load("", &[listed], &[]).unwrap().allowed_origins.len(), 2);
}

#[test]
fn a_media_keeps_the_common_thresholds_it_does_not_set() {
    let file = "[policy]\nclaim_after_ms = 20000\n[policy.episode]\nfinished_share = 0.8";
    let variable = ("VIEWLOG_POLICY__EPISODE__HISTORY_MIN_MS", "30000");
    let policy = load(file, &[variable], &[("policy.movie.rewind_ms", "0")]).unwrap().policy;
    let episode = policy.of(Some(Media::Episode));
    assert_eq!((episode.claim_after_ms, episode.history_min_ms), (20_000, 30_000));
    assert!((episode.finished_share - 0.8).abs() < f64::EPSILON);
    let movie = policy.of(Some(Media::Movie));
    assert_eq!((movie.claim_after_ms, movie.rewind_ms), (20_000, 0));
    let live = policy.of(Some(Media::Live));
    assert_eq!((live.claim_after_ms, live.in_continue_watching), (20_000, false));
    assert_eq!(policy.of(Some(Media::Audio)), policy.of(None));
    assert_eq!(policy.of(None).rewind_ms, 5_000);
}

#[test]
fn every_media_may_have_thresholds_of_its_own() {
    for name in ["movie", "episode", "live", "trailer", "clip", "audio"] {
        let media: Media = serde_json::from_str(&format!("{name:?}")).unwrap();
        let policy = load(&format!("policy.{name}.rewind_ms = 1"), &[], &[]).unwrap().policy;
        assert_eq!(policy.of(Some(media)).rewind_ms, 1);
    }
}

#[test]
fn rust_log_wins_where_it_says_something() {
    let filter = |environment: &[(&str, &str)]| {
        load("log_filter = \"warn\"", environment, &[]).unwrap().log_filter
    };
    let named = ("VIEWLOG_LOG_FILTER", "error");
    assert_eq!(filter(&[]), "warn");
    assert_eq!(filter(&[("RUST_LOG", "debug"), named]), "debug");
    assert_eq!(filter(&[("RUST_LOG", ""), named]), "error");
    assert_says(&refused_in_environment("RUST_LOG", "a=loud"), &["RUST_LOG in the environment"]);
}

#[test]
fn variables_that_are_no_settings_are_left_alone() {
    let others = [("VIEWLOG_SERVER", "http://x"), ("VIEWLOG_TOKEN", "t"), ("VIEW", "x")];
    assert_eq!(load("", &others, &[]).unwrap(), Config::default());
}

#[test]
fn bounds_reach_the_actors() {
    let file = "[actors]\nshards = 3\nappend_deadline_ms = 1500\nrestarts_max = 2";
    let limits = load(file, &[], &[]).unwrap().limits();
    assert_eq!((limits.shards, limits.restarts.restarts_max), (3, 2));
    assert_eq!(limits.append_deadline.as_millis(), 1_500);
}

#[test]
fn metrics_are_rendered_with_what_they_mean() {
    let metrics = Metrics::install().unwrap();
    metrics::counter!(telemetry::FACTS, "outcome" => "recorded").increment(2);
    metrics::histogram!(telemetry::APPEND_SECONDS).record(0.003);
    metrics.upkeep();
    let text = Metrics::install().unwrap().render();
    assert_says(&text, &["# HELP viewlog_facts_total Facts", "# TYPE viewlog_facts_total counter"]);
    assert_says(&text, &["viewlog_facts_total{outcome=\"recorded\"} "]);
    assert_says(&text, &["viewlog_append_seconds_bucket{le=\"0.005\"} "]);
}

#[test]
fn a_node_of_a_fleet_does_any_part_of_the_work() {
    let fleet = "log = \"cassandra://h/k?dc=d\"\nviews = \"redis://h\"\n";
    let role = |role: &str| load(&format!("{fleet}role = \"{role}\""), &[], &[]).unwrap().role;
    assert_eq!(role("all"), Roles::ALL);
    assert_eq!(role("provide,process,collect"), Roles::ALL);
    assert_eq!(role("provide, collect").names(), ["collect", "provide"]);
    assert_eq!(role("process").to_string(), "process");
    assert!(role("process").has(Role::Process) && !role("process").has(Role::Provide));
    let sweeps = |role: &str| {
        let limits = load(fleet, &[("VIEWLOG_ROLE", role)], &[]).unwrap().limits();
        (limits.marks, limits.sweeps)
    };
    assert_eq!((sweeps("all"), sweeps("process")), ((true, true), (true, true)));
    assert_eq!((sweeps("collect"), sweeps("provide")), ((true, false), (true, false)));
}
