//! Merges what was recorded into the views, or hands it to the nodes that do.
//!
//! Its queue is a map from session to newest state, so it conflates: a session is merged at once
//! when its phase changes and about once a second otherwise, however many facts arrive. Accounts
//! that nobody reads have no views in memory; their signals are dropped, and the fill that the
//! first read starts finds them in the log.

mod outlet;
mod queue;

use std::collections::HashSet;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use actix_rt::ArbiterHandle;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use self::outlet::Outlet;
pub use self::queue::Signal;
use self::queue::{Batch, PutBack, Queue};
use super::exchange::Exchange;
use super::host::{self, KindVitals, Watch};
use crate::events::{AccountId, Clock, Timestamp};
use crate::projections::{Entry, Freshness, Seen, ViewError, ViewStore, project};

/// How long a session's heartbeats are conflated.
const LAZY: Duration = Duration::from_secs(1);
/// How many signals one merge takes.
const MERGE_MAX: usize = 2_000;

/// The queue in front of the projector actor; used from any thread.
pub struct Projector {
    queue: Mutex<Queue>,
    /// One merge at a time, so that whoever flushes waits for what is on its way already.
    turn: tokio::sync::Mutex<()>,
    wake: Notify,
    views: Arc<dyn ViewStore>,
    /// There where other nodes merge.
    outlet: OnceLock<Outlet>,
    /// When it was last found that streams were cut off, by their server.
    cut_at_ms: AtomicI64,
    freshness: Arc<Freshness>,
    clock: Arc<dyn Clock>,
}

impl Projector {
    /// A queue in front of these views.
    pub fn new(
        views: Arc<dyn ViewStore>,
        freshness: Arc<Freshness>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            wake: Notify::new(),
            views,
            outlet: OnceLock::new(),
            cut_at_ms: AtomicI64::new(0),
            freshness,
            clock,
        })
    }

    /// Starts the actor that empties the queue.
    pub(super) fn start(
        self: &Arc<Self>,
        arbiter: &ArbiterHandle,
        kind: &Arc<KindVitals>,
        budget: host::Budget,
    ) {
        let projector = Arc::clone(self);
        let run = move || Arc::clone(&projector).run();
        host::run_always(arbiter, Watch::unending(kind, budget), run);
    }

    /// Puts what is signalled from now on into the streams, for other nodes to merge.
    pub(super) fn publish_to(&self, exchange: Arc<Exchange>) {
        // Once set, it stays.
        let _ = self.outlet.set(Outlet::new(exchange));
    }

    /// Takes what was recorded; never waits.
    pub(super) fn signal(&self, account: &AccountId, signal: Signal) {
        let urgent = signal.urgent;
        let mut queue = self.lock();
        queue.add(account, signal);
        let wake = urgent || queue.is_full();
        self.freshness.signalled(self.clock.now());
        drop(queue);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Forgets what waits of accounts, because something of them was erased.
    pub(super) fn forget(&self, is_erased: impl Fn(&AccountId) -> bool) {
        self.lock().forget(is_erased);
    }

    /// Of which accounts something waits.
    pub(super) fn accounts(&self) -> HashSet<AccountId> {
        self.lock().accounts().cloned().collect()
    }

    /// Ends once what is being merged at this moment is in the views, or is not.
    pub(super) async fn settle(&self) {
        drop(self.turn.lock().await);
    }

    /// How many sessions and marks wait.
    pub fn waiting(&self) -> usize {
        self.lock().len()
    }

    /// Merges everything that waits, or hands it over; for shutdown and tests.
    pub async fn flush(&self) {
        self.merge(true).await;
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Merges what is urgent, and the rest too when it is its turn or there is too much of it.
    async fn merge(&self, lazy_too: bool) {
        let _turn = self.turn.lock().await;
        let now = self.clock.now();
        self.lock().fall_due(lazy_too);
        if !self.merge_due().await || !lazy_too {
            return;
        }
        match self.outlet.get() {
            Some(outlet) => outlet.sent_through(now),
            None => self.freshness.merged_through(now),
        }
    }

    /// False when the store did not take all of it.
    async fn merge_due(&self) -> bool {
        while self.merge_some().await {
            if !self.lock().is_due() {
                return true;
            }
        }
        false
    }

    /// Merges what is urgent by now and some of what is due; false when the store did not take it.
    async fn merge_some(&self) -> bool {
        let batch = self.lock().take();
        let merged = match self.outlet.get() {
            Some(outlet) => outlet.take(&batch).await,
            None => self.merge_all(&batch).await,
        };
        match &merged {
            Ok(()) => self.lock().merged(),
            Err(error) => self.put_back(batch, error),
        }
        merged.is_ok()
    }

    async fn merge_all(&self, batch: &Batch) -> Result<(), ViewError> {
        let entries = batch.each().map(|(account, what)| (account.clone(), project(&what)));
        merge_in_parts(self.views.as_ref(), entries).await
    }

    /// Merges commute, so what the store took and what it did not are sent again alike. While it is
    /// away answers come from the log; what there is no room for here, a sweep brings.
    fn put_back(&self, batch: Batch, error: &ViewError) {
        let PutBack { lost, failed_before } = self.lock().put_back(batch);
        if !failed_before {
            tracing::warn!(%error, "views could not be merged; trying again every second");
        }
        if lost > 0 {
            tracing::warn!(lost, "signals were dropped; the views lack them until a sweep");
            self.freshness.lost(self.clock.now());
        }
    }

    /// Everything that was marked until then is merged, whatever became of its signals.
    pub(super) fn swept_through(&self, at: Timestamp) {
        self.freshness.swept_through(at);
    }

    /// How far the views are.
    pub(super) fn freshness(&self) -> &Freshness {
        &self.freshness
    }

    /// Whether signals were lost that no sweep has brought yet.
    pub(super) fn lacks_signals(&self) -> bool {
        self.freshness.lacks_signals()
    }

    /// To be asked before it is looked how the streams stand, and told with it.
    pub(super) fn instants(&self) -> usize {
        self.outlet.get().map_or(0, Outlet::instants)
    }

    /// This is how the streams stand.
    pub(super) fn saw(&self, seen: &Seen, instants: usize) {
        let now = self.clock.now();
        let outlet = self.outlet.get();
        if let Some(at) = outlet.and_then(|outlet| outlet.merged_through(seen, instants)) {
            self.freshness.merged_through(at);
        }
        // What was cut off had waited since then.
        if let Some((ago_ms, at_ms)) = seen.loss()
            && self.cut_at_ms.fetch_max(at_ms, Ordering::AcqRel) < at_ms
        {
            self.freshness.lost(now.plus_ms(-ago_ms));
        }
        self.freshness.streams_merged_through(seen.lag_ms().map(|lag_ms| now.plus_ms(-lag_ms)));
    }

    /// Whatever was being merged may be half there: those accounts are filled again from the log.
    async fn give_up_merging(&self) {
        let accounts = self.lock().take_merging();
        for account in accounts {
            if let Err(error) = self.views.forget(&account).await {
                tracing::warn!(%error, "views could not be forgotten");
            }
        }
    }

    async fn run(self: Arc<Self>) {
        self.give_up_merging().await;
        let mut lazy = interval(LAZY);
        lazy.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.wake.notified() => self.merge(false).await,
                _ = lazy.tick() => self.merge(true).await,
            }
        }
    }
}

/// Merges entries of many accounts, so many at once.
pub(super) async fn merge_in_parts(
    views: &dyn ViewStore,
    entries: impl Iterator<Item = (AccountId, Vec<Entry>)>,
) -> Result<(), ViewError> {
    let mut entries = entries.peekable();
    while entries.peek().is_some() {
        views.merge(entries.by_ref().take(MERGE_MAX).collect()).await?;
    }
    Ok(())
}
