//! How far the views of a fleet follow the log: each node says how far its own signals are merged,
//! and answers by the one that is furthest behind.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::{Deps, Role};
use crate::projections::{Lags, Others, SweptAgo};

/// How often nodes say so.
const ROUND: Duration = Duration::from_secs(1);

/// Says and hears it, for as long as it is polled.
pub(super) async fn tell_lags(lags: Arc<Lags>, deps: Arc<Deps>) {
    let mut round = interval(ROUND);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        round.tick().await;
        let now = deps.clock.now();
        let since = |at| Duration::from_millis(now.since_ms(at).try_into().unwrap_or(0));
        let signals = deps.limits.roles.has(Role::Collect);
        let behind = signals.then(|| since(deps.projector.freshness().own_as_of(now)));
        let unswept = deps.sweeping.observe().oldest.map(since);
        // Who cannot be heard grows stale.
        if let Ok(others) = lags.tell(behind, unswept).await {
            hear(&deps, others);
        }
    }
}

fn hear(deps: &Deps, Others { behind_ms, gone_back_ms, swept }: Others) {
    let (now, freshness) = (deps.clock.now(), deps.projector.freshness());
    freshness.others_merged_through(now.plus_ms(-behind_ms));
    if let Some(gone_back_ms) = gone_back_ms {
        tracing::warn!(
            gone_back_ms,
            "redis has gone back to an older state; answers are stale until a sweep brings the rest"
        );
        freshness.lost_since(now.plus_ms(-gone_back_ms), now);
        deps.doubt_views();
    }
    if let Some(SweptAgo { from_ms, begun_ms }) = swept {
        freshness.swept_between(now.plus_ms(-from_ms), now.plus_ms(-begun_ms));
    }
}
