//! Everything folded again from its facts: snapshots renewed, and a new generation of views filled
//! beside the one that is read.

use std::sync::Arc;

use tokio::task::JoinSet;

use super::{PAGE, Progress, count};
use crate::events::codec::encode_snapshot;
use crate::events::{
    AccountId, Append, AppendError, Clock, Depth, EventLog, ReadError, SnapshotRow,
};
use crate::projections::answers::folded::fold_and_fill;
use crate::projections::{Target, ViewError, ViewStore};

/// Where a rebuild that was cut short goes on.
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
    /// A snapshot or the checkpoint could not be written.
    #[error(transparent)]
    Write(#[from] AppendError),
    /// The views could not be written.
    #[error(transparent)]
    Views(#[from] ViewError),
    /// A part of it failed.
    #[error("folding an account failed")]
    Failed,
}

/// Rebuilds every view and snapshot. Readers see the old views until the new ones are whole.
///
/// Not to be run beside a compaction, which takes away the facts that this reads.
///
/// # Errors
/// [`RebuildError`]. What was rebuilt until then need not be done again.
pub async fn rebuild(
    log: Arc<dyn EventLog>,
    views: Arc<dyn ViewStore>,
    clock: Arc<dyn Clock>,
    progress: Arc<Progress>,
) -> Result<Rebuilt, RebuildError> {
    progress.set_total(count(log.as_ref()).await?);
    views.begin_generation().await?;
    let mut after = checkpoint(log.as_ref()).await?;
    let at_once = std::thread::available_parallelism().map_or(1, Into::into);
    loop {
        let page = log.accounts(after.as_ref(), PAGE).await?;
        let Some(last) = page.last().cloned() else { break };
        let mut running = JoinSet::new();
        for account in page {
            if running.len() >= at_once {
                finish_one(&mut running, &progress).await?;
            }
            let (log, views, clock) = (Arc::clone(&log), Arc::clone(&views), Arc::clone(&clock));
            running.spawn(async move { rebuild_account(log, views, clock, account).await });
        }
        while !running.is_empty() {
            finish_one(&mut running, &progress).await?;
        }
        log.set_note(NOTE, Some(last.as_str().as_bytes())).await?;
        after = Some(last);
    }
    let generation = views.flip().await?;
    log.set_note(NOTE, None).await?;
    Ok(Rebuilt { events: progress.events(), generation })
}

async fn checkpoint(log: &dyn EventLog) -> Result<Option<AccountId>, ReadError> {
    let note = log.note(NOTE).await?;
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

async fn rebuild_account(
    log: Arc<dyn EventLog>,
    views: Arc<dyn ViewStore>,
    clock: Arc<dyn Clock>,
    account: AccountId,
) -> Result<u64, RebuildError> {
    renew_snapshots(log.as_ref(), &account).await?;
    if views.wants(&account) {
        let target = (&account, Target::Next, Depth::Facts);
        let folded = fold_and_fill(log.as_ref(), views.as_ref(), clock.as_ref(), target).await?;
        return Ok(folded.events);
    }
    let mut events = 0;
    for week in log.weeks(&account).await? {
        let sessions = log.week(&account, week, Depth::Facts).await?;
        events += sessions.iter().map(|stored| stored.events.len() as u64).sum::<u64>();
    }
    Ok(events)
}

/// Writes the snapshots that are missing, of another version of the fold, or not what the facts
/// say.
async fn renew_snapshots(log: &dyn EventLog, account: &AccountId) -> Result<(), RebuildError> {
    for week in log.weeks(account).await? {
        let mut append = Append::new(account.clone());
        let kept = log.week(account, week, Depth::Snapshots).await?;
        let facts = log.week(account, week, Depth::Facts).await?;
        for (kept, facts) in kept.into_iter().zip(facts) {
            if kept.session != facts.session || facts.damage.is_some() {
                continue;
            }
            let session = facts.session;
            let has_snapshot = kept.snapshot.is_some();
            let Some(state) = facts.state().filter(|state| state.is_gapless()) else { continue };
            if !has_snapshot || kept.state().as_ref() != Some(&state) {
                append.snapshots.push(SnapshotRow { session, body: encode_snapshot(&state) });
            }
        }
        if append.rows() > 0 {
            log.append(&append).await?;
        }
    }
    Ok(())
}
