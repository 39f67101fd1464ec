//! Decides for the facts of one session what becomes of each: recorded, known, or refused and why.
//! Pure.

use super::live::{Live, Past, Place};
use crate::actors::Refusal;
use crate::events::codec::{encode_event, encode_found, encode_snapshot};
use crate::events::{
    About, Event, EventRow, Fence, ProfileId, Scope, SessionId, SnapshotRow, State, Timestamp,
    TitleId,
};

/// A session has at most this many events…
const FACTS_MAX: u32 = 100_000;
/// …over at most this long.
const SPAN_MS_MAX: i64 = 24 * 60 * 60 * 1000;

/// A fact of the session in a batch, with its place in the batch.
#[derive(Debug)]
pub(super) struct Proposed {
    /// Where its verdict goes.
    pub(super) item: usize,
    /// The fact.
    pub(super) event: Event,
    /// It comes from an export and is recorded as it is, also beside another of its number.
    pub(super) is_kept: bool,
}

/// What becomes of a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// To be recorded.
    Record,
    /// Recorded before.
    Duplicate,
    /// Not to be recorded.
    Refuse(Refusal),
}

/// What a session's facts come to.
#[derive(Debug)]
pub(super) struct Decision {
    /// One for each proposed fact.
    pub(super) verdicts: Vec<(usize, Verdict)>,
    /// Rows to append.
    pub(super) rows: Vec<EventRow>,
    /// A snapshot to write with them.
    pub(super) snapshot: Option<SnapshotRow>,
    /// The log had more of the session than memory.
    pub(super) caught_up: bool,
    /// Numbers are missing that were not before, or facts without numbers may be.
    pub(super) is_torn: bool,
}

/// True when memory cannot decide all of `proposed`, and the session's rows have to be read.
///
/// A gap is looked up too, and a number that is taken: another node may have what is missing, and
/// this very fact, unless the session `is_fresh`, just read from the log.
pub(super) fn needs_the_past(live: &Live, proposed: &[Proposed], is_fresh: bool) -> bool {
    let mut next = live.state.as_ref().map_or(0, |state| state.seq.saturating_add(1));
    proposed.iter().any(|p| match live.place(&p.event) {
        Place::Late | Place::Unsure => true,
        Place::Taken => p.is_kept || !is_fresh,
        Place::Ahead => {
            let seq = p.event.order.seq;
            let is_gapped = p.event.fact.seq.is_some() && seq > next;
            next = seq.saturating_add(1);
            is_gapped && !is_fresh
        }
        Place::Known => false,
    })
}

/// Decides `proposed`, sorted by their order, and folds what is recorded into `live`.
///
/// `past` holds the session's rows when [`needs_the_past`] said so. With `names_all` each row names
/// its title and profile, as the rows before may be erased by others at any moment.
pub(super) fn decide(
    live: &mut Live,
    past: Option<Past>,
    proposed: &mut [Proposed],
    (fences, names_all): (&[Fence], bool),
) -> Decision {
    let (before, missing, was_known) = (live.standing(), live.missing(), live.state.is_some());
    let names = Names::of(live.state.as_ref(), proposed);
    let decision = Decision {
        verdicts: Vec::with_capacity(proposed.len()),
        rows: Vec::with_capacity(proposed.len()),
        snapshot: None,
        caught_up: false,
        is_torn: false,
    };
    let mut desk = Desk { live, past, names, fences, names_all, decision };
    for proposed in proposed {
        let verdict = desk.judge(proposed);
        desk.decision.verdicts.push((proposed.item, verdict));
    }
    let Desk { live, past, mut decision, .. } = desk;
    if let Some(past) = past {
        // Also when nothing is new: another actor of the account may have written meanwhile.
        let facts = live.state.as_ref().map(|state| state.facts);
        live.refold(past);
        decision.caught_up = live.state.as_ref().map(|state| state.facts) != facts;
    }
    decision.is_torn = live.missing() > missing;
    if decision.rows.is_empty() {
        return decision;
    }
    decision.is_torn |= live.may_lack(was_known);
    let session = decision.rows.first().map(|row| row.session);
    if let (Some(session), Some(due)) = (session, live.snapshot_due(before)) {
        let body = due.map_or_else(encode_found, encode_snapshot);
        let with_state = due.is_some();
        live.snapshot_written(with_state);
        decision.snapshot = Some(SnapshotRow { session, body });
    }
    decision
}

/// Whose session it is and of what, by the lowest fact that says so.
#[derive(Debug, Default, Clone)]
struct Names {
    profile: Option<ProfileId>,
    title: Option<TitleId>,
}

impl Names {
    fn of(state: Option<&State>, proposed: &[Proposed]) -> Self {
        let mut names = Self::default();
        let said = proposed.iter().filter_map(|p| p.event.fact.about.as_deref());
        for about in state.map(|state| &*state.about).into_iter().chain(said) {
            names.profile = names.profile.or_else(|| about.profile.clone());
            names.title = names.title.or_else(|| about.title.clone());
        }
        names
    }

    fn contradiction(&self, about: &About) -> Option<String> {
        // The session's own are not told: whoever asks may be another.
        let differs = |field: &str, theirs: &str| {
            format!("{field} {theirs:?} is not the session's; another {field} is another session")
        };
        match (&self.profile, &about.profile) {
            (Some(mine), Some(theirs)) if mine != theirs => {
                return Some(differs("profile", theirs.as_str()));
            }
            _ => {}
        }
        match (&self.title, &about.title) {
            (Some(mine), Some(theirs)) if mine != theirs => Some(differs("title", theirs.as_str())),
            _ => None,
        }
    }
}

struct Desk<'a> {
    live: &'a mut Live,
    past: Option<Past>,
    names: Names,
    fences: &'a [Fence],
    names_all: bool,
    decision: Decision,
}

impl Desk<'_> {
    fn judge(&mut self, proposed: &mut Proposed) -> Verdict {
        let Proposed { event, is_kept, .. } = proposed;
        let is_kept = *is_kept;
        let place = match &self.past {
            Some(past) => past.place(event.order, event.fact.seq.is_some()),
            None => self.live.place(event),
        };
        match place {
            Place::Known => return self.known(event),
            Place::Taken | Place::Ahead | Place::Late | Place::Unsure => {}
        }
        if let Some(refusal) = self.refusal(event, is_kept) {
            return Verdict::Refuse(refusal);
        }
        if place == Place::Taken && !is_kept {
            return Verdict::Refuse(conflict(event));
        }
        if !is_kept {
            self.leave_out_what_is_known(event);
        }
        if self.names_all {
            let about = event.fact.about.get_or_insert_default();
            about.profile.clone_from(&self.names.profile);
            about.title.clone_from(&self.names.title);
        }
        self.decision.rows.push(EventRow {
            session: event.fact.session,
            order: event.order,
            body: encode_event(event),
        });
        match &mut self.past {
            Some(past) => past.add(event.clone()),
            None => self.live.advance(event),
        }
        Verdict::Record
    }

    /// A repeat is one only under the names of its session: else it would tell of it.
    fn known(&self, event: &Event) -> Verdict {
        let about = event.fact.about.as_deref();
        match about.and_then(|about| self.names.contradiction(about)) {
            Some(detail) => Verdict::Refuse(Refusal::InvalidEvent(detail)),
            None => Verdict::Duplicate,
        }
    }

    fn refusal(&self, event: &Event, is_kept: bool) -> Option<Refusal> {
        let Names { profile: Some(profile), title: Some(title) } = &self.names else {
            return Some(Refusal::UnknownSession(
                "nothing recorded says which title and profile this session is of; send both"
                    .to_owned(),
            ));
        };
        let about = event.fact.about.as_deref();
        if let Some(detail) = about.and_then(|about| self.names.contradiction(about)) {
            return Some(Refusal::InvalidEvent(detail));
        }
        if let Some(state) = &self.live.state {
            if state.numbered != event.fact.seq.is_some() {
                return Some(Refusal::InvalidEvent(
                    "seq is on every fact of a session or on none".to_owned(),
                ));
            }
            if let Some(detail) = too_long(state, event, is_kept) {
                return Some(Refusal::SessionTooLong(detail));
            }
        }
        self.fenced(event, profile, title)
    }

    fn fenced(&self, event: &Event, profile: &ProfileId, title: &TitleId) -> Option<Refusal> {
        if self.fences.is_empty() {
            return None;
        }
        let occurred_at = occurred_at(self.live.state.as_ref(), event);
        let scopes = Scope::around_session(event.fact.session, profile, title);
        fence_over(self.fences, &scopes, occurred_at)
    }

    fn leave_out_what_is_known(&self, event: &mut Event) {
        let Some(state) = &self.live.state else { return };
        if let Some(about) = event.fact.about.take() {
            event.fact.about = about.beyond(&state.about).map(Box::new);
        }
    }
}

/// The refusal of something that occurred at or before the erasure of any of its scopes.
pub(super) fn fence_over(
    fences: &[Fence],
    scopes: &[Scope],
    occurred_at: Timestamp,
) -> Option<Refusal> {
    let through = Fence::through(fences, scopes).filter(|through| occurred_at <= *through)?;
    Some(Refusal::Erased(format!(
        "occurred at {occurred_at}, before it was erased at {through}; newer facts are welcome"
    )))
}

fn conflict(event: &Event) -> Refusal {
    let seq = event.order.seq;
    Refusal::ConflictingEvent(format!(
        "seq {seq} is recorded with other content; number every fact of a session once"
    ))
}

/// How long an exported session lasts was judged in the order in which its facts once arrived.
fn too_long(state: &State, event: &Event, is_kept: bool) -> Option<String> {
    if state.facts >= FACTS_MAX {
        return Some(format!("the session has {FACTS_MAX} facts; start another"));
    }
    let (at, offset_ms) = (occurred_at(Some(state), event), offset_ms(Some(state), event));
    let first = state.started.occurred_at(offset_ms).min(at);
    let last = state.last.occurred_at(offset_ms).max(at);
    (!is_kept && last.since_ms(first) > SPAN_MS_MAX)
        .then(|| "the session would last more than 24 h; start another".to_owned())
}

fn occurred_at(state: Option<&State>, event: &Event) -> Timestamp {
    event.stamp().occurred_at(offset_ms(state, event))
}

/// The session's, or else what the event is the first to tell.
fn offset_ms(state: Option<&State>, event: &Event) -> i64 {
    let known = state.and_then(|state| state.clock_offset_ms);
    known.or(event.offset_ms).unwrap_or(0)
}

/// The account's partition in which a session's row goes is its own: see [`SessionId::week`].
pub(super) fn farewell(session: SessionId, live: &Live) -> Option<SnapshotRow> {
    live.farewell().map(|state| SnapshotRow { session, body: encode_snapshot(state) })
}
