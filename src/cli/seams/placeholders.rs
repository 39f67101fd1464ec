//! Stands in for `crate::{adapters, app, config}`, item by item, until they are there.
//!
//! Goes with the merge; nothing but `seams.rs` names it.

pub(super) mod config {
    //! In place of `crate::config`.

    use std::net::SocketAddr;
    use std::path::PathBuf;

    pub(in crate::cli) struct Sources<E> {
        pub(in crate::cli) file: Option<PathBuf>,
        pub(in crate::cli) environment: E,
        pub(in crate::cli) overrides: Vec<(String, String)>,
    }

    pub(in crate::cli) struct Config {
        pub(in crate::cli) data: PathBuf,
        pub(in crate::cli) listen: SocketAddr,
    }

    impl Config {
        pub(in crate::cli) fn load<E>(sources: Sources<E>) -> Result<Self, String>
        where
            E: Iterator<Item = (String, String)>,
        {
            if let Some(file) = sources.file.filter(|file| !file.exists()) {
                return Err(format!("the configuration {} does not exist", file.display()));
            }
            let platform = directories::ProjectDirs::from("", "", "viewlog");
            let mut data = platform.map(|platform| platform.data_dir().to_owned());
            let mut listen = SocketAddr::from(([127, 0, 0, 1], 7070));
            for (key, value) in sources.environment.chain(sources.overrides) {
                match key.as_str() {
                    "data" => data = Some(value.into()),
                    "listen" => listen = value.parse().unwrap_or(listen),
                    _ => return Err(format!("this build knows no {key}")),
                }
            }
            let data = data.ok_or("no data directory; name one with --data")?;
            Ok(Self { data, listen })
        }
    }

    pub(in crate::cli) fn environment() -> impl Iterator<Item = (String, String)> {
        std::iter::empty()
    }
}

pub(super) mod app {
    //! In place of `crate::app`.

    use std::net::SocketAddr;

    use crate::cli::seams::{Address, NotStarted};
    use crate::events::embedded::{EmbeddedLog, EmbeddedOptions, OpenError};

    use super::config::Config;

    pub(in crate::cli) struct App(EmbeddedLog);

    impl App {
        pub(in crate::cli) async fn start(config: &Config) -> Result<Self, NotStarted> {
            let opened = EmbeddedLog::open(&config.data, EmbeddedOptions::default());
            opened.map(Self).map_err(|error| match error {
                OpenError::InUse { .. } => NotStarted::InUse(error.to_string()),
                _ => NotStarted::Store(error.to_string()),
            })
        }

        pub(in crate::cli) async fn listen(&self, at: SocketAddr) -> Result<Address, NotStarted> {
            Err(NotStarted::Configuration(format!("this build cannot listen on {at}")))
        }

        pub(in crate::cli) async fn stop(self) -> Result<(), String> {
            self.0.close().map_err(|error| error.to_string())
        }
    }
}

pub(super) mod adapters {
    //! In place of `crate::adapters`.

    pub(in crate::cli) mod netflix {
        use std::io::Read;
        use std::str::FromStr;

        use crate::events::{ProfileId, Record, Timestamp};

        #[derive(Debug, Clone, Copy)]
        pub(in crate::cli) struct DateOrder;

        impl FromStr for DateOrder {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let known = ["year-first", "month-first", "day-first"].contains(&text);
                known.then_some(Self).ok_or_else(|| format!("{text:?} is no order of dates"))
            }
        }

        pub(in crate::cli) struct Options {
            pub(in crate::cli) profile: Option<ProfileId>,
            pub(in crate::cli) time_zone: chrono_tz::Tz,
            pub(in crate::cli) date_order: Option<DateOrder>,
            pub(in crate::cli) now: Timestamp,
        }

        pub(in crate::cli) struct Imported {
            pub(in crate::cli) line: u64,
            pub(in crate::cli) records: Vec<Record>,
        }

        pub(in crate::cli) struct OddRow {
            pub(in crate::cli) line: u64,
            pub(in crate::cli) reason: String,
        }

        pub(in crate::cli) fn read<R: Read>(
            _source: R,
            options: &Options,
        ) -> Result<std::vec::IntoIter<Result<Imported, OddRow>>, String> {
            let Options { profile, time_zone, date_order, now } = options;
            let told = format!("{profile:?}, {time_zone}, {date_order:?}, {now}");
            Err(format!("this build cannot read Netflix exports ({told})"))
        }
    }

    pub(in crate::cli) mod viewlog {
        use crate::events::json::{FactJson, NotAFact};
        use crate::events::{AccountId, Event, Mark, Record, State};

        pub(in crate::cli) fn read_line(line: &str) -> Result<(Option<AccountId>, Record), String> {
            let json = FactJson::parse(line.as_bytes()).map_err(|error| match error {
                NotAFact::Malformed(detail) | NotAFact::Invalid(detail) => detail,
            })?;
            Ok((json.account()?, Record::Fact(json.fact()?)))
        }

        pub(in crate::cli) fn write_event(account: &AccountId, event: &Event) -> String {
            serde_json::to_string(&FactJson::of(account, &event.fact)).unwrap_or_default()
        }

        pub(in crate::cli) fn write_mark(_account: &AccountId, _mark: &Mark) -> String {
            String::new()
        }

        pub(in crate::cli) fn write_state(_account: &AccountId, _state: &State) -> String {
            String::new()
        }
    }

    pub(in crate::cli) mod table {
        use std::io::{self, Write};

        use crate::events::ProfileId;
        use crate::projections::Watch;

        pub(in crate::cli) struct Table<W: Write>(csv::Writer<W>);

        impl<W: Write> Table<W> {
            pub(in crate::cli) fn new(out: W) -> io::Result<Self> {
                Ok(Self(csv::Writer::from_writer(out)))
            }

            pub(in crate::cli) fn row(
                &mut self,
                profile: &ProfileId,
                watch: &Watch,
            ) -> io::Result<()> {
                let played_ms = watch.played_ms.to_string();
                self.0.write_record([profile.as_str(), watch.title.title.as_str(), &played_ms])?;
                Ok(())
            }

            pub(in crate::cli) fn finish(self) -> io::Result<W> {
                self.0.into_inner().map_err(csv::IntoInnerError::into_error)
            }
        }
    }
}
