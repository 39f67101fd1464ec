//! Reads what a batch needs and memory lacks; mostly nothing.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::batch::Sorted;
use super::decide::{Proposed, needs_the_past};
use super::live::Past;
use super::memory::{Memory, READS};
use crate::actors::Deps;
use crate::events::{AccountId, ReadError, SessionId, SessionKey};

/// The rows of the sessions that memory cannot decide.
pub(super) type Pasts = BTreeMap<SessionId, Past>;

/// True when nothing has to be read.
pub(super) fn is_awake(account: &AccountId, memory: &Memory, sorted: &Sorted, deps: &Deps) -> bool {
    let decides = |proposed: &[Proposed]| {
        proposed.first().is_some_and(|first| {
            let live = memory.sessions.get(first.event.fact.session);
            live.is_some_and(|live| !needs_the_past(live, proposed, false))
        })
    };
    memory.is_current(account, deps)
        && sorted.marks.is_empty()
        && sorted.snapshots.is_empty()
        && sorted.by_session().all(decides)
}

/// Reads the account, the sessions and the commands that are not here, and the past of the sessions
/// whose facts do not simply follow.
pub(super) async fn wake(
    account: &AccountId,
    memory: &mut Memory,
    sorted: &Sorted,
    deps: &Deps,
) -> Result<Pasts, ReadError> {
    memory.wake_account(account, deps).await?;
    let named = |proposed: &[Proposed]| proposed.first().map(|first| first.event.fact.session);
    let mut sessions: BTreeSet<SessionId> = sorted.by_session().filter_map(named).collect();
    sessions.retain(|session| !memory.is_parked(*session));
    sessions.extend(sorted.snapshots.iter().map(|(_, state)| state.session));
    let fresh = memory.wake_sessions(account, &sessions, deps).await?;
    if !sorted.marks.is_empty() {
        memory.wake_commands(account, deps).await?;
    }
    let reads = sorted.by_session().filter_map(|proposed| {
        let session = named(proposed).filter(|session| !memory.is_parked(*session))?;
        let live = memory.sessions.get(session)?;
        let key = SessionKey { account: account.clone(), session };
        needs_the_past(live, proposed, fresh.contains(&session)).then_some(async move {
            Ok::<_, ReadError>((session, read_past(&key, proposed, deps).await?))
        })
    });
    stream::iter(reads).buffer_unordered(READS).try_collect().await
}

async fn read_past(
    key: &SessionKey,
    proposed: &[Proposed],
    deps: &Deps,
) -> Result<Past, ReadError> {
    let mut past = Past::default();
    past.stored = deps.log.session(key).await?;
    let Some(covered) = past.covered() else { return Ok(past) };
    let asked: BTreeSet<u64> =
        proposed.iter().map(|p| p.event.order.seq).filter(|seq| *seq <= covered).collect();
    if let (Some(first), Some(last)) = (asked.first(), asked.last()) {
        let events = deps.log.events(key, *first..=*last).await?;
        past.older = events.into_iter().map(|event| event.order).collect();
    }
    Ok(past)
}
