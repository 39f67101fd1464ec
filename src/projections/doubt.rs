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

/// So many accounts are remembered of which nothing was erased; the others are asked for again.
const CLEARED_MAX: usize = 200_000;

/// Shared by whoever reads views and whoever hears of them.
#[derive(Debug, Default)]
pub struct Doubt {
    is_open: AtomicBool,
    open: Mutex<Option<Open>>,
    raised: Notify,
}

#[derive(Debug)]
struct Open {
    /// Whatever was erased before is swept; not known before anybody looked.
    since: Option<Timestamp>,
    /// Until when something may have been missed.
    until: Timestamp,
    cleared: HashSet<AccountId>,
}

impl Doubt {
    /// Views may have missed what was erased until now.
    pub fn raise(&self, now: Timestamp) {
        *self.lock() = Some(Open { since: None, until: now, cleared: HashSet::new() });
        self.is_open.store(true, Ordering::Release);
        self.raised.notify_one();
    }

    /// Waits until there is a new one.
    pub async fn raised(&self) {
        self.raised.notified().await;
    }

    /// Whether there is any.
    pub fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    /// Whatever was marked as changed before `at` is swept into the views that are there.
    pub fn swept_through(&self, at: Timestamp) {
        let mut open = self.lock();
        if let Some(open) = open.as_mut() {
            open.since = Some(at.plus_ms(-CLOCKS_MS));
        }
        open.take_if(|open| open.until.plus_ms(CLOCKS_MS) < at);
        self.is_open.store(open.is_some(), Ordering::Release);
    }

    /// Whether it has to be asked what was erased from an account.
    pub fn concerns(&self, account: &AccountId) -> bool {
        self.is_open() && self.lock().as_ref().is_some_and(|open| !open.cleared.contains(account))
    }

    /// Whether the views of an account may hold something of what was erased, with all that was.
    pub fn is_justified(&self, fences: &[Fence]) -> bool {
        let since = self.lock().as_ref().and_then(|open| open.since);
        fences.iter().any(|fence| since.is_none_or(|since| fence.at >= since))
    }

    /// They do not, or not any more.
    pub fn clear(&self, account: &AccountId) {
        let mut open = self.lock();
        let Some(open) = open.as_mut() else { return };
        if open.cleared.len() < CLEARED_MAX {
            open.cleared.insert(account.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
