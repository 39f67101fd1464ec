//! How every log puts a session together from its rows: which snapshot counts, which rows lie above
//! it, and what becomes of a row that cannot be read.

use super::codec::{DecodeError, Snapshot, decode_event, decode_snapshot};
use super::{Damage, Depth, Order, SessionId, State, Stored};

impl Stored {
    /// A session before its first event, from the body of its snapshot row.
    pub(super) fn begin(session: SessionId, snapshot: Option<&[u8]>, depth: Depth) -> Self {
        let (events, damage, passed_over) = (vec![], None, None);
        let mut stored = Self { session, snapshot: None, events, damage, passed_over };
        match snapshot.map(|body| decode_snapshot(session, body)) {
            Some(Ok(snapshot)) => stored.begin_with(snapshot, depth),
            Some(Err(error)) => stored.hurt(error),
            None => {}
        }
        stored
    }

    /// Where facts were compacted away the state is all that is left, whoever made it.
    fn begin_with(&mut self, snapshot: Snapshot, depth: Depth) {
        let is_compacted = |state: &State| state.compacted_through.is_some();
        if snapshot.state.as_ref().is_some_and(is_compacted) {
            self.snapshot = snapshot.state;
            return;
        }
        match depth {
            Depth::Snapshots if snapshot.is_current() => self.snapshot = snapshot.state,
            Depth::Snapshots | Depth::Facts => self.passed_over = Some(snapshot),
        }
    }

    /// All of its rows are added. Where the first of those is gone that the snapshot covers which
    /// was passed over for them, another node compacted them since that was read, or wrote one
    /// since that does not say so: then it is all that is left of them, whoever made it.
    pub(super) fn settle(&mut self) {
        let begins = self.events.first().is_some_and(|first| first.order.seq == 0);
        if begins || self.damage.is_some() {
            return;
        }
        let left = self.passed_over.take_if(|passed_over| passed_over.state.is_some());
        let Some(state) = left.and_then(|passed_over| passed_over.state) else { return };
        self.events.retain(|event| event.order.seq > state.seq);
        self.snapshot = Some(State { compacted_through: Some(state.seq), ..state });
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
