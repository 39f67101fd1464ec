//! What went to the views while nobody could be heard: somebody may have erased it meanwhile.

use std::collections::HashSet;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::stream::{self, StreamExt};
use tokio::time::sleep;

use super::{AGAIN, Deps, FORGOTTEN_MAX};
use crate::actors::doubts::LOOKS;
use crate::events::{AccountId, ReadError, Timestamp};

/// It takes so long at most until it is noticed that nobody is heard.
const NOTICED_MS: i64 = 60_000;

/// A time in which nobody was heard, or several in a row.
#[derive(Default)]
pub(super) struct Silence(Mutex<Missed>);

#[derive(Default)]
struct Missed {
    /// None where nobody was ever heard before.
    since: Option<Timestamp>,
    accounts: HashSet<AccountId>,
    /// There was no room for more.
    has_more: bool,
    /// What was looked at is still to be forgotten where something of it was erased.
    is_looked_at: bool,
}

impl Missed {
    fn is_owed(&self) -> bool {
        self.has_more || self.is_looked_at || !self.accounts.is_empty()
    }
}

impl Silence {
    /// Nobody is heard since then, while this is on its way.
    pub(super) fn begin(
        &self,
        since: Option<Timestamp>,
        accounts: impl IntoIterator<Item = AccountId>,
    ) {
        let mut missed = self.lock();
        let is_first = missed.accounts.is_empty();
        missed.since = if is_first { since } else { missed.since.min(since) };
        drop(missed);
        self.add(accounts);
    }

    /// Something of these accounts is on its way.
    pub(super) fn add(&self, accounts: impl IntoIterator<Item = AccountId>) {
        let mut missed = self.lock();
        for account in accounts {
            if missed.accounts.len() < FORGOTTEN_MAX {
                missed.accounts.insert(account);
            } else {
                missed.has_more |= !missed.accounts.contains(&account);
            }
        }
    }

    /// Whether something of it is still to be looked at, or to be forgotten.
    pub(super) fn is_owed(&self) -> bool {
        self.lock().is_owed()
    }

    /// What was looked at is forgotten where it had to be.
    pub(super) fn is_made_up_for(&self) {
        self.lock().is_looked_at = false;
    }

    /// Whether something of it is still to be looked at.
    fn is_waiting(&self) -> bool {
        !self.lock().accounts.is_empty()
    }

    fn take(&self) -> Missed {
        let mut missed = self.lock();
        let is_looked_at = missed.is_owed();
        mem::replace(&mut *missed, Missed { is_looked_at, ..Missed::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Missed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets views of accounts of which something was erased in the silence.
pub(super) async fn make_up_for(deps: &Deps) {
    let silence = &deps.erasures.silence;
    let Missed { since, accounts, has_more, .. } = silence.take();
    if has_more {
        deps.projector.freshness().lost(deps.clock.now());
    }
    let is_missed = |at: Timestamp| since.is_none_or(|since| at.plus_ms(NOTICED_MS) >= since);
    let looks = accounts.into_iter().map(async |account| match deps.log.fences(&account).await {
        Ok(fences) if fences.iter().any(|fence| is_missed(fence.at)) => deps.distrust(&account),
        Ok(_) => {}
        Err(ReadError::Corrupt(_)) => deps.distrust(&account),
        Err(error) => {
            tracing::warn!(%error, %account, "it is not known what was erased; trying again");
            silence.begin(since, [account]);
        }
    });
    stream::iter(looks).buffer_unordered(LOOKS).for_each(async |()| {}).await;
    if silence.is_waiting() {
        sleep(AGAIN).await;
        deps.erasures.wake.notify_one();
    }
}
