//! What is refused, in words that name the setting, where it stands and what would be right.

use std::net::SocketAddr;
use std::path::PathBuf;

use viewlog::config::{Place, Problem, WebOrigin};

use super::{assert_says, load, load_from, refused, refused_in_environment};

#[test]
fn an_unknown_setting_is_named_where_it_stands_with_what_may_be_meant() {
    let in_file = refused("chaos = false\n\n[http]\nfact_max = 5");
    assert_says(&in_file, &["viewlog.toml:4: there is no setting http.fact_max"]);
    assert_says(&in_file, &["did you mean http.facts_max?"]);
    let variable = refused_in_environment("VIEWLOG_HTTP_FACTS_MAX", "5");
    assert_says(&variable, &["VIEWLOG_HTTP_FACTS_MAX in the environment"]);
    assert_says(&variable, &["did you mean VIEWLOG_HTTP__FACTS_MAX?"]);
    let option = load("", &[], &[("lissten", "x")]).unwrap_err().to_string();
    assert_says(&option, &["the command line: there is no setting lissten", "mean listen?"]);
}

#[test]
fn a_forgotten_or_misspelt_table_is_recognised() {
    assert_says(&refused("claim_after_ms = 5"), &["did you mean policy.claim_after_ms?"]);
    assert_says(&refused("[htpp]\nfacts_max = 5"), &["setting htpp; did you mean http?"]);
    let episode = refused("[policy.epsiode]\nclaim_after_ms = 5");
    assert_says(&episode, &["setting policy.epsiode; did you mean policy.episode?"]);
    let movie = refused("[policy.movie]\nclaim = 5");
    assert_says(&movie, &["policy.movie.claim; did you mean policy.movie.claim_after_ms?"]);
}

#[test]
fn nothing_is_suggested_where_nothing_is_alike() {
    let said = refused("zzz = 5");
    assert_says(&said, &["there is no setting zzz"]);
    assert!(!said.contains("did you mean"), "{said}");
}

#[test]
fn a_wrong_value_is_refused_with_what_would_be_right() {
    let number = "must be a whole number from 1 to 1000000000; the default is 5000";
    for wrong in ["\"many\"", "0", "-1", "5.5", "true", "[1]", "{ a = 1 }"] {
        assert_says(&refused(&format!("http.facts_max = {wrong}")), &["http.facts_max", number]);
    }
    assert_says(&refused_in_environment("VIEWLOG_HTTP__FACTS_MAX", "many"), &[number]);
    assert_says(&refused("policy.finished_share = 90"), &["must be a number from 0 to 1"]);
    assert_says(&refused("policy.finished_share = nan"), &["must be a number from 0 to 1"]);
    assert_says(&refused("chaos = 1"), &["must be true or false; the default is false"]);
    assert_says(&refused("listen = 7070"), &["must be a text", "\"127.0.0.1:7070\""]);
    assert_says(&refused("listen = \"7070\""), &["listen: must be an address and a port"]);
    assert_says(&refused("allowed_origins = \"*\""), &["must be a list of texts"]);
    assert_says(&refused("log_format = \"xml\""), &["log_format", "xml", "`text` or `json`"]);
    assert_says(&refused("log_filter = \"a=loud\""), &["log_filter: must be a level"]);
    let table = refused_in_environment("VIEWLOG_HTTP", "5");
    assert_says(&table, &["http: is a table of settings: VIEWLOG_HTTP__BODY_BYTES_MAX, "]);
    let table = refused_in_environment("VIEWLOG_SPOOL", "true");
    assert_says(
        &table,
        &["spool: is a table of settings: VIEWLOG_SPOOL__BYTES_MAX, VIEWLOG_SPOOL__ENABLED"],
    );
}

#[test]
fn all_problems_are_reported_at_once_in_the_order_of_the_sources() {
    let environment = [("VIEWLOG_HTTP__FACTS_MAX", "0"), ("HOME", "/"), ("PATH", "x")];
    let file = "lisen = 1\nchaos = 2";
    let error = load(file, &environment, &[("views", "disk:cache")]).unwrap_err();
    let named: Vec<String> = error.problems.iter().map(key_of).collect();
    assert_eq!(named, ["lisen", "chaos", "http.facts_max", "views"]);
    assert_eq!(error.to_string().lines().count(), 4);
}

fn key_of(problem: &Problem) -> String {
    match problem {
        Problem::Unknown { key, .. } | Problem::Value { key, .. } => key.clone(),
        other => panic!("{other}"),
    }
}

#[test]
fn an_address_beyond_loopback_is_refused_without_a_key() {
    for open in ["0.0.0.0:7070", "192.168.1.5:80", "[::]:7070"] {
        let error = load("", &[("VIEWLOG_LISTEN", open)], &[]).unwrap_err();
        assert_says(
            &error.to_string(),
            &["VIEWLOG_LISTEN in the environment", "listen on loopback"],
        );
        assert_says(&error.to_string(), &["needs access tokens: viewlog token create makes a key"]);
    }
    for key in [
        ("VIEWLOG_AUTH_SECRET", "a-secret-of-at-least-thirty-two-bytes"),
        ("VIEWLOG_AUTH_SECRET_FILE", "/run/secrets/viewlog"),
        ("VIEWLOG_AUTH_KEY", "/etc/viewlog/key.pem"),
        ("VIEWLOG_AUTH_JWKS_URL", "http://127.0.0.1:8080/jwks.json"),
    ] {
        let config = load("", &[("VIEWLOG_LISTEN", "0.0.0.0:7070"), key], &[]).unwrap();
        assert!(config.asks_for_tokens(), "{key:?}");
    }
    let data = tempfile::tempdir().unwrap();
    std::fs::write(data.path().join("auth-secret"), "of its own").unwrap();
    let own = [("VIEWLOG_LISTEN", "0.0.0.0:7070"), ("VIEWLOG_DATA", data.path().to_str().unwrap())];
    assert!(load("", &own, &[]).unwrap().asks_for_tokens());
    for loopback in ["127.0.0.1:0", "127.8.8.8:1", "[::1]:7070"] {
        let config = load("", &[], &[("listen", loopback)]).unwrap();
        assert_eq!(config.listen, loopback.parse::<SocketAddr>().unwrap());
    }
}

#[test]
fn chaos_is_for_loopback_alone() {
    assert!(load("chaos = true", &[], &[]).unwrap().chaos);
    let said = refused("chaos = true\nlisten = \"0.0.0.0:7070\"");
    assert_says(&said, &["viewlog.toml:1: chaos", "loopback alone", "viewlog.toml:2: listen"]);
}

#[test]
fn keys_are_named_once_and_a_secret_is_not_repeated() {
    let said = refused("auth_secret = \"guess-me\"");
    assert_says(&said, &["auth_secret: must have at least 32 bytes"]);
    assert!(!said.contains("guess-me"), "{said}");
    let secret =
        "auth_secret = \"a-secret-of-at-least-thirty-two-bytes\"\nauth_secret_file = \"x\"";
    assert_says(&refused(secret), &["viewlog.toml:2: auth_secret_file: holds a secret beside"]);
    let keys = "auth_key = \"x\"\nauth_jwks_url = \"http://127.0.0.1/keys\"";
    assert_says(&refused(keys), &["viewlog.toml:1: auth_key: holds keys beside"]);
    for wrong in ["example.org/keys", "ftp://x/keys", "http://", "https://me:pass@example.org/keys"]
    {
        let said = refused_in_environment("VIEWLOG_AUTH_JWKS_URL", wrong);
        assert_says(&said, &["auth_jwks_url: must be an address such as"]);
        assert!(!said.contains("pass@"), "{said}");
    }
}

#[test]
fn a_certificate_goes_with_its_key() {
    let lacking = refused("[tls]\ncertificate_file = \"x\"");
    assert_says(&lacking, &["tls.key_file: a certificate and its key go together"]);
    let lacking = refused("[tls]\nkey_file = \"x\"");
    assert_says(&lacking, &["tls.certificate_file: a certificate and its key go together"]);
    assert!(load("[tls]\nkey_file = \"x\"\ncertificate_file = \"y\"", &[], &[]).is_ok());
}

#[test]
fn what_is_no_store_or_role_is_refused() {
    assert_says(
        &refused("log = \"sqlite:x\""),
        &["log: must be embedded:DIR, memory: or cassandra://HOST/KEYSPACE"],
    );
    assert_says(&refused("views = \"memory:x\""), &["views: must be memory:, redis://HOST"]);
    for wrong in ["cook", "", "collect,cook", "all,collect", "collect,"] {
        let said = refused(&format!("role = \"{wrong}\""));
        assert_says(&said, &["role: must be all, or any of collect, process and provide"]);
    }
    let alone = refused("role = \"collect,provide\"");
    assert_says(&alone, &["viewlog.toml:1: role: a node that does a part of the work", "redis://"]);
}

#[test]
fn what_is_no_redis_is_refused_without_its_password() {
    for (url, parts) in [
        ("rediss://:secret@h/#insecure", &["a certificate is always checked"][..]),
        ("redis://", &["must be redis://", "redis-cluster://", "rediss://"]),
        ("redis:h", &["must be redis://"]),
        ("redis://:secret@h1,h2", &["must be redis://"]),
        ("redis://:secret@h:port", &["must be redis://"]),
        ("redis://:secret@h/x", &["must be redis://"]),
        ("redis-cluster://:secret@h1,,h2", &["must be redis://"]),
        ("redis-cluster://:secret@h1,h2/3", &["database 0 alone"]),
    ] {
        let said = refused_in_environment("VIEWLOG_VIEWS", url);
        assert_says(&said, parts);
        assert!(!said.contains("secret"), "{said}");
    }
}

#[test]
fn views_in_redis_are_refused_with_a_log_of_one_process() {
    for log in ["memory:", "embedded:/srv/log"] {
        let error = load("", &[], &[("log", log), ("views", "redis://:secret@h")]).unwrap_err();
        let said = error.to_string();
        assert_says(&said, &["the command line: views: views in redis outlive this process"]);
        assert!(!said.contains("secret"), "{said}");
    }
}

#[test]
fn what_is_no_web_origin_is_refused() {
    for wrong in
        ["*", "null", "tv.example.org", "ftp://x", "https://", "https://x/path", "https://me@x"]
    {
        assert!(wrong.parse::<WebOrigin>().is_err(), "{wrong}");
        let said = refused_in_environment("VIEWLOG_ALLOWED_ORIGINS", wrong);
        assert_says(&said, &["allowed_origins: must be scheme and host"]);
    }
}

#[test]
fn a_problem_says_where_it_stands_to_programs_too() {
    let error = load("", &[("VIEWLOG_CHAOS", "perhaps")], &[]).unwrap_err();
    let [Problem::Value { key, place, .. }] = &error.problems[..] else { panic!("{error}") };
    assert_eq!((key.as_str(), place), ("chaos", &Place::Environment("VIEWLOG_CHAOS".to_owned())));
}

#[test]
fn a_file_that_was_named_must_be_there() {
    let missing = PathBuf::from("/nonexistent/viewlog.toml");
    let said = load_from(Some(missing), &[], &[]).unwrap_err().to_string();
    assert_says(&said, &["/nonexistent/viewlog.toml", "cannot be read"]);
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_its_line() {
    assert_says(&refused("chaos = false\nlisten = = 1"), &["viewlog.toml:2:", "not TOML"]);
    assert_says(&refused("[http]\nfacts_max = 99999999999999999999"), &[":2:", "http.facts_max"]);
}
