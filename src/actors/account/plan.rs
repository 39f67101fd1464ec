//! What a batch comes to, decided from memory alone: rows, verdicts, signals. Nothing waits here.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::batch::Sorted;
use super::decide::{Decision, Proposed, Verdict, decide, fence_over};
use super::dirty::Marking;
use super::live::Past;
use super::memory::Memory;
use super::wake::Pasts;
use crate::actors::host::panic_message;
use crate::actors::{Chaos, Deps, Refusal};
use crate::events::codec::encode_snapshot;
use crate::events::{AccountId, Append, Mark, Scope, SessionId, SnapshotRow, State, Week};

/// What the batch comes to, before it is durable.
pub(super) struct Plan {
    pub(super) append: Append,
    pub(super) decided: Decided,
    marking: Option<Marking>,
}

/// What is to be said once it is durable, or forgotten.
pub(super) struct Decided {
    pub(super) verdicts: Vec<(usize, Verdict)>,
    /// Sessions that change, and whether their phase does.
    pub(super) changed: Vec<(SessionId, bool)>,
    /// Sessions of which facts are missing, or may be, that another node may be writing.
    pub(super) torn: Vec<SessionId>,
    /// Sessions and commands to forget if the append fails.
    pub(super) touched: Vec<SessionId>,
    pub(super) marks: Vec<Mark>,
}

impl Sorted {
    /// Takes a fact; gives its session.
    pub(super) fn take(&mut self, proposed: Proposed) -> SessionId {
        let session = proposed.event.fact.session;
        self.facts.push(proposed);
        session
    }

    /// The facts of each session.
    pub(super) fn by_session(&self) -> impl Iterator<Item = &[Proposed]> {
        self.facts.chunk_by(|a, b| a.event.fact.session == b.event.fact.session)
    }
}

impl Plan {
    /// Decides the batch and folds it into memory, which must be awake for it.
    pub(super) fn of(
        account: &AccountId,
        memory: &mut Memory,
        (mut sorted, mut pasts): (Sorted, Pasts),
        deps: &Deps,
    ) -> Self {
        let mut plan = Self {
            append: Append::new(account.clone()),
            decided: Decided {
                verdicts: vec![],
                changed: Vec::with_capacity(1),
                torn: vec![],
                touched: Vec::with_capacity(1),
                marks: vec![],
            },
            marking: Marking::of(account, deps),
        };
        // What is left of a session comes before its facts that came later.
        for (item, state) in sorted.snapshots {
            let session = state.session;
            if let Some(past) = plan.decide_snapshot(memory, item, state) {
                pasts.insert(session, past);
            }
        }
        let same = |a: &Proposed, b: &Proposed| a.event.fact.session == b.event.fact.session;
        for proposed in sorted.facts.chunk_by_mut(same) {
            let session = proposed.first().map(|first| first.event.fact.session);
            if let Some(session) = session {
                plan.decide_session(memory, (session, proposed), pasts.remove(&session), deps);
            }
        }
        for (item, mark) in sorted.marks {
            plan.decide_mark(memory, item, mark);
        }
        plan
    }

    fn decide_session(
        &mut self,
        memory: &mut Memory,
        (session, proposed): (SessionId, &mut [Proposed]),
        past: Option<Past>,
        deps: &Deps,
    ) {
        if memory.is_parked(session) {
            self.refuse_parked(session, proposed);
            return;
        }
        let Memory { sessions, fences, .. } = memory;
        let live = sessions.of(session);
        let phase_before = live.state.as_ref().map(|state| state.phase);
        let chaos = deps.chaos.poisons(session);
        let decided = catch_unwind(AssertUnwindSafe(|| {
            if chaos {
                Chaos::panic();
            }
            decide(live, past, proposed, (fences, deps.marks()))
        }));
        match decided {
            Ok(decision) => {
                let phase = live.state.as_ref().map(|state| state.phase);
                if let Some(marking) = self.marking.filter(|_| !decision.rows.is_empty()) {
                    self.append.dirty.extend(marking.live(session, &mut live.marked));
                }
                if phase_before.is_none() && !decision.rows.is_empty() {
                    self.register(session.week(), memory);
                }
                self.take(decision, session, phase != phase_before);
            }
            Err(panic) => {
                let failure = panic_message(panic.as_ref());
                memory.fold_failed(session, deps);
                let account = &self.append.account;
                if memory.is_parked(session) {
                    tracing::error!(%account, %session, failure, "a session is parked: {MENDED}");
                } else {
                    tracing::warn!(%account, %session, failure, "a fold failed; it is tried again");
                }
                self.refuse_parked(session, proposed);
            }
        }
    }

    fn refuse_parked(&mut self, session: SessionId, proposed: &[Proposed]) {
        let refused = proposed.iter().map(|p| (p.item, Verdict::Refuse(parked(session))));
        self.decided.verdicts.extend(refused);
    }

    fn take(&mut self, decision: Decision, session: SessionId, turned: bool) {
        self.decided.touched.push(session);
        if decision.is_torn && self.marking.is_some() {
            self.decided.torn.push(session);
        }
        join(&mut self.decided.verdicts, decision.verdicts);
        if !decision.rows.is_empty() || decision.caught_up {
            self.decided.changed.push((session, turned));
        }
        join(&mut self.append.events, decision.rows);
        self.append.snapshots.extend(decision.snapshot);
    }

    fn register(&mut self, week: Week, memory: &Memory) {
        if !memory.knows_week(week) && !self.append.weeks.contains(&week) {
            self.append.weeks.push(week);
        }
    }

    fn decide_mark(&mut self, memory: &mut Memory, item: usize, mark: Mark) {
        let verdict = if memory.knows_command(mark.command) {
            Verdict::Duplicate
        } else if let Some(through) = mark.erased_through(&memory.fences) {
            Verdict::Refuse(Refusal::Erased(format!(
                "the command was given before it, or what it speaks of, was erased at {through}; \
                 another has another id"
            )))
        } else {
            memory.command_given(mark.command);
            self.decided.touched.push(mark.command);
            self.append.dirty.extend(self.marking.map(|marking| marking.once(mark.command)));
            self.append.marks.push(mark.clone());
            self.decided.marks.push(mark);
            Verdict::Record
        };
        self.decided.verdicts.push((item, verdict));
    }

    /// The past of the session's facts in this very batch, when the snapshot is taken.
    fn decide_snapshot(
        &mut self,
        memory: &mut Memory,
        item: usize,
        mut state: State,
    ) -> Option<Past> {
        let session = state.session;
        let live = memory.sessions.of(session);
        let about = Arc::clone(&state.about);
        let verdict = match (&about.profile, &about.title) {
            _ if live.state.is_some() => Verdict::Duplicate,
            (Some(profile), Some(title)) if state.is_gapless() => {
                let scopes = Scope::around_session(session, profile, title);
                fence_over(&memory.fences, &scopes, state.last_at())
                    .map_or(Verdict::Record, Verdict::Refuse)
            }
            _ => Verdict::Refuse(Refusal::InvalidEvent(
                "a snapshot line needs profile, title and every number from 0 to seq".to_owned(),
            )),
        };
        let mut past = None;
        if verdict == Verdict::Record {
            state.compacted_through = Some(state.seq);
            self.append.snapshots.push(SnapshotRow { session, body: encode_snapshot(&state) });
            self.append.dirty.extend(self.marking.map(|marking| marking.once(session)));
            self.decided.touched.push(session);
            past = Some(Past::of(state.clone()));
            live.state = Some(state);
            live.snapshot_written(true);
            self.register(session.week(), memory);
            self.decided.changed.push((session, true));
        }
        self.decided.verdicts.push((item, verdict));
        past
    }
}

/// One session is the common case, and its rows are there already.
fn join<T>(all: &mut Vec<T>, more: Vec<T>) {
    if all.is_empty() {
        *all = more;
    } else {
        all.extend(more);
    }
}

/// For whoever reads that a session is parked.
const MENDED: &str = "its facts are refused; after an upgrade that can fold it, \
                      viewlog verify --account brings it back";

fn parked(session: SessionId) -> Refusal {
    Refusal::InvalidEvent(format!(
        "session {session} cannot be folded and is parked; start another"
    ))
}
