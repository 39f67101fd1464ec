//! A second look at a session of which facts are missing. Two nodes that record facts of one
//! session in the same moment do not find each other's in the log: one has a gap, and so would the
//! views until a sweep. Of facts without numbers nothing shows that any is missing.

use super::batch;
use super::memory::Memory;
use crate::actors::Deps;
use crate::events::{AccountId, ReadError, SessionId, State};

/// Which of the looks at a session it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::actors) enum Look {
    /// Soon.
    First,
    /// When whatever was on its way is durable or given up.
    Last,
}

/// Reads the session again, unless nothing can be missing by now, and signals what is new.
pub(super) async fn look(
    account: &AccountId,
    (session, which): (SessionId, Look),
    memory: &mut Memory,
    deps: &Deps,
) {
    let live = memory.sessions.get(session);
    let (is_here, state) = (live.is_some(), live.and_then(|live| live.state.as_ref()));
    let is_numbered = state.is_none_or(|state| state.numbered);
    let is_whole = state.is_some_and(|state| state.numbered && state.missing.is_empty());
    let before = state.map(seen);
    if is_here {
        // Whatever comes of this look, the next gap has looks of its own.
        let awaits = is_numbered && !is_whole && which == Look::First;
        memory.sessions.of(session).is_awaited = awaits;
    }
    if is_whole {
        return;
    }
    // The next look, the next fact or a sweep reads what cannot be read now.
    if let Err(error) = read_again(account, session, memory, deps).await {
        tracing::debug!(%error, %account, %session, "a session was not read again");
        return;
    }
    let state = memory.sessions.get(session).and_then(|live| live.state.as_ref());
    if state.map(seen) != before {
        batch::tell(account, memory, (&[(session, true)], vec![]), deps);
    }
    memory.trim(deps.limits.account_sessions_max);
}

async fn read_again(
    account: &AccountId,
    session: SessionId,
    memory: &mut Memory,
    deps: &Deps,
) -> Result<(), ReadError> {
    // Or what is new would not be told, since something may have been erased.
    memory.wake_account(account, deps).await?;
    memory.read_again(account, session, deps).await
}

/// What tells that more of a session is known.
fn seen(state: &State) -> (u32, u64) {
    (state.facts, state.missing.total())
}
