//! Long work over the whole log: making every view anew, and comparing what is kept with what it
//! was made from.

mod pages;
mod patience;
mod rebuild;
mod sweep;
mod verify;

use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::try_join_all;

use crate::events::{AccountId, AccountRange, AppendError, EventLog, ReadError, SessionId};
use crate::projections::ViewError;

pub use pages::{Pages, account_ranges};
pub use patience::{MayPass, patiently};
pub use rebuild::{Rebuild, RebuildError, Rebuilt, Renew, rebuild};
pub use sweep::{Pass, Rest, Sweep, Swept, TellErased};
pub use verify::verify;

/// How far long work came; read while it runs.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
    events: AtomicU64,
}

impl Progress {
    /// Accounts done.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Accounts there are; 0 while they are being counted.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    /// Events folded.
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Sets how many accounts there are.
    pub fn set_total(&self, accounts: u64) {
        self.total.store(accounts, Ordering::Relaxed);
    }

    /// An account is done.
    pub fn account_done(&self, events: u64) {
        self.done.fetch_add(1, Ordering::Relaxed);
        self.events.fetch_add(events, Ordering::Relaxed);
    }
}

/// Why long work stopped.
#[derive(Debug, thiserror::Error)]
pub enum StoresError {
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The views could not be read or written.
    #[error(transparent)]
    Views(#[from] ViewError),
}

/// Something that is not as the facts say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The household.
    pub account: AccountId,
    /// The session or command.
    pub session: Option<SessionId>,
    /// What is the matter, for people.
    pub what: String,
}

/// How many accounts the log has; reads all of their ids.
///
/// # Errors
/// [`ReadError`] when the log cannot be read.
pub async fn count_accounts(log: &dyn EventLog) -> Result<u64, ReadError> {
    let ranges = account_ranges(log);
    let counts = try_join_all(ranges.iter().map(|range| count_range(log, range))).await?;
    Ok(counts.into_iter().sum())
}

async fn count_range(log: &dyn EventLog, range: &AccountRange) -> Result<u64, ReadError> {
    let (mut total, mut pages) = (0, Pages::of(log, range));
    while let Some(page) = pages.next().await? {
        total += page.len() as u64;
    }
    Ok(total)
}
