//! What was erased while views could not be told of it.

use super::Answers;
use crate::events::AccountId;

impl Answers {
    /// Whether the views of an account may hold something of that; they are made anew then. Where
    /// the log does not say, what the views have is all there is to answer with.
    pub(super) async fn holds_what_is_erased(&self, account: &AccountId) -> bool {
        let doubt = self.freshness.doubt();
        if !doubt.concerns(account) {
            return false;
        }
        let is_justified = match self.log.fences(account).await {
            Ok(fences) => doubt.is_justified(&fences),
            Err(error) => {
                tracing::debug!(%error, "it is not known what was erased");
                return false;
            }
        };
        if is_justified && let Err(error) = self.views.forget(account).await {
            tracing::debug!(%error, "views could not be forgotten");
            return true;
        }
        doubt.clear(account);
        is_justified
    }
}
