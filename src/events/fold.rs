//! The fold: one event after another, in order, into the state of a session.
//!
//! A function of the set of events alone. It knows no policy, no clock and no other session.

use std::sync::Arc;

use super::state::{Phase, Stamp, State};
use super::{Event, Fact, Intervals, Kind, Reason};

/// Changes whenever the same events would fold to another state; snapshots carry it.
pub const FOLD_VERSION: u32 = 1;

/// More stretches than this are joined at their closest gaps.
const WATCHED_STRETCHES_MAX: usize = 64;
/// A heartbeat may come late or a clock run fast: a stretch may be this much longer than the time
/// it took…
const PLAYED_TOLERANCE: f64 = 1.25;
/// …plus this; an unexplained move within it is jitter, past it a seek that the player did not
/// report.
const SLACK_MS: u64 = 5_000;

/// Folds `events`, sorted by their order, onto a snapshot; `None` when there is neither.
pub fn fold<'e>(
    snapshot: Option<State>,
    events: impl IntoIterator<Item = &'e Event>,
) -> Option<State> {
    events.into_iter().fold(snapshot, |state, event| {
        Some(match state {
            None => State::first(event),
            Some(mut state) => {
                state.apply(event);
                state
            }
        })
    })
}

impl State {
    /// The state after a session's lowest event.
    pub fn first(event: &Event) -> Self {
        let fact = &event.fact;
        let stamp = event.stamp();
        let mut state = Self {
            session: fact.session,
            about: Arc::new(fact.about.as_deref().cloned().unwrap_or_default()),
            started: stamp,
            last: stamp,
            moved: stamp,
            clock_offset_ms: event.offset_ms,
            position_ms: fact.position_ms,
            furthest_ms: 0,
            duration_ms: fact.duration_ms,
            rate: fact.rate.unwrap_or(1.0),
            phase: Phase::Playing,
            seq: event.order.seq,
            facts: 1,
            numbered: fact.seq.is_some(),
            missing: Intervals::default(),
            conflict: false,
            seeked: fact.kind == Kind::Seeked,
            completed: false,
            watched: Intervals::default(),
            approximate: false,
            played_ms: 0,
            compacted_through: None,
        };
        if state.numbered {
            state.missing.add(0, state.seq);
        }
        state.enter_phase(fact, true);
        state
    }

    /// Folds the next event in order.
    pub fn apply(&mut self, event: &Event) {
        let fact = &event.fact;
        let stamp = event.stamp();
        self.take_number(event);
        self.take_about(fact);
        self.clock_offset_ms = self.clock_offset_ms.or(event.offset_ms);

        let reached = if fact.kind == Kind::Seeked {
            fact.from_ms.unwrap_or(self.position_ms)
        } else {
            fact.position_ms
        };
        let jumped = self.play_to(reached, stamp);
        let changed = fact.position_ms != self.position_ms;
        self.seeked |= jumped || fact.kind == Kind::Seeked;
        if changed || matches!(fact.kind, Kind::Started | Kind::Seeked) {
            self.moved = stamp;
        }
        self.enter_phase(fact, changed);
        self.position_ms = fact.position_ms;
        self.rate = fact.rate.unwrap_or(self.rate);
        self.duration_ms = fact.duration_ms.or(self.duration_ms);
        self.last = stamp;
    }

    fn take_number(&mut self, event: &Event) {
        let seq = event.order.seq;
        self.facts = self.facts.saturating_add(1);
        self.numbered &= event.fact.seq.is_some();
        if self.numbered {
            self.conflict |= seq == self.seq;
            self.missing.add(self.seq.saturating_add(1), seq);
        }
        self.seq = seq;
    }

    fn take_about(&mut self, fact: &Fact) {
        let Some(about) = fact.about.as_deref() else { return };
        if about.beyond(&self.about).is_some() {
            Arc::make_mut(&mut self.about).fill_from(about);
        }
    }

    /// Counts the stretch up to `reached` as played if it can have been; true when it must have
    /// been a jump.
    fn play_to(&mut self, reached: u64, stamp: Stamp) -> bool {
        let from = self.position_ms;
        let elapsed_ms = stamp.at.since_ms(self.last.at).max(0);
        #[expect(clippy::cast_precision_loss, reason = "a tolerance, far below 2^52 ms")]
        let most_ms = elapsed_ms as f64 * self.rate * PLAYED_TOLERANCE + SLACK_MS as f64;
        #[expect(clippy::cast_precision_loss, reason = "positions are at most 2^53")]
        let played =
            self.phase == Phase::Playing && reached > from && (reached - from) as f64 <= most_ms;
        if played {
            self.watched.add(from, reached);
            self.approximate |= self.watched.join_to(WATCHED_STRETCHES_MAX);
            self.played_ms = self.played_ms.saturating_add(reached - from);
            self.furthest_ms = self.furthest_ms.max(reached);
        }
        !played && reached.abs_diff(from) > SLACK_MS
    }

    fn enter_phase(&mut self, fact: &Fact, changed: bool) {
        match fact.kind {
            Kind::Started | Kind::Resumed => self.phase = Phase::Playing,
            Kind::Progressed if changed => self.phase = Phase::Playing,
            Kind::Progressed | Kind::Seeked => {}
            Kind::Paused => self.phase = Phase::Paused,
            Kind::Stalled => self.phase = Phase::Stalled,
            Kind::Stopped => {
                let reason = fact.reason.unwrap_or(Reason::User);
                self.phase = Phase::Ended(reason);
                self.completed |= reason == Reason::Ended;
            }
        }
    }
}
