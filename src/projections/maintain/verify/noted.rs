//! How far a verification came, and what it found, for whoever goes on with it.
//!
//! It is told beside the views and not in the log: it names accounts, and is of no use for long.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::events::{AccountId, AccountRange, FOLD_VERSION};
use crate::projections::{Difference, ViewStore, leave_notice, read_notice};

/// Later it begins anew.
const KEPT_FOR: Duration = Duration::from_secs(60 * 60);
/// No more findings of a range are kept for whoever goes on.
const FOUND_MAX: usize = 500;
/// As soon as the store finds the time.
const GONE_AFTER: Duration = Duration::from_millis(1);

/// Of a range of accounts.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Noted {
    pub(super) through: Option<AccountId>,
    pub(super) found: Vec<Difference>,
}

impl Noted {
    /// What there is, if anything is.
    pub(super) async fn of(views: &dyn ViewStore, range: &AccountRange) -> Self {
        read_notice(views, &name_of(range)).await.unwrap_or_default()
    }

    /// Takes what was found, which may have been found before and not mended.
    pub(super) fn add(&mut self, found: &[Difference]) {
        let new = found.iter().filter(|one| !self.found.contains(one)).cloned().collect::<Vec<_>>();
        self.found.extend(new);
    }

    /// Lets whoever goes on know, of the first findings.
    pub(super) async fn keep(&self, views: &dyn ViewStore, range: &AccountRange) {
        let found = self.found.iter().take(FOUND_MAX).cloned().collect();
        let bounded = Self { through: self.through.clone(), found };
        leave_notice(views, (&name_of(range), &bounded), KEPT_FOR).await;
    }
}

/// All of it is done.
pub(super) async fn forget(views: &dyn ViewStore, range: &AccountRange) {
    leave_notice(views, (&name_of(range), &Noted::default()), GONE_AFTER).await;
}

fn name_of(range: &AccountRange) -> String {
    format!("verify {FOLD_VERSION} {range}")
}
