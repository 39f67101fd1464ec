//! Which server a command asks: a named one, the one that holds the data directory, or the
//! application in this very process.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Deserialize;

use crate::events::AccountId;

use super::client::Client;
use super::failure::{Failure, Found};
use super::interrupt::Interrupt;
use super::seams::{self, Address, Application, Given, NotStarted, Settings};

/// How long a process that has just taken the data directory may need until it answers.
const STARTING_MAX: Duration = Duration::from_secs(5);
const STARTING_POLL: Duration = Duration::from_millis(100);

/// Options of every command that asks.
#[derive(Debug, Args)]
#[command(next_help_heading = "Which server")]
pub(super) struct Reach {
    /// A server elsewhere, such as https://viewlog.example.org; its certificate is checked against
    /// the authorities in tls.ca_file (VIEWLOG_TLS__CA_FILE), or else the system's [env:
    /// VIEWLOG_SERVER]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// The token for that server, such as viewlog token create makes [env: VIEWLOG_TOKEN]
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// The data directory: its server is asked, or it is opened where none runs [env: VIEWLOG_DATA]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration file [env: VIEWLOG_CONFIG]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Reach {
    /// Does the work with what is there; a data directory that is named and is not there was
    /// misspelt.
    pub(super) async fn ask(
        &self,
        work: impl AsyncFnOnce(&Client) -> anyhow::Result<Found>,
    ) -> anyhow::Result<Found> {
        self.with_server(work, false).await
    }

    /// Does what may be the first work of all.
    pub(super) async fn ask_or_make(
        &self,
        work: impl AsyncFnOnce(&Client) -> anyhow::Result<Found>,
    ) -> anyhow::Result<Found> {
        self.with_server(work, true).await
    }

    /// Finds or starts the server, does the work, and leaves nothing running.
    async fn with_server(
        &self,
        work: impl AsyncFnOnce(&Client) -> anyhow::Result<Found>,
        may_make: bool,
    ) -> anyhow::Result<Found> {
        let mut interrupt = Interrupt::listen()?;
        let server = interrupt.unless(self.server(may_make)).await?;
        let done = interrupt.unless(work(&server.client)).await;
        let left = match server.started {
            Some(application) => application.stop().await,
            None => Ok(()),
        };
        let done = done?;
        left?;
        Ok(done)
    }

    async fn server(&self, may_make: bool) -> anyhow::Result<Server> {
        let given =
            Given { config: self.config.clone(), data: self.data.clone(), ..Given::default() };
        // A directory named here is meant, whatever server the environment names.
        let named = || seams::named_server().filter(|_| self.data.is_none());
        if let Some(url) = self.server.clone().or_else(named) {
            return self.elsewhere(url, given);
        }
        let settings = seams::settings(given)?;
        let config = &settings.config;
        let is_needed = self.data.is_some() && !may_make && !config.log.is_shared();
        if is_needed && !config.data.exists() {
            let what = format!("there is no data directory {}; see --data", config.data.display());
            return Err(Failure::Wrong(what).into());
        }
        let account = account(&settings)?;
        let tls = settings.config.tls_files();
        let began = Instant::now();
        loop {
            if let Some(mut address) = note(&settings.config.data) {
                // What the environment says is for the server that it names.
                address.token = self.token.clone().or(address.token).or(settings.token.clone());
                let client = Client::new(address, account.clone(), &tls)?;
                if client.says_yes("healthz").await {
                    return Ok(Server { client, started: None });
                }
            }
            match Application::start(&settings.config).await {
                Ok((application, address)) => {
                    let client = Client::new(address, account, &tls)?.own();
                    return Ok(Server { client, started: Some(application) });
                }
                Err(NotStarted::InUse(_)) if began.elapsed() < STARTING_MAX => {
                    tokio::time::sleep(STARTING_POLL).await;
                }
                Err(error) => return Err(Failure::from(error).into()),
            }
        }
    }

    /// What a node here would need is no matter there.
    fn elsewhere(&self, url: String, given: Given) -> anyhow::Result<Server> {
        let settings = seams::settings_without_node(given)?;
        let account = account(&settings)?;
        let token = self.token.clone().or(settings.token);
        let client = Client::new(Address { url, token }, account, &settings.config.tls_files())?;
        Ok(Server { client, started: None })
    }
}

/// A server to ask, and the application if it is in this process.
struct Server {
    client: Client,
    started: Option<Application>,
}

fn account(settings: &Settings) -> Result<Option<AccountId>, Failure> {
    let account = settings.account.as_deref().map(AccountId::new).transpose();
    account.map_err(|error| Failure::Wrong(format!("VIEWLOG_ACCOUNT {error}")))
}

/// What a server leaves in its data directory.
#[derive(Deserialize)]
struct Note {
    url: String,
    token: Option<String>,
}

/// The address of the server that says it holds `data`; it may be gone.
pub(super) fn note(data: &Path) -> Option<Address> {
    let text = std::fs::read_to_string(data.join("server.json")).ok()?;
    let note: Note = serde_json::from_str(&text).ok()?;
    Some(Address { url: note.url, token: note.token })
}
