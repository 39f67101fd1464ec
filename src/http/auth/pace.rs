//! How many requests a token may make: so many a second, and some seconds' worth at once.
//!
//! Counted for each account, and for each profile where tokens are limited to one, so that another
//! token for the same is no way around it. What is at rest is forgotten.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota};

use super::claims::Grant;
use crate::events::{AccountId, ProfileId};

/// A page that opens and a player that was offline ask for much at once.
const BURST_S: u32 = 5;

type Bearer = (Option<AccountId>, Option<ProfileId>);

/// Counts the requests of tokens.
#[derive(Debug)]
pub(super) struct Pace {
    account: DefaultKeyedRateLimiter<Bearer>,
    all_accounts: DefaultKeyedRateLimiter<Bearer>,
    clock: DefaultClock,
}

impl Pace {
    /// So many requests a second of a token of one account, and of one for all.
    pub(super) fn new(account_per_s: u32, all_accounts_per_s: u32) -> Self {
        Self {
            account: DefaultKeyedRateLimiter::keyed(quota(account_per_s)),
            all_accounts: DefaultKeyedRateLimiter::keyed(quota(all_accounts_per_s)),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request, or says how long to wait with it.
    pub(super) fn count(&self, grant: &Grant) -> Result<(), Duration> {
        // A server does not limit its own machine.
        if grant.expires_at.is_none() {
            return Ok(());
        }
        let limiter = if grant.account.is_some() { &self.account } else { &self.all_accounts };
        let bearer = (grant.account.clone(), grant.profile.clone());
        limiter.check_key(&bearer).map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// Forgets who has been at rest.
    pub(super) fn forget_rested(&self) {
        for limiter in [&self.account, &self.all_accounts] {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }
}

fn quota(per_s: u32) -> Quota {
    let per_s = NonZeroU32::new(per_s).unwrap_or(NonZeroU32::MIN);
    let at_once = per_s.saturating_mul(NonZeroU32::new(BURST_S).unwrap_or(NonZeroU32::MIN));
    Quota::per_second(per_s).allow_burst(at_once)
}
