//! How far the views follow the log.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Doubt;
use crate::events::Timestamp;

/// Views further behind than this are called stale.
const STALE_MS: i64 = 5_000;

/// Shared by whoever signals, whoever merges and whoever answers.
#[derive(Debug, Default)]
pub struct Freshness {
    signalled_ms: AtomicI64,
    merged_ms: AtomicI64,
    /// What no sweep has brought yet.
    loss: Mutex<Option<Loss>>,
    /// Since when something waits in streams between nodes; 0 while nothing does.
    streamed_ms: AtomicI64,
    /// Through when every other node has merged what it signalled; 0 where there are none.
    others_ms: AtomicI64,
    doubt: Doubt,
}

/// When the first and the last signal since the last sweep were lost.
#[derive(Debug, Clone, Copy)]
struct Loss {
    first: Timestamp,
    last: Timestamp,
}

impl Freshness {
    /// Something was recorded just now and is on its way to the views.
    pub fn signalled(&self, now: Timestamp) {
        self.signalled_ms.fetch_max(now.ms(), Ordering::AcqRel);
    }

    /// Whatever was signalled before `now` is merged.
    pub fn merged_through(&self, now: Timestamp) {
        self.merged_ms.fetch_max(now.ms(), Ordering::AcqRel);
    }

    /// What nodes put into streams before `at` is merged; without it everything is.
    pub fn streams_merged_through(&self, at: Option<Timestamp>) {
        self.streamed_ms.store(at.map_or(0, Timestamp::ms), Ordering::Release);
    }

    /// What other nodes signalled before `at` is merged.
    pub fn others_merged_through(&self, at: Timestamp) {
        self.others_ms.store(at.ms(), Ordering::Release);
    }

    /// What was merged from `from` until `now` is gone; only a sweep brings it again.
    pub fn lost_since(&self, from: Timestamp, now: Timestamp) {
        let mut loss = self.loss();
        let before = loss.unwrap_or(Loss { first: from, last: now });
        *loss = Some(Loss { first: before.first.min(from), last: before.last.max(now) });
    }

    /// A signal will not be merged; only a sweep brings what it told of.
    pub fn lost(&self, now: Timestamp) {
        let good = [&self.merged_ms, &self.streamed_ms].map(|ms| ms.load(Ordering::Acquire));
        let good = good.into_iter().filter(|ms| *ms > 0).map(Timestamp::from_ms);
        let mut loss = self.loss();
        let first = loss.map_or_else(|| good.fold(now, Timestamp::min), |loss| loss.first);
        *loss = Some(Loss { first, last: loss.map_or(now, |loss| loss.last.max(now)) });
    }

    /// Whatever was recorded before `at` was swept into the views.
    pub fn swept_through(&self, at: Timestamp) {
        self.loss().take_if(|loss| at > loss.last);
    }

    /// Whatever was recorded between these was swept into the views.
    pub fn swept_between(&self, from: Timestamp, to: Timestamp) {
        self.loss().take_if(|loss| from <= loss.first && to > loss.last);
    }

    /// Whether views may hold what was erased.
    pub fn doubt(&self) -> &Doubt {
        &self.doubt
    }

    /// Whether signals were lost since the last sweep.
    pub fn lacks_signals(&self) -> bool {
        self.loss().is_some()
    }

    fn loss(&self) -> MutexGuard<'_, Option<Loss>> {
        self.loss.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The instant through which the views hold everything, whichever node recorded it.
    pub fn as_of(&self, now: Timestamp) -> Timestamp {
        let own = self.own_as_of(now);
        match self.others_ms.load(Ordering::Acquire) {
            0 => own,
            others_ms => own.min(Timestamp::from_ms(others_ms)),
        }
    }

    /// The instant through which the views hold everything that this node knows of by itself: what
    /// it signalled, and what waits in streams; `now` when nothing is on its way.
    pub fn own_as_of(&self, now: Timestamp) -> Timestamp {
        let as_of = match self.streamed_ms.load(Ordering::Acquire) {
            0 => self.signalled_as_of(now),
            ms => self.signalled_as_of(now).min(Timestamp::from_ms(ms)),
        };
        self.loss().map_or(as_of, |loss| as_of.min(loss.first))
    }

    fn signalled_as_of(&self, now: Timestamp) -> Timestamp {
        let merged = self.merged_ms.load(Ordering::Acquire);
        let signalled = self.signalled_ms.load(Ordering::Acquire);
        if signalled == 0 || signalled < merged {
            return now;
        }
        Timestamp::from_ms(merged).min(now)
    }

    /// True when views of that instant are too far behind.
    pub fn is_stale(as_of: Timestamp, now: Timestamp) -> bool {
        now.since_ms(as_of) > STALE_MS
    }
}
