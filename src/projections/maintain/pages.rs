//! All accounts, in ranges that are read beside each other, page by page.

use super::patiently;
use crate::events::{AccountId, AccountRange, EventLog, ReadError};

/// How many accounts are asked for at once.
const PAGE: usize = 500;
/// Into how many ranges the accounts are cut, where the log can.
const RANGES: usize = 16;

/// The ranges of all accounts, the same ones every time; each is a loop of its own.
pub fn account_ranges(log: &dyn EventLog) -> Vec<AccountRange> {
    log.ranges(RANGES)
}

/// The accounts of a range that have anything; waits for a log that fails over.
pub struct Pages<'a> {
    log: &'a dyn EventLog,
    range: &'a AccountRange,
    after: Option<AccountId>,
}

impl<'a> Pages<'a> {
    /// All of a range.
    pub fn of(log: &'a dyn EventLog, range: &'a AccountRange) -> Self {
        Self::after(log, range, None)
    }

    /// What comes after an account.
    pub fn after(log: &'a dyn EventLog, range: &'a AccountRange, after: Option<AccountId>) -> Self {
        Self { log, range, after }
    }

    /// The next page; `None` when there are no more.
    ///
    /// # Errors
    /// [`ReadError`] when the log cannot be read.
    pub async fn next(&mut self) -> Result<Option<Vec<AccountId>>, ReadError> {
        let next = || self.log.accounts(self.range, self.after.as_ref(), PAGE);
        let page = patiently(next).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = Some(last.clone());
        Ok(Some(page))
    }
}
