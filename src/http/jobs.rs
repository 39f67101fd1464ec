//! Long work over the whole log: rebuild, verify, compact and sweep, one at a time, on a thread of
//! its own, so that neither readers nor players wait for it.
//!
//! They exclude each other because a compaction takes away the facts that the others read: what
//! these find beside it is right, and less. What a job came to is kept until the next of its kind,
//! in memory, and by a fleet beside its views.

mod board;
mod running;
mod work;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::events::{AccountId, Clock, SessionId, Timestamp};
use crate::projections::Progress;

pub use self::board::Board;
use self::running::Running;
pub(super) use self::work::{compact, rebuild, sweep, verify};

/// More findings than this are counted and not listed.
const FINDINGS_MAX: usize = 10_000;

const GONE: &str = "the node that was at it is gone; start it again";
const TAKEN_OVER: &str = "another node is at work; start it again, which joins what that one does";

/// What long work there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
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

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It is being done.
    Running,
    /// All of it.
    Done,
    /// It could not go on.
    Failed,
    /// The node that was at it is gone, or leaves it to another.
    Lost,
}

/// How a job is going, or went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobReport {
    /// Which.
    pub kind: JobKind,
    /// How far it is.
    pub state: JobState,
    /// When it was started.
    #[schema(value_type = String, format = DateTime)]
    pub begun_at: Timestamp,
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
    clock: Arc<dyn Clock>,
    /// Of a fleet alone: where nodes tell each other.
    board: Option<Board>,
    /// Held while a job is started, or its end is told.
    turn: tokio::sync::Mutex<()>,
    stopping: watch::Sender<bool>,
    ended: watch::Sender<()>,
}

struct Job {
    kind: JobKind,
    reach: Reach,
    /// Like no other's.
    name: String,
    progress: Arc<Progress>,
    begun_at: Timestamp,
    begun: Instant,
    end: OnceLock<(Duration, Ended)>,
}

/// How work ended.
enum Ended {
    Done(Finished),
    Failed(String),
    /// Another node does it, or something else, and has the lease.
    TakenOver,
}

impl Jobs {
    /// None yet.
    pub fn new(clock: Arc<dyn Clock>, board: Option<Board>) -> Self {
        let (stopping, ended) = (watch::Sender::new(false), watch::Sender::new(()));
        let (jobs, turn) = Default::default();
        Self { jobs, clock, board, turn, stopping, ended }
    }

    /// Starts a job, or joins the one of its kind that runs, here or elsewhere, and does as much.
    ///
    /// # Errors
    /// The kind of the other job that runs.
    pub async fn start<F>(
        self: &Arc<Self>,
        (kind, reach): (JobKind, Reach),
        work: impl FnOnce(Arc<Progress>) -> F + Send + 'static,
    ) -> Result<JobReport, JobKind>
    where
        F: Future<Output = Result<Finished, String>>,
    {
        let _turn = self.turn.lock().await;
        let job = Arc::new(Job::new((kind, reach), self.clock.now()));
        if let Some(running) = self.running() {
            return job.joined(&running.reach, running.report());
        }
        if let Some(board) = &self.board
            && let Some(other) = board.begin(&job).await.map_err(|()| kind)?
        {
            // What this node did of the kind is no answer any more, however late it began.
            self.lock().remove(&other.report.kind);
            return job.joined(&other.reach, other.report);
        }
        self.lock().insert(kind, Arc::clone(&job));
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

    /// How the last job of a kind is going, or went, whichever node did it; `None` when none is
    /// known of.
    pub async fn report(&self, kind: JobKind) -> Option<JobReport> {
        self.last(kind).await.map(|(_, report)| report)
    }

    /// The same, if it did as much as this.
    pub async fn covering(&self, kind: JobKind, reach: &Reach) -> Option<JobReport> {
        let last = self.last(kind).await;
        last.filter(|(done, _)| done.covers(reach)).map(|(_, report)| report)
    }

    async fn last(&self, kind: JobKind) -> Option<(Reach, JobReport)> {
        let own = self.lock().get(&kind).map(|job| (job.reach.clone(), job.report()));
        let is_running = own.as_ref().is_some_and(|(_, own)| own.state == JobState::Running);
        let Some(board) = self.board.as_ref().filter(|_| !is_running) else { return own };
        let told = board.notice(kind).await.map(|notice| (notice.reach, notice.report));
        let own_at = own.as_ref().map(|(_, own)| own.begun_at);
        told.filter(|(_, told)| own_at.is_none_or(|at| told.begun_at > at)).or(own)
    }

    /// Cuts short what runs, and waits until it ended; a rebuild goes on from there another time.
    pub async fn stop(&self) {
        let mut ended = self.ended.subscribe();
        self.stopping.send_replace(true);
        while self.running().is_some() {
            if ended.changed().await.is_err() {
                return;
            }
        }
    }

    fn running(&self) -> Option<Arc<Job>> {
        self.lock().values().find(|job| job.is_running()).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<JobKind, Arc<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl JobReport {
    /// Whoever was at it says nothing more.
    fn lose(&mut self) {
        if self.state == JobState::Running {
            self.state = JobState::Lost;
            self.detail = Some(GONE.to_owned());
        }
    }
}

impl Job {
    fn new((kind, reach): (JobKind, Reach), begun_at: Timestamp) -> Self {
        let (progress, begun, end) = (Arc::default(), Instant::now(), OnceLock::new());
        let name = SessionId::fresh(begun_at).to_string();
        Self { kind, reach, name, progress, begun_at, begun, end }
    }

    /// Whoever wants no more than what runs waits for that.
    fn joined(&self, reach: &Reach, running: JobReport) -> Result<JobReport, JobKind> {
        let joins = running.kind == self.kind && reach.covers(&self.reach);
        if joins { Ok(running) } else { Err(running.kind) }
    }

    fn is_running(&self) -> bool {
        self.end.get().is_none()
    }

    /// Only the first word counts.
    fn finish(&self, mut ended: Ended) {
        if let Ended::Done(finished) = &mut ended {
            finished.cut();
        }
        let _ = self.end.set((self.begun.elapsed(), ended));
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    fn report(&self) -> JobReport {
        let end = self.end.get();
        let took = end.map_or_else(|| self.begun.elapsed(), |(took, _)| *took);
        let events = self.progress.events();
        let (state, findings, detail) = match end.map(|(_, ended)| ended) {
            None => (JobState::Running, vec![], None),
            Some(Ended::Done(done)) => (JobState::Done, done.findings.clone(), done.detail.clone()),
            Some(Ended::Failed(why)) => (JobState::Failed, vec![], Some(why.clone())),
            Some(Ended::TakenOver) => (JobState::Lost, vec![], Some(TAKEN_OVER.to_owned())),
        };
        JobReport {
            kind: self.kind,
            state,
            begun_at: self.begun_at,
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
