//! Positions, leases and notices, which a fleet keeps beside its views: here for whoever runs the
//! same loops in one process.

use std::collections::HashMap;
use std::time::Duration;

use crate::events::{Slice, Timestamp};
use crate::projections::Position;

#[derive(Default)]
pub(super) struct Errands {
    positions: HashMap<(Slice, Position), Timestamp>,
    leases: HashMap<String, Lease>,
    notices: HashMap<String, (Vec<u8>, Timestamp)>,
}

struct Lease {
    holder: String,
    until: Timestamp,
}

impl Errands {
    pub(super) fn position(&self, slice: Slice, position: Position) -> Option<Timestamp> {
        self.positions.get(&(slice, position)).copied()
    }

    pub(super) fn advance(&mut self, slice: Slice, position: Position, to: Timestamp) {
        let at = self.positions.entry((slice, position)).or_insert(to);
        *at = to.max(*at);
    }

    pub(super) fn lease(
        &mut self,
        (name, holder): (&str, &str),
        ttl: Duration,
        now: Timestamp,
    ) -> bool {
        self.leases.retain(|_, lease| lease.until > now);
        if self.leases.get(name).is_some_and(|lease| lease.holder != holder) {
            return false;
        }
        let until = after(now, ttl);
        self.leases.insert(name.to_owned(), Lease { holder: holder.to_owned(), until });
        true
    }

    pub(super) fn holder(&self, name: &str, now: Timestamp) -> Option<String> {
        let lease = self.leases.get(name).filter(|lease| lease.until > now)?;
        Some(lease.holder.clone())
    }

    pub(super) fn release(&mut self, name: &str, holder: &str) {
        if self.leases.get(name).is_some_and(|lease| lease.holder == holder) {
            self.leases.remove(name);
        }
    }

    pub(super) fn set_notice(
        &mut self,
        (name, word): (&str, &[u8]),
        ttl: Duration,
        now: Timestamp,
    ) {
        self.notices.insert(name.to_owned(), (word.to_owned(), after(now, ttl)));
    }

    pub(super) fn notice(&self, name: &str, now: Timestamp) -> Option<Vec<u8>> {
        let (word, until) = self.notices.get(name)?;
        (*until > now).then(|| word.clone())
    }
}

fn after(now: Timestamp, ttl: Duration) -> Timestamp {
    now.plus_ms(i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX))
}
