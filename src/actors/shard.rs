//! The active accounts of one arbiter: makes their actors, finds them, lets the idle ones go and
//! replaces the stuck ones.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Actor, Addr, AsyncContext, Context, Handler, Message, Supervised};
use actix_rt::ArbiterHandle;
use tokio::sync::oneshot;
use tokio::time::Instant;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Deps;
use super::account::{Account, Errand, Part, Passivate};
use super::accounts::GRACE;
use super::host::{self, Vitals, Watch};
use super::outbox::Outbox;
use crate::events::AccountId;

/// How often a shard looks for idle and stuck accounts.
const ROUND: Duration = Duration::from_secs(1);

/// The parts of a request that concern accounts of one shard.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Deliver {
    pub(super) parts: Vec<(AccountId, Part)>,
}

/// Something else for one account.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Forward {
    pub(super) account: AccountId,
    pub(super) what: Errand,
}

/// Lets every account go.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct PassivateAll {
    pub(super) done: oneshot::Sender<()>,
}

/// The active accounts of one arbiter.
pub(super) struct Shard {
    deps: Arc<Deps>,
    outbox: Rc<Outbox>,
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
    pub(super) fn start(arbiter: &ArbiterHandle, deps: &Arc<Deps>) -> Addr<Self> {
        let watch = Watch::unending(&deps.kinds.shard, deps.limits.restarts);
        let deps = Arc::clone(deps);
        host::spawn(arbiter, watch, move |_| Self {
            outbox: Outbox::new(Arc::clone(&deps)),
            deps,
            seats: HashMap::default(),
        })
    }

    fn seat(&mut self, account: &AccountId) -> &Seat {
        let now = Instant::now();
        let (deps, outbox) = (&self.deps, &self.outbox);
        let seat = self
            .seats
            .entry(account.clone())
            .or_insert_with_key(|account| sit_down(account, (deps, outbox), now));
        if seat.vitals.is_given_up() || !seat.actor.connected() {
            *seat = sit_down(account, (deps, outbox), now);
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
                self.deps.kinds.account.replaced();
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

fn sit_down(account: &AccountId, (deps, outbox): (&Arc<Deps>, &Rc<Outbox>), now: Instant) -> Seat {
    let vitals = Arc::<Vitals>::default();
    let watch = Watch {
        kind: Arc::clone(&deps.kinds.account),
        vitals: Arc::clone(&vitals),
        budget: deps.limits.restarts,
    };
    let (id, inside) = (account.clone(), Arc::clone(&vitals));
    let stores = (Arc::clone(deps), Rc::clone(outbox));
    let actor = host::spawn_here(watch, |context| Account::new(id, stores, inside, context));
    Seat { actor, vitals, used_at: now, progress: (0, now) }
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
        if !matches!(forward.what, Errand::Panic) {
            seat.vitals.add_waiting(1);
        }
        seat.actor.do_send(forward.what);
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
