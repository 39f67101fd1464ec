//! How far the views of a fleet follow the log: each node says how far its own signals are merged,
//! and answers by the one that is furthest behind.
//!
//! A node that is only cut off from Redis looks just as dead from there, and goes on recording. It
//! says so in the log, and until that is a while ago nobody who is silent is forgotten.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::{Deps, Role};
use crate::events::Timestamp;
use crate::projections::{CLOCKS_MS, DoubtCause, Freshness, Lags, Others, SweptAgo};

/// How often nodes say so.
const ROUND: Duration = Duration::from_secs(1);
/// The note in the log of the last node that was cut off, which says when.
const CUT_OFF: &str = "cut-off";
/// How often it is written.
const CUT_OFF_EVERY: Duration = Duration::from_secs(10);
/// How long ago a node may have written it that is still cut off.
const CUT_OFF_MS: i64 = 30_000 + CLOCKS_MS;
/// Rounds do not wait for a log that is away.
const ASKED_MAX: Duration = Duration::from_millis(500);

/// Says and hears it, for as long as it is polled.
pub(super) async fn tell_lags(lags: Arc<Lags>, deps: Arc<Deps>) {
    let mut round = interval(ROUND);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let signals = deps.limits.roles.has(Role::Collect);
    let (mut is_anyone_silent, mut noted_at) = (false, None);
    loop {
        round.tick().await;
        let now = deps.clock.now();
        let since = |at| Duration::from_millis(now.since_ms(at).try_into().unwrap_or(0));
        let behind = signals.then(|| since(deps.projector.freshness().own_as_of(now)));
        let mut unswept = deps.sweeping.observe().oldest.map(since);
        if !is_anyone_silent || may_be_cut_off(&deps).await {
            unswept = None;
        }
        // Who cannot be heard grows stale.
        match lags.tell(behind, unswept).await {
            Ok(others) => {
                is_anyone_silent = Freshness::is_stale(now.plus_ms(-others.behind_ms), now);
                hear(&deps, others);
            }
            Err(_) if signals => say_cut_off(&deps, &mut noted_at).await,
            Err(_) => {}
        }
    }
}

async fn say_cut_off(deps: &Deps, noted_at: &mut Option<Instant>) {
    if noted_at.is_some_and(|at| at.elapsed() < CUT_OFF_EVERY) {
        return;
    }
    *noted_at = Some(Instant::now());
    let now = deps.clock.now().ms().to_be_bytes();
    if !matches!(timeout(ASKED_MAX, deps.log.set_note(CUT_OFF, Some(&now))).await, Ok(Ok(()))) {
        tracing::debug!("neither redis nor the log can be told of this node");
    }
}

/// Whether somebody who is silent may be one who goes on recording.
async fn may_be_cut_off(deps: &Deps) -> bool {
    let Ok(Ok(noted)) = timeout(ASKED_MAX, deps.log.note(CUT_OFF)).await else { return true };
    let at = noted.and_then(|value| value.try_into().ok()).map(i64::from_be_bytes);
    at.is_some_and(|at| deps.clock.now().since_ms(Timestamp::from_ms(at)) < CUT_OFF_MS)
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
        deps.doubt_views(DoubtCause::Outage);
    }
    if let Some(SweptAgo { from_ms, begun_ms }) = swept {
        freshness.swept_between(now.plus_ms(-from_ms), now.plus_ms(-begun_ms));
    }
}
