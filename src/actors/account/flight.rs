//! A batch whose rows are on their way to the log, and what is done when they are durable: signal,
//! answer, and bring the memory home.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::time::Instant;

use super::batch::{Batch, forget_views, tell};
use super::home::Trip;
use super::memory::Memory;
use super::plan::Decided;
use crate::actors::append::append_again;
use crate::events::Append;

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

    /// The rows may or may not be written: goes on trying until the deadline, beside the actor.
    pub(in crate::actors) fn fly_on(self, append: Append) {
        actix_rt::spawn(async move {
            let Self { trip, memory, batch, decided, deadline } = self;
            let memory = fly_on(&trip, memory, (batch, decided), (append, deadline)).await;
            trip.end(memory);
        });
    }
}

async fn fly_on(
    trip: &Trip,
    mut memory: Box<Memory>,
    (batch, decided): (Batch, Decided),
    (append, deadline): (Append, Instant),
) -> Box<Memory> {
    let home = &trip.home;
    match append_again(&home.deps, &append, deadline).await {
        Ok(()) => {
            memory.weeks_registered(&append.weeks);
            finish(trip, &mut memory, batch, decided);
        }
        Err(refusal) => {
            memory.forget(&decided.touched);
            // Some of it may be written all the same, and nobody will signal that.
            forget_views(home.account.clone(), Arc::clone(&home.deps)).await;
            batch.refuse(&refusal);
        }
    }
    memory
}

/// First the signal: whoever is answered may ask at once.
pub(super) fn finish(trip: &Trip, memory: &mut Memory, batch: Batch, decided: Decided) {
    let home = &trip.home;
    tell(&home.account, memory, (&decided.changed, decided.marks), &home.deps);
    batch.answer(&home.account, memory, decided.verdicts);
    memory.trim(home.deps.limits.account_sessions_max);
}
