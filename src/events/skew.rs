//! How far this machine's clock is off that of a store which others share.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Timestamp;

/// So many comparisons are remembered. A store of several servers answers from any of them: one
/// whose own clock is wrong is outvoted by the others.
const COMPARED_MAX: usize = 8;

/// The last comparisons of two clocks.
#[derive(Debug)]
pub struct Skew {
    store: &'static str,
    compared: Mutex<Compared>,
}

#[derive(Debug, Default)]
struct Compared {
    ahead_ms: VecDeque<i64>,
    is_far: bool,
}

impl Skew {
    /// Clocks further apart than this do not go together.
    pub const MS_MAX: i64 = 30_000;

    /// Nothing was compared yet with the clock of this store, `log` or `views`.
    pub fn new(store: &'static str) -> Self {
        Self { store, compared: Mutex::default() }
    }

    /// The store was asked for its time, and answered with `theirs`, between two instants of here.
    pub fn compare(&self, theirs: Timestamp, (asked_at, answered_at): (Timestamp, Timestamp)) {
        let mut compared = self.compared();
        if compared.ahead_ms.len() == COMPARED_MAX {
            compared.ahead_ms.pop_front();
        }
        compared.ahead_ms.push_back(ahead_ms(theirs, (asked_at, answered_at)));
        let ahead_ms = compared.least().unwrap_or(0);
        let is_far = ahead_ms.abs() > Self::MS_MAX;
        if is_far != compared.is_far {
            compared.is_far = is_far;
            let store = self.store;
            if is_far {
                tracing::error!(store, ahead_ms, "this clock is far from the store's; set it");
            } else {
                tracing::info!(store, ahead_ms, "this clock is near the store's again");
            }
        }
    }

    /// By how much this clock is ahead of the store's, negative when behind: the least of the last
    /// comparisons. `None` before the first.
    pub fn ahead_ms(&self) -> Option<i64> {
        self.compared().least()
    }

    /// The store, `log` or `views`.
    pub fn store(&self) -> &'static str {
        self.store
    }

    fn compared(&self) -> MutexGuard<'_, Compared> {
        self.compared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Compared {
    fn least(&self) -> Option<i64> {
        self.ahead_ms.iter().copied().min_by_key(|ahead_ms| ahead_ms.abs())
    }
}

/// By how much a clock is ahead of another at least, negative when behind, when the other said
/// `theirs` between two of its own instants.
pub fn ahead_ms(theirs: Timestamp, (asked_at, answered_at): (Timestamp, Timestamp)) -> i64 {
    if theirs < asked_at { asked_at.since_ms(theirs) } else { answered_at.since_ms(theirs).min(0) }
}
