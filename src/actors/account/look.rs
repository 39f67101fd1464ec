//! A second look at a session of which facts are missing. Two nodes that record facts of one
//! session in the same moment do not find each other's in the log: one has a gap, and so would the
//! views until a sweep. Of facts without numbers nothing shows that any is missing.

use super::batch;
use super::memory::Memory;
use crate::actors::Deps;
use crate::events::{AccountId, SessionId, State};

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
    let facts = |memory: &Memory| {
        let live = memory.sessions.get(session)?;
        live.state.as_ref().map(|state| (state.facts, state.missing.total()))
    };
    let live = memory.sessions.get(session);
    let awaits = live.and_then(|live| live.state.as_ref()).is_none_or(|state| awaits(state, which));
    if !awaits {
        return;
    }
    let before = facts(memory);
    // The next look, the next fact or a sweep reads what cannot be read now.
    if let Err(error) = memory.read_again(account, session, deps).await {
        tracing::debug!(%error, %account, %session, "a session was not read again");
        return;
    }
    let live = memory.sessions.of(session);
    let is_numbered = live.state.as_ref().is_none_or(|state| state.numbered);
    live.is_awaited = is_numbered && which == Look::First;
    if facts(memory) != before {
        batch::tell(account, memory, (&[(session, true)], vec![]), deps);
    }
    memory.trim(deps.limits.account_sessions_max);
}

/// Without numbers one look has to do: it would come after every fact twice.
fn awaits(state: &State, which: Look) -> bool {
    if state.numbered { !state.missing.is_empty() } else { which == Look::First }
}
