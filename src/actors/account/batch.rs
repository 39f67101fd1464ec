//! What an account does with everything that waits for it: wake, decide, append, answer, signal.
//!
//! One batch at a time holds the account's whole memory; if anything panics or the log fails, what the batch
//! touched is forgotten and read again.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::decide::{Decision, Proposed, Verdict, decide, fence_over, needs_the_past};
use super::live::{Live, Past};
use super::memory::Memory;
use super::{Item, Part, What};
use crate::actors::append::append_until;
use crate::actors::gather::Reply;
use crate::actors::host::panic_message;
use crate::actors::{Chaos, Deps, Outcome, Recorded, Refusal, Refused, Signal};
use crate::events::codec::encode_snapshot;
use crate::events::{
    AccountId, Append, Mark, MarkKind, Phase, ReadError, Scope, SessionId, SessionKey, SnapshotRow,
    State, Week,
};

/// A session whose fold panicked this often is parked.
const FOLD_TRIES: u8 = 2;

/// Everything taken from the line at once.
pub(super) struct Batch {
    replies: Vec<(Reply, Outcome)>,
    items: Vec<Asked>,
}

/// An item and which reply it belongs to.
struct Asked {
    reply: usize,
    index: usize,
    reference: Option<Box<str>>,
    session: Option<SessionId>,
}

/// The batch sorted out: facts by session, the rest as it came. Numbers are places in `Batch::items`.
#[derive(Default)]
struct Sorted {
    facts: Vec<Proposed>,
    marks: Vec<(usize, Mark)>,
    snapshots: Vec<(usize, State)>,
}

/// What the batch comes to, before it is durable.
struct Plan {
    append: Append,
    verdicts: Vec<(usize, Verdict)>,
    /// Sessions that change, and whether their phase does.
    changed: Vec<(SessionId, bool)>,
    /// Sessions and commands to forget if the append fails.
    touched: Vec<SessionId>,
    marks: Vec<Mark>,
}

impl Batch {
    /// Takes parts out of the line.
    fn sort_out(parts: Vec<Part>) -> (Self, Sorted) {
        let mut batch = Self { replies: Vec::with_capacity(parts.len()), items: vec![] };
        let mut sorted = Sorted::default();
        for (reply, part) in parts.into_iter().enumerate() {
            batch.replies.push((part.reply, Outcome::default()));
            for Item { index, reference, what } in part.items {
                let item = batch.items.len();
                let session = match what {
                    What::Event(event) => {
                        let session = event.fact.session;
                        sorted.facts.push(Proposed { item, event });
                        Some(session)
                    }
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
                batch.items.push(Asked { reply, index, reference, session });
            }
        }
        sorted.facts.sort_by_key(|p| (p.event.fact.session, p.event.order));
        (batch, sorted)
    }

    /// Answers every part, each item by its verdict.
    fn answer(mut self, account: &AccountId, memory: &Memory, verdicts: Vec<(usize, Verdict)>) {
        let mut seen = BTreeSet::new();
        for (item, verdict) in verdicts {
            let Some(asked) = self.items.get_mut(item) else { continue };
            let Some((_, outcome)) = self.replies.get_mut(asked.reply) else { continue };
            match verdict {
                Verdict::Record => outcome.recorded += 1,
                Verdict::Duplicate => outcome.duplicates += 1,
                Verdict::Refuse(refusal) => outcome.refused.push(Refused {
                    index: asked.index,
                    reference: asked.reference.take(),
                    refusal,
                }),
            }
            let Some(session) =
                asked.session.filter(|session| seen.insert((asked.reply, *session)))
            else {
                continue;
            };
            let seq =
                memory.sessions.get(&session).and_then(|live| live.state.as_ref()).map(|s| s.seq);
            outcome.sessions.extend(seq.map(|seq| Recorded {
                account: account.clone(),
                session,
                seq,
            }));
        }
        for (reply, outcome) in self.replies {
            reply.send(outcome);
        }
    }

    fn refuse(self, refusal: &Refusal) {
        for (reply, _) in self.replies {
            reply.refuse(refusal);
        }
    }
}

/// Records a batch and answers for all of it; gives the memory back, less what can no longer be trusted.
pub(super) async fn record(
    account: AccountId,
    mut memory: Box<Memory>,
    parts: Vec<Part>,
    deps: Arc<Deps>,
) -> Box<Memory> {
    let (batch, sorted) = Batch::sort_out(parts);
    let mut plan = match plan(&account, &mut memory, sorted, &deps).await {
        Ok(plan) => plan,
        Err(error) => {
            batch.refuse(&unreadable(&error));
            return Box::default();
        }
    };
    let append = std::mem::replace(&mut plan.append, Append::new(account.clone()));
    if append.rows() > 0 {
        let weeks = append.weeks.clone();
        if let Err(refusal) = append_until(&deps, append).await {
            memory.forget(&plan.touched);
            batch.refuse(&refusal);
            return memory;
        }
        memory.weeks.extend(weeks);
    }
    batch.answer(&account, &memory, plan.verdicts);
    tell(&account, &memory, &plan.changed, plan.marks, &deps);
    memory.trim(deps.limits.account_sessions_max);
    memory
}

/// Signals what is now durable to whoever has views of the account or follows it. Only now is it certain
/// that whoever does not, and fills its views later, finds it in the log.
fn tell(
    account: &AccountId,
    memory: &Memory,
    changed: &[(SessionId, bool)],
    marks: Vec<Mark>,
    deps: &Deps,
) {
    let (is_viewed, is_followed) = (deps.views.wants(account), deps.feeds.followers() > 0);
    if !is_viewed && !is_followed {
        return;
    }
    for (session, turned) in changed {
        let state = memory.sessions.get(session).and_then(|live| live.state.as_ref());
        let Some(state) = state else { continue };
        if is_followed {
            deps.feeds.publish(account, state);
        }
        if is_viewed {
            deps.projector.signal(account, Signal::session(state.clone(), *turned));
        }
    }
    for mark in marks.into_iter().filter(|_| is_viewed) {
        deps.projector.signal(account, Signal::mark(mark));
    }
}

async fn plan(
    account: &AccountId,
    memory: &mut Memory,
    sorted: Sorted,
    deps: &Deps,
) -> Result<Plan, ReadError> {
    memory.wake_account(account, deps).await?;
    let mut plan = Plan {
        append: Append::new(account.clone()),
        verdicts: vec![],
        changed: vec![],
        marks: vec![],
        touched: vec![],
    };
    let mut facts = sorted.facts.into_iter().peekable();
    while let Some(first) = facts.next() {
        let session = first.event.fact.session;
        let mut of_session = vec![first];
        while let Some(next) = facts.next_if(|next| next.event.fact.session == session) {
            of_session.push(next);
        }
        plan_session(account, memory, &mut plan, (session, of_session), deps).await?;
    }
    for (item, mark) in sorted.marks {
        plan_mark(account, memory, &mut plan, (item, mark), deps).await?;
    }
    for (item, state) in sorted.snapshots {
        plan_snapshot(account, memory, &mut plan, (item, state), deps).await?;
    }
    Ok(plan)
}

async fn plan_session(
    account: &AccountId,
    memory: &mut Memory,
    plan: &mut Plan,
    (session, proposed): (SessionId, Vec<Proposed>),
    deps: &Deps,
) -> Result<(), ReadError> {
    let items: Vec<usize> = proposed.iter().map(|p| p.item).collect();
    if memory.parked.get(&session).is_some_and(|tries| *tries >= FOLD_TRIES) {
        plan.verdicts
            .extend(items.into_iter().map(|item| (item, Verdict::Refuse(parked(session)))));
        return Ok(());
    }
    memory.wake_session(account, session, deps).await?;
    let key = SessionKey { account: account.clone(), session };
    let Memory { sessions, fences, .. } = memory;
    let live = sessions.entry(session).or_default();
    let past = if needs_the_past(live, &proposed) {
        Some(read_past(&key, &proposed, deps).await?)
    } else {
        None
    };
    let phase_before = live.state.as_ref().map(|state| state.phase);

    let chaos = deps.chaos.poisons(session);
    let decided = catch_unwind(AssertUnwindSafe(|| {
        if chaos {
            Chaos::panic();
        }
        decide(live, past, proposed, fences)
    }));
    match decided {
        Ok(decision) => take_decision(plan, live, decision, (session, phase_before), &memory.weeks),
        Err(panic) => {
            tracing::error!(%session, failure = panic_message(panic.as_ref()), "a fold failed");
            memory.fold_failed(session, deps);
            plan.verdicts
                .extend(items.into_iter().map(|item| (item, Verdict::Refuse(parked(session)))));
        }
    }
    Ok(())
}

fn take_decision(
    plan: &mut Plan,
    live: &Live,
    decision: Decision,
    (session, phase_before): (SessionId, Option<Phase>),
    weeks: &BTreeSet<Week>,
) {
    plan.touched.push(session);
    plan.verdicts.extend(decision.verdicts);
    if decision.rows.is_empty() {
        return;
    }
    plan.register(session.week(), weeks);
    plan.append.events.extend(decision.rows);
    plan.append.snapshots.extend(decision.snapshot);
    let turned = phase_before != live.state.as_ref().map(|state| state.phase);
    plan.changed.push((session, turned));
}

impl Plan {
    fn register(&mut self, week: Week, known: &BTreeSet<Week>) {
        if !known.contains(&week) && !self.append.weeks.contains(&week) {
            self.append.weeks.push(week);
        }
    }
}

async fn read_past(
    key: &SessionKey,
    proposed: &[Proposed],
    deps: &Deps,
) -> Result<Past, ReadError> {
    let mut past = Past::default();
    past.stored = deps.log.session(key).await?;
    let Some(covered) = past.covered() else { return Ok(past) };
    let asked: BTreeSet<u64> =
        proposed.iter().map(|p| p.event.order.seq).filter(|seq| *seq <= covered).collect();
    if let (Some(first), Some(last)) = (asked.first(), asked.last()) {
        let events = deps.log.events(key, *first..=*last).await?;
        past.older = events.into_iter().map(|event| event.order).collect();
    }
    Ok(past)
}

async fn plan_mark(
    account: &AccountId,
    memory: &mut Memory,
    plan: &mut Plan,
    (item, mark): (usize, Mark),
    deps: &Deps,
) -> Result<(), ReadError> {
    let known = memory.commands(account, deps).await?;
    let verdict = if known.contains(&mark.command) {
        Verdict::Duplicate
    } else if let Some(refusal) = fence_over(&memory.fences, &scopes_of(&mark), mark.at) {
        Verdict::Refuse(refusal)
    } else {
        memory.command_given(mark.command);
        plan.touched.push(mark.command);
        plan.append.marks.push(mark.clone());
        plan.marks.push(mark);
        Verdict::Record
    };
    plan.verdicts.push((item, verdict));
    Ok(())
}

fn scopes_of(mark: &Mark) -> Vec<Scope> {
    let profile = mark.profile.clone();
    let mut scopes = vec![Scope::Account, Scope::Profile(profile.clone())];
    match &mark.kind {
        MarkKind::TitleHidden { title }
        | MarkKind::TitleShown { title }
        | MarkKind::MarkedWatched { title, .. }
        | MarkKind::MarkedUnwatched { title }
        | MarkKind::PositionSet { title, .. } => scopes.push(Scope::Title(profile, title.clone())),
        MarkKind::Undone { .. } => {}
    }
    scopes
}

async fn plan_snapshot(
    account: &AccountId,
    memory: &mut Memory,
    plan: &mut Plan,
    (item, mut state): (usize, State),
    deps: &Deps,
) -> Result<(), ReadError> {
    let session = state.session;
    memory.wake_session(account, session, deps).await?;
    let live = memory.sessions.entry(session).or_default();
    let about = Arc::clone(&state.about);
    let verdict = match (&about.profile, &about.title) {
        _ if live.state.is_some() => Verdict::Duplicate,
        (Some(profile), Some(title)) if state.is_gapless() => {
            let (profile, title) = (profile.clone(), title.clone());
            let scopes = [
                Scope::Account,
                Scope::Profile(profile.clone()),
                Scope::Title(profile, title),
                Scope::Session(session),
            ];
            fence_over(&memory.fences, &scopes, state.last_at())
                .map_or(Verdict::Record, Verdict::Refuse)
        }
        _ => Verdict::Refuse(Refusal::InvalidEvent(
            "a snapshot line needs profile, title and every number from 0 to seq".to_owned(),
        )),
    };
    if verdict == Verdict::Record {
        state.compacted_through = Some(state.seq);
        plan.append.snapshots.push(SnapshotRow { session, body: encode_snapshot(&state) });
        plan.touched.push(session);
        live.state = Some(state);
        live.snapshot_written(true);
        plan.register(session.week(), &memory.weeks);
        plan.changed.push((session, true));
    }
    plan.verdicts.push((item, verdict));
    Ok(())
}

fn parked(session: SessionId) -> Refusal {
    Refusal::InvalidEvent(format!(
        "session {session} cannot be folded and is parked; start another"
    ))
}

fn unreadable(error: &ReadError) -> Refusal {
    tracing::error!(%error, "an account could not be read");
    Refusal::StoreUnavailable {
        detail: "the log cannot be read at the moment; send the same again".to_owned(),
        retry_after_ms: 1_000,
    }
}

/// How often each parked or failing session was tried.
pub(super) type Parked = BTreeMap<SessionId, u8>;
