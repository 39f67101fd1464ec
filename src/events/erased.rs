//! What fences leave of what is stored.
//!
//! Where several nodes write, one that has not heard of an erasure yet may write again what was
//! erased. It is taken away by a later look ([`super::EventLog::purge`]), and until then nobody
//! reads it.

use super::codec::decode_snapshot;
use super::{
    AHEAD_MS_MAX, About, Depth, Event, Fence, Mark, MarkKind, Order, Scope, SessionId, State,
    Stored, Timestamp,
};

/// Whether something of a session, or a command, may have been erased after it began.
pub(super) fn may_concern(fences: &[Fence], session: SessionId) -> bool {
    fences.iter().any(|fence| may_reach(fence.at, session))
}

fn may_reach(through: Timestamp, session: SessionId) -> bool {
    through >= session.time().plus_ms(-AHEAD_MS_MAX)
}

/// Up to when a session is erased. Whoever finds nothing that names its profile and title has only
/// rows that leave them out, because they stood in rows that are gone.
fn session_through(fences: &[Fence], session: SessionId, names: &[&About]) -> Option<Timestamp> {
    let profile = names.iter().find_map(|about| about.profile.as_ref());
    let title = names.iter().find_map(|about| about.title.as_ref());
    match (profile, title) {
        (Some(profile), Some(title)) => {
            Fence::through(fences, &Scope::around_session(session, profile, title))
        }
        _ => fences.iter().map(|fence| fence.at).max(),
    }
}

/// What is there of a session and was erased.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Leftovers {
    pub(super) snapshot: bool,
    pub(super) rows: Vec<Order>,
    pub(super) left: Left,
}

/// What is there of a session beside what was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Left {
    /// No row of it was there.
    NothingWas,
    /// Nothing.
    Nothing,
    /// Facts that nobody erased; if part of it was, what was derived before may hold that.
    Facts { was_erased: bool },
}

impl Leftovers {
    /// Of a session's snapshot and all of its rows.
    pub(super) fn of<'r>(
        (session, snapshot): (SessionId, Option<&'r [u8]>),
        rows: impl Iterator<Item = (Order, &'r [u8])>,
        fences: &[Fence],
    ) -> Self {
        let mut all = Stored::whole((session, snapshot), rows);
        let was_there = snapshot.is_some() || !all.is_empty();
        let was_erased = all.through(fences).is_some_and(|through| may_reach(through, session));
        let had_state = all.snapshot.is_some();
        let taken = all.take_fenced_events(fences);
        all.drop_fenced_snapshot(fences);
        let snapshot = had_state && all.snapshot.is_none();
        let left = match (was_there, all.is_empty() && (snapshot || !taken.is_empty())) {
            (false, _) => Left::NothingWas,
            (true, true) => Left::Nothing,
            (true, false) => Left::Facts { was_erased },
        };
        Self { snapshot, rows: taken.iter().map(|event| event.order).collect(), left }
    }
}

impl Stored {
    /// A session with its snapshot and all of its rows, also those that the snapshot covers.
    pub(super) fn whole<'r>(
        (session, snapshot): (SessionId, Option<&'r [u8]>),
        rows: impl Iterator<Item = (Order, &'r [u8])>,
    ) -> Self {
        let mut all = Self::begin(session, None, Depth::Facts);
        rows.for_each(|(order, body)| all.add(order, body));
        all.snapshot = snapshot.and_then(|body| decode_snapshot(session, body).ok()?.state);
        all
    }

    /// The events that the fences leave.
    pub(super) fn events_outside(mut self, fences: &[Fence]) -> Vec<Event> {
        self.take_fenced_events(fences);
        self.events
    }

    /// Lets go of a snapshot that holds anything erased; the rows say what is left.
    pub(super) fn drop_fenced_snapshot(&mut self, fences: &[Fence]) {
        let is_fenced = |state: &State| {
            let through = session_through(fences, state.session, &[&state.about]);
            through.is_some_and(|through| state.started_at() <= through)
        };
        self.snapshot.take_if(|state| is_fenced(state));
        self.passed_over.take_if(|passed_over| passed_over.state.as_ref().is_some_and(is_fenced));
    }

    /// Takes out the events that were erased; all of the session's must be here, but for those that
    /// a snapshot covers.
    pub(super) fn take_fenced_events(&mut self, fences: &[Fence]) -> Vec<Event> {
        let Some(through) = self.through(fences) else { return vec![] };
        let offset_ms = self.snapshot.as_ref().and_then(|state| state.clock_offset_ms);
        let offset_ms = offset_ms.or_else(|| self.events.iter().find_map(|event| event.offset_ms));
        let is_fenced =
            |event: &mut Event| event.stamp().occurred_at(offset_ms.unwrap_or(0)) <= through;
        self.events.extract_if(.., is_fenced).collect()
    }

    /// Up to when it is erased, if any of these fences is about it.
    fn through(&self, fences: &[Fence]) -> Option<Timestamp> {
        if fences.is_empty() {
            return None;
        }
        let of_events = self.events.iter().filter_map(|event| event.fact.about.as_deref());
        let of_snapshot = self.snapshot.iter().map(|state| &*state.about);
        let names: Vec<&About> = of_snapshot.chain(of_events).collect();
        session_through(fences, self.session, &names)
    }

    fn is_empty(&self) -> bool {
        self.snapshot.is_none() && self.events.is_empty() && self.damage.is_none()
    }

    /// What the fences leave of it once all of its rows are added; `None` when that is nothing.
    pub(super) fn outside(mut self, fences: &[Fence]) -> Option<Self> {
        self.settle();
        let is_hurt = !self.take_fenced_events(fences).is_empty();
        (!self.is_empty() || !is_hurt).then_some(self)
    }
}

impl Mark {
    /// What the fences leave of a person's word; `None` when that is nothing.
    pub(super) fn outside(mut self, fences: &[Fence]) -> Option<Self> {
        if self.erased_through(fences).is_some() {
            return None;
        }
        if let MarkKind::Undone { titles, .. } = &mut self.kind {
            let (at, profile) = (self.at, &self.profile);
            titles.retain(|restored| {
                let scope = [Scope::Title(profile.clone(), restored.title.clone())];
                Fence::through(fences, &scope).is_none_or(|through| at > through)
            });
        }
        Some(self)
    }
}
