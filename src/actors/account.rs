//! The actor of one active account: decides, appends, answers, one batch at a time.
//!
//! What arrives while an append is in flight waits and is the next batch, so that a busy account
//! writes many facts at once and a quiet one waits for nobody. The actor passivates when idle; the
//! log has everything.

mod batch;
mod compact;
mod decide;
mod dirty;
mod erase;
mod errand;
mod flight;
mod home;
mod live;
mod look;
mod memory;
mod plan;
mod renew;
mod sessions;
mod wake;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;

use actix::fut::ActorFutureExt;
use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, Supervised, WrapFuture};
use futures_util::FutureExt;
use tokio::time::Instant;

use super::append::append_until;
use super::gather::Reply;
use super::host::Vitals;
use super::outbox::Outbox;
use super::{Chaos, Deps, Refusal};
use crate::events::{AccountId, Event, Mark, State};
pub(super) use errand::{Answer, Errand};
pub(super) use flight::Flight;
use home::{Home, Panic};
use memory::Memory;

/// When to send again what did not fit in the line.
const FULL_RETRY_AFTER_MS: u64 = 500;

/// One thing to be recorded.
pub(super) struct Item {
    pub(super) index: usize,
    pub(super) what: What,
}

/// What is to be recorded.
pub(super) enum What {
    Event(Event),
    /// An event of an export: recorded as it is.
    Kept(Event),
    Mark(Mark),
    Snapshot(Box<State>),
}

/// The items of one request that concern one account.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Part {
    pub(super) items: Vec<Item>,
    pub(super) reply: Reply,
}

/// Says goodbye: writes what lags and stops.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Passivate;

/// The memory is home again, and something waits for it.
#[derive(Message)]
#[rtype(result = "()")]
struct GoOn;

/// A batch, an erasure or a compaction panicked; its actor fails with it.
#[derive(Message)]
#[rtype(result = "()")]
struct Crashed(Panic);

/// One active account.
pub(super) struct Account {
    home: Rc<Home>,
    waiting: VecDeque<Work>,
    waiting_items: usize,
}

/// What waits in the line.
enum Work {
    Part(Part),
    Errand(Errand),
    Passivate,
}

impl Account {
    pub(super) fn new(
        id: AccountId,
        (deps, outbox): (Arc<Deps>, Rc<Outbox>),
        vitals: Arc<Vitals>,
        context: &Context<Self>,
    ) -> Self {
        let home = Home::new((id, context.address().downgrade()), (deps, outbox), vitals);
        Self { home, waiting: VecDeque::new(), waiting_items: 0 }
    }

    /// Starts what waits, unless work is under way.
    fn go_on(&mut self, context: &mut Context<Self>) {
        while !self.waiting.is_empty() {
            let Some(memory) = self.home.take() else {
                self.home.wait(|| context.address());
                return;
            };
            match self.waiting.pop_front() {
                Some(Work::Part(first)) => self.record(first, memory),
                Some(Work::Errand(errand)) => self.run(errand, memory),
                Some(Work::Passivate) if self.waiting.is_empty() => {
                    self.passivate(&memory, context);
                    return;
                }
                Some(Work::Passivate) | None => self.home.put_back(memory),
            }
        }
    }

    fn record(&mut self, first: Part, memory: Box<Memory>) {
        let mut items = first.items.len();
        self.waiting_items = self.waiting_items.saturating_sub(items);
        let mut parts = vec![first];
        while let Some(Work::Part(next)) = self.waiting.front() {
            items += next.items.len();
            if items > self.home.deps.limits.batch_max {
                break;
            }
            if let Some(Work::Part(next)) = self.waiting.pop_front() {
                self.waiting_items = self.waiting_items.saturating_sub(next.items.len());
                parts.push(next);
            }
        }
        batch::record(&self.home, memory, parts);
    }

    fn run(&self, errand: Errand, memory: Box<Memory>) {
        let trip = self.home.set_out(1);
        trip.leave();
        actix_rt::spawn(async move {
            let (account, deps) = (trip.home.account.clone(), Arc::clone(&trip.home.deps));
            let home = Rc::clone(&trip.home);
            let done = errand::run(account, memory, errand, (deps, home.vitals()));
            let done = AssertUnwindSafe(done);
            match done.catch_unwind().await {
                Ok(memory) => trip.end(memory),
                Err(panic) => trip.fail(panic),
            }
        });
    }

    fn passivate(&self, memory: &Memory, context: &mut Context<Self>) {
        let Some(farewell) = memory.farewell(&self.home.account, &self.home.deps) else {
            context.stop();
            return;
        };
        let deps = Arc::clone(&self.home.deps);
        let deadline = Instant::now() + deps.limits.append_deadline;
        // A snapshot that cannot be written is only behind: nothing is lost with it.
        let write = async move { append_until(&deps, &farewell, deadline).await.is_ok() };
        context.spawn(write.into_actor(self).map(|_, _, context| context.stop()));
    }
}

impl Actor for Account {
    type Context = Context<Self>;
}

impl Supervised for Account {
    fn restarting(&mut self, context: &mut Context<Self>) {
        if self.home.start_afresh() {
            self.go_on(context);
        }
    }
}

impl Handler<GoOn> for Account {
    type Result = ();

    fn handle(&mut self, _: GoOn, context: &mut Context<Self>) {
        self.go_on(context);
    }
}

impl Handler<Crashed> for Account {
    type Result = ();

    fn handle(&mut self, crashed: Crashed, _: &mut Context<Self>) {
        resume_unwind(crashed.0);
    }
}

impl Handler<Part> for Account {
    type Result = ();

    fn handle(&mut self, part: Part, context: &mut Context<Self>) {
        let items = part.items.len();
        if self.waiting_items + items > self.home.deps.limits.account_waiting_max {
            self.home.done(items);
            part.reply.refuse(&Refusal::TooManyRequests { retry_after_ms: FULL_RETRY_AFTER_MS });
            return;
        }
        self.waiting_items += items;
        self.waiting.push_back(Work::Part(part));
        self.go_on(context);
    }
}

impl Handler<Errand> for Account {
    type Result = ();

    fn handle(&mut self, errand: Errand, context: &mut Context<Self>) {
        if matches!(errand, Errand::Panic) {
            Chaos::panic();
        }
        self.waiting.push_back(Work::Errand(errand));
        self.go_on(context);
    }
}

impl Handler<Passivate> for Account {
    type Result = ();

    fn handle(&mut self, _: Passivate, context: &mut Context<Self>) {
        self.waiting.push_back(Work::Passivate);
        self.go_on(context);
    }
}
