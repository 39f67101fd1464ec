//! The timestamps that rows bear: the writer's own clock, always later than its last, and later
//! than every deletion of the account that it knows of, so that what is written after an erasure
//! stays, whatever the clocks say.

use std::collections::HashMap;
use std::mem;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::events::{AccountId, Clock};

/// How many accounts are remembered at least; as many again before the oldest are forgotten, to be
/// read again when they write again. Some 100 bytes each.
const ACCOUNTS_MAX: usize = 65_536;

/// Gives timestamps in microseconds.
pub(super) struct Stamps {
    clock: Arc<dyn Clock>,
    last_us: AtomicI64,
    floors: Mutex<Floors>,
}

/// What each account's next timestamp must be later than; 0 where nothing was ever erased.
#[derive(Default)]
struct Floors {
    newer: HashMap<AccountId, i64>,
    older: HashMap<AccountId, i64>,
}

impl Floors {
    fn of(&mut self, account: &AccountId) -> Option<i64> {
        if let Some(floor) = self.newer.get(account) {
            return Some(*floor);
        }
        let floor = self.older.remove(account)?;
        self.raise(account, floor);
        Some(floor)
    }

    fn raise(&mut self, account: &AccountId, floor_us: i64) {
        if let Some(known) = self.newer.get_mut(account) {
            *known = floor_us.max(*known);
            return;
        }
        let known = self.older.remove(account).unwrap_or(0);
        if self.newer.len() >= ACCOUNTS_MAX {
            self.older = mem::take(&mut self.newer);
        }
        self.newer.insert(account.clone(), floor_us.max(known));
    }
}

impl Stamps {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, last_us: AtomicI64::new(0), floors: Mutex::default() }
    }

    /// A timestamp later than every one given here before.
    pub(super) fn next(&self) -> i64 {
        let now_us = self.clock.now().ms().saturating_mul(1_000);
        let later = |last: i64| now_us.max(last.saturating_add(1));
        let moved = self
            .last_us
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(later(last)));
        later(moved.unwrap_or_else(|last| last))
    }

    /// A timestamp for a write of the account; `None` when its fences have to be read first.
    pub(super) fn of(&self, account: &AccountId) -> Option<i64> {
        let mut floors = self.floors();
        let floor_us = floors.of(account)?;
        let next_us = self.next();
        if next_us > floor_us {
            return Some(next_us);
        }
        // The clock is behind an erasure: the account alone goes ahead of it.
        let next_us = floor_us.saturating_add(1);
        floors.raise(account, next_us);
        Some(next_us)
    }

    /// Learns of the latest deletion of an account; 0 when there is none.
    pub(super) fn learn(&self, account: &AccountId, floor_us: i64) {
        self.floors().raise(account, floor_us);
    }

    fn floors(&self) -> MutexGuard<'_, Floors> {
        self.floors.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
