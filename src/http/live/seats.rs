//! How many sockets and event streams each account has open.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::events::AccountId;
use crate::telemetry::SOCKETS;

/// Open sockets and event streams by account; cheap to clone.
#[derive(Clone, Default)]
pub struct Sockets(Arc<Mutex<HashMap<AccountId, usize>>>);

impl Sockets {
    /// How many are open.
    pub fn open(&self) -> usize {
        self.lock().values().sum()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the open sockets of an account, given back when dropped.
pub(in crate::http) struct Seat {
    sockets: Sockets,
    account: AccountId,
}

/// Takes a place; `None` when the account has `max` taken.
pub(in crate::http) fn seat(sockets: &Sockets, account: &AccountId, max: usize) -> Option<Seat> {
    let mut open = sockets.lock();
    let taken = open.get(account).copied().unwrap_or(0);
    if taken >= max {
        return None;
    }
    open.insert(account.clone(), taken + 1);
    metrics::gauge!(SOCKETS).increment(1.0);
    Some(Seat { sockets: sockets.clone(), account: account.clone() })
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.sockets.lock();
        metrics::gauge!(SOCKETS).decrement(1.0);
        match open.get_mut(&self.account) {
            Some(taken) if *taken > 1 => *taken -= 1,
            _ => drop(open.remove(&self.account)),
        }
    }
}
