//! How fast the log answers of late.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// An append that takes longer is slow; alert rules ask for the same.
const SLOW: Duration = Duration::from_millis(500);
/// One append in so many may be slow.
const SLOW_ONE_IN: u64 = 100;
const SPAN: Duration = Duration::from_secs(10);

/// Appends counted as they are answered.
#[derive(Debug)]
pub(crate) struct Pace(Mutex<Counted>);

#[derive(Debug)]
struct Counted {
    begun: Instant,
    now: PaceObserved,
    /// Of the span before.
    before: PaceObserved,
}

/// How many appends were answered of late, and how many of them late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PaceObserved {
    /// All of them.
    pub appends: u64,
    /// Those that took more than half a second.
    pub slow: u64,
}

impl PaceObserved {
    /// Whether too many were late.
    pub fn is_slow(self) -> bool {
        self.slow.saturating_mul(SLOW_ONE_IN) > self.appends
    }

    fn and(self, other: Self) -> Self {
        Self { appends: self.appends + other.appends, slow: self.slow + other.slow }
    }
}

impl Pace {
    /// Nothing was appended yet.
    pub(super) fn new() -> Self {
        let (now, before) = (PaceObserved::default(), PaceObserved::default());
        Self(Mutex::new(Counted { begun: Instant::now(), now, before }))
    }

    /// An append was answered, or given up, after so long.
    pub(super) fn took(&self, time: Duration) {
        let mut counted = self.counted();
        counted.turn();
        counted.now.appends += 1;
        counted.now.slow += u64::from(time > SLOW);
    }

    /// Of the last ten to twenty seconds.
    pub(super) fn observe(&self) -> PaceObserved {
        let mut counted = self.counted();
        counted.turn();
        counted.now.and(counted.before)
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counted {
    /// Begins another span when this one is over.
    fn turn(&mut self) {
        let age = self.begun.elapsed();
        if age < SPAN {
            return;
        }
        let counted = std::mem::take(&mut self.now);
        self.before = if age < 2 * SPAN { counted } else { PaceObserved::default() };
        self.begun = Instant::now();
    }
}
