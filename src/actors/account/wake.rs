//! Reads what a batch needs and memory lacks; mostly nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::batch::Sorted;
use super::decide::{Proposed, needs_the_past};
use super::live::Past;
use super::memory::Memory;
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
    let mut pasts = Pasts::new();
    memory.wake_account(account, deps).await?;
    for proposed in sorted.by_session() {
        let Some(first) = proposed.first() else { continue };
        let session = first.event.fact.session;
        if memory.is_parked(session) {
            continue;
        }
        let is_fresh = memory.wake_session(account, session, deps).await?;
        let live = memory.sessions.get(session);
        if live.is_some_and(|live| needs_the_past(live, proposed, is_fresh)) {
            let key = SessionKey { account: account.clone(), session };
            pasts.insert(session, read_past(&key, proposed, deps).await?);
        }
    }
    for (_, state) in &sorted.snapshots {
        memory.wake_session(account, state.session, deps).await?;
    }
    if !sorted.marks.is_empty() {
        memory.wake_commands(account, deps).await?;
    }
    Ok(pasts)
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
