//! The way to the account actors: admission, the shards, and the actor of each active account.
//!
//! An account hashes to one shard, a shard lives on one arbiter, and everything of a request that concerns a
//! shard crosses threads as one message. Admission bounds what waits on the whole node.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message, Supervised};
use actix_rt::{Arbiter, ArbiterHandle};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::account::{Account, Erase, Item, Panic, Part, Passivate, What};
use super::gather::{Admission, Gather, Indexes, Reply};
use super::host::{self, Vitals, Watch};
use super::{Deps, Outcome, Receipt, Refusal, Submission};
use crate::events::{AccountId, Event, Mark, Record, Scope};

/// How often a shard looks for idle and stuck accounts.
const ROUND: Duration = Duration::from_secs(1);
/// How much longer than an append's deadline a request waits for its actors.
const GRACE: Duration = Duration::from_secs(5);
const RETRY_AFTER_MS: u64 = 500;

/// The account actors of a node; cheap to clone, used from any thread.
#[derive(Clone)]
pub struct Accounts {
    shards: Arc<[Addr<Shard>]>,
    deps: Arc<Deps>,
    admitted: Arc<AtomicUsize>,
}

impl Accounts {
    /// Starts a shard on each arbiter.
    pub(super) fn start(arbiters: &[Arbiter], deps: &Arc<Deps>) -> Self {
        let shards = arbiters.iter().map(|arbiter| Shard::start(&arbiter.handle(), deps)).collect();
        Self { shards, deps: Arc::clone(deps), admitted: Arc::default() }
    }

    /// Records facts; every submission is in the outcome exactly once. What is not refused is durable.
    ///
    /// Dropping the future does not undo anything.
    pub async fn record(&self, facts: Vec<(AccountId, Vec<Submission>)>) -> Outcome {
        let items = facts.into_iter().map(|(account, submissions)| {
            let items = submissions.into_iter().map(|s| Item {
                index: s.index,
                reference: s.reference,
                what: What::Event(s.event),
            });
            (account, items.collect())
        });
        self.take(items.collect()).await
    }

    /// Records what an import read; places are echoed in refusals.
    pub async fn import(&self, account: AccountId, records: Vec<(usize, Record)>) -> Outcome {
        let now = self.deps.clock.now();
        let items = records.into_iter().map(|(index, record)| {
            let what = match record {
                Record::Fact(fact) => What::Event(Event::new(fact, now, None)),
                Record::Event(event) => What::Event(event),
                Record::Mark(mark) => What::Mark(mark),
                Record::Snapshot(state) => What::Snapshot(Box::new(state)),
            };
            Item { index, reference: None, what }
        });
        let items = items.collect();
        self.take(vec![(account, items)]).await
    }

    /// Records a person's word; false when the very command was recorded before.
    ///
    /// # Errors
    /// The refusal, when it is not recorded.
    pub async fn mark(&self, account: AccountId, mark: Mark) -> Result<bool, Refusal> {
        let item = Item { index: 0, reference: None, what: What::Mark(mark) };
        let outcome = self.take(vec![(account, vec![item])]).await;
        match outcome.refused.into_iter().next() {
            Some(refused) => Err(refused.refusal),
            None => Ok(outcome.recorded > 0),
        }
    }

    /// Erases a play, a title, a profile or the account.
    ///
    /// # Errors
    /// [`Refusal::StoreUnavailable`] when the log did not answer: ask again.
    pub async fn erase(&self, account: AccountId, scope: Scope) -> Result<Receipt, Refusal> {
        let (reply, receiver) = oneshot::channel();
        self.shard(&account)
            .do_send(Forward { account, what: Errand::Erase(Erase { scope, reply }) });
        receiver.await.unwrap_or_else(|_| {
            Err(Refusal::StoreUnavailable {
                detail: "the account's actor failed; ask again".to_owned(),
                retry_after_ms: RETRY_AFTER_MS,
            })
        })
    }

    /// Makes an account's actor panic, to show what happens then.
    pub fn panic(&self, account: &AccountId) {
        let errand = Forward { account: account.clone(), what: Errand::Panic };
        self.shard(account).do_send(errand);
    }

    /// Writes what lags of every account and lets its actor go; what still waits is done first.
    pub async fn passivate(&self) {
        for shard in self.shards.iter() {
            let (done, receiver) = oneshot::channel();
            shard.do_send(PassivateAll { done });
            let _ = receiver.await;
        }
        let all_gone = async {
            while self.deps.kinds.account.active() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // Whoever does not come to an end loses only a snapshot that lags.
        let _ = timeout(self.deps.limits.append_deadline, all_gone).await;
    }

    /// How many facts are admitted and not answered yet.
    pub fn admitted(&self) -> usize {
        self.admitted.load(Ordering::Relaxed)
    }

    async fn take(&self, accounts: Vec<(AccountId, Vec<Item>)>) -> Outcome {
        let count: usize = accounts.iter().map(|(_, items)| items.len()).sum();
        let items = accounts.iter().flat_map(|(_, items)| items);
        let indexes: Indexes = items.map(|item| item.index).collect();
        let Some(admission) =
            Admission::of(&self.admitted, count, self.deps.limits.node_waiting_max)
        else {
            let full = Refusal::TooManyRequests { retry_after_ms: RETRY_AFTER_MS };
            return indexes.refused(&full);
        };
        let parts = accounts.iter().filter(|(_, items)| !items.is_empty()).count();
        if parts == 0 {
            return Outcome::default();
        }
        let (gather, outcome) = Gather::new(parts, admission);
        self.send(accounts, &gather);
        drop(gather);
        match timeout(self.deps.limits.append_deadline + GRACE, outcome).await {
            Ok(Ok(outcome)) => outcome,
            _ => indexes.refused(&unanswered()),
        }
    }

    fn send(&self, accounts: Vec<(AccountId, Vec<Item>)>, gather: &Arc<Gather>) {
        let mut parts = accounts.into_iter().filter(|(_, items)| !items.is_empty()).map(|part| {
            let (account, items) = part;
            let indexes = items.iter().map(|item| item.index).collect();
            let reply = Reply::new(Arc::clone(gather), indexes);
            (account, Part { items, reply })
        });
        let (Some(first), second) = (parts.next(), parts.next()) else { return };
        let Some(second) = second else {
            self.shard(&first.0).do_send(Deliver { parts: vec![first] });
            return;
        };
        let mut by_shard: Vec<Vec<(AccountId, Part)>> =
            self.shards.iter().map(|_| vec![]).collect();
        for part in [first, second].into_iter().chain(parts) {
            if let Some(parts) = by_shard.get_mut(self.shard_of(&part.0)) {
                parts.push(part);
            }
        }
        for (shard, parts) in self.shards.iter().zip(by_shard) {
            if !parts.is_empty() {
                shard.do_send(Deliver { parts });
            }
        }
    }

    fn shard_of(&self, account: &AccountId) -> usize {
        let hash = xxh3_64(account.as_str().as_bytes());
        usize::try_from(hash % self.shards.len().max(1) as u64).unwrap_or(0)
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "a hash modulo the length, and there is always a shard"
    )]
    fn shard(&self, account: &AccountId) -> &Addr<Shard> {
        &self.shards[self.shard_of(account)]
    }
}

fn unanswered() -> Refusal {
    Refusal::StoreUnavailable {
        detail: "the account's actor did not answer in time; send the same again".to_owned(),
        retry_after_ms: RETRY_AFTER_MS,
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Deliver {
    parts: Vec<(AccountId, Part)>,
}

#[derive(Message)]
#[rtype(result = "()")]
struct Forward {
    account: AccountId,
    what: Errand,
}

enum Errand {
    Erase(Erase),
    Panic,
}

#[derive(Message)]
#[rtype(result = "()")]
struct PassivateAll {
    done: oneshot::Sender<()>,
}

/// The active accounts of one arbiter.
struct Shard {
    arbiter: ArbiterHandle,
    deps: Arc<Deps>,
    seats: HashMap<AccountId, Seat, ByText>,
}

/// Hashes an id's text, from a seed that nobody outside knows: ids come from clients.
#[derive(Clone, Copy)]
struct ByText {
    seed: u64,
}

impl Default for ByText {
    fn default() -> Self {
        Self { seed: RandomState::new().hash_one(()) }
    }
}

impl BuildHasher for ByText {
    type Hasher = TextHasher;

    fn build_hasher(&self) -> TextHasher {
        TextHasher(self.seed)
    }
}

struct TextHasher(u64);

impl Hasher for TextHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    /// The end of a text, which tells no two ids apart.
    fn write_u8(&mut self, _: u8) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Where an account's actor is, and how it is doing.
struct Seat {
    actor: Addr<Account>,
    vitals: Arc<Vitals>,
    used_at: Instant,
    progress: (u64, Instant),
}

impl Shard {
    fn start(arbiter: &ArbiterHandle, deps: &Arc<Deps>) -> Addr<Self> {
        let watch = Watch {
            kind: Arc::clone(&deps.kinds.shard),
            vitals: Arc::default(),
            // A node without a shard is no node: it is always started again.
            budget: host::Budget { restarts_max: usize::MAX, ..deps.limits.restarts },
        };
        let (arbiter_inside, deps) = (arbiter.clone(), Arc::clone(deps));
        host::spawn(arbiter, watch, move |_| Self {
            arbiter: arbiter_inside,
            deps,
            seats: HashMap::default(),
        })
    }

    fn seat(&mut self, account: &AccountId) -> &Seat {
        let now = Instant::now();
        let (arbiter, deps) = (&self.arbiter, &self.deps);
        let sit_down = |account: &AccountId| {
            let vitals = Arc::<Vitals>::default();
            let watch = Watch {
                kind: Arc::clone(&deps.kinds.account),
                vitals: Arc::clone(&vitals),
                budget: deps.limits.restarts,
            };
            let (id, deps, inside) = (account.clone(), Arc::clone(deps), Arc::clone(&vitals));
            let actor = host::spawn(arbiter, watch, move |_| Account::new(id, deps, inside));
            Seat { actor, vitals, used_at: now, progress: (0, now) }
        };
        let seat = self.seats.entry(account.clone()).or_insert_with_key(sit_down);
        if seat.vitals.is_given_up() || !seat.actor.connected() {
            *seat = sit_down(account);
        }
        seat.used_at = now;
        seat
    }

    /// Lets idle accounts go and replaces those that wait without progress.
    fn look_round(&mut self) {
        let now = Instant::now();
        let Limits { idle, stuck } = Limits::of(&self.deps);
        self.seats.retain(|account, seat| {
            let progress = seat.vitals.progress();
            if seat.progress.0 != progress || seat.vitals.waiting() == 0 {
                seat.progress = (progress, now);
            }
            if now - seat.progress.1 > stuck {
                tracing::error!(%account, "an account makes no progress and is replaced");
                return false;
            }
            let is_idle = seat.vitals.waiting() == 0 && now - seat.used_at > idle;
            if is_idle {
                seat.actor.do_send(Passivate);
            }
            !is_idle
        });
    }
}

struct Limits {
    idle: Duration,
    stuck: Duration,
}

impl Limits {
    fn of(deps: &Deps) -> Self {
        Self { idle: deps.limits.idle_after, stuck: deps.limits.append_deadline + GRACE + GRACE }
    }
}

impl Actor for Shard {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_interval(ROUND, |shard, _| shard.look_round());
    }
}

impl Supervised for Shard {
    fn restarting(&mut self, context: &mut Context<Self>) {
        self.seats.clear();
        context.run_interval(ROUND, |shard, _| shard.look_round());
    }
}

impl Handler<Deliver> for Shard {
    type Result = ();

    fn handle(&mut self, deliver: Deliver, _: &mut Context<Self>) {
        for (account, part) in deliver.parts {
            let seat = self.seat(&account);
            seat.vitals.add_waiting(part.items.len());
            seat.actor.do_send(part);
        }
    }
}

impl Handler<Forward> for Shard {
    type Result = ();

    fn handle(&mut self, forward: Forward, _: &mut Context<Self>) {
        let seat = self.seat(&forward.account);
        match forward.what {
            Errand::Erase(erase) => {
                seat.vitals.add_waiting(1);
                seat.actor.do_send(erase);
            }
            Errand::Panic => seat.actor.do_send(Panic),
        }
    }
}

impl Handler<PassivateAll> for Shard {
    type Result = ();

    fn handle(&mut self, all: PassivateAll, _: &mut Context<Self>) {
        for (_, seat) in self.seats.drain() {
            seat.actor.do_send(Passivate);
        }
        let _ = all.done.send(());
    }
}
