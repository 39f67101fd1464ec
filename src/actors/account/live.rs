//! One session as its account's actor holds it, and the decision what to do with each fact. Pure.
//!
//! In order and ahead is the common case and needs nothing but this. Whatever is late, gapped or
//! long ago is decided from the log's rows ([`Past`]), by one rule: fold the rows above the
//! snapshot, in order.

use std::collections::{BTreeSet, VecDeque};

use crate::events::{Event, Order, Phase, State, Stored, Window, fold};

/// How many of a session's last events are remembered by their fingerprint; a repeated fact before
/// them is known from the log.
const RECENT_MAX: usize = 32;
/// A snapshot is written after this many facts at the latest.
const SNAPSHOT_EVERY: u32 = 16;

/// Where an event stands to what is known of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// After everything known.
    Ahead,
    /// Not known, and before something known.
    Late,
    /// Recorded before.
    Known,
    /// Its number was given to another fact.
    Taken,
    /// Only the log can tell.
    Unsure,
}

/// A session in memory.
#[derive(Debug, Default)]
pub(super) struct Live {
    /// Folded from everything recorded; `None` while nothing is.
    pub(super) state: Option<State>,
    recent: VecDeque<Order>,
    /// How many facts the newest snapshot row covers; `None` while there is no row.
    snapshot_facts: Option<u32>,
    /// The last window that the session is marked as dirty in, of those that this actor marked.
    pub(super) marked: Option<Window>,
    /// It is going to be looked at again for what is missing.
    pub(super) is_awaited: bool,
}

/// A session's rows, read because memory could not decide.
#[derive(Debug, Default)]
pub(super) struct Past {
    /// The snapshot, and every event above it.
    pub(super) stored: Option<Stored>,
    /// Places of events at or below the snapshot that were asked for.
    pub(super) older: Vec<Order>,
    added: BTreeSet<Order>,
    late: Vec<Event>,
}

impl Live {
    /// A session as the log has it.
    pub(super) fn woken(stored: Option<Stored>) -> Self {
        let Some(stored) = stored else { return Self::default() };
        let snapshot_facts = Some(stored.snapshot.as_ref().map_or(0, |state| state.facts));
        let recent = recent_of(&stored.events);
        Self { state: stored.state(), recent, snapshot_facts, ..Self::default() }
    }

    /// Where `event` stands, as far as memory knows.
    pub(super) fn place(&self, event: &Event) -> Place {
        let Some(state) = &self.state else { return Place::Ahead };
        let order = event.order;
        if !state.numbered {
            return self.place_by_clock(order);
        }
        if order.seq > state.seq {
            return Place::Ahead;
        }
        if state.missing.contains(order.seq) {
            return Place::Late;
        }
        if self.recent.contains(&order) {
            Place::Known
        } else if self.recent.iter().any(|known| known.seq == order.seq) {
            Place::Taken
        } else {
            Place::Unsure
        }
    }

    fn place_by_clock(&self, order: Order) -> Place {
        match (self.recent.front(), self.recent.back()) {
            (_, Some(last)) if order > *last => Place::Ahead,
            _ if self.recent.contains(&order) => Place::Known,
            (Some(first), _) if order > *first => Place::Late,
            _ => Place::Unsure,
        }
    }

    /// Folds an event that is ahead.
    pub(super) fn advance(&mut self, event: &Event) {
        match &mut self.state {
            Some(state) => state.apply(event),
            None => self.state = Some(State::first(event)),
        }
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(event.order);
    }

    /// Takes the past, grown by late events, for the whole truth.
    pub(super) fn refold(&mut self, past: Past) {
        let (snapshot, mut events) =
            past.stored.map_or((None, vec![]), |stored| (stored.snapshot, stored.events));
        events.extend(past.late);
        events.sort_unstable_by_key(|event| event.order);
        self.recent = recent_of(&events);
        self.state = fold(snapshot, &events);
    }

    /// What to write beside the facts just folded: `Some(None)` makes the session findable,
    /// `Some(Some(state))` is a snapshot. `before` is how the session stood before them.
    pub(super) fn snapshot_due(&self, before: Option<Standing>) -> Option<Option<&State>> {
        let state = self.state.as_ref()?;
        let Some(covered) = self.snapshot_facts else {
            return Some(state.is_gapless().then_some(state));
        };
        if !state.is_gapless() || state.facts == covered {
            return None;
        }
        let standing = Standing::of(state);
        let turned = before.is_none_or(|before| {
            standing.rests && !before.rests || standing.gapless && !before.gapless
        });
        (turned || state.facts.saturating_sub(covered) >= SNAPSHOT_EVERY).then_some(Some(state))
    }

    /// The state that a passivating actor leaves behind, if the newest snapshot lags.
    pub(super) fn farewell(&self) -> Option<&State> {
        let state = self.state.as_ref()?;
        (state.is_gapless() && self.snapshot_facts != Some(state.facts)).then_some(state)
    }

    /// Notes that a snapshot row was written now.
    pub(super) fn snapshot_written(&mut self, with_state: bool) {
        let facts = self.state.as_ref().filter(|_| with_state).map_or(0, |state| state.facts);
        self.snapshot_facts = Some(facts.max(self.snapshot_facts.unwrap_or(0)));
    }

    /// How many numbers are missing.
    pub(super) fn missing(&self) -> u64 {
        self.state.as_ref().map_or(0, |state| state.missing.total())
    }

    /// Nothing shows that a fact without a number is missing, so that another node may always have
    /// some of a session that goes on, or that was known before its last facts.
    pub(super) fn may_lack(&self, was_known: bool) -> bool {
        let goes_on = |state: &State| was_known || !matches!(state.phase, Phase::Ended(_));
        self.state.as_ref().is_some_and(|state| !state.numbered && goes_on(state))
    }

    /// How the session stands.
    pub(super) fn standing(&self) -> Option<Standing> {
        self.state.as_ref().map(Standing::of)
    }
}

/// What of a session decides whether a snapshot is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    rests: bool,
    gapless: bool,
}

impl Standing {
    fn of(state: &State) -> Self {
        let rests = matches!(state.phase, Phase::Paused | Phase::Ended(_));
        Self { rests, gapless: state.is_gapless() }
    }
}

impl Past {
    /// A session of which nothing but this is known.
    pub(super) fn of(snapshot: State) -> Self {
        let session = snapshot.session;
        let (snapshot, passed_over) = (Some(snapshot), None);
        let stored = Stored { session, snapshot, events: vec![], damage: None, passed_over };
        Self { stored: Some(stored), ..Self::default() }
    }

    /// Where `order` stands, for certain.
    pub(super) fn place(&self, order: Order, numbered: bool) -> Place {
        if self.holds(order) || self.added.contains(&order) || self.older.contains(&order) {
            return Place::Known;
        }
        if numbered && self.holds_number(order.seq) {
            return Place::Taken;
        }
        // Covered by the snapshot, and its row is gone: compacted away.
        if self.covered().is_some_and(|seq| order.seq <= seq) {
            return Place::Known;
        }
        Place::Late
    }

    /// Notes an event that is to be recorded; [`Live::refold`] folds it in.
    pub(super) fn add(&mut self, event: Event) {
        self.added.insert(event.order);
        self.late.push(event);
    }

    /// The last order key that the snapshot covers.
    pub(super) fn covered(&self) -> Option<u64> {
        self.stored.as_ref()?.snapshot.as_ref().map(|state| state.seq)
    }

    fn events(&self) -> &[Event] {
        self.stored.as_ref().map_or(&[], |stored| &stored.events)
    }

    fn holds(&self, order: Order) -> bool {
        self.events().binary_search_by_key(&order, |event| event.order).is_ok()
    }

    fn holds_number(&self, seq: u64) -> bool {
        let at = self.events().partition_point(|event| event.order.seq < seq);
        let stored = self.events().get(at).is_some_and(|event| event.order.seq == seq);
        let numbers = Order { seq, fingerprint: 0 }..=Order { seq, fingerprint: u64::MAX };
        stored
            || self.added.range(numbers).next().is_some()
            || self.older.iter().any(|known| known.seq == seq)
    }
}

fn recent_of(events: &[Event]) -> VecDeque<Order> {
    let from = events.len().saturating_sub(RECENT_MAX);
    events.iter().skip(from).map(|event| event.order).collect()
}
