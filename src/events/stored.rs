//! How every log puts a session together from its rows: which snapshot counts, which rows lie above
//! it, and what becomes of a row that cannot be read.

use super::codec::{DecodeError, Snapshot, decode_event, decode_snapshot};
use super::{Damage, Depth, Order, SessionId, State, Stored};

impl Stored {
    /// A session before its first event, from the body of its snapshot row.
    pub(super) fn begin(session: SessionId, snapshot: Option<&[u8]>, depth: Depth) -> Self {
        let mut stored = Self { session, snapshot: None, events: vec![], damage: None };
        match snapshot.map(|body| decode_snapshot(session, body)) {
            Some(Ok(snapshot)) => stored.snapshot = usable(snapshot, depth),
            Some(Err(error)) => stored.hurt(error),
            None => {}
        }
        stored
    }

    /// The greatest order key that the snapshot covers.
    pub(super) fn covered(&self) -> Option<u64> {
        self.snapshot.as_ref().map(|state| state.seq)
    }

    /// Takes the next row; passes over one that the snapshot covers.
    pub(super) fn add(&mut self, order: Order, body: &[u8]) {
        if self.covered().is_some_and(|covered| order.seq <= covered) {
            return;
        }
        match decode_event(self.session, order, body) {
            Ok(event) => self.events.push(event),
            Err(error) => self.hurt(error),
        }
    }

    fn hurt(&mut self, error: DecodeError) {
        match &mut self.damage {
            Some(damage) => damage.rows += 1,
            None => self.damage = Some(Damage { rows: 1, first: error }),
        }
    }
}

/// Where facts were compacted away the state is all that is left, whoever made it.
fn usable(snapshot: Snapshot, depth: Depth) -> Option<State> {
    if snapshot.state.as_ref().is_some_and(|state| state.compacted_through.is_some()) {
        return snapshot.state;
    }
    match depth {
        Depth::Snapshots => snapshot.current(),
        Depth::Facts => None,
    }
}
