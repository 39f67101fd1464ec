//! What was erased while views could not be told of it.

use std::time::Duration;

use tokio::time::timeout;

use super::Answers;
use crate::events::{AccountId, Fence};
use crate::projections::DoubtCause;

/// Whoever reads views is used to milliseconds.
const ASKED_MAX: Duration = Duration::from_millis(500);

impl Answers {
    /// Whether the views of an account may hold something of that; they are made anew then.
    pub(super) async fn may_hold_erased(&self, account: &AccountId) -> bool {
        let doubt = self.freshness.doubt();
        let Some(open) = doubt.about(account) else { return false };
        let Some(fences) = self.asked_fences(account).await else {
            return open.cause() == DoubtCause::Outage;
        };
        if !open.is_justified(&fences) {
            doubt.clear(&open, account);
            return false;
        }
        match self.views.forget(account).await {
            Ok(_) => doubt.clear(&open, account),
            Err(error) => tracing::debug!(%error, "views could not be forgotten"),
        }
        true
    }

    async fn asked_fences(&self, account: &AccountId) -> Option<Vec<Fence>> {
        if self.log.health().stopped.is_some() {
            return None;
        }
        match timeout(ASKED_MAX, self.log.fences(account)).await {
            Ok(Ok(fences)) => Some(fences),
            Ok(Err(error)) => {
                tracing::debug!(%error, "it is not known what was erased");
                None
            }
            Err(_) => None,
        }
    }
}
