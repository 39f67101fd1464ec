//! Signals between nodes: where this one processes they are taken from the streams and merged, and
//! wherever it is looked how far the streams are.
//!
//! An entry is acknowledged once it is merged. What a node read and did not acknowledge, because it
//! died or stands still, is claimed by another; merging twice does no harm.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_rt::ArbiterHandle;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};

use super::host::{self, Watch};
use super::projector::merge_in_parts;
use super::{Deps, doubts};
use crate::events::AccountId;
use crate::projections::{Delivered, Seen, Signals, SignalsStanding, ViewError, project};

/// How often it is looked how far the streams are.
const LOOK: Duration = Duration::from_millis(500);
/// Where signals were lost and others sweep: how often it is asked how far they are, in looks.
const LOOKS_FOR_SWEEPS: u64 = 20;
/// How often it is tried again what failed.
const AGAIN: Duration = Duration::from_secs(1);
/// How often it is asked what others left undone.
const CLAIM: Duration = Duration::from_secs(1);
/// How often nodes that are gone are forgotten.
const DISMISS: Duration = Duration::from_secs(60);
/// How long a node that shuts down waits until what it read is merged.
const LEAVE_MAX: Duration = Duration::from_secs(2);
/// How long long work waits until what was recorded before it is merged.
const SETTLE_MAX: Duration = Duration::from_secs(10);
const SETTLE_POLL: Duration = Duration::from_millis(50);

/// The streams, as a node uses them.
pub(crate) struct Exchange {
    signals: Signals,
    closing: watch::Sender<bool>,
    /// Whether the consumer has come to its end; true where there is none.
    ended: watch::Sender<bool>,
    waiting: AtomicU64,
    pending: AtomicU64,
    lag_ms: AtomicI64,
}

/// How signals go between nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeObserved {
    /// What went through the streams.
    pub standing: SignalsStanding,
    /// Entries that nobody merged yet.
    pub waiting: u64,
    /// Of those, how many a node has read.
    pub pending: u64,
    /// How long ago the oldest of them was put there.
    pub lag_ms: i64,
}

impl Exchange {
    pub(super) fn new(signals: Signals) -> Arc<Self> {
        Arc::new(Self {
            signals,
            closing: watch::Sender::new(false),
            ended: watch::Sender::new(true),
            waiting: AtomicU64::new(0),
            pending: AtomicU64::new(0),
            lag_ms: AtomicI64::new(0),
        })
    }

    /// Where signals are put.
    pub(super) fn signals(&self) -> &Signals {
        &self.signals
    }

    /// How it goes.
    pub(super) fn observe(&self) -> ExchangeObserved {
        ExchangeObserved {
            standing: self.signals.standing(),
            waiting: self.waiting.load(Ordering::Relaxed),
            pending: self.pending.load(Ordering::Relaxed),
            lag_ms: self.lag_ms.load(Ordering::Relaxed),
        }
    }

    /// Waits until what is in the streams now is merged, as long as that takes but a moment.
    pub(super) async fn settle(&self) {
        let begun = Instant::now();
        let Ok(seen) = self.signals.look().await else { return };
        let through = seen.until_now();
        let is_merged = |seen: Result<Seen, ViewError>| seen.is_ok_and(|at| at.is_merged(&through));
        while begun.elapsed() < SETTLE_MAX && !is_merged(self.signals.look().await) {
            sleep(SETTLE_POLL).await;
        }
    }

    /// Merges what it has read, as far as that takes but a moment, and reads no more.
    pub(super) async fn close(&self) {
        self.closing.send_replace(true);
        let mut ended = self.ended.subscribe();
        let _ = timeout(LEAVE_MAX, ended.wait_for(|ended| *ended)).await;
    }

    fn is_closing(&self) -> bool {
        *self.closing.borrow()
    }

    /// False when it closes first.
    async fn pause(&self, pause: Duration) -> bool {
        let mut closing = self.closing.subscribe();
        timeout(pause, closing.wait_for(|closing| *closing)).await.is_err()
    }

    fn saw(&self, seen: &Seen) {
        self.waiting.store(seen.waiting(), Ordering::Relaxed);
        self.pending.store(seen.pending(), Ordering::Relaxed);
        self.lag_ms.store(seen.lag_ms().unwrap_or(0), Ordering::Relaxed);
    }
}

/// Looks again and again how far the streams are.
pub(super) async fn watch_streams(exchange: Arc<Exchange>, deps: Arc<Deps>) {
    let projector = &deps.projector;
    let mut round = interval(LOOK);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for turn in 0_u64.. {
        round.tick().await;
        let instants = projector.instants();
        if let Ok(seen) = exchange.signals.look().await {
            exchange.saw(&seen);
            projector.saw(&seen, instants);
        }
        let others_sweep = deps.limits.marks && !deps.limits.sweeps;
        let is_turn = others_sweep && turn.is_multiple_of(LOOKS_FOR_SWEEPS);
        if is_turn
            && projector.lacks_signals()
            && let Some(at) = doubts::swept_through(deps.views.as_ref()).await
        {
            projector.swept_through(at);
        }
    }
}

/// Starts to take signals from the streams, on an arbiter.
pub(super) fn consume(exchange: &Arc<Exchange>, deps: &Arc<Deps>, arbiter: &ArbiterHandle) {
    exchange.ended.send_replace(false);
    let watch = Watch::unending(&deps.kinds.consumer, deps.limits.restarts);
    let (exchange, deps) = (Arc::clone(exchange), Arc::clone(deps));
    host::run_always(arbiter, watch, move || run(Arc::clone(&exchange), Arc::clone(&deps)));
}

async fn run(exchange: Arc<Exchange>, deps: Arc<Deps>) {
    let mut consumer = Consumer::new(&exchange, &deps);
    while !exchange.is_closing() {
        if let Err(error) = consumer.round().await {
            consumer.failed(&error).await;
        }
    }
    // What it still owes is claimed by others.
    let _ = exchange.signals.leave().await;
    exchange.ended.send_replace(true);
}

/// One who reads the streams.
struct Consumer<'a> {
    exchange: &'a Exchange,
    deps: &'a Deps,
    /// The groups may be gone, or never were.
    is_new: bool,
    /// Something may have been read that was never seen or merged.
    may_owe: bool,
    claims_at: Instant,
    dismisses_at: Instant,
    failed_at: Option<Instant>,
}

impl<'a> Consumer<'a> {
    fn new(exchange: &'a Exchange, deps: &'a Deps) -> Self {
        let (claims_at, dismisses_at) = (Instant::now(), Instant::now() + DISMISS);
        Self {
            exchange,
            deps,
            is_new: true,
            may_owe: true,
            claims_at,
            dismisses_at,
            failed_at: None,
        }
    }

    /// Reads once, and merges what came.
    async fn round(&mut self) -> Result<(), ViewError> {
        let signals = &self.exchange.signals;
        if self.is_new {
            signals.join().await?;
            self.is_new = false;
        }
        let now = Instant::now();
        // Of what was read before nobody knows what was heard then.
        let is_first = !self.may_owe && self.claims_at > now;
        let heard = is_first.then(|| self.deps.erasures.heard());
        let delivered = if self.may_owe {
            let delivered = signals.owed().await?;
            self.may_owe = !delivered.is_empty();
            delivered
        } else if self.claims_at <= now {
            let delivered = signals.claim().await?;
            if delivered.is_empty() {
                self.claims_at = now + CLAIM;
            }
            delivered
        } else {
            signals.read().await?
        };
        if self.dismisses_at <= now {
            signals.dismiss_idle().await?;
            self.dismisses_at = now + DISMISS;
        }
        self.take(delivered, heard).await
    }

    /// The groups may be gone with everything, or what was read never came here.
    async fn failed(&mut self, error: &ViewError) {
        let is_again = self.failed_at.is_some_and(|at| at.elapsed() < 2 * AGAIN);
        if !is_again {
            tracing::warn!(%error, "signals of other nodes are not read; trying again");
        }
        (self.is_new, self.may_owe) = (true, true);
        // A refusal by a Redis that is there, such as one that was just flushed, is mended at once.
        if is_again || !self.deps.views.standing().ok {
            self.exchange.pause(AGAIN).await;
        }
        self.failed_at = Some(Instant::now());
    }

    /// What was read when so much was heard of erasures; after a failure nobody knows.
    async fn take(&self, delivered: Delivered, mut heard: Option<u64>) -> Result<(), ViewError> {
        if delivered.is_empty() {
            return Ok(());
        }
        let damaged = u64::try_from(delivered.damaged()).unwrap_or_default();
        self.deps.parked.fetch_add(damaged, Ordering::Relaxed);
        let mut has_failed = false;
        while let Err(error) = self.merge(&delivered, heard).await {
            if !has_failed {
                tracing::warn!(%error, "signals of other nodes could not be merged; trying again");
                has_failed = true;
            }
            heard = None;
            if !self.exchange.pause(AGAIN).await {
                return Ok(());
            }
        }
        self.exchange.signals.acknowledge(&delivered).await
    }

    /// Merges it, but for accounts of which something may have been erased since it was put there:
    /// their views are forgotten, also where that happens meanwhile.
    async fn merge(&self, delivered: &Delivered, heard: Option<u64>) -> Result<(), ViewError> {
        let erasures = &self.deps.erasures;
        let begun = erasures.heard();
        let mut erased = self.erased_since(delivered, heard).await?;
        let trusted = delivered.each().filter(|(account, _)| !erased.contains(*account));
        let parts = trusted.filter_map(|(account, what)| {
            let projected = catch_unwind(AssertUnwindSafe(|| project(&what)));
            Some((account.clone(), projected.ok()?))
        });
        merge_in_parts(self.deps.views.as_ref(), parts).await?;
        if !erasures.is_heard() || erasures.heard() > begun {
            erased.extend(self.erased_since(delivered, heard).await?);
        }
        self.forget(&erased).await
    }

    /// Whatever is heard of names its account; what may have been missed is looked up.
    async fn erased_since(
        &self,
        delivered: &Delivered,
        heard: Option<u64>,
    ) -> Result<HashSet<AccountId>, ViewError> {
        let accounts = delivered.accounts();
        let is_heard_of = |account: &AccountId| {
            heard.is_some_and(|heard| self.deps.erasures.concern(account, heard))
        };
        let heard_of = accounts.iter().filter(|account| is_heard_of(account));
        let mut erased: HashSet<AccountId> = heard_of.map(|account| (*account).clone()).collect();
        let Some(oldest_at) = delivered.oldest_at() else { return Ok(erased) };
        if doubts::may_hold_erased(self.deps, oldest_at, heard) {
            let missed = doubts::erased_since(self.deps, accounts, oldest_at).await;
            erased.extend(missed.map_err(|error| ViewError::Unavailable(error.to_string()))?);
        }
        Ok(erased)
    }

    async fn forget(&self, accounts: &HashSet<AccountId>) -> Result<(), ViewError> {
        if accounts.is_empty() {
            return Ok(());
        }
        let projector = &self.deps.projector;
        projector.forget(|account| accounts.contains(account));
        projector.settle().await;
        let mut failed = None;
        for account in accounts {
            if let Err(error) = self.deps.views.forget(account).await {
                self.deps.forget_views_of(account);
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// The streams of a node, once it uses any.
pub(crate) type Joined = OnceLock<Arc<Exchange>>;
