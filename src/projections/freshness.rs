//! How far the views follow the log.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::events::Timestamp;

/// Views further behind than this are called stale.
const STALE_MS: i64 = 5_000;

/// Shared by whoever signals, whoever merges and whoever answers.
#[derive(Debug, Default)]
pub struct Freshness {
    signalled_ms: AtomicI64,
    merged_ms: AtomicI64,
    /// When the first and the last signal since the last sweep were lost; 0 is none.
    lost_ms: AtomicI64,
    lost_last_ms: AtomicI64,
    /// Since when something waits in streams between nodes; 0 while nothing does.
    streamed_ms: AtomicI64,
    /// Through when every other node has merged what it signalled; 0 where there are none.
    others_ms: AtomicI64,
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
        self.lost_last_ms.fetch_max(now.ms(), Ordering::AcqRel);
        let earlier = |lost_ms: i64| match lost_ms {
            0 => Some(from.ms()),
            lost_ms => Some(lost_ms.min(from.ms())),
        };
        // It cannot fail: the closure always gives a value.
        let _ = self.lost_ms.fetch_update(Ordering::AcqRel, Ordering::Acquire, earlier);
    }

    /// A signal will not be merged; only a sweep brings what it told of.
    pub fn lost(&self, now: Timestamp) {
        self.lost_last_ms.fetch_max(now.ms(), Ordering::AcqRel);
        let good = [&self.merged_ms, &self.streamed_ms].map(|ms| ms.load(Ordering::Acquire));
        let good = good.into_iter().filter(|ms| *ms > 0);
        let first_ms = good.fold(now.ms(), i64::min);
        let _ = self.lost_ms.compare_exchange(0, first_ms, Ordering::AcqRel, Ordering::Acquire);
    }

    /// Whatever was recorded before `at` was swept into the views.
    pub fn swept_through(&self, at: Timestamp) {
        if at.ms() > self.lost_last_ms.load(Ordering::Acquire) {
            self.lost_ms.store(0, Ordering::Release);
        }
    }

    /// Whatever was recorded between these was swept into the views.
    pub fn swept_between(&self, from: Timestamp, to: Timestamp) {
        let lost_ms = self.lost_ms.load(Ordering::Acquire);
        if lost_ms != 0 && from.ms() <= lost_ms {
            self.swept_through(to);
        }
    }

    /// Whether signals were lost since the last sweep.
    pub fn lacks_signals(&self) -> bool {
        self.lost_ms.load(Ordering::Acquire) != 0
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
        match self.lost_ms.load(Ordering::Acquire) {
            0 => as_of,
            lost_ms => as_of.min(Timestamp::from_ms(lost_ms)),
        }
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
