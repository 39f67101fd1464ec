//! What a node says of the facts that wait on it.

use serde::Serialize;
use utoipa::ToSchema;

use crate::actors::SpoolObserved;
use crate::events::Timestamp;

/// How the facts do that wait on this node until the log is back.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(in crate::http) struct SpoolReport {
    /// Whether facts are taken while the log is away.
    enabled: bool,
    /// Facts that wait.
    waiting: u64,
    /// Their bytes…
    bytes: u64,
    /// …of which there may be so many.
    bytes_max: u64,
    /// When the oldest of them was received, to the second.
    #[schema(value_type = Option<String>)]
    oldest_at: Option<Timestamp>,
    /// Facts that were acknowledged as being on this node, since the start.
    spooled: u64,
    /// Of those and earlier ones, facts that came through to the log.
    replayed: u64,
    /// And those that it refused in the end: conflicts, and what was erased meanwhile.
    dropped: u64,
    /// Facts refused for want of room.
    turned_away: u64,
    /// The last that was dropped, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_dropped: Option<String>,
}

impl SpoolReport {
    /// All at nothing where there is no spool.
    pub(super) fn of(observed: Option<SpoolObserved>) -> Self {
        let Some(observed) = observed else { return Self::default() };
        let standing = observed.standing;
        Self {
            enabled: observed.takes,
            waiting: standing.facts,
            bytes: standing.bytes,
            bytes_max: standing.bytes_max,
            oldest_at: standing.oldest_at,
            spooled: observed.spooled,
            replayed: observed.replayed,
            dropped: observed.dropped,
            turned_away: observed.turned_away,
            last_dropped: observed.last_dropped,
        }
    }
}
