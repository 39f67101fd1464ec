//! The actors of a node together: what they share, how they are started, observed and stopped.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use actix_rt::Arbiter;

use super::erasures::{self, Erasures};
use super::exchange::{self, Exchange, ExchangeObserved, Joined};
use super::host::{Budget, KindVitals};
use super::leave::leave;
use super::pace::{Pace, PaceObserved};
use super::spooling::{SpoolObserved, Spooling};
use super::sweeper::{self, Sweeping, SweepingObserved};
use super::{Accounts, Feeds, Projector, Role, Roles, Subscription, crash, doubts, drainer, lags};
use crate::events::embedded::Spool;
use crate::events::{AccountId, Clock, EventLog, SessionId, Timestamp};
use crate::projections::{
    Freshness, Lags, Policy, Relay, RelayStanding, Signals, Sweep, SweptAgo, ViewStore,
};

/// What bounds the actors; every figure has its reason in the default configuration.
#[derive(Debug, Clone)]
pub struct Limits {
    /// How many threads account actors run on.
    pub shards: usize,
    /// Facts admitted on the node and not answered yet.
    pub node_waiting_max: usize,
    /// Facts waiting for one account.
    pub account_waiting_max: usize,
    /// Facts that one append of an account takes.
    pub batch_max: usize,
    /// Sessions that an account's actor keeps in memory.
    pub account_sessions_max: usize,
    /// How long an append is repeated before its facts are refused.
    pub append_deadline: Duration,
    /// How long an account's actor stays without anything to do.
    pub idle_after: Duration,
    /// How often an actor may fail.
    pub restarts: Budget,
    /// Whether what changes is marked, because views outlive this process.
    pub marks: bool,
    /// Whether what was marked is swept here.
    pub sweeps: bool,
    /// What the node does: where it does not process, others merge what it signals.
    pub roles: Roles,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            shards: std::thread::available_parallelism().map_or(1, Into::into),
            node_waiting_max: 20_000,
            account_waiting_max: 20_000,
            batch_max: 2_000,
            account_sessions_max: 16,
            append_deadline: Duration::from_secs(10),
            idle_after: Duration::from_secs(60),
            restarts: Budget { restarts_max: 5, within: Duration::from_secs(30) },
            marks: false,
            sweeps: false,
            roles: Roles::ALL,
        }
    }
}

/// What all actors share.
pub(crate) struct Deps {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) views: Arc<dyn ViewStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) projector: Arc<Projector>,
    pub(crate) feeds: Arc<Feeds>,
    pub(crate) limits: Limits,
    pub(crate) kinds: Kinds,
    pub(crate) chaos: Chaos,
    pub(crate) parked: AtomicU64,
    pub(crate) pace: Pace,
    pub(crate) sweeping: Arc<Sweeping>,
    pub(super) erasures: Erasures,
    pub(crate) exchange: Joined,
    /// Where facts go that the log does not take.
    pub(crate) spooling: OnceLock<Arc<Spooling>>,
}

impl Deps {
    /// Whether what changes is marked, so that sweeps find it: views outlive this process, and the
    /// log keeps marks.
    pub(super) fn marks(&self) -> bool {
        self.limits.marks && self.log.keeps_dirty_index()
    }
}

/// The vitals of every kind of actor.
pub struct Kinds {
    /// One per active account.
    pub account: Arc<KindVitals>,
    /// One per thread.
    pub shard: Arc<KindVitals>,
    /// Merges into the views.
    pub projector: Arc<KindVitals>,
    /// Reads again what was marked.
    pub sweeper: Arc<KindVitals>,
    /// Takes what other nodes signal.
    pub consumer: Arc<KindVitals>,
    /// Brings to the log what waits in the spool.
    pub drainer: Arc<KindVitals>,
}

/// Failures on demand, for trying out what happens then.
#[derive(Default)]
pub struct Chaos {
    poisoned: Mutex<BTreeSet<SessionId>>,
    /// Asked before every fold, and almost always false.
    is_any: AtomicBool,
}

impl Chaos {
    /// Lets every fold of `session` panic from now on.
    pub fn poison(&self, session: SessionId) {
        self.poisoned.lock().unwrap_or_else(PoisonError::into_inner).insert(session);
        self.is_any.store(true, Ordering::Release);
    }

    /// Fails, because it was asked to.
    #[expect(clippy::panic, reason = "it is what was asked for")]
    pub(super) fn panic() {
        panic!("made to fail");
    }

    pub(super) fn poisons(&self, session: SessionId) -> bool {
        self.is_any.load(Ordering::Acquire)
            && self.poisoned.lock().unwrap_or_else(PoisonError::into_inner).contains(&session)
    }
}

/// How the actors of one kind are doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedKind {
    /// The kind's name.
    pub name: &'static str,
    /// Running now.
    pub active: usize,
    /// Started afresh after a panic.
    pub restarts: u64,
    /// Given up after too many.
    pub given_up: u64,
    /// What the last panic said.
    pub last_failure: Option<String>,
}

/// How the actors are doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// Each kind.
    pub kinds: Vec<ObservedKind>,
    /// Folds that failed and sessions parked for it.
    pub parked: u64,
    /// How fast the log answers.
    pub pace: PaceObserved,
    /// Facts admitted and not answered yet.
    pub admitted: usize,
    /// Followers of live feeds.
    pub followers: usize,
    /// The way to the live feeds of other nodes, if there is one.
    pub relay: Option<RelayStanding>,
    /// Whether other nodes are not heard, where there are any to hear.
    pub is_deaf: bool,
    /// What was swept, and what is still to be.
    pub sweeping: SweepingObserved,
    /// Sessions and marks that wait for the projector.
    pub queued: usize,
    /// The signals between nodes, if there are any.
    pub exchange: Option<ExchangeObserved>,
    /// What waits on this node for the log, where there is a spool.
    pub spool: Option<SpoolObserved>,
}

/// The actors of a node.
pub struct System {
    accounts: Accounts,
    deps: Arc<Deps>,
    arbiters: Vec<Arbiter>,
    lags: OnceLock<Arc<Lags>>,
}

impl System {
    /// Starts the actors on threads of their own. Needs a running actix system on this thread.
    pub fn start(
        log: Arc<dyn EventLog>,
        views: Arc<dyn ViewStore>,
        (policy, freshness, clock): (Arc<Policy>, Arc<Freshness>, Arc<dyn Clock>),
        limits: Limits,
    ) -> Self {
        let kinds = Kinds {
            account: KindVitals::new("account"),
            shard: KindVitals::new("shard"),
            projector: KindVitals::new("projector"),
            sweeper: KindVitals::new("sweeper"),
            consumer: KindVitals::new("consumer"),
            drainer: KindVitals::new("drainer"),
        };
        let projector = Projector::new(Arc::clone(&views), freshness, Arc::clone(&clock));
        let deps = Arc::new(Deps {
            log,
            views,
            projector,
            feeds: Feeds::new(policy, Arc::clone(&clock)),
            clock,
            limits,
            kinds,
            chaos: Chaos::default(),
            parked: AtomicU64::new(0),
            pace: Pace::new(),
            sweeping: Arc::default(),
            erasures: Erasures::new(),
            exchange: Joined::new(),
            spooling: OnceLock::new(),
        });
        let shards: Vec<Arbiter> = (0..deps.limits.shards.max(1)).map(|_| Arbiter::new()).collect();
        let accounts = Accounts::start(&shards, &deps);
        let side = Arbiter::new();
        deps.projector.start(&side.handle(), &deps.kinds.projector, deps.limits.restarts);
        side.spawn(Arc::clone(&deps.feeds).watch_for_silence());
        side.spawn(erasures::forget_views(Arc::clone(&deps)));
        side.spawn(doubts::settle_doubts(Arc::clone(&deps)));
        if deps.limits.sweeps {
            sweeper::start(&deps, &side.handle());
        }
        let arbiters = shards.into_iter().chain([side]).collect();
        Self { accounts, deps, arbiters, lags: OnceLock::new() }
    }

    /// The way to the account actors.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Shares the live feeds with other nodes from now on, and hears what they erase.
    pub fn join(&self, relay: Relay) {
        self.deps.join(relay);
    }

    /// Exchanges signals with other nodes from now on; to be called before anything is recorded.
    pub fn exchange(&self, signals: Signals) {
        let exchange = Exchange::new(signals);
        if self.deps.exchange.set(Arc::clone(&exchange)).is_err() {
            return;
        }
        let Some(side) = self.arbiters.last().map(Arbiter::handle) else { return };
        if self.deps.limits.roles.has(Role::Process) {
            exchange::consume(&exchange, &self.deps, &side);
        } else {
            self.deps.projector.publish_to(Arc::clone(&exchange));
        }
        side.spawn(exchange::watch_streams(exchange, Arc::clone(&self.deps)));
    }

    /// Tells other nodes how far this one is from now on, and hears how far they are. What nodes of
    /// the names `crashed` had on their way, earlier lives of this one, is swept.
    pub fn tell_lags(&self, lags: Lags, crashed: Vec<String>) {
        let lags = Arc::new(lags);
        if let (Ok(()), Some(side)) = (self.lags.set(Arc::clone(&lags)), self.arbiters.last()) {
            side.spawn(lags::tell_lags(Arc::clone(&lags), Arc::clone(&self.deps)));
            let deps = Arc::clone(&self.deps);
            side.spawn_fn(move || {
                drop(actix_rt::spawn(crash::sweep_after_each(crashed, lags, deps)))
            });
        }
    }

    /// The sweep of this node's own stores.
    pub fn sweep(&self) -> Sweep {
        sweeper::sweep_of(&self.deps)
    }

    /// Whatever was recorded between these was swept into the views, as other nodes shall hear.
    pub async fn swept_between(&self, from: Timestamp, begun: Timestamp) {
        let deps = &self.deps;
        deps.projector.freshness().swept_between(from, begun);
        let Some(lags) = self.lags.get() else { return };
        let ago_ms = |at| deps.clock.now().since_ms(at);
        let swept = SweptAgo { from_ms: ago_ms(from), begun_ms: ago_ms(begun) };
        if let Err(error) = lags.swept(swept).await {
            tracing::warn!(%error, "other nodes do not hear of a sweep");
        }
    }

    /// Waits until what was recorded so far, here and elsewhere, is merged, as long as that takes
    /// but a moment.
    pub async fn settle(&self) {
        self.deps.projector.flush().await;
        if let Some(exchange) = self.deps.exchange.get() {
            exchange.settle().await;
        }
    }

    /// Brings what waits in the spool to the log; with `takes`, facts that the log does not take
    /// wait there from now on. To be called once.
    pub fn spool(&self, spool: Arc<Spool>, takes: bool) {
        let spooling = Arc::new(Spooling::new(spool, takes, Arc::clone(&self.deps.log)));
        let is_first = self.deps.spooling.set(Arc::clone(&spooling)).is_ok();
        if let Some(side) = self.arbiters.last().filter(|_| is_first) {
            drainer::start((self.accounts.clone(), spooling), &self.deps, &side.handle());
        }
    }

    /// Follows an account from now on.
    pub fn subscribe(&self, account: &AccountId) -> Subscription {
        self.deps.feeds.subscribe(account)
    }

    /// The queue in front of the views.
    pub fn projector(&self) -> &Arc<Projector> {
        &self.deps.projector
    }

    /// Failures on demand.
    pub fn chaos(&self) -> &Chaos {
        &self.deps.chaos
    }

    /// Whether what changes is marked here for sweeps to find, as it is where nodes share views.
    pub fn marks(&self) -> bool {
        self.deps.marks()
    }

    /// How the actors are doing.
    pub fn observe(&self) -> Observed {
        let kinds = &self.deps.kinds;
        let Kinds { account, shard, projector, sweeper, consumer, drainer } = kinds;
        let kinds = [account, shard, projector, sweeper, consumer, drainer];
        let kinds = kinds.map(|kind| ObservedKind {
            name: kind.name,
            active: kind.active(),
            restarts: kind.restarts(),
            given_up: kind.given_up(),
            last_failure: kind.last_failure(),
        });
        Observed {
            kinds: kinds.into(),
            parked: self.deps.parked.load(Ordering::Relaxed),
            pace: self.deps.pace.observe(),
            admitted: self.accounts.admitted(),
            followers: self.deps.feeds.followers(),
            relay: self.deps.feeds.relay(),
            is_deaf: self.deps.erasures.is_deaf(),
            sweeping: self.deps.sweeping.observe(),
            queued: self.deps.projector.waiting(),
            exchange: self.deps.exchange.get().map(|exchange| exchange.observe()),
            spool: self.deps.spooling.get().map(|spooling| spooling.observe()),
        }
    }

    /// Ends when the live feeds do.
    pub async fn feeds_closed(&self) {
        self.deps.feeds.closed().await;
    }

    /// Ends the live feeds; the rest goes on.
    pub fn close_feeds(&self) {
        self.deps.feeds.close();
    }

    /// Finishes what waits, writes what lags, merges what is signalled, and ends the threads. False
    /// where other nodes take this one, or an earlier life of it, for one that died.
    pub async fn stop(&self) -> bool {
        self.deps.feeds.close();
        if let Some(spooling) = self.deps.spooling.get() {
            spooling.end();
        }
        self.accounts.passivate().await;
        let has_left = leave(&self.deps, self.lags.get().map(AsRef::as_ref)).await;
        self.end_threads();
        has_left
    }

    /// A thread ends by itself once its last task yields; joining it would block this one.
    fn end_threads(&self) {
        for arbiter in &self.arbiters {
            arbiter.stop();
        }
    }
}

/// Who was not stopped finishes nothing, but ends.
impl Drop for System {
    fn drop(&mut self) {
        self.end_threads();
    }
}
