//! Where an account's memory is while no work has it. The actor and the work under way share it, so
//! that work which comes to its end need not wait for the actor to be told.

use std::any::Any;
use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::{Addr, WeakAddr};
use tokio::time::sleep;

use super::look::Look;
use super::memory::Memory;
use super::{Account, Crashed, Errand, GoOn};
use crate::actors::Deps;
use crate::actors::host::Vitals;
use crate::actors::outbox::Outbox;
use crate::events::{AccountId, SessionId};

/// How soon it is looked what another node recorded at the same time.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// So much later for each fact of a session of which all have to be read.
const LOOK_AFTER_EACH: Duration = Duration::from_millis(5);

/// What a panic leaves behind.
pub(super) type Panic = Box<dyn Any + Send>;

/// One account's memory, and what its work needs.
pub(in crate::actors) struct Home {
    pub(super) account: AccountId,
    pub(super) deps: Arc<Deps>,
    pub(super) outbox: Rc<Outbox>,
    vitals: Arc<Vitals>,
    actor: WeakAddr<Account>,
    memory: Cell<Option<Box<Memory>>>,
    is_away: Cell<bool>,
    /// The actor failed while work was under way: what that brings back is not trusted.
    has_failed: Cell<bool>,
    /// Something waits for the memory; the address keeps the actor alive until then.
    waiting: Cell<Option<Addr<Account>>>,
}

/// The duty to bring the memory home and to count so many items as done. Dropped without that, as
/// when the work panics, nothing that it knew is trusted.
pub(super) struct Trip {
    pub(super) home: Rc<Home>,
    items: usize,
}

impl Home {
    pub(super) fn new(
        (account, actor): (AccountId, WeakAddr<Account>),
        (deps, outbox): (Arc<Deps>, Rc<Outbox>),
        vitals: Arc<Vitals>,
    ) -> Rc<Self> {
        Rc::new(Self {
            account,
            deps,
            outbox,
            vitals,
            actor,
            memory: Cell::new(Some(Box::default())),
            is_away: Cell::new(false),
            has_failed: Cell::new(false),
            waiting: Cell::new(None),
        })
    }

    /// The memory, unless work has it.
    pub(super) fn take(&self) -> Option<Box<Memory>> {
        self.memory.take()
    }

    /// What is seen of the actor from outside.
    pub(super) fn vitals(&self) -> &Vitals {
        &self.vitals
    }

    /// Puts the memory back without having worked.
    pub(super) fn put_back(&self, memory: Box<Memory>) {
        self.memory.set(Some(memory));
    }

    /// From now on the memory comes back with [`Trip::end`] alone.
    pub(super) fn set_out(self: &Rc<Self>, items: usize) -> Trip {
        Trip { home: Rc::clone(self), items }
    }

    /// Tells the actor to go on once the memory is back.
    pub(super) fn wait(&self, actor: impl FnOnce() -> Addr<Account>) {
        let waiting = self.waiting.take().unwrap_or_else(actor);
        self.waiting.set(Some(waiting));
    }

    /// So many items came to their end without any work.
    pub(super) fn done(&self, items: usize) {
        self.vitals.done(items);
    }

    /// Lets the actor look twice whether another node recorded what is missing of a session: soon,
    /// and when whatever was on its way by now is durable or given up.
    pub(super) fn look_again(&self, session: SessionId) {
        self.look_after(LOOK_AFTER, (session, Look::First));
        self.look_after(self.deps.limits.append_deadline + LOOK_AFTER, (session, Look::Last));
    }

    /// Lets it look once whether another node recorded more of a session without numbers, the later
    /// the more facts are read for it.
    pub(super) fn look_once(&self, session: SessionId, facts: u32) {
        self.look_after(LOOK_AFTER + LOOK_AFTER_EACH * facts, (session, Look::First));
    }

    fn look_after(&self, after: Duration, look: (SessionId, Look)) {
        let (actor, vitals) = (self.actor.clone(), Arc::clone(&self.vitals));
        actix_rt::spawn(async move {
            sleep(after).await;
            if let Some(actor) = actor.upgrade() {
                vitals.add_waiting(1);
                actor.do_send(Errand::Look(look.0, look.1));
            }
        });
    }

    fn come_back(&self, memory: Box<Memory>) {
        self.is_away.set(false);
        self.memory.set(Some(memory));
        if let Some(actor) = self.waiting.take() {
            actor.do_send(GoOn);
        }
    }

    fn failed(&self, panic: Option<Panic>) {
        // It may have failed between the log and the signal.
        let (account, deps) = (self.account.clone(), Arc::clone(&self.deps));
        actix_rt::spawn(async move { deps.refill_views(&account).await });
        self.has_failed.set(false);
        if let Some(actor) = self.actor.upgrade() {
            actor.do_send(Crashed(panic.unwrap_or_else(|| Box::new("work was dropped"))));
        }
        self.come_back(Box::default());
    }

    /// The actor starts afresh; true when nothing is under way.
    pub(super) fn start_afresh(&self) -> bool {
        if self.is_away.get() {
            self.has_failed.set(true);
            return false;
        }
        self.memory.set(Some(Box::default()));
        true
    }
}

impl Trip {
    /// The work is under way, and not a part of the actor any more.
    pub(super) fn leave(&self) {
        self.home.is_away.set(true);
    }

    /// Brings the memory back.
    pub(super) fn end(self, memory: Box<Memory>) {
        let is_trusted = !self.home.has_failed.take();
        self.home.come_back(if is_trusted { memory } else { Box::default() });
    }

    /// Says what made the work fail.
    pub(super) fn fail(self, panic: Panic) {
        self.home.failed(Some(panic));
    }
}

impl Drop for Trip {
    fn drop(&mut self) {
        self.home.vitals.done(self.items);
        if self.home.is_away.get() {
            self.home.failed(None);
        }
    }
}
