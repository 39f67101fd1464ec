//! Sweeps what is due, slice by slice, for as long as the node runs.
//!
//! Several nodes may sweep: a lease steers who does which slice, and an overlap is only waste.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use actix_rt::ArbiterHandle;
use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::{MissedTickBehavior, interval};

use super::Deps;
use super::host::{self, Watch};
use crate::events::{SessionId, Slice, Timestamp};
use crate::projections::{Pass, Rest, StoresError, Sweep};

/// How often it is looked what is due.
const ROUND: Duration = Duration::from_secs(2);
/// How many slices are swept at once.
const SLICES: usize = 8;
/// When a slice is tried again that could not be swept.
const AGAIN_MS: i64 = 10_000;

/// What is left of each slice, by its pass.
type Rests = BTreeMap<(Pass, Slice), Left>;

/// What is left of a slice, as far as that is known.
#[derive(Debug, Clone, Copy)]
struct Left {
    since: Option<Timestamp>,
    look_at: Timestamp,
}

/// What the sweeper has done, for whoever looks.
#[derive(Debug, Default)]
pub(crate) struct Sweeping {
    windows: AtomicU64,
    sessions: AtomicU64,
    failed: AtomicU64,
    oldest_ms: AtomicI64,
    /// What earlier lives of this node had on their way is not swept yet.
    owes: AtomicBool,
}

/// What the sweeper has done since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepingObserved {
    /// Windows looked at.
    pub windows: u64,
    /// Sessions and commands read again and merged.
    pub sessions: u64,
    /// Slices that could not be swept, each time.
    pub failed: u64,
    /// Since when something may lie unswept; `None` until that is known.
    pub oldest: Option<Timestamp>,
}

impl Sweeping {
    /// Whether what earlier lives of this node had on their way is still to be swept.
    pub(super) fn owes(&self) -> bool {
        self.owes.load(Ordering::Acquire)
    }

    pub(super) fn owe(&self, owes: bool) {
        self.owes.store(owes, Ordering::Release);
    }

    pub(super) fn observe(&self) -> SweepingObserved {
        let oldest_ms = self.oldest_ms.load(Ordering::Relaxed);
        SweepingObserved {
            windows: self.windows.load(Ordering::Relaxed),
            sessions: self.sessions.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            oldest: (oldest_ms > 0).then(|| Timestamp::from_ms(oldest_ms)),
        }
    }
}

/// Starts it on an arbiter.
pub(super) fn start(deps: &Arc<Deps>, arbiter: &ArbiterHandle) {
    let sweep = Arc::new(sweep_of(deps));
    let watch = Watch::unending(&deps.kinds.sweeper, deps.limits.restarts);
    let deps = Arc::clone(deps);
    host::run_always(arbiter, watch, move || run(Arc::clone(&sweep), Arc::clone(&deps)));
}

/// The sweep of a node's own stores.
pub(super) fn sweep_of(deps: &Arc<Deps>) -> Sweep {
    let deps = Arc::clone(deps);
    Sweep {
        log: Arc::clone(&deps.log),
        views: Arc::clone(&deps.views),
        clock: Arc::clone(&deps.clock),
        holder: SessionId::fresh(deps.clock.now()).to_string(),
        append_deadline: deps.limits.append_deadline,
        tell_erased: Box::new(move |account| deps.tell_erased(account)),
    }
}

async fn run(sweep: Arc<Sweep>, deps: Arc<Deps>) {
    let (sweeping, projector) = (&deps.sweeping, &deps.projector);
    let mut rests = Rests::new();
    let mut round = interval(ROUND);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        round.tick().await;
        let now = sweep.clock.now();
        let all = Pass::ALL.into_iter().flat_map(|pass| Slice::all().map(move |of| (pass, of)));
        let known = all.map(|one| (one, rests.get(&one).copied()));
        let due: Vec<_> =
            known.filter(|(_, left)| left.is_none_or(|left| left.look_at <= now)).collect();
        let turns = due.into_iter().map(|(one, before)| turn(&sweep, one, before, sweeping));
        let mut turns = stream::iter(turns).buffer_unordered(SLICES);
        let (mut failed, mut why) = (0_u64, None);
        while let Some((one, left, error)) = turns.next().await {
            rests.insert(one, left);
            failed += u64::from(error.is_some());
            why = why.or(error.map(|error| (one.1, error)));
        }
        if let Some((slice, error)) = why {
            sweeping.failed.fetch_add(failed, Ordering::Relaxed);
            let first = slice.number();
            tracing::warn!(slices = failed, first, %error, "slices could not be swept");
        }
        if let Some(oldest) = oldest(&rests) {
            sweeping.oldest_ms.store(oldest.ms(), Ordering::Relaxed);
            projector.swept_through(oldest);
        }
    }
}

/// Since when something may lie unswept, by the first passes; `None` while that of any slice is not
/// known.
fn oldest(rests: &Rests) -> Option<Timestamp> {
    let first = rests.iter().filter(|((pass, _), _)| *pass == Pass::First);
    first.map(|(_, left)| left.since).min().flatten()
}

/// Sweeps a slice; what is left of it, of which an error teaches nothing new, and that error.
async fn turn(
    sweep: &Sweep,
    (pass, slice): (Pass, Slice),
    before: Option<Left>,
    sweeping: &Sweeping,
) -> ((Pass, Slice), Left, Option<StoresError>) {
    let (left, error) = match sweep.slice(slice, pass).await {
        Ok((swept, Rest { since, look_at })) => {
            sweeping.windows.fetch_add(swept.windows, Ordering::Relaxed);
            sweeping.sessions.fetch_add(swept.sessions, Ordering::Relaxed);
            (Left { since: Some(since), look_at }, None)
        }
        Err(error) => {
            let since = before.and_then(|left| left.since);
            (Left { since, look_at: sweep.clock.now().plus_ms(AGAIN_MS) }, Some(error))
        }
    };
    ((pass, slice), left, error)
}
