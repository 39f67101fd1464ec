//! How far the views of a fleet follow the log: each node says how far its own signals are merged,
//! and answers by the one that is furthest behind.
//!
//! A node that is only cut off from Redis looks just as dead from there, and goes on recording. It
//! says so in the log, and whoever is silent counts until what it can have recorded then is swept.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::{Deps, Role};
use crate::events::Timestamp;
use crate::projections::{CLOCKS_MS, DoubtCause, Freshness, Lags, Others, Silent, SweptAgo};

/// How often nodes say so.
const ROUND: Duration = Duration::from_secs(1);
/// The note in the log of the last node that was cut off, which says when.
const CUT_OFF: &str = "cut-off";
/// A round waits no longer for Redis.
const TOLD_MAX: Duration = Duration::from_secs(2);
/// Whom Redis did not hear for so long is cut off, and says so before others may take it for dead,
/// which `lags.lua` lets them after six seconds.
const UNHEARD_MAX: Duration = Duration::from_millis(2_500);
/// So often while that lasts.
const CUT_OFF_EVERY: Duration = Duration::from_secs(10);
/// For so long after it a node may have recorded more.
const CUT_OFF_MS: i64 = 20_000 + CLOCKS_MS;
/// Rounds hardly wait for a log that is away.
const ASKED_MAX: Duration = Duration::from_millis(500);

/// Says and hears it, for as long as it is polled.
pub(super) async fn tell_lags(lags: Arc<Lags>, deps: Arc<Deps>) {
    let mut round = interval(ROUND);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let signals = deps.limits.roles.has(Role::Collect);
    let (mut is_anyone_silent, mut noted_at) = (false, None);
    let (mut settled, mut heard_at) = (deps.clock.now(), Instant::now());
    loop {
        round.tick().await;
        let silent = if is_anyone_silent { silent(&deps).await } else { None };
        let now = deps.clock.now();
        let own = deps.projector.freshness().own_as_of(now);
        // What was merged while nobody was heard may have been erased.
        if !deps.erasures.owe_for_silence() {
            settled = own;
        }
        let behind_ms = now.since_ms(settled.min(own));
        let behind = Duration::from_millis(behind_ms.try_into().unwrap_or(0));
        // Who cannot be heard grows stale.
        match timeout(TOLD_MAX, lags.tell(signals.then_some(behind), silent)).await {
            Ok(Ok(others)) => {
                heard_at = Instant::now();
                is_anyone_silent = Freshness::is_stale(now.plus_ms(-others.behind_ms), now);
                hear(&deps, others);
            }
            _ if signals && heard_at.elapsed() >= UNHEARD_MAX => {
                say_cut_off(&deps, &mut noted_at).await;
            }
            _ => {}
        }
    }
}

/// What tells for how long silent nodes matter; `None` where it is not known, or for ever.
async fn silent(deps: &Deps) -> Option<Silent> {
    let oldest = deps.sweeping.observe().oldest?;
    let noted = timeout(ASKED_MAX, deps.log.note(CUT_OFF)).await.ok()?.ok()?;
    let now = deps.clock.now();
    // It named the windows that it marked by its own clock.
    let unswept_ms = now.since_ms(oldest).saturating_add(CLOCKS_MS);
    let unswept = Duration::from_millis(unswept_ms.try_into().unwrap_or(0));
    let silent = Silent::unswept(unswept);
    let Some(noted) = noted else { return Some(silent) };
    let at = i64::from_be_bytes(noted.try_into().ok()?);
    Some(Silent { cut_off_ms: now.since_ms(Timestamp::from_ms(at)) - CUT_OFF_MS, ..silent })
}

async fn say_cut_off(deps: &Deps, noted_at: &mut Option<Instant>) {
    if noted_at.is_some_and(|at| at.elapsed() < CUT_OFF_EVERY) {
        return;
    }
    let now = deps.clock.now().ms().to_be_bytes();
    match timeout(ASKED_MAX, deps.log.set_note(CUT_OFF, Some(&now))).await {
        Ok(Ok(())) => *noted_at = Some(Instant::now()),
        _ => tracing::debug!("neither redis nor the log can be told of this node"),
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
        deps.doubt_views(DoubtCause::Outage);
    }
    if let Some(SweptAgo { from_ms, begun_ms }) = swept {
        freshness.swept_between(now.plus_ms(-from_ms), now.plus_ms(-begun_ms));
    }
}
