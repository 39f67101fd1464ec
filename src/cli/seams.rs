//! Where the command line meets the rest: configuration, the application, file formats.
//!
//! Everything that the other files of this module need from `config`, `app` and `adapters` goes
//! through here and nowhere else.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::events::{AccountId, Clock, Event, ProfileId, Record, SystemClock};
use crate::http::NewToken;
use crate::projections::Watch;

use super::failure::Failure;

use crate::actors::{Role, Roles};
use crate::adapters::{netflix, table, viewlog};
use crate::app::{self, App, KeysError, StartError, demo};
use crate::config::{self, Config, ConfigError, LogStore, Sources, ViewsStore};
use crate::events::cassandra::hosts_away;
use crate::events::embedded::OpenError;
use crate::telemetry;

pub(super) use crate::adapters::netflix::{DateOrder, Imported, OddRow, Options as NetflixOptions};
pub(super) use crate::app::{Address, waiting_in_spool};
pub(super) use crate::config::CassandraUrl;
pub(super) use crate::events::cassandra::{
    Acknowledges, Difference, NodeFound, OpenError as CassandraOpenError, Replication, Schema,
    SchemaError, schema_text,
};
pub(super) use crate::http::Scopes;
pub(super) use crate::projections::{RedisAnswer, RedisFound, RedisServer};
pub(super) use crate::tls::{TlsFiles, remedy};

/// What the command line says about the configuration; it wins over file and environment.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) config: Option<PathBuf>,
    pub(super) data: Option<PathBuf>,
    pub(super) listen: Option<String>,
    pub(super) log: Option<String>,
    pub(super) views: Option<String>,
    pub(super) role: Option<String>,
    pub(super) public_url: Option<String>,
    pub(super) auth: GivenAuth,
    pub(super) chaos: bool,
}

/// What access tokens are checked with, of what the command line says.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Access tokens")]
pub(super) struct GivenAuth {
    /// The file with the secret (HS256) that tokens are signed with, at least 32 bytes; the secret
    /// itself may be in VIEWLOG_AUTH_SECRET
    #[arg(long, value_name = "FILE")]
    auth_secret_file: Option<PathBuf>,
    /// A file with the public keys of whoever makes tokens: PEM or JWKS (EdDSA, RS256, ES256)
    #[arg(long, value_name = "FILE", conflicts_with = "auth_jwks_url")]
    auth_key: Option<PathBuf>,
    /// An address that gives them as JWKS
    #[arg(long, value_name = "URL")]
    auth_jwks_url: Option<String>,
    /// What this server is called in the tokens' aud
    #[arg(long, value_name = "NAME")]
    auth_audience: Option<String>,
}

/// The configuration, and what a command may leave out.
pub(super) struct Settings {
    pub(super) config: Config,
    pub(super) token: Option<String>,
    pub(super) account: Option<String>,
}

/// Reads configuration file and environment, for a node.
pub(super) fn settings(given: Given) -> Result<Settings, Failure> {
    read(given, Config::load)
}

/// The same for commands that run none.
pub(super) fn settings_without_node(given: Given) -> Result<Settings, Failure> {
    read(given, Config::load_without_node)
}

/// The server that the environment names, if it names one.
pub(super) fn named_server() -> Option<String> {
    let named = config::environment().find(|(name, _)| name == "VIEWLOG_SERVER");
    named.map(|(_, url)| url).filter(|url| !url.is_empty())
}

type Environment = std::vec::IntoIter<(String, String)>;

fn read(
    given: Given,
    load: fn(Sources<Environment>) -> Result<Config, ConfigError>,
) -> Result<Settings, Failure> {
    let mut environment: Vec<(String, String)> = config::environment().collect();
    // These are the command line's own; a server knows no such settings.
    let mut own = |name: &str| {
        let at = environment.iter().position(|(is, _)| is == name)?;
        Some(environment.swap_remove(at).1).filter(|value| !value.is_empty())
    };
    let token = own("VIEWLOG_TOKEN");
    let account = own("VIEWLOG_ACCOUNT");
    let sources = Sources {
        file: given.config.clone(),
        environment: environment.into_iter(),
        overrides: given.overrides(),
    };
    let config = load(sources).map_err(|error| Failure::Wrong(error.to_string()))?;
    Ok(Settings { config, token, account })
}

impl Given {
    fn overrides(self) -> Vec<(String, String)> {
        let path = |path: PathBuf| path.to_string_lossy().into_owned();
        let settings = [
            ("data", self.data.map(path)),
            ("auth_secret_file", self.auth.auth_secret_file.map(path)),
            ("auth_key", self.auth.auth_key.map(path)),
            ("auth_jwks_url", self.auth.auth_jwks_url),
            ("auth_audience", self.auth.auth_audience),
            ("listen", self.listen),
            ("log", self.log),
            ("views", self.views),
            ("role", self.role),
            ("public_url", self.public_url),
            ("chaos", self.chaos.then(|| "true".to_owned())),
        ];
        settings.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }
}

/// Why the application does not start.
#[derive(Debug)]
pub(super) enum NotStarted {
    /// Another process has the data directory open.
    InUse(String),
    /// The log has lost acknowledged events.
    Damaged(String),
    /// The log cannot be opened.
    Store(String),
    /// The log of a fleet cannot be used.
    Fleet(String),
    /// The configuration cannot work here, such as an address that is taken.
    Configuration(String),
}

impl From<NotStarted> for Failure {
    fn from(error: NotStarted) -> Self {
        match error {
            NotStarted::InUse(what) | NotStarted::Fleet(what) => Self::Unavailable(what),
            NotStarted::Damaged(what) | NotStarted::Store(what) => {
                Self::Unavailable(format!("{what}; viewlog doctor says what to do"))
            }
            NotStarted::Configuration(what) => Self::Wrong(what),
        }
    }
}

impl From<StartError> for NotStarted {
    fn from(error: StartError) -> Self {
        match &error {
            StartError::InUse { .. }
            | StartError::Log(OpenError::InUse { .. })
            | StartError::Spool(OpenError::InUse { .. }) => Self::InUse(error.to_string()),
            StartError::Log(OpenError::Damaged { .. })
            | StartError::Spool(OpenError::Damaged { .. }) => Self::Damaged(error.to_string()),
            StartError::Log(_) | StartError::Spool(_) => Self::Store(error.to_string()),
            StartError::Cassandra { source: CassandraOpenError::Datacentre { .. }, .. } => {
                Self::Configuration(error.to_string())
            }
            StartError::Cassandra { .. } | StartError::Drivers(_) | StartError::Views(_) => {
                Self::Fleet(error.to_string())
            }
            StartError::Listen { .. }
            | StartError::Open { .. }
            | StartError::Keys(_)
            | StartError::Note { .. }
            | StartError::Telemetry(_) => Self::Configuration(error.to_string()),
        }
    }
}

/// The whole service in this process.
pub(super) struct Application(App);

impl Application {
    /// Opens the stores and answers on a free port of 127.0.0.1.
    pub(super) async fn start(config: &Config) -> Result<(Self, Address), NotStarted> {
        // Nobody else does a part of the work in this process.
        let config = Config { role: Roles::ALL, ..config.clone() };
        let app = App::start(&config).await?;
        let (app, address) = app.listen_or_stop(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        Ok((Self(app), address))
    }

    /// Opens the stores without answering anyone: what `doctor` tries.
    pub(super) async fn open(config: &Config) -> Result<Self, NotStarted> {
        Ok(Self(App::start(config).await?))
    }

    /// Stops accepting, finishes what is in flight, closes the stores.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        self.0.stop().await.map_err(|error| Failure::Unavailable(error.to_string()))
    }
}

/// A server that was asked for with `serve`.
pub(super) struct Serving {
    pub(super) application: Application,
    pub(super) address: Address,
    /// Whether whoever calls needs a token.
    pub(super) asks_for_tokens: bool,
    /// Whether pages are answered here.
    pub(super) has_dashboard: bool,
    /// The page to look at first, in a demonstration.
    pub(super) dashboard: Option<String>,
    /// Goes with the demonstration.
    _data: Option<tempfile::TempDir>,
}

/// Serves on the address that is configured; a demonstration brings its own data and viewers.
pub(super) async fn serve(mut config: Config, demo: bool) -> Result<Serving, NotStarted> {
    telemetry::init(&config).map_err(StartError::from)?;
    let data = if demo { Some(demo_directory(&mut config)?) } else { None };
    let has_dashboard = config.role.has(Role::Provide);
    let app = App::start(&config).await?;
    let (app, address) = app.listen_or_stop(config.listen).await?;
    let dashboard = if demo {
        let account = demo::begin(app.node()).await;
        let account = account.map_err(|error| NotStarted::Configuration(error.to_string()))?;
        Some(format!("{}/accounts/{account}", address.url))
    } else {
        None
    };
    let asks_for_tokens = app.asks_for_tokens();
    let application = Application(app);
    Ok(Serving { application, address, asks_for_tokens, has_dashboard, dashboard, _data: data })
}

fn demo_directory(config: &mut Config) -> Result<tempfile::TempDir, NotStarted> {
    let directory = tempfile::tempdir();
    let directory = directory.map_err(|error| NotStarted::Configuration(error.to_string()))?;
    config.data = directory.path().to_owned();
    config.log = LogStore::Embedded(directory.path().join("log"));
    config.views = ViewsStore::Memory;
    config.role = Roles::ALL;
    Ok(directory)
}

/// The log on Cassandra that is configured, and how it is reached.
pub(super) struct ConfiguredLog {
    pub(super) url: CassandraUrl,
    config: Config,
}

/// Finds it by what the command line, the environment or the configuration file says.
pub(super) fn log_on_cassandra(given: Given) -> Result<ConfiguredLog, Failure> {
    let config = settings_without_node(given)?.config;
    match &config.log {
        LogStore::Cassandra(url) => Ok(ConfiguredLog { url: url.clone(), config }),
        LogStore::Embedded(_) | LogStore::Memory => Err(Failure::Wrong(
            "no log; name one with --log, such as cassandra://h1,h2:9042/viewlog?dc=dc1, with \
             VIEWLOG_LOG, or in the configuration file"
                .to_owned(),
        )),
    }
}

impl ConfiguredLog {
    /// Its tables, if a node answers.
    pub(super) async fn connect(&self) -> Result<Schema, CassandraOpenError> {
        Schema::connect(&self.config.cassandra_options(&self.url)).await
    }
}

/// A log that nodes share, as far as it can be reached.
pub(super) struct SharedLog {
    pub(super) url: CassandraUrl,
    /// Hosts of its address that let nobody connect, and why.
    pub(super) away: Vec<(String, String)>,
    pub(super) schema: Result<Schema, CassandraOpenError>,
}

/// The log, if it is one that nodes share.
pub(super) async fn shared_log(settings: &Settings) -> Option<SharedLog> {
    let LogStore::Cassandra(url) = &settings.config.log else { return None };
    let options = settings.config.cassandra_options(url);
    let away = hosts_away(&url.hosts).await;
    Some(SharedLog { url: url.clone(), away, schema: Schema::connect(&options).await })
}

/// The views, if they are such as nodes share.
pub(super) async fn shared_views(settings: &Settings) -> Option<RedisFound> {
    let ViewsStore::Redis(url) = &settings.config.views else { return None };
    Some(RedisFound::look(url, &settings.config.redis_options(), &SystemClock).await)
}

/// A token as it is asked for on the command line.
pub(super) struct Wanted {
    /// All accounts where there is none.
    pub(super) account: Option<AccountId>,
    pub(super) profile: Option<ProfileId>,
    pub(super) scopes: Scopes,
    pub(super) streams: Option<u32>,
    pub(super) good_for_ms: i64,
}

/// Makes a token with the configured secret, or with one that is made for it; gives that one's file
/// too.
pub(super) fn token(config: &Config, wanted: Wanted) -> Result<(String, Option<PathBuf>), Failure> {
    let made = app::made_or_kept(config).map_err(|error| match error {
        KeysError::Foreign => Failure::Refused(error.to_string()),
        error => Failure::Wrong(error.to_string()),
    })?;
    let Wanted { account, profile, scopes, streams, good_for_ms } = wanted;
    let issued_at = SystemClock.now();
    let token = NewToken {
        account,
        profile,
        scopes,
        streams,
        audience: config.auth_audience.clone(),
        issued_at,
        expires_at: issued_at.plus_ms(good_for_ms),
    };
    let token = token.signed(&made.secret);
    let token = token.ok_or_else(|| Failure::Wrong("the token cannot be signed".to_owned()))?;
    Ok((token, made.file))
}

/// The algorithms of the keys that tokens are checked with; nothing where none are needed.
pub(super) async fn key_algorithms(config: &Config) -> Result<Option<Vec<String>>, String> {
    let keys = app::keyring(config).map_err(|error| error.to_string())?;
    let Some(keys) = keys else { return Ok(None) };
    keys.algorithms().await.map(Some).map_err(|error| error.to_string())
}

/// The rows of a file, whatever its format.
pub(super) type Rows = Box<dyn Iterator<Item = Result<Imported, OddRow>>>;

/// Reads either of the files that Netflix hands out.
pub(super) fn netflix_rows(
    file: impl Read + 'static,
    options: &NetflixOptions,
) -> Result<Rows, Failure> {
    match netflix::read(file, options) {
        Ok(rows) => Ok(Box::new(rows)),
        Err(error) => Err(Failure::Wrong(error.to_string())),
    }
}

/// Reads one line of viewlog's own export. Whose it was there does not matter here.
pub(super) fn viewlog_record(line: &str) -> Result<Record, String> {
    viewlog::read_line(line).map(|(_, record)| record)
}

/// Writes one line of viewlog's own export, without its line end. What no server has had yet is
/// received now.
pub(super) fn viewlog_line(account: &AccountId, record: Record) -> String {
    match record {
        Record::Event(event) => viewlog::write_event(account, &event),
        Record::Mark(mark) => viewlog::write_mark(account, &mark),
        Record::Snapshot(state) => viewlog::write_state(account, &state),
        Record::Fact(fact) => {
            viewlog::write_event(account, &Event::new(fact, SystemClock.now(), None))
        }
    }
}

/// Watches as a table that a spreadsheet opens without running anything in it.
pub(super) struct Sheet<W: Write>(table::Table<W>);

impl<W: Write> Sheet<W> {
    /// Writes the names of the columns.
    pub(super) fn new(out: W) -> Result<Self, Failure> {
        table::Table::new(out).map(Self).map_err(|error| Failure::of_output(&error))
    }

    /// Writes a watch.
    pub(super) fn row(&mut self, profile: &ProfileId, watch: &Watch) -> Result<(), Failure> {
        self.0.row(profile, watch).map_err(|error| Failure::of_output(&error))
    }

    /// Writes what is held back.
    pub(super) fn finish(self) -> Result<W, Failure> {
        self.0.finish().map_err(|error| Failure::of_output(&error))
    }
}
