//! Everything folded again from its facts: snapshots renewed, and a new generation of views filled
//! beside the one that is read.

use std::pin::Pin;
use std::sync::Arc;

use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use tokio::task::JoinSet;

use super::{Pages, Progress, account_ranges, count_accounts, patiently};
use crate::events::{
    AccountId, AccountRange, AppendError, Clock, Depth, EventLog, FOLD_VERSION, Part, ReadError,
    State, Stored, Week,
};
use crate::projections::answers::folded::{Filling, fold_and_fill};
use crate::projections::{Recorded, Target, ViewError, ViewStore, project};

/// Where a rebuild that was cut short goes on; one note for each range of accounts.
const NOTE: &str = "rebuild";
/// Accounts of a range whose rows are waited for.
const WAITING_PER_RANGE: usize = 4;

/// What a rebuild came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rebuilt {
    /// Events folded.
    pub events: u64,
    /// The generation that is read now.
    pub generation: u64,
}

/// Why a rebuild stopped; started again it goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The checkpoint could not be written.
    #[error(transparent)]
    Write(#[from] AppendError),
    /// The views could not be written.
    #[error(transparent)]
    Views(#[from] ViewError),
    /// The snapshots of an account could not be written.
    #[error("snapshots could not be renewed")]
    NotRenewed,
    /// Another rebuild began meanwhile, or the views were lost.
    #[error("the views that were filled are no longer those to be read")]
    Replaced,
    /// A part of it failed.
    #[error("folding an account failed")]
    Failed,
}

/// Makes the snapshots of a week of an account again, in the one place that may; true when done.
pub type Renew =
    dyn Fn(AccountId, Week) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync;

/// What a rebuild works on.
pub struct Rebuild {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// The views.
    pub views: Arc<dyn ViewStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Whoever may write the snapshots of an account.
    pub renew: Box<Renew>,
}

/// Rebuilds every view and snapshot. Readers see the old views until the new ones are whole.
///
/// Of what a compaction takes away meanwhile the snapshots are kept as they are.
///
/// # Errors
/// [`RebuildError`]. What was rebuilt until then need not be done again.
pub async fn rebuild(work: Rebuild, progress: Arc<Progress>) -> Result<Rebuilt, RebuildError> {
    let work = Arc::new(work);
    progress.set_total(count_accounts(work.log.as_ref()).await?);
    let ranges = account_ranges(work.log.as_ref());
    let noted =
        try_join_all(ranges.iter().map(|range| checkpoint(work.log.as_ref(), range))).await?;
    let resumed = noted.iter().flatten().map(|noted| noted.generation).max();
    let opened = patiently(|| work.views.begin_generation(resumed)).await?;
    let at_once = at_once(ranges.len());
    let loops = ranges.iter().zip(noted).map(|(range, noted)| {
        let noted = noted.filter(|noted| noted.generation == opened);
        let after = noted.map(|noted| noted.through);
        rebuild_range(&work, (opened, range, after), at_once, &progress)
    });
    try_join_all(loops).await?;
    let generation = patiently(|| work.views.flip(opened)).await?;
    if generation != opened {
        return Err(RebuildError::Replaced);
    }
    for range in &ranges {
        let note = note_of(range);
        patiently(|| work.log.set_note(&note, None)).await?;
    }
    Ok(Rebuilt { events: progress.events(), generation })
}

/// How many accounts of a range are folded at once: each core has work, and where there are several
/// ranges the log is elsewhere, and its answers are waited for.
fn at_once(ranges: usize) -> usize {
    match ranges {
        1 => std::thread::available_parallelism().map_or(1, Into::into),
        _ => WAITING_PER_RANGE,
    }
}

async fn rebuild_range(
    work: &Arc<Rebuild>,
    (generation, range, after): (u64, &AccountRange, Option<AccountId>),
    at_once: usize,
    progress: &Progress,
) -> Result<(), RebuildError> {
    let note = note_of(range);
    let mut pages = Pages::after(work.log.as_ref(), range, after);
    while let Some(page) = pages.next().await? {
        let Some(through) = page.last().cloned() else { continue };
        let mut running = JoinSet::new();
        for account in page {
            if running.len() >= at_once {
                finish_one(&mut running, progress).await?;
            }
            let work = Arc::clone(work);
            running.spawn(async move { patiently(|| work.account(&account)).await });
        }
        while !running.is_empty() {
            finish_one(&mut running, progress).await?;
        }
        let here = Checkpoint { generation, through }.written();
        patiently(|| work.log.set_note(&note, Some(here.as_bytes()))).await?;
    }
    Ok(())
}

fn note_of(range: &AccountRange) -> String {
    if *range == AccountRange::ALL { NOTE.to_owned() } else { format!("{NOTE} {range}") }
}

async fn checkpoint(
    log: &dyn EventLog,
    range: &AccountRange,
) -> Result<Option<Checkpoint>, ReadError> {
    let note = note_of(range);
    let written = patiently(|| log.note(&note)).await?;
    Ok(written.and_then(|bytes| Checkpoint::read(std::str::from_utf8(&bytes).ok()?)))
}

/// How far a rebuild came in a range of accounts. What it filled is in a generation of views that
/// others may have dropped since.
struct Checkpoint {
    generation: u64,
    through: AccountId,
}

impl Checkpoint {
    fn read(written: &str) -> Option<Self> {
        let mut parts = written.splitn(3, ' ');
        let generation = parts.next()?.parse().ok()?;
        let is_folded_alike = parts.next()?.parse() == Ok(FOLD_VERSION);
        let through = AccountId::new(parts.next()?).ok()?;
        is_folded_alike.then_some(Self { generation, through })
    }

    fn written(&self) -> String {
        format!("{} {FOLD_VERSION} {}", self.generation, self.through)
    }
}

async fn finish_one(
    running: &mut JoinSet<Result<u64, RebuildError>>,
    progress: &Progress,
) -> Result<(), RebuildError> {
    let Some(finished) = running.join_next().await else { return Ok(()) };
    progress.account_done(finished.map_err(|_| RebuildError::Failed)??);
    Ok(())
}

impl Rebuild {
    /// Returns how many events were folded.
    async fn account(&self, account: &AccountId) -> Result<u64, RebuildError> {
        if !self.views.wants(account) {
            return Ok(self.fold(account, None).await?.events);
        }
        let views = self.views.as_ref();
        let mut filling = Filling::begin(views, account, Target::Next).await;
        let folded = self.fold(account, Some(&mut filling)).await;
        let ended = filling.end(folded.as_ref().is_ok_and(|folded| folded.is_whole)).await;
        let Whole { events, is_whole } = folded?;
        ended?;
        if !is_whole {
            // A snapshot may cover the rows that cannot be read.
            let target = (account, Target::Next, Depth::Snapshots);
            fold_and_fill(self.log.as_ref(), views, self.clock.as_ref(), target).await?;
        }
        Ok(events)
    }

    /// Every row is read once: what the facts say goes to the views, and renews the snapshots.
    async fn fold(
        &self,
        account: &AccountId,
        mut filling: Option<&mut Filling<'_>>,
    ) -> Result<Whole, RebuildError> {
        let mut folded = Whole { events: 0, is_whole: true };
        let mut parts = self.log.account(account, Depth::Facts);
        while let Some(part) = parts.try_next().await? {
            let (marks, states) = match part {
                Part::Marks(marks) => (marks, vec![]),
                Part::Week(week, sessions) => {
                    let (states, is_outdated) = folded.take(sessions);
                    if is_outdated && !(self.renew)(account.clone(), week).await {
                        return Err(RebuildError::NotRenewed);
                    }
                    (vec![], states)
                }
            };
            if let Some(filling) = &mut filling {
                let said = marks.iter().flat_map(|mark| project(&Recorded::Mark(mark)));
                let played = states.iter().flat_map(|state| project(&Recorded::Session(state)));
                filling.take(said.chain(played).collect()).await;
            }
        }
        Ok(folded)
    }
}

/// What folding an account came to.
struct Whole {
    events: u64,
    /// False when rows could not be read.
    is_whole: bool,
}

impl Whole {
    /// What a week comes to, and whether a snapshot of it is missing, of another version of the
    /// fold, or not what the facts say.
    fn take(&mut self, sessions: Vec<Stored>) -> (Vec<State>, bool) {
        let (mut states, mut is_outdated) = (Vec::new(), false);
        for facts in sessions {
            self.events += facts.events.len() as u64;
            self.is_whole &= facts.damage.is_none();
            let kept = facts.by_snapshot();
            let is_partial = facts.damage.is_some() || facts.lacks_rows();
            let Some(state) = facts.state() else { continue };
            let is_other = kept.as_ref().is_none_or(|kept| !kept.is_alike(&state));
            is_outdated |= !is_partial && is_other && (state.is_gapless() || kept.is_some());
            states.push(state);
        }
        (states, is_outdated)
    }
}
