//! How a node goes in order, so that no other waits for what it had on its way.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Deps;
use crate::projections::Lags;

/// For so long it waits for Redis, which may be away for a moment.
const WAIT_MAX: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_millis(100);

/// Merges what is signalled, or hands it over, and tells the others. False where they take this
/// node, or an earlier life of it, for one that died.
pub(super) async fn leave(deps: &Deps, lags: Option<&Lags>) -> bool {
    let until = Instant::now() + WAIT_MAX;
    deps.projector.flush().await;
    // Where nobody was heard for a moment, it is still to be looked up what was erased in it.
    let owes = || deps.projector.waiting() > 0 || deps.erasures.owe();
    while lags.is_some() && owes() && Instant::now() < until {
        sleep(AGAIN).await;
        deps.projector.flush().await;
    }
    if let Some(exchange) = deps.exchange.get() {
        exchange.close().await;
    }
    // Until now it is heard what others erase of what goes to the views.
    deps.feeds.leave().await;
    let has_left = match lags {
        Some(lags) => {
            deps.erasures.settle(until).await;
            !owes() && has_left(lags, until).await
        }
        None => true,
    };
    has_left && !deps.sweeping.owes()
}

async fn has_left(lags: &Lags, until: Instant) -> bool {
    while lags.leave().await.is_err() {
        if Instant::now() >= until {
            return false;
        }
        sleep(AGAIN).await;
    }
    true
}
