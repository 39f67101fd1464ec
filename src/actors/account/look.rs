//! A second look at a session of which facts are missing. Two nodes that record facts of one
//! session in the same moment do not find each other's in the log: one has a gap, and so would the
//! views until a sweep.

use super::batch;
use super::memory::Memory;
use crate::actors::Deps;
use crate::events::{AccountId, SessionId};

/// Which of the looks at a session it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::actors) enum Look {
    /// Soon.
    First,
    /// When whatever was on its way is durable or given up.
    Last,
}

/// Reads the session again, unless nothing is missing by now, and signals what is new.
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
    let before = facts(memory);
    if before.is_some_and(|(_, missing)| missing == 0) {
        return;
    }
    // The next look, the next fact or a sweep reads what cannot be read now.
    if let Err(error) = memory.read_again(account, session, deps).await {
        tracing::debug!(%error, %account, %session, "a session was not read again");
        return;
    }
    memory.sessions.of(session).is_awaited = which == Look::First;
    if facts(memory) != before {
        batch::tell(account, memory, (&[(session, true)], vec![]), deps);
    }
    memory.trim(deps.limits.account_sessions_max);
}
