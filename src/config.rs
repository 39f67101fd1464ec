//! One struct, validated once; the only reader of the environment.
//!
//! `deploy/viewlog.toml` is compiled in and is everything at once: the manual, the list of known
//! settings, and where defaults and their types come from. Later sources win: it, the configuration
//! file, the environment, the command line. Every setting is checked where it stands, so that one
//! start reports all that is wrong. What is loaded does not change while the server runs.

mod cassandra;
mod draft;
mod fleet;
mod manual;
mod origin;
mod policy;
mod problem;
mod secret;
mod store;
mod tls;
mod value;

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use directories::ProjectDirs;
use serde::{Deserialize, Deserializer};

use self::draft::Draft;
use self::manual::Manual;
use crate::actors::{Budget, Limits, Role, Roles};
use crate::events::embedded::EmbeddedOptions;
use crate::projections::Policy;

pub use self::cassandra::{CassandraUrl, CassandraUrlError};
pub use self::fleet::{Cassandra, Signals, Spool, ViewsRedis};
pub use self::origin::{OriginError, WebOrigin};
pub use self::problem::{ConfigError, Place, Problem};
pub use self::secret::{KeySetUrl, Secret, SecretError, UrlError};
pub use self::store::{LogStore, StoreError, ViewsStore};
pub use self::tls::Tls;

/// Where settings come from besides the compiled-in defaults; what comes later here wins.
#[derive(Debug, Clone)]
pub struct Sources<E> {
    /// The file given by `--config`; without it `VIEWLOG_CONFIG` names one, and without that the
    /// platform's own is read if there is one.
    pub file: Option<PathBuf>,
    /// The environment; [`environment`] gives the process's own.
    pub environment: E,
    /// From the command line: a setting's key, such as `policy.claim_after_ms`, and its text.
    pub overrides: Vec<(String, String)>,
}

/// Everything that can be set. `deploy/viewlog.toml` gives units, defaults and reasons.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where to listen; beyond loopback only where tokens are needed.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// The directory of everything that is kept.
    pub data: PathBuf,
    /// The log.
    pub log: LogStore,
    /// The views.
    pub views: ViewsStore,
    /// What this node does.
    #[serde(deserialize_with = "from_text")]
    pub role: Roles,
    /// The address that people use, if it is another.
    #[serde(deserialize_with = "if_any")]
    pub public_url: Option<WebOrigin>,
    /// Web pages from elsewhere that may call.
    pub allowed_origins: Vec<WebOrigin>,
    /// The secret that tokens are signed with, itself.
    pub auth_secret: Secret,
    /// The file that holds it.
    #[serde(deserialize_with = "if_any")]
    pub auth_secret_file: Option<PathBuf>,
    /// A file with the public keys of whoever makes tokens.
    #[serde(deserialize_with = "if_any")]
    pub auth_key: Option<PathBuf>,
    /// An address that gives them.
    #[serde(deserialize_with = "if_any")]
    pub auth_jwks_url: Option<KeySetUrl>,
    /// What tokens call this server, if anything.
    #[serde(deserialize_with = "if_any")]
    pub auth_audience: Option<String>,
    /// Parts of the server may be made to fail.
    pub chaos: bool,
    /// What is logged, in the words of `RUST_LOG`.
    #[serde(deserialize_with = "filter")]
    pub log_filter: String,
    /// For people or for machines.
    pub log_format: LogFormat,
    /// Bounds on requests.
    pub http: Http,
    /// Bounds on actors; [`Config::limits`] gives them in their own words.
    pub actors: Actors,
    /// Bounds on views in memory.
    pub views_memory: ViewsMemory,
    /// Bounds on views in Redis; [`Config::redis_options`] gives them in their own words.
    pub views_redis: ViewsRedis,
    /// Bounds on signals to other nodes; [`Config::signals_options`] gives them in their own words.
    pub signals: Signals,
    /// The embedded log; [`Config::embedded_options`] gives it in its own words.
    pub embedded: Embedded,
    /// A log on Cassandra; [`Config::cassandra_options`] gives it in its own words.
    pub cassandra: Cassandra,
    /// Facts that wait on this node for the log; [`Config::spool_dir`] says where.
    pub spool: Spool,
    /// Encrypted connections to others; [`Config::tls_files`] gives it in its own words.
    pub tls: Tls,
    /// When single facts are given up.
    pub compact: Compact,
    /// What counts as what.
    #[serde(deserialize_with = "policy::policy")]
    pub policy: Policy,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One object a line.
    Json,
}

/// Bounds on requests.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The largest body, unpacked.
    pub body_bytes_max: usize,
    /// Facts in one request.
    pub facts_max: usize,
    /// The largest frame of a socket.
    pub frame_bytes_max: usize,
    /// Sockets of one account.
    pub sockets_per_account_max: usize,
    /// Requests a second of a token of one account.
    pub requests_per_s_max: u32,
    /// Requests a second of a token for all accounts.
    pub requests_per_s_all_accounts_max: u32,
    /// How long the head of a request may take.
    pub header_timeout_ms: u64,
    /// How long its body may take.
    pub body_timeout_ms: u64,
    /// How long what is in flight may take at the end.
    pub shutdown_timeout_ms: u64,
}

/// Bounds on actors.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actors {
    /// Threads; 0 is one per core.
    pub shards: usize,
    /// Facts admitted on the node.
    pub node_waiting_max: usize,
    /// Facts waiting for one account.
    pub account_waiting_max: usize,
    /// Facts of one append.
    pub batch_max: usize,
    /// Sessions in an account's memory.
    pub account_sessions_max: usize,
    /// How long an append is repeated.
    pub append_deadline_ms: u64,
    /// How long an actor stays without work.
    pub idle_after_ms: u64,
    /// Restarts before an actor is given up…
    pub restarts_max: usize,
    /// …within this time.
    pub restarts_within_ms: u64,
}

/// Bounds on views in memory.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewsMemory {
    /// Memory for all of them.
    pub bytes_max: u64,
    /// Plays kept of one profile.
    pub plays_per_profile_max: usize,
    /// Answers folded from the log at a time.
    pub log_reads_max: usize,
}

/// The embedded log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Embedded {
    /// Free space below which appends are refused.
    pub free_bytes_min: u64,
    /// A damaged log is opened all the same.
    pub accept_damage: bool,
    /// Memory for blocks read from disk.
    pub cache_bytes: u64,
    /// What a table gathers in memory.
    pub memtable_bytes: u64,
    /// Appends that wait for the writer.
    pub queue_appends_max: usize,
}

/// When single facts are given up.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compact {
    /// So long after their week has ended.
    pub older_than_days: u32,
    /// How often; 0 is never by itself.
    pub every_hours: u32,
}

impl Config {
    /// Reads all sources and checks every setting, and that a node can run with all of them.
    ///
    /// # Errors
    /// All problems at once, each with the setting, where it stands and what would be right.
    pub fn load<E>(sources: Sources<E>) -> Result<Self, ConfigError>
    where
        E: Iterator<Item = (String, String)>,
    {
        let manual = Manual::compiled_in()?;
        Draft::of(&manual, sources).finish(Draft::check_node)
    }

    /// The same for whoever runs no node: stores, roles and addresses need not go together.
    ///
    /// # Errors
    /// As of [`Config::load`].
    pub fn load_without_node<E>(sources: Sources<E>) -> Result<Self, ConfigError>
    where
        E: Iterator<Item = (String, String)>,
    {
        let manual = Manual::compiled_in()?;
        Draft::of(&manual, sources).finish(Draft::check_pairs)
    }

    /// The bounds on actors.
    pub fn limits(&self) -> Limits {
        let Actors { shards, restarts_max, .. } = self.actors;
        let within = Duration::from_millis(self.actors.restarts_within_ms);
        Limits {
            shards: if shards == 0 { Limits::default().shards } else { shards },
            node_waiting_max: self.actors.node_waiting_max,
            account_waiting_max: self.actors.account_waiting_max,
            batch_max: self.actors.batch_max,
            account_sessions_max: self.actors.account_sessions_max,
            append_deadline: Duration::from_millis(self.actors.append_deadline_ms),
            idle_after: Duration::from_millis(self.actors.idle_after_ms),
            restarts: Budget { restarts_max, within },
            marks: self.views.is_shared(),
            sweeps: self.views.is_shared() && self.role.has(Role::Process),
            roles: self.role,
        }
    }

    /// How the embedded log behaves.
    pub fn embedded_options(&self) -> EmbeddedOptions {
        EmbeddedOptions {
            free_bytes_min: self.embedded.free_bytes_min,
            accept_damage: self.embedded.accept_damage,
            cache_bytes: self.embedded.cache_bytes,
            memtable_bytes: self.embedded.memtable_bytes,
            queue_appends_max: self.embedded.queue_appends_max,
        }
    }

    /// Where a key lies that was made for want of another, if one was.
    pub fn own_secret_file(&self) -> PathBuf {
        self.data.join("auth-secret")
    }

    /// Whether it is said with what tokens are checked; where it is not, the own secret counts.
    pub fn names_keys(&self) -> bool {
        self.auth_secret.is_set()
            || self.auth_secret_file.is_some()
            || self.auth_key.is_some()
            || self.auth_jwks_url.is_some()
    }

    /// The file of a secret: the one that is named, or the own one where that counts.
    pub fn secret_file(&self) -> Option<PathBuf> {
        let is_own = !self.names_keys() && self.has_own_secret();
        self.auth_secret_file.clone().or_else(|| is_own.then(|| self.own_secret_file()))
    }

    /// Whether one was made; also where that cannot be seen, so that no server is open by mistake.
    pub fn has_own_secret(&self) -> bool {
        let found = self.own_secret_file().try_exists();
        found.unwrap_or_else(|error| error.kind() == io::ErrorKind::PermissionDenied)
    }

    /// Whether whoever calls needs a token.
    pub fn asks_for_tokens(&self) -> bool {
        self.names_keys() || self.has_own_secret()
    }

    /// Gives what was left empty its place under the data directory; false when there is none.
    fn settle(&mut self, platform: Option<&Path>) -> bool {
        if self.data.as_os_str().is_empty() {
            let Some(platform) = platform else { return false };
            self.data = platform.to_owned();
        }
        self.log.settle(&self.data);
        true
    }
}

impl Default for Config {
    /// What holds when nothing is set. Where the platform names no directory for data it is
    /// `viewlog-data` in the working directory; [`Config::load`] refuses that.
    #[expect(clippy::expect_used, reason = "the text is compiled in and every test reads it")]
    fn default() -> Self {
        let manual = Manual::compiled_in().expect("the compiled-in defaults are TOML");
        let mut config = manual.defaults().read().expect("the compiled-in defaults fit");
        let data = platform_data().unwrap_or_else(|| PathBuf::from("viewlog-data"));
        config.settle(Some(&data));
        config
    }
}

/// The environment of this process, without names that are no text.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    })
}

fn named_file(environment: &[(String, String)]) -> Option<PathBuf> {
    let named = environment.iter().find(|(name, _)| name == "VIEWLOG_CONFIG");
    named.filter(|(_, file)| !file.is_empty()).map(|(_, file)| PathBuf::from(file))
}

fn platform_file() -> Option<PathBuf> {
    ProjectDirs::from("", "", "viewlog").map(|dirs| dirs.config_dir().join("viewlog.toml"))
}

fn platform_data() -> Option<PathBuf> {
    ProjectDirs::from("", "", "viewlog").map(|dirs| dirs.data_dir().to_owned())
}

fn address<'de, D: Deserializer<'de>>(from: D) -> Result<SocketAddr, D::Error> {
    let right = "must be an address and a port, such as 127.0.0.1:7070 or [::1]:7070";
    String::deserialize(from)?.parse().map_err(|_| serde::de::Error::custom(right))
}

/// Reads what a text says.
fn from_text<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
}

/// Reads what a text says; an empty one says nothing.
fn if_any<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    let text = String::deserialize(from)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

fn filter<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    let wrong = |error| {
        format!("must be a level or levels by module, such as info,viewlog::actors=debug: {error}")
    };
    tracing_subscriber::EnvFilter::try_new(&text)
        .map_err(|error| serde::de::Error::custom(wrong(error)))?;
    Ok(text)
}
