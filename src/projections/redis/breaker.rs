//! After a failure nobody waits for a store that does not answer: for a moment calls fail at once,
//! then a single one tries.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub(super) struct Breaker {
    born: Instant,
    pause_ms: u64,
    /// Until when nothing is tried, in milliseconds of its life; 0 while all is well.
    until_ms: AtomicU64,
    failures: AtomicU64,
    /// Failures since the last answer.
    in_a_row: AtomicU64,
}

impl Breaker {
    pub(super) fn new(pause: Duration) -> Self {
        Self {
            born: Instant::now(),
            pause_ms: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            until_ms: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            in_a_row: AtomicU64::new(0),
        }
    }

    /// Whether a call may be made. The first one after a pause may, and begins another for the
    /// others.
    pub(super) fn admits(&self) -> bool {
        let until = self.until_ms.load(Ordering::Acquire);
        if until == 0 {
            return true;
        }
        let now = self.now_ms();
        let next = now.saturating_add(self.pause_ms);
        let order = (Ordering::AcqRel, Ordering::Relaxed);
        now >= until && self.until_ms.compare_exchange(until, next, order.0, order.1).is_ok()
    }

    /// The store answered; true when it did not before.
    pub(super) fn answered(&self) -> bool {
        if self.is_well() {
            return false;
        }
        self.in_a_row.store(0, Ordering::Release);
        self.until_ms.swap(0, Ordering::AcqRel) != 0
    }

    /// The store did not answer; returns how often in a row.
    pub(super) fn failed(&self) -> u64 {
        let until = self.now_ms().saturating_add(self.pause_ms).max(1);
        self.until_ms.store(until, Ordering::Release);
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.in_a_row.fetch_add(1, Ordering::AcqRel) + 1
    }

    pub(super) fn is_well(&self) -> bool {
        self.until_ms.load(Ordering::Acquire) == 0
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
