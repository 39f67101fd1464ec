//! Everything folded again from its facts: snapshots renewed, and a new generation of views filled
//! beside the one that is read.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::future::try_join_all;
use tokio::task::JoinSet;

use super::{Pages, Progress, account_ranges, count_accounts, patiently};
use crate::events::{
    AccountId, AccountRange, AppendError, Clock, Depth, EventLog, ReadError, SessionId, State,
    Stored, Week,
};
use crate::projections::answers::folded::fold_and_fill;
use crate::projections::{Target, ViewError, ViewStore};

/// Where a rebuild that was cut short goes on; one note for each range of accounts.
const NOTE: &str = "rebuild";

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
/// Not to be run beside a compaction, which takes away the facts that this reads.
///
/// # Errors
/// [`RebuildError`]. What was rebuilt until then need not be done again.
pub async fn rebuild(work: Rebuild, progress: Arc<Progress>) -> Result<Rebuilt, RebuildError> {
    let work = Arc::new(work);
    progress.set_total(count_accounts(work.log.as_ref()).await?);
    patiently(|| work.views.begin_generation()).await?;
    let ranges = account_ranges(work.log.as_ref());
    let cores = std::thread::available_parallelism().map_or(1, Into::into);
    let at_once = cores.div_ceil(ranges.len().max(1));
    let loops = ranges.iter().map(|range| rebuild_range(&work, range, at_once, &progress));
    try_join_all(loops).await?;
    let generation = patiently(|| work.views.flip()).await?;
    for range in &ranges {
        let note = note_of(range);
        patiently(|| work.log.set_note(&note, None)).await?;
    }
    Ok(Rebuilt { events: progress.events(), generation })
}

async fn rebuild_range(
    work: &Arc<Rebuild>,
    range: &AccountRange,
    at_once: usize,
    progress: &Progress,
) -> Result<(), RebuildError> {
    let note = note_of(range);
    let after = checkpoint(work.log.as_ref(), &note).await?;
    let mut pages = Pages::after(work.log.as_ref(), range, after);
    while let Some(page) = pages.next().await? {
        let last = page.last().cloned();
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
        let here = last.as_ref().map(|last| last.as_str().as_bytes());
        patiently(|| work.log.set_note(&note, here)).await?;
    }
    Ok(())
}

fn note_of(range: &AccountRange) -> String {
    if *range == AccountRange::ALL { NOTE.to_owned() } else { format!("{NOTE} {range}") }
}

async fn checkpoint(log: &dyn EventLog, note: &str) -> Result<Option<AccountId>, ReadError> {
    let note = patiently(|| log.note(note)).await?;
    Ok(note.and_then(|bytes| AccountId::new(std::str::from_utf8(&bytes).ok()?).ok()))
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
        let mut events = 0;
        for week in self.log.weeks(account).await? {
            let kept = self.log.week(account, week, Depth::Snapshots).await?;
            let facts = self.log.week(account, week, Depth::Facts).await?;
            events += facts.iter().map(|stored| stored.events.len() as u64).sum::<u64>();
            if is_outdated(kept, facts) && !(self.renew)(account.clone(), week).await {
                return Err(RebuildError::NotRenewed);
            }
        }
        if self.views.wants(account) {
            let target = (account, Target::Next, Depth::Snapshots);
            let (log, views) = (self.log.as_ref(), self.views.as_ref());
            fold_and_fill(log, views, self.clock.as_ref(), target).await?;
        }
        Ok(events)
    }
}

/// Whether a snapshot is missing, of another version of the fold, or not what the facts say.
fn is_outdated(kept: Vec<Stored>, facts: Vec<Stored>) -> bool {
    let mut kept: BTreeMap<SessionId, Stored> =
        kept.into_iter().map(|stored| (stored.session, stored)).collect();
    facts.into_iter().filter(|facts| facts.damage.is_none()).any(|facts| {
        let Some(kept) = kept.remove(&facts.session) else { return false };
        let has_snapshot = kept.snapshot.is_some();
        let state = facts.state().filter(State::is_gapless);
        state.is_some_and(|state| !has_snapshot || kept.state().as_ref() != Some(&state))
    })
}
