//! Where the command line meets the rest: configuration, the application, file formats.
//!
//! Everything that the other files of this module need from `config`, `app` and `adapters` goes
//! through here and nowhere else.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::events::{AccountId, ProfileId, Record, Timestamp};

use super::failure::Failure;

use self::placeholders as with;

/// What the command line says about the configuration; it wins over file and environment.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) config: Option<PathBuf>,
    pub(super) data: Option<PathBuf>,
    pub(super) listen: Option<SocketAddr>,
    pub(super) log: Option<String>,
    pub(super) views: Option<String>,
    pub(super) role: Option<String>,
    pub(super) public_url: Option<String>,
    pub(super) chaos: bool,
}

/// The configuration, and what a command may leave out.
pub(super) struct Settings {
    pub(super) config: with::Config,
    pub(super) server: Option<String>,
    pub(super) token: Option<String>,
    pub(super) account: Option<String>,
}

/// Reads configuration file and environment.
pub(super) fn settings(given: Given) -> Result<Settings, Failure> {
    let config = with::Config::load(given).map_err(Failure::Wrong)?;
    Ok(Settings { server: None, token: None, account: None, config })
}

/// Where a server answers, and the token that its own machine may use.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) url: String,
    pub(super) token: Option<String>,
}

/// Why the application does not start.
#[derive(Debug)]
pub(super) enum NotStarted {
    /// Another process has the data directory open.
    InUse(String),
    /// The log has lost acknowledged events, or cannot be read.
    Store(String),
    /// The configuration cannot work here, such as an address that is taken.
    Configuration(String),
}

impl From<NotStarted> for Failure {
    fn from(error: NotStarted) -> Self {
        match error {
            NotStarted::InUse(what) | NotStarted::Store(what) => Self::Unavailable(what),
            NotStarted::Configuration(what) => Self::Wrong(what),
        }
    }
}

/// The whole service in this process.
pub(super) struct Application(with::App);

impl Application {
    /// Opens the stores and answers on a free port of 127.0.0.1.
    pub(super) async fn start(config: &with::Config) -> Result<(Self, Address), NotStarted> {
        let app = with::App::start(config).await?;
        let address = app.listen(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        Ok((Self(app), address))
    }

    /// Opens the stores without answering anyone: what `doctor` tries.
    pub(super) async fn open(config: &with::Config) -> Result<Self, NotStarted> {
        Ok(Self(with::App::start(config).await?))
    }

    /// Stops accepting, finishes what is in flight, closes the stores.
    pub(super) async fn stop(self) -> Result<(), Failure> {
        self.0.stop().await.map_err(Failure::Unavailable)
    }
}

/// A server that was asked for with `serve`.
pub(super) struct Serving {
    pub(super) application: Application,
    pub(super) address: Address,
    /// The page to look at first, in a demonstration.
    pub(super) dashboard: Option<String>,
}

/// Serves on the address that is configured; a demonstration brings its own data and viewers.
pub(super) async fn serve(config: &with::Config, _demo: bool) -> Result<Serving, NotStarted> {
    let app = with::App::start(config).await?;
    let address = app.listen(config.listen).await?;
    Ok(Serving { application: Application(app), address, dashboard: None })
}

/// What one row of a file comes to.
#[derive(Debug)]
pub(super) struct Imported {
    pub(super) line: u64,
    pub(super) records: Vec<Record>,
}

/// A row that was passed over.
#[derive(Debug)]
pub(super) struct Odd {
    pub(super) line: u64,
    pub(super) reason: String,
}

/// The rows of a file, whatever its format.
pub(super) type Rows = Box<dyn Iterator<Item = Result<Imported, Odd>>>;

/// What a Netflix export does not say itself.
#[derive(Debug)]
pub(super) struct NetflixOptions {
    pub(super) profile: Option<ProfileId>,
    pub(super) time_zone: chrono_tz::Tz,
    pub(super) date_order: Option<String>,
    pub(super) now: Timestamp,
}

/// Reads either of the files that Netflix hands out.
pub(super) fn netflix(file: Box<dyn Read>, options: NetflixOptions) -> Result<Rows, Failure> {
    with::netflix(file, &options).map_err(Failure::Wrong)
}

/// Reads one line of viewlog's own export.
pub(super) fn viewlog_record(line: &str) -> Result<Record, String> {
    with::read_line(line)
}

/// Writes one line of viewlog's own export, without its line end.
pub(super) fn viewlog_line(account: &AccountId, record: &Record) -> Result<String, Failure> {
    with::write_line(account, record).map_err(Failure::Unavailable)
}

/// A table of texts that a spreadsheet opens without running anything in it.
pub(super) struct Sheet<W: Write>(with::Table<W>);

impl<W: Write> Sheet<W> {
    pub(super) fn new(out: W) -> Self {
        Self(with::Table::new(out))
    }

    pub(super) fn row(&mut self, cells: &[String]) -> Result<(), Failure> {
        self.0.row(cells).map_err(|error| Failure::of_output(&error))
    }

    /// Writes what is held back.
    pub(super) fn end(self) -> Result<W, Failure> {
        self.0.end().map_err(|error| Failure::of_output(&error))
    }
}

/// Stands in for `config`, `app` and `adapters` until they are there; this module goes then.
mod placeholders {
    use std::io::{self, Read, Write};
    use std::net::SocketAddr;
    use std::path::PathBuf;

    use super::{Address, Given, NetflixOptions, NotStarted, Rows};
    use crate::events::embedded::{EmbeddedLog, EmbeddedOptions, OpenError};
    use crate::events::json::{FactJson, NotAFact};
    use crate::events::{AccountId, Record};

    #[derive(Debug)]
    pub(in crate::cli) struct Config {
        pub(in crate::cli) data: PathBuf,
        pub(in crate::cli) listen: SocketAddr,
    }

    impl Config {
        pub(super) fn load(given: Given) -> Result<Self, String> {
            if let Some(file) = given.config.filter(|file| !file.exists()) {
                return Err(format!("the configuration {} does not exist", file.display()));
            }
            let others = [given.log, given.views, given.role, given.public_url];
            if given.chaos || others.iter().any(Option::is_some) {
                return Err("this build knows --data and --listen alone".to_owned());
            }
            let platform = directories::ProjectDirs::from("", "", "viewlog");
            let platform = platform.map(|platform| platform.data_dir().to_owned());
            let data = given.data.or(platform).ok_or("no data directory; name one with --data")?;
            let listen = given.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 7070)));
            Ok(Self { data, listen })
        }
    }

    pub(super) struct App(EmbeddedLog);

    impl App {
        pub(super) async fn start(config: &Config) -> Result<Self, NotStarted> {
            let opened = EmbeddedLog::open(&config.data, EmbeddedOptions::default());
            opened.map(Self).map_err(|error| match error {
                OpenError::InUse { .. } => NotStarted::InUse(error.to_string()),
                _ => NotStarted::Store(error.to_string()),
            })
        }

        pub(super) async fn listen(&self, at: SocketAddr) -> Result<Address, NotStarted> {
            Err(NotStarted::Configuration(format!("this build cannot listen on {at}")))
        }

        pub(super) async fn stop(self) -> Result<(), String> {
            self.0.close().map_err(|error| error.to_string())
        }
    }

    pub(super) fn netflix(_file: Box<dyn Read>, options: &NetflixOptions) -> Result<Rows, String> {
        let NetflixOptions { profile, time_zone, date_order, now } = options;
        Err(format!(
            "this build cannot read Netflix exports \
             ({profile:?}, {time_zone}, {date_order:?}, {now})"
        ))
    }

    pub(super) fn read_line(line: &str) -> Result<Record, String> {
        let json = FactJson::parse(line.as_bytes()).map_err(|error| match error {
            NotAFact::Malformed(detail) | NotAFact::Invalid(detail) => detail,
        })?;
        json.fact().map(Record::Fact)
    }

    pub(super) fn write_line(account: &AccountId, record: &Record) -> Result<String, String> {
        match record {
            Record::Fact(fact) => serde_json::to_string(&FactJson::of(account, fact))
                .map_err(|error| error.to_string()),
            _ => Err("this build writes facts alone".to_owned()),
        }
    }

    pub(super) struct Table<W: Write>(csv::Writer<W>);

    impl<W: Write> Table<W> {
        pub(super) fn new(out: W) -> Self {
            Self(csv::Writer::from_writer(out))
        }

        pub(super) fn row(&mut self, cells: &[String]) -> io::Result<()> {
            self.0.write_record(cells).map_err(|error| match error.into_kind() {
                csv::ErrorKind::Io(error) => error,
                other => io::Error::other(format!("{other:?}")),
            })
        }

        pub(super) fn end(self) -> io::Result<W> {
            self.0.into_inner().map_err(|error| error.into_error())
        }
    }
}
