//! The list of all accounts, by token: cut evenly and not along the ring, so that a range is the
//! same accounts for ever, whatever nodes come and go.

use std::ops::ControlFlow;

use scylla::response::PagingState;

use super::failed::misshapen;
use super::store::Store;
use super::values::strange;
use crate::events::{AccountId, AccountRange, ReadError};

/// Cuts all tokens into parts as equal as can be. No token is the least number there is.
pub(super) fn ranges(parts: usize) -> Vec<AccountRange> {
    let parts = i128::try_from(parts.max(1)).unwrap_or(1);
    let (least, all) = (i128::from(i64::MIN), i128::from(u64::MAX));
    let cut = |part: i128| i64::try_from(least + all * part / parts).unwrap_or(i64::MAX);
    (0..parts).map(|part| AccountRange { after: cut(part), to: cut(part + 1) }).collect()
}

impl Store {
    pub(super) async fn read_accounts(
        &self,
        range: &AccountRange,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountId>, ReadError> {
        let mut accounts = Vec::new();
        if limit == 0 {
            return Ok(accounts);
        }
        // Two accounts may have one token; they come in byte order then.
        let past = match after {
            Some(after) => Some((self.token(after)?, after)),
            None => None,
        };
        let from = past.map_or(range.after.saturating_add(1), |(token, _)| token);
        let mut statement = self.statements.read.accounts.clone();
        // One more than asked for, for `after` itself.
        let rows = i32::try_from(limit).unwrap_or(i32::MAX).saturating_add(1);
        statement.set_page_size(rows.min(statement.get_page_size()));
        let mut state = PagingState::start();
        loop {
            let (page, next) = self.page(&statement, &(from, range.to), state).await?;
            for row in page.rows::<(&str,)>().map_err(misshapen)? {
                let account = AccountId::new(row.map_err(misshapen)?.0).map_err(|_| strange())?;
                let is_past = match past {
                    Some((token, after)) => account > *after || self.token(&account)? != token,
                    None => true,
                };
                if is_past {
                    accounts.push(account);
                }
                if accounts.len() == limit {
                    return Ok(accounts);
                }
            }
            match next {
                ControlFlow::Break(()) => return Ok(accounts),
                ControlFlow::Continue(next) => state = next,
            }
        }
    }

    /// Where an account lies among all of them.
    fn token(&self, account: &AccountId) -> Result<i64, ReadError> {
        let token = self.statements.read.weeks.calculate_token(&(account.as_str(),));
        let token = token.map_err(misshapen)?.ok_or_else(strange)?;
        Ok(token.value())
    }
}
