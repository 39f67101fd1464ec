//! Whether views may hold what was erased while they could not be reached.
//!
//! Who erases while they are away tells them when they are back, and may end before. So whoever
//! reads views after such a time asks the log once for each account what was erased from it, until
//! a sweep has been through that time.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::store::CLOCKS_MS;
use crate::events::{AccountId, Fence, Timestamp};

/// Of so many accounts it is remembered that they were looked at; the others are asked for again.
const CLEARED_MAX: usize = 200_000;

/// Why views are doubted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoubtCause {
    /// Whoever reads them has just begun to, and knows of no outage.
    Start,
    /// They were away, or went back.
    Outage,
}

/// A doubt that is open, as it was when it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenDoubt {
    /// Which one it is: what was found out in an earlier one says nothing of a later one.
    turn: u64,
    cause: DoubtCause,
    /// Whatever was erased before is swept; not known before anybody looked.
    since: Option<Timestamp>,
    until: Timestamp,
}

/// Shared by whoever reads views and whoever hears of them.
#[derive(Debug, Default)]
pub struct Doubt {
    is_open: AtomicBool,
    told: Mutex<Told>,
    raised: Notify,
}

#[derive(Debug, Default)]
struct Told {
    turns: u64,
    open: Option<OpenDoubt>,
    cleared: HashSet<AccountId>,
}

impl OpenDoubt {
    /// Whether the views of an account may hold something of what was erased, with all that was.
    pub fn is_justified(&self, fences: &[Fence]) -> bool {
        fences.iter().any(|fence| self.since.is_none_or(|since| fence.at >= since))
    }

    /// Until when something may have been missed.
    pub fn until(&self) -> Timestamp {
        self.until
    }

    /// Why.
    pub fn cause(&self) -> DoubtCause {
        self.cause
    }
}

impl Doubt {
    /// Views may have missed what was erased until now.
    pub fn raise(&self, cause: DoubtCause, now: Timestamp) {
        let mut told = self.lock();
        told.turns += 1;
        told.open = Some(OpenDoubt { turn: told.turns, cause, since: None, until: now });
        told.cleared.clear();
        self.is_open.store(true, Ordering::Release);
        drop(told);
        self.raised.notify_one();
    }

    /// Waits until there is a new one.
    pub async fn raised(&self) {
        self.raised.notified().await;
    }

    /// The one that is open.
    pub fn open(&self) -> Option<OpenDoubt> {
        if !self.is_open.load(Ordering::Acquire) {
            return None;
        }
        self.lock().open
    }

    /// The same, where it has to be asked what was erased from an account.
    pub fn about(&self, account: &AccountId) -> Option<OpenDoubt> {
        if !self.is_open.load(Ordering::Acquire) {
            return None;
        }
        let told = self.lock();
        told.open.filter(|_| !told.cleared.contains(account))
    }

    /// As was found in this one, whatever was marked as changed before `at` is swept into the views
    /// that are there.
    pub fn swept_through(&self, found_in: &OpenDoubt, at: Timestamp) {
        let mut told = self.lock();
        let Some(open) = told.same(found_in) else { return };
        open.since = Some(at.plus_ms(-CLOCKS_MS));
        if open.until.plus_ms(CLOCKS_MS) < at {
            *told = Told { turns: told.turns, ..Told::default() };
            self.is_open.store(false, Ordering::Release);
        }
    }

    /// The views of an account hold nothing of it, or not any more, as was found in this one.
    pub fn clear(&self, found_in: &OpenDoubt, account: &AccountId) {
        let mut told = self.lock();
        if told.same(found_in).is_some() && told.cleared.len() < CLEARED_MAX {
            told.cleared.insert(account.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn same(&mut self, as_it_was: &OpenDoubt) -> Option<&mut OpenDoubt> {
        self.open.as_mut().filter(|open| open.turn == as_it_was.turn)
    }
}
