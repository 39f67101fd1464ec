//! What was erased while views could not be told of it.

use std::time::Duration;

use tokio::time::timeout;

use super::Answers;
use crate::events::{AccountId, Fence};
use crate::projections::Turn;

/// Whoever reads views is used to milliseconds.
const ASKED_MAX: Duration = Duration::from_millis(500);

impl Answers {
    /// Whether the views of an account may hold something of that; they are made anew then.
    pub(super) async fn holds_what_is_erased(&self, account: &AccountId) -> bool {
        let doubt = self.freshness.doubt();
        let Some(turn) = doubt.concerns(account) else { return false };
        let Some(fences) = self.asked_fences(account).await else { return doubt.is_grave() };
        if !doubt.is_justified(&fences) {
            doubt.clear(turn, account);
            return false;
        }
        self.forgotten(account, turn).await;
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

    async fn forgotten(&self, account: &AccountId, turn: Turn) {
        match self.views.forget(account).await {
            Ok(_) => self.freshness.doubt().clear(turn, account),
            Err(error) => tracing::debug!(%error, "views could not be forgotten"),
        }
    }
}
