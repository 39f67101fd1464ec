//! What an account does with everything that waits for it: wake, decide, append, answer, signal.
//!
//! One batch at a time holds the account's whole memory; if anything panics or the log fails, what
//! the batch touched is forgotten and read again.

use std::rc::Rc;

use tokio::time::Instant;

use super::decide::{Proposed, Verdict};
use super::flight::Flight;
use super::home::{Home, Trip};
use super::memory::Memory;
use super::plan::Plan;
use super::{Item, Part, What, wake};
use crate::actors::gather::Reply;
use crate::actors::{Deps, Outcome, Recorded, Refusal, Refused, Signal};
use crate::events::{AccountId, Mark, ReadError, SessionId, State};

/// Everything taken from the line at once.
pub(super) struct Batch {
    replies: Vec<(Reply, Outcome)>,
    items: Vec<Asked>,
}

/// An item and which reply it belongs to.
struct Asked {
    reply: usize,
    index: usize,
    session: Option<SessionId>,
}

/// The batch sorted out: facts by session, the rest as it came. Numbers are places in
/// `Batch::items`.
#[derive(Default)]
pub(super) struct Sorted {
    pub(super) facts: Vec<Proposed>,
    pub(super) marks: Vec<(usize, Mark)>,
    pub(super) snapshots: Vec<(usize, State)>,
}

impl Batch {
    /// Takes parts out of the line.
    fn sort_out(parts: Vec<Part>) -> (Self, Sorted) {
        let count = parts.iter().map(|part| part.items.len()).sum();
        let mut batch =
            Self { replies: Vec::with_capacity(parts.len()), items: Vec::with_capacity(count) };
        let mut sorted = Sorted { facts: Vec::with_capacity(count), ..Sorted::default() };
        for (reply, part) in parts.into_iter().enumerate() {
            batch.replies.push((part.reply, Outcome::default()));
            for Item { index, what } in part.items {
                let item = batch.items.len();
                let session = match what {
                    What::Event(event) => {
                        Some(sorted.take(Proposed { item, event, is_kept: false }))
                    }
                    What::Kept(event) => Some(sorted.take(Proposed { item, event, is_kept: true })),
                    What::Mark(mark) => {
                        sorted.marks.push((item, mark));
                        None
                    }
                    What::Snapshot(state) => {
                        let session = state.session;
                        sorted.snapshots.push((item, *state));
                        Some(session)
                    }
                };
                batch.items.push(Asked { reply, index, session });
            }
        }
        sorted.facts.sort_by_key(turn);
        (batch, sorted)
    }

    /// Answers every part, each item by its verdict.
    pub(super) fn answer(
        mut self,
        account: &AccountId,
        memory: &Memory,
        verdicts: Vec<(usize, Verdict)>,
    ) {
        for (item, verdict) in verdicts {
            let Some(asked) = self.items.get_mut(item) else { continue };
            let Some((_, outcome)) = self.replies.get_mut(asked.reply) else { continue };
            let is_theirs = !matches!(verdict, Verdict::Refuse(Refusal::InvalidEvent(_)));
            match verdict {
                Verdict::Record => outcome.recorded += 1,
                Verdict::Duplicate => outcome.duplicates += 1,
                Verdict::Refuse(refusal) => {
                    outcome.refused.push(Refused { index: asked.index, refusal })
                }
            }
            let Some(session) = asked.session.filter(|_| is_theirs) else { continue };
            if outcome.sessions.last().is_some_and(|last| last.session == session) {
                continue;
            }
            let state = memory.sessions.get(session).and_then(|live| live.state.as_ref());
            outcome.sessions.extend(state.map(|state| Recorded {
                account: account.clone(),
                session,
                seq: state.seq,
            }));
        }
        for (reply, mut outcome) in self.replies {
            // Verdicts come by session, but for the snapshots, which follow the facts.
            outcome.sessions.sort_by_key(|recorded| recorded.session);
            outcome.sessions.dedup_by_key(|recorded| recorded.session);
            reply.send(outcome);
        }
    }

    pub(super) fn refuse(self, refusal: &Refusal) {
        for (reply, _) in self.replies {
            reply.refuse(refusal);
        }
    }
}

/// Facts go by session and in their order; of two with one number the one that was sent first goes
/// first, and the other is refused.
fn turn(Proposed { item, event, is_kept }: &Proposed) -> (SessionId, u64, u64) {
    let is_numbered = event.fact.seq.is_some() && !is_kept;
    let last = if is_numbered { *item as u64 } else { event.order.fingerprint };
    (event.fact.session, event.order.seq, last)
}

/// Decides a batch and sends its rows on their way: at once when memory knows enough, otherwise as
/// soon as the log has said the rest.
pub(super) fn record(home: &Rc<Home>, memory: Box<Memory>, parts: Vec<Part>) {
    let trip = home.set_out(parts.iter().map(|part| part.items.len()).sum());
    let (batch, sorted) = Batch::sort_out(parts);
    if wake::is_awake(&home.account, &memory, &sorted, &home.deps) {
        depart(trip, memory, batch, (sorted, wake::Pasts::default()));
        return;
    }
    trip.leave();
    // Not as a future of the actor: what is on its way is answered even when the actor fails.
    actix_rt::spawn(async move {
        let home = Rc::clone(&trip.home);
        let mut memory = memory;
        let waking = wake::wake(&home.account, &mut memory, &sorted, &home.deps);
        match waking.await {
            Ok(pasts) => depart(trip, memory, batch, (sorted, pasts)),
            Err(error) => {
                batch.refuse(&unreadable(&error));
                trip.end(Box::default());
            }
        }
    });
}

fn depart(trip: Trip, mut memory: Box<Memory>, batch: Batch, awake: (Sorted, wake::Pasts)) {
    let home = Rc::clone(&trip.home);
    let Plan { append, decided, .. } = Plan::of(&home.account, &mut memory, awake, &home.deps);
    trip.leave();
    let deadline = Instant::now() + home.deps.limits.append_deadline;
    let flight = Flight { trip, memory, batch, decided, deadline };
    if append.rows() == 0 {
        flight.land(&append);
    } else {
        home.outbox.post(append, flight);
    }
}

/// Signals what is now durable to whoever has views of the account or follows it. Only now is it
/// certain that whoever does not, and fills its views later, finds it in the log.
pub(super) fn tell(
    account: &AccountId,
    memory: &Memory,
    (changed, marks): (&[(SessionId, bool)], Vec<Mark>),
    deps: &Deps,
) {
    let (is_viewed, is_followed) = (deps.views.wants(account), deps.feeds.want(account));
    if !is_viewed && !is_followed {
        return;
    }
    if !memory.is_current(account, deps) {
        // Another node may have erased just this; what is left of it the log says.
        deps.distrust(account);
        deps.feeds.resync(account);
        return;
    }
    for (session, turned) in changed {
        let state = memory.sessions.get(*session).and_then(|live| live.state.as_ref());
        let Some(state) = state else { continue };
        if is_followed {
            deps.feeds.publish(account, state);
        }
        if is_viewed {
            deps.signal(account, Signal::session(state.clone(), *turned));
        }
    }
    for mark in marks.into_iter().filter(|_| is_viewed) {
        deps.signal(account, Signal::mark(mark));
    }
}

fn unreadable(error: &ReadError) -> Refusal {
    tracing::error!(%error, "an account could not be read");
    Refusal::StoreUnavailable {
        detail: "the log cannot be read at the moment; send the same again".to_owned(),
        retry_after_ms: 1_000,
    }
}
