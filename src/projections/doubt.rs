//! Whether views may hold what was erased while they could not be reached.
//!
//! Who erases while they are away tells them when they are back, and may end before. So whoever
//! reads views after such a time asks the log once for each account what was erased from it, until
//! a sweep has been through that time.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::store::CLOCKS_MS;
use crate::events::{AccountId, Fence, Timestamp};

/// So many accounts are remembered of which nothing was erased; the others are asked for again.
const CLEARED_MAX: usize = 200_000;

/// Which doubt it is: what was found out in an earlier one says nothing of a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn(u64);

/// Shared by whoever reads views and whoever hears of them.
#[derive(Debug, Default)]
pub struct Doubt {
    /// The number of the one that is open; 0 while none is.
    turn: AtomicU64,
    open: Mutex<State>,
    raised: Notify,
}

#[derive(Debug, Default)]
struct State {
    raised: u64,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    /// Whatever was erased before is swept; not known before anybody looked.
    since: Option<Timestamp>,
    /// Until when something may have been missed.
    until: Timestamp,
    cleared: HashSet<AccountId>,
    /// Views were away, and did not just begin to be read.
    is_grave: bool,
}

impl Doubt {
    /// Views may have missed what was erased until now.
    pub fn raise(&self, now: Timestamp) {
        let mut state = self.lock();
        let is_grave = state.raised > 0;
        state.raised += 1;
        state.open = Some(Open { since: None, until: now, cleared: HashSet::new(), is_grave });
        self.turn.store(state.raised, Ordering::Release);
        drop(state);
        self.raised.notify_one();
    }

    /// Waits until there is a new one.
    pub async fn raised(&self) {
        self.raised.notified().await;
    }

    /// Which one is open, if any.
    pub fn turn(&self) -> Option<Turn> {
        match self.turn.load(Ordering::Acquire) {
            0 => None,
            turn => Some(Turn(turn)),
        }
    }

    /// Until when something may have been missed.
    pub fn until(&self) -> Option<Timestamp> {
        self.turn()?;
        self.lock().open.as_ref().map(|open| open.until)
    }

    /// As was found in this turn, whatever was marked as changed before `at` is swept into the
    /// views that are there.
    pub fn swept_through(&self, turn: Turn, at: Timestamp) {
        let mut state = self.lock();
        let Some(open) = state.of(turn) else { return };
        open.since = Some(at.plus_ms(-CLOCKS_MS));
        if open.until.plus_ms(CLOCKS_MS) < at {
            state.open = None;
            self.turn.store(0, Ordering::Release);
        }
    }

    /// In which turn it has to be asked what was erased from an account, if it has to.
    pub fn concerns(&self, account: &AccountId) -> Option<Turn> {
        let turn = self.turn()?;
        let mut state = self.lock();
        let open = state.of(turn)?;
        (!open.cleared.contains(account)).then_some(turn)
    }

    /// Whether the views of an account may hold something of what was erased, with all that was.
    pub fn is_justified(&self, fences: &[Fence]) -> bool {
        let state = self.lock();
        let Some(open) = &state.open else { return false };
        fences.iter().any(|fence| open.since.is_none_or(|since| fence.at >= since))
    }

    /// Whether views are not to be read where the log does not say what was erased. A node that was
    /// just started knows of no outage, and reads them.
    pub fn is_grave(&self) -> bool {
        self.lock().open.as_ref().is_some_and(|open| open.is_grave)
    }

    /// They do not, or not any more, as was found in this turn.
    pub fn clear(&self, turn: Turn, account: &AccountId) {
        let mut state = self.lock();
        let Some(open) = state.of(turn) else { return };
        if open.cleared.len() < CLEARED_MAX {
            open.cleared.insert(account.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn of(&mut self, turn: Turn) -> Option<&mut Open> {
        self.open.as_mut().filter(|_| self.raised == turn.0)
    }
}
