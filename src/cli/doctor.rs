//! `doctor`: looks at everything that a server needs, and says what to do about what is wrong.

mod clocks;
mod shared_log;
mod shared_views;
mod tokens;

use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::Local;
use clap::Args;

use crate::events::{Clock, SystemClock, Timestamp};

use super::client::Client;
use super::failure::{Failure, Found};
use super::output::say;
use super::reach;
use super::seams::{self, Address, Application, Given, NotStarted, Settings, TlsFiles};
use super::table;

/// Below this a store soon stops accepting.
const FREE_BYTES_MIN: u64 = 1024 * 1024 * 1024;
/// No clock that is right shows an earlier time: 2026-01-01, before the first version.
const CLOCK_FROM_MS: i64 = 1_767_225_600_000;
/// Files of the future are a sign of a clock that was set back; a little is rounding.
const CLOCK_BACK_MAX: Duration = Duration::from_secs(60);

/// What to look at; what is not named here is as the server would have it.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// The data directory
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where events are kept [default: as configured]
    #[arg(long, value_name = "URL")]
    log: Option<String>,
    /// Where views are kept [default: as configured]
    #[arg(long, value_name = "URL")]
    views: Option<String>,
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// What was looked at so far.
#[derive(Default)]
struct Findings {
    any: bool,
    /// A store that nodes share cannot be reached at all.
    is_unreachable: bool,
}

impl Findings {
    fn fine(&self, what: impl std::fmt::Display) -> Result<(), Failure> {
        say(format_args!("ok    {what}"))
    }

    /// Something to know that is not wrong by itself.
    fn note(&self, what: impl std::fmt::Display) -> Result<(), Failure> {
        say(format_args!("note  {what}"))
    }

    fn wrong(&mut self, what: &str, todo: &str) -> Result<(), Failure> {
        self.any = true;
        say(format_args!("wrong {what}\n      {todo}"))
    }
}

impl Doctor {
    /// Looks, prints, and tells by the exit status how it is.
    pub(super) async fn run(self) -> anyhow::Result<Found> {
        let mut findings = Findings::default();
        let Self { data, log, views, config } = self;
        let given = Given { config, data, log, views, ..Given::default() };
        let settings = match seams::settings(given) {
            Ok(settings) => settings,
            Err(error) => {
                let todo = "correct it; every other check needs a configuration";
                findings.wrong(&format!("configuration: {error}"), todo)?;
                return Ok(Found::Something);
            }
        };
        let data = settings.config.data.as_path();
        findings.fine(format_args!("configuration: the data directory is {}", data.display()))?;
        clock(data, &mut findings)?;
        let is_there = directory(data, &mut findings)?;
        tokens::tokens(&settings, &mut findings).await?;
        let is_served = server(&settings, &mut findings).await?;
        let is_shared = shared_log::look(&settings, &mut findings).await?;
        shared_views::look(&settings, &mut findings).await?;
        match (is_there && !is_served, is_shared) {
            (true, true) => spool(&settings, &mut findings)?,
            (true, false) => store(&settings, &mut findings).await?,
            (false, _) => {}
        }
        Ok(match findings {
            Findings { is_unreachable: true, .. } => Found::Unreachable,
            Findings { any: true, .. } => Found::Something,
            Findings { any: false, .. } => Found::Nothing,
        })
    }
}

fn clock(data: &Path, findings: &mut Findings) -> Result<(), Failure> {
    let now = SystemClock.now();
    let todo = "set the clock, or let it be set (NTP); facts are dated by it";
    if now < Timestamp::from_ms(CLOCK_FROM_MS) {
        return findings.wrong(&format!("clock: it says {}", table::time(now)), todo);
    }
    let newest = newest_file(data);
    let ahead = newest.and_then(|newest| newest.duration_since(SystemTime::now()).ok());
    match ahead.filter(|ahead| *ahead > CLOCK_BACK_MAX) {
        Some(ahead) => {
            let what = format!(
                "clock: it says {}, and a data file is {} newer",
                table::time(now),
                table::duration(u64::try_from(ahead.as_millis()).unwrap_or(u64::MAX))
            );
            findings.wrong(&what, todo)
        }
        None => {
            let zone = now.to_utc().with_timezone(&Local).format("%:z");
            findings.fine(format_args!("clock: {} ({zone} from UTC)", table::time(now)))
        }
    }
}

fn newest_file(folder: &Path) -> Option<SystemTime> {
    let entries = fs::read_dir(folder).ok()?;
    entries.flatten().filter_map(|entry| entry.metadata().ok()?.modified().ok()).max()
}

/// True when there is something in the directory that a store may be.
fn directory(data: &Path, findings: &mut Findings) -> Result<bool, Failure> {
    let name = data.display();
    if !data.exists() {
        let whole = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
        let above = whole.ancestors().find(|above| above.is_dir());
        let is_made = above.is_some_and(|above| can_write(above).is_ok());
        if is_made {
            findings.fine(format_args!("data directory: {name} is made at the first start"))?;
        } else {
            let what = format!("data directory: {name} is not there and cannot be made");
            findings.wrong(&what, "make it, owned by the user who serves, or name another")?;
        }
        return Ok(false);
    }
    if let Err(error) = can_write(data) {
        let what = format!("data directory: {name} cannot be written: {error}");
        findings.wrong(&what, "give it to the user who serves, or name another with --data")?;
        return Ok(false);
    }
    space(data, findings)?;
    Ok(fs::read_dir(data).is_ok_and(|mut entries| entries.next().is_some()))
}

fn space(data: &Path, findings: &mut Findings) -> Result<(), Failure> {
    let Ok(disk) = rustix::fs::statvfs(data) else { return Ok(()) };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let mib = table::count(free / (1024 * 1024));
    let told = format!("data directory: {mib} MiB free in {}", data.display());
    if free < FREE_BYTES_MIN {
        findings.wrong(&told, "make room: a store without space refuses every fact")
    } else {
        findings.fine(told)
    }
}

fn can_write(folder: &Path) -> io::Result<()> {
    tempfile::tempfile_in(folder).map(drop)
}

/// True when one answers that holds the data directory.
async fn server(settings: &Settings, findings: &mut Findings) -> anyhow::Result<bool> {
    if let Some(address) = reach::note(&settings.config.data) {
        let url = address.url.clone();
        if let Some(client) = alive(address, &settings.config.tls_files()).await {
            findings.fine(format_args!("server: one answers at {url}"))?;
            ready(&client, findings).await?;
            return Ok(true);
        }
        findings.fine(format_args!("server: none; the one at {url} is gone"))?;
    } else {
        findings.fine("server: none holds the data directory")?;
    }
    port(settings, findings)?;
    Ok(false)
}

async fn alive(address: Address, tls: &TlsFiles) -> Option<Client> {
    let client = Client::new(address, None, tls).ok()?;
    client.says_yes("healthz").await.then_some(client)
}

async fn ready(client: &Client, findings: &mut Findings) -> anyhow::Result<()> {
    if client.says_yes("readyz").await {
        findings.fine("store: the server says it is ready")?;
    } else {
        let what = "store: the server says it is not ready";
        findings.wrong(
            what,
            "see its log, and degraded in /v1/system; a full disk or a bad sync stops it",
        )?;
    }
    Ok(())
}

fn port(settings: &Settings, findings: &mut Findings) -> Result<(), Failure> {
    let listen = settings.config.listen;
    match TcpListener::bind(listen) {
        Ok(_) => findings.fine(format_args!("port: {listen} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => findings.wrong(
            &format!("port: another program listens on {listen}"),
            "stop it, or name another address with --listen",
        ),
        Err(error) => findings.wrong(
            &format!("port: {listen} cannot be listened on: {error}"),
            "name an address of this machine, and a port from 1024 on, with --listen",
        ),
    }
}

/// The log of this node alone, by opening it.
async fn store(settings: &Settings, findings: &mut Findings) -> anyhow::Result<()> {
    match Application::open(&settings.config).await {
        Ok(application) => {
            application.stop().await?;
            findings.fine("store: the log opens, and nothing acknowledged is missing")?;
        }
        Err(error) => wrong("store: ", error, findings)?,
    }
    Ok(())
}

/// Facts that were acknowledged here while the shared log was away.
fn spool(settings: &Settings, findings: &mut Findings) -> Result<(), Failure> {
    match seams::waiting_in_spool(&settings.config) {
        Ok(None) => Ok(()),
        Ok(Some(0)) => findings.fine("spool: it opens, and nothing waits in it"),
        Ok(Some(facts)) => findings.note(format_args!(
            "spool: {facts} acknowledged facts wait in it; they come to the log once a server \
             runs on this data directory"
        )),
        Err(error) => wrong("", error.into(), findings),
    }
}

fn wrong(part: &str, error: NotStarted, findings: &mut Findings) -> Result<(), Failure> {
    let (what, todo) = match error {
        NotStarted::InUse(what) => {
            (what, "another process holds it and does not answer; end it, or wait until it is done")
        }
        NotStarted::Damaged(what) => (
            what,
            "keep a copy of the directory; restore a backup, or accept what is readable by \
             starting once with VIEWLOG_EMBEDDED__ACCEPT_DAMAGE=true",
        ),
        NotStarted::Store(what) => {
            let remedy = "it takes the version that made it, and a user who may write its files; \
                          where both are right files are damaged: keep a copy of the directory, \
                          and restore a backup";
            (what, remedy)
        }
        NotStarted::Fleet(what) => (what, "see that its nodes run and let this host in"),
        NotStarted::Configuration(what) => (what, "correct the configuration"),
    };
    findings.wrong(&format!("{part}{what}"), todo)
}
