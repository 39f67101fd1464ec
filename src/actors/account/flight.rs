//! A batch whose rows are on their way to the log, and what is done when they are durable: signal,
//! answer, and bring the memory home.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::time::Instant;

use super::batch::{Batch, tell};
use super::home::Trip;
use super::memory::Memory;
use super::plan::Decided;
use crate::actors::Refusal;
use crate::actors::append::append_again;
use crate::events::{Append, AppendError};

/// A decided batch under way.
pub(in crate::actors) struct Flight {
    pub(super) trip: Trip,
    pub(super) memory: Box<Memory>,
    pub(super) batch: Batch,
    pub(super) decided: Decided,
    pub(super) deadline: Instant,
}

impl Flight {
    /// The rows are durable.
    pub(in crate::actors) fn land(self, append: &Append) {
        let Self { trip, mut memory, batch, decided, .. } = self;
        memory.weeks_registered(&append.weeks);
        let finished = AssertUnwindSafe(|| finish(&trip, &mut memory, batch, decided));
        match catch_unwind(finished) {
            Ok(()) => trip.end(memory),
            Err(panic) => trip.fail(panic),
        }
    }

    /// The rows may or may not be written, for this reason: goes on trying until the deadline,
    /// beside the actor.
    pub(in crate::actors) fn fly_on(self, append: Append, error: AppendError) {
        actix_rt::spawn(async move {
            let until = (error, self.deadline);
            match append_again(&self.trip.home.deps, &append, until).await {
                Ok(()) => self.land(&append),
                Err(refusal) => self.give_up(&refusal).await,
            }
        });
    }

    async fn give_up(self, refusal: &Refusal) {
        let Self { trip, mut memory, batch, decided, .. } = self;
        memory.forget(&decided.touched);
        // Some of it may be written all the same, and nobody will signal that.
        trip.home.deps.refill_views(&trip.home.account).await;
        batch.refuse(refusal);
        trip.end(memory);
    }
}

/// First the signal: whoever is answered may ask at once.
fn finish(trip: &Trip, memory: &mut Memory, batch: Batch, decided: Decided) {
    let home = &trip.home;
    tell(&home.account, memory, (&decided.changed, decided.marks), &home.deps);
    for session in decided.torn {
        let live = memory.sessions.of(session);
        if mem::replace(&mut live.is_awaited, true) {
            continue;
        }
        match &live.state {
            Some(state) if !state.numbered => home.look_once(session, state.facts),
            _ => home.look_again(session),
        }
    }
    batch.answer(&home.account, memory, decided.verdicts);
    memory.trim(home.deps.limits.account_sessions_max);
}
