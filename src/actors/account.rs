//! The actor of one active account: decides, appends, answers, one batch at a time.
//!
//! What arrives while an append is in flight waits and is the next batch, so that a busy account
//! writes many facts at once and a quiet one waits for nobody. The actor passivates when idle; the
//! log has everything.

mod batch;
mod compact;
mod decide;
mod erase;
mod errand;
mod live;
mod memory;
mod plan;
mod renew;
mod sessions;
mod wake;

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use actix::fut::ActorFutureExt;
use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Message, Supervised, WrapFuture};
use futures_util::FutureExt;

use super::append::append_until;
use super::gather::Reply;
use super::host::Vitals;
use super::{Chaos, Deps, Refusal};
use crate::events::{AccountId, Event, Mark, State};
pub(super) use errand::{Answer, Errand};
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

/// A batch, an erasure or a compaction came to its end, or panicked.
#[derive(Message)]
#[rtype(result = "()")]
struct Done {
    memory: Result<Box<Memory>, Box<dyn Any + Send>>,
    items: usize,
}

/// One active account.
pub(super) struct Account {
    id: AccountId,
    deps: Arc<Deps>,
    vitals: Arc<Vitals>,
    waiting: VecDeque<Work>,
    waiting_items: usize,
    /// Absent while a batch has it.
    memory: Option<Box<Memory>>,
    /// The actor failed while a batch was under way: what that brings back is not trusted.
    failed: bool,
}

/// What waits in the line.
enum Work {
    Part(Part),
    Errand(Errand),
    Passivate,
}

impl Account {
    pub(super) fn new(id: AccountId, deps: Arc<Deps>, vitals: Arc<Vitals>) -> Self {
        Self {
            id,
            deps,
            vitals,
            waiting: VecDeque::new(),
            waiting_items: 0,
            memory: Some(Box::default()),
            failed: false,
        }
    }

    /// Starts the next batch unless one is under way.
    fn go_on(&mut self, context: &mut Context<Self>) {
        if self.waiting.is_empty() {
            return;
        }
        let Some(memory) = self.memory.take() else { return };
        match self.waiting.pop_front() {
            Some(Work::Part(first)) => {
                self.waiting_items = self.waiting_items.saturating_sub(first.items.len());
                self.record(first, memory, context);
            }
            Some(Work::Errand(errand)) => {
                let work = errand::run(self.id.clone(), memory, errand, Arc::clone(&self.deps));
                self.run(work, 1, context);
            }
            Some(Work::Passivate) if self.waiting.is_empty() => {
                self.passivate(&memory, context);
            }
            Some(Work::Passivate) | None => {
                self.memory = Some(memory);
                self.go_on(context);
            }
        }
    }

    fn record(&mut self, first: Part, memory: Box<Memory>, context: &mut Context<Self>) {
        let mut items = first.items.len();
        let mut parts = vec![first];
        while let Some(Work::Part(next)) = self.waiting.front() {
            items += next.items.len();
            if items > self.deps.limits.batch_max {
                items -= next.items.len();
                break;
            }
            if let Some(Work::Part(next)) = self.waiting.pop_front() {
                self.waiting_items = self.waiting_items.saturating_sub(next.items.len());
                parts.push(next);
            }
        }
        let work = batch::record(self.id.clone(), memory, parts, Arc::clone(&self.deps));
        self.run(work, items, context);
    }

    /// Not as a future of this context: what is on its way to the log is answered and signalled
    /// even when the actor fails meanwhile, and the next batch waits for it in any case.
    fn run(
        &self,
        work: impl Future<Output = Box<Memory>> + 'static,
        items: usize,
        context: &Context<Self>,
    ) {
        let account = context.address();
        actix_rt::spawn(async move {
            let memory = AssertUnwindSafe(work).catch_unwind().await;
            account.do_send(Done { memory, items });
        });
    }

    fn passivate(&self, memory: &Memory, context: &mut Context<Self>) {
        let Some(farewell) = memory.farewell(&self.id) else {
            context.stop();
            return;
        };
        let deps = Arc::clone(&self.deps);
        // A snapshot that cannot be written is only behind: nothing is lost with it.
        let write = async move { append_until(&deps, &farewell).await.is_ok() };
        context.spawn(write.into_actor(self).map(|_, _, context| context.stop()));
    }
}

impl Actor for Account {
    type Context = Context<Self>;
}

impl Supervised for Account {
    fn restarting(&mut self, context: &mut Context<Self>) {
        match &mut self.memory {
            Some(memory) => {
                **memory = Memory::default();
                self.go_on(context);
            }
            None => self.failed = true,
        }
    }
}

impl Handler<Done> for Account {
    type Result = ();

    fn handle(&mut self, done: Done, context: &mut Context<Self>) {
        self.vitals.done(done.items);
        let failed = std::mem::take(&mut self.failed);
        match done.memory {
            Ok(memory) if !failed => self.memory = Some(memory),
            Ok(_) => self.memory = Some(Box::default()),
            Err(panic) => {
                self.memory = Some(Box::default());
                // It may have failed between the log and the signal.
                actix_rt::spawn(batch::forget_views(self.id.clone(), Arc::clone(&self.deps)));
                resume_unwind(panic);
            }
        }
        self.go_on(context);
    }
}

impl Handler<Part> for Account {
    type Result = ();

    fn handle(&mut self, part: Part, context: &mut Context<Self>) {
        let items = part.items.len();
        if self.waiting_items + items > self.deps.limits.account_waiting_max {
            self.vitals.done(items);
            part.reply.refuse(&Refusal::TooManyRequests { retry_after_ms: FULL_RETRY_AFTER_MS });
            return;
        }
        if let Some(memory) = self.memory.take_if(|_| self.waiting.is_empty()) {
            self.record(part, memory, context);
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
