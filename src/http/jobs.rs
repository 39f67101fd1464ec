//! Long work over the whole log: rebuild, verify, compact and sweep, one at a time, on a thread of
//! its own, so that neither readers nor players wait for it.
//!
//! They exclude each other because a compaction takes away the facts that the others read. What a
//! job came to is kept until the next of its kind, in memory alone.

mod work;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::events::{AccountId, SessionId, Timestamp};
use crate::projections::Progress;

pub(super) use self::work::{compact, rebuild, sweep, verify};

/// More findings than this are counted and not listed.
const FINDINGS_MAX: usize = 10_000;

/// What long work there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// Every view and snapshot made anew.
    Rebuild,
    /// What is kept compared with the facts.
    Verify,
    /// Old sessions left with their snapshots alone.
    Compact,
    /// What was marked as dirty read again and merged.
    Sweep,
}

impl JobKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Rebuild, Self::Verify, Self::Compact, Self::Sweep];
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rebuild => "rebuild",
            Self::Verify => "verify",
            Self::Compact => "compact",
            Self::Sweep => "sweep",
        })
    }
}

/// How a job is going, or went.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct JobReport {
    /// Which.
    pub kind: JobKind,
    /// `running`, `done` or `failed`.
    pub state: &'static str,
    /// Accounts done, of a sweep slices.
    pub done: u64,
    /// Accounts there are; 0 while they are being counted.
    pub total: u64,
    /// Events read, taken away by a compaction, or sessions read by a sweep.
    pub events: u64,
    /// How many of them a second.
    pub events_per_s: f64,
    /// What is not as the facts say.
    pub findings: Vec<Finding>,
    /// What it came to, or why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What a job is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// Everything.
    All,
    /// One account.
    Account(AccountId),
    /// What came from an instant on.
    From(Timestamp),
    /// What is older than so many days.
    OlderThan(u32),
}

impl Reach {
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::All, _) => true,
            (Self::From(from), Self::From(later)) => from <= later,
            (Self::OlderThan(days), Self::OlderThan(more)) => days <= more,
            (one, other) => one == other,
        }
    }
}

/// Something that is not as the facts say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Finding {
    /// The household.
    #[schema(value_type = String)]
    pub account: AccountId,
    /// The session or command.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub session: Option<SessionId>,
    /// What is the matter.
    pub what: String,
}

/// What a job found.
#[derive(Debug, Default)]
pub struct Finished {
    /// What is not as the facts say.
    pub findings: Vec<Finding>,
    /// What it came to.
    pub detail: Option<String>,
}

/// The long work of a node.
pub struct Jobs {
    jobs: Mutex<BTreeMap<JobKind, Arc<Job>>>,
    stopping: watch::Sender<bool>,
    ended: watch::Sender<()>,
}

struct Job {
    kind: JobKind,
    reach: Reach,
    progress: Arc<Progress>,
    begun: Instant,
    end: OnceLock<(Duration, Result<Finished, String>)>,
}

impl Default for Jobs {
    fn default() -> Self {
        Self {
            jobs: Mutex::default(),
            stopping: watch::Sender::new(false),
            ended: watch::Sender::new(()),
        }
    }
}

impl Jobs {
    /// Starts a job, or joins the one of its kind that runs and does as much.
    ///
    /// # Errors
    /// The kind of the other job that runs.
    pub fn start<F>(
        self: &Arc<Self>,
        (kind, reach): (JobKind, Reach),
        work: impl FnOnce(Arc<Progress>) -> F + Send + 'static,
    ) -> Result<JobReport, JobKind>
    where
        F: Future<Output = Result<Finished, String>>,
    {
        let mut jobs = self.lock();
        if let Some(running) = jobs.values().find(|job| job.is_running()) {
            let joins = running.kind == kind && running.reach.covers(&reach);
            return if joins { Ok(running.report()) } else { Err(running.kind) };
        }
        let job = Arc::new(Job {
            kind,
            reach,
            progress: Arc::default(),
            begun: Instant::now(),
            end: OnceLock::new(),
        });
        jobs.insert(kind, Arc::clone(&job));
        drop(jobs);
        let report = job.report();
        let running = Running { jobs: Arc::clone(self), job };
        let stopping = self.stopping.subscribe();
        let named = std::thread::Builder::new().name(kind.to_string());
        // Where no thread can be had, `running` is dropped and the job has failed.
        if let Err(error) = named.spawn(move || running.run(work, stopping)) {
            tracing::error!(%error, %kind, "no thread for a job");
        }
        Ok(report)
    }

    /// How the last job of a kind is going, or went; `None` when there was none since the start.
    pub fn report(&self, kind: JobKind) -> Option<JobReport> {
        self.lock().get(&kind).map(|job| job.report())
    }

    /// Cuts short what runs, and waits until it ended; a rebuild goes on from there another time.
    pub async fn stop(&self) {
        let mut ended = self.ended.subscribe();
        self.stopping.send_replace(true);
        while self.lock().values().any(|job| job.is_running()) {
            if ended.changed().await.is_err() {
                return;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<JobKind, Arc<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job while its thread lives.
struct Running {
    jobs: Arc<Jobs>,
    job: Arc<Job>,
}

impl Running {
    fn run<F>(&self, work: impl FnOnce(Arc<Progress>) -> F, mut stopping: watch::Receiver<bool>)
    where
        F: Future<Output = Result<Finished, String>>,
    {
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return tracing::error!(%error, "no runtime for a job"),
        };
        let work = work(Arc::clone(&self.job.progress));
        let result = runtime.block_on(async {
            tokio::select! {
                result = work => result,
                _ = stopping.wait_for(|stopping| *stopping) => {
                    Err("the server shuts down; start it again".to_owned())
                }
            }
        });
        self.job.finish(result);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.job.finish(Err("it failed inside; the server's log says where".to_owned()));
        self.jobs.ended.send_replace(());
    }
}

impl Job {
    fn is_running(&self) -> bool {
        self.end.get().is_none()
    }

    /// Only the first word counts.
    fn finish(&self, mut result: Result<Finished, String>) {
        if let Ok(finished) = &mut result {
            finished.cut();
        }
        let _ = self.end.set((self.begun.elapsed(), result));
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    fn report(&self) -> JobReport {
        let end = self.end.get();
        let took = end.map_or_else(|| self.begun.elapsed(), |(took, _)| *took);
        let events = self.progress.events();
        let (state, findings, detail) = match end.map(|(_, result)| result) {
            None => ("running", vec![], None),
            Some(Ok(done)) => ("done", done.findings.clone(), done.detail.clone()),
            Some(Err(why)) => ("failed", vec![], Some(why.clone())),
        };
        JobReport {
            kind: self.kind,
            state,
            done: self.progress.done(),
            total: self.progress.total(),
            events,
            events_per_s: (events as f64 / took.as_secs_f64().max(0.001)).round(),
            findings,
            detail,
        }
    }
}

impl Finished {
    fn cut(&mut self) {
        let found = self.findings.len();
        if found > FINDINGS_MAX {
            self.findings.truncate(FINDINGS_MAX);
            self.detail = Some(format!("{found} findings; the first {FINDINGS_MAX} are listed"));
        }
    }
}
