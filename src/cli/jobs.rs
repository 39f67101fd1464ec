//! `rebuild`, `verify`, `compact` and `sweep`: long work that a server does, followed to its end.

use std::cell::Cell;
use std::time::Duration;

use clap::Args;
use reqwest::Url;
use serde::Deserialize;

use crate::events::{AccountId, Timestamp};

use super::client::{Client, Reply, with};
use super::failure::{Failure, Found};
use super::output::{say, warn};
use super::progress::{Progress, Reached};
use super::reach::Reach;
use super::table;
use super::words;

/// How often the server is asked how far it is.
const POLL_EVERY: Duration = Duration::from_millis(250);
/// The state of a job that goes on.
const RUNNING: &str = "running";
const SWEEP: &str = "sweep";
const LOST: &str = "lost";
/// So often a job is started whose node goes away: it may be the job that kills it.
const STARTS_MAX: u32 = 3;
/// So often in a row the server may not answer before the job is given up.
const SILENT_MAX: u32 = 20;

/// Makes every view again from the log.
#[derive(Debug, Args)]
pub(super) struct Rebuild {
    #[command(flatten)]
    job: Job,
}

/// Compares the views with the log.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// This household alone
    #[arg(long, value_name = "A", value_parser = AccountId::new)]
    account: Option<AccountId>,
    #[command(flatten)]
    job: Job,
}

/// Keeps of old sessions only their last state.
#[derive(Debug, Args)]
pub(super) struct Compact {
    /// Sessions of weeks that ended so long ago, and of which nothing came since [default: 14d]
    #[arg(long, value_name = "DAYS", value_parser = words::days, allow_hyphen_values = true)]
    older_than: Option<u32>,
    #[command(flatten)]
    job: Job,
}

/// Reads again whatever was marked as changed, and merges it into the views of a fleet.
#[derive(Debug, Args)]
pub(super) struct Sweep {
    /// From when on; marks are kept for ten days
    #[arg(long, value_name = "T", value_parser = words::instant)]
    from: Timestamp,
    #[command(flatten)]
    job: Job,
}

impl Sweep {
    /// Starts it and waits.
    pub(super) async fn run(&self) -> anyhow::Result<Found> {
        self.job.run(SWEEP, Some(("from", self.from))).await
    }
}

impl Rebuild {
    /// Starts it and waits.
    pub(super) async fn run(&self) -> anyhow::Result<Found> {
        self.job.run("rebuild", None::<(&str, u32)>).await
    }
}

impl Verify {
    /// Starts it, waits, and prints each difference.
    pub(super) async fn run(&self) -> anyhow::Result<Found> {
        self.job.run("verify", self.account.as_ref().map(|account| ("account", account))).await
    }
}

impl Compact {
    /// Starts it and waits.
    pub(super) async fn run(&self) -> anyhow::Result<Found> {
        self.job.run("compact", self.older_than.map(|days| ("older_than_days", days))).await
    }
}

#[derive(Debug, Args)]
struct Job {
    /// Print the server's last word as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    reach: Reach,
}

/// Which job was started, or joined.
#[derive(Debug, Deserialize)]
struct Begun {
    begun_at: Timestamp,
}

/// How a job is going.
#[derive(Debug, Deserialize)]
struct Report {
    kind: String,
    state: String,
    begun_at: Timestamp,
    #[serde(default)]
    done: u64,
    total: Option<u64>,
    #[serde(default)]
    events: u64,
    events_per_s: Option<f64>,
    #[serde(default)]
    findings: Vec<Finding>,
    detail: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Finding {
    account: Option<String>,
    session: Option<String>,
    what: String,
}

impl Job {
    async fn run(
        &self,
        kind: &'static str,
        only: Option<(&str, impl std::fmt::Display)>,
    ) -> anyhow::Result<Found> {
        let goes_on = Cell::new(false);
        let asked = self
            .reach
            .ask(async |client| {
                let mut url = client.url(&["v1", "system", kind])?;
                if let Some((name, value)) = &only {
                    url = with(url, name, Some(value));
                }
                let (report, reply) = done(client, kind, (url, &goes_on)).await?;
                if self.json {
                    reply.print()?;
                }
                self.conclude(kind, &report)
            })
            .await;
        if goes_on.get() && asked.as_ref().is_err_and(is_interrupted) {
            warn(format_args!("the server goes on; viewlog {kind}, asked again, waits for that"));
        }
        asked
    }

    fn conclude(&self, kind: &str, report: &Report) -> anyhow::Result<Found> {
        if report.state != "done" {
            let why = report.detail.as_deref().unwrap_or("the server does not say why");
            return Err(Failure::Unavailable(format!("{kind} failed: {why}")).into());
        }
        if !self.json {
            for finding in &report.findings {
                say(table::plain(&finding.sentence()))?;
            }
            say(table::plain(&report.summary(kind)))?;
        }
        Ok(if report.findings.is_empty() { Found::Nothing } else { Found::Something })
    }
}

fn is_interrupted(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Failure::Interrupted))
}

/// Starts a job, and starts it again where the node that was at it is gone, or leaves it to
/// another: then that one's is joined.
async fn done(
    client: &Client,
    kind: &'static str,
    (url, goes_on): (Url, &Cell<bool>),
) -> Result<(Report, Reply), Failure> {
    let mut starts = 1;
    loop {
        let begun: Begun = client.post(url.clone(), None).await?.read()?;
        goes_on.set(!client.is_own());
        let (report, reply) = follow(client, kind, &begun).await?;
        if report.state != LOST || starts == STARTS_MAX {
            return Ok((report, reply));
        }
        let why = report.detail.as_deref().unwrap_or("the node that was at it is gone");
        warn(format_args!("{why} (doing so)"));
        starts += 1;
    }
}

async fn follow(
    client: &Client,
    kind: &'static str,
    begun: &Begun,
) -> Result<(Report, Reply), Failure> {
    let url = client.url(&["v1", "system", "jobs", kind])?;
    let mut progress = Progress::begin(kind);
    let mut silent = 0;
    loop {
        match ask(client, url.clone()).await {
            Ok((report, _)) if report.begun_at < begun.begun_at => {
                silent += 1;
                if silent > SILENT_MAX {
                    let why =
                        format!("what is known of is the {kind} before; see the server's log");
                    return Err(Failure::Unavailable(why));
                }
            }
            Ok((report, reply)) if report.state != RUNNING => {
                progress.end();
                return Ok((report, reply));
            }
            Ok((report, _)) => {
                silent = 0;
                let told = report.told();
                // Accounts are counted when they are done: before the first, nobody knows.
                let total = report.total.filter(|total| *total > 1 && report.done > 0);
                progress.reach(&Reached { done: report.done, total, told: &told });
            }
            Err(Failure::Unavailable(why)) if silent < SILENT_MAX => {
                if silent == 0 {
                    progress.warn(&format!("{why}; asking again"));
                }
                silent += 1;
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(POLL_EVERY).await;
    }
}

async fn ask(client: &Client, url: Url) -> Result<(Report, Reply), Failure> {
    let reply = client.get(url).await?;
    Ok((reply.read()?, reply))
}

impl Report {
    fn told(&self) -> String {
        if self.events == 0 && self.state == RUNNING {
            return "reading".to_owned();
        }
        // A sweep reads sessions.
        let what = if self.kind == SWEEP { "sessions" } else { "events" };
        let read = table::count(self.events);
        match self.events_per_s {
            Some(rate) => format!("{read} {what}, {}/s", table::count(rate.max(0.0) as u64)),
            None => format!("{read} {what}"),
        }
    }

    fn summary(&self, kind: &str) -> String {
        let found = match self.findings.len() {
            0 if kind == "verify" => "; no difference".to_owned(),
            0 => String::new(),
            1 => "; 1 finding".to_owned(),
            number => format!("; {number} findings"),
        };
        let detail = self.detail.as_deref();
        // Its detail counts them.
        let counted = (kind != SWEEP).then(|| self.told());
        let said: Vec<&str> = counted.as_deref().into_iter().chain(detail).collect();
        format!("{kind} done: {}{found}", said.join("; "))
    }
}

impl Finding {
    fn sentence(&self) -> String {
        let names = [("account", &self.account), ("session", &self.session)];
        let named = names.iter().filter_map(|(what, id)| Some(format!("{what} {}", id.as_ref()?)));
        let named = named.collect::<Vec<_>>().join(" ");
        if named.is_empty() { self.what.clone() } else { format!("{named}: {}", self.what) }
    }
}
