//! A second look at a session of which facts are missing. Two nodes that record facts of one
//! session in the same moment do not find each other's in the log: one has a gap, and so would the
//! views until a sweep.

use std::collections::BTreeSet;

use super::batch;
use super::memory::Memory;
use crate::actors::Deps;
use crate::events::{AccountId, SessionId};

/// Reads the session again, unless nothing is missing by now, and signals what is new.
pub(super) async fn look(
    account: &AccountId,
    session: SessionId,
    memory: &mut Memory,
    deps: &Deps,
) {
    let facts = |memory: &Memory| {
        let live = memory.sessions.get(session)?;
        live.state.as_ref().map(|state| (state.facts, state.missing.total()))
    };
    let before = facts(memory);
    if before.is_none_or(|(_, missing)| missing == 0) {
        return;
    }
    memory.sessions.remove(session);
    match memory.wake_sessions(account, &BTreeSet::from([session]), deps).await {
        Ok(_) if facts(memory) != before => {
            batch::tell(account, memory, (&[(session, true)], vec![]), deps);
        }
        Ok(_) => {}
        // The next fact reads it, or a sweep.
        Err(error) => tracing::debug!(%error, %account, %session, "a session was not read again"),
    }
}
