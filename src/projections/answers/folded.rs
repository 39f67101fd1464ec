//! An account folded from the log: for one answer, and on the way to fill its views.

use futures_util::TryStreamExt;

use crate::events::{
    AccountId, Clock, Depth, Event, EventLog, Mark, Part, ReadError, State, Stored, Timestamp, fold,
};
use crate::projections::shelf::Shelf;
use crate::projections::{Entry, Fill, Recorded, Target, ViewError, ViewStore, project};

/// An account's entries, made from the log alone.
#[derive(Default)]
pub(crate) struct Folded {
    pub(super) shelf: Shelf,
    /// False when part could not be read, or an instant lies inside what was compacted.
    pub(crate) complete: bool,
    /// How many sessions and marks were folded.
    pub(crate) sessions: u64,
    /// How many events were folded.
    pub(crate) events: u64,
}

/// Folds an account as it is now, and fills its views with that unless someone else is at it.
///
/// A damaged account's views stay incomplete, so that every answer says what it lacks.
pub(crate) async fn fold_and_fill(
    log: &dyn EventLog,
    views: &dyn ViewStore,
    clock: &dyn Clock,
    (account, target, depth): (&AccountId, Target, Depth),
) -> Result<Folded, ReadError> {
    let filling = Some(Filling::begin(views, account, target).await);
    let mut folding = Folding { log, clock, filling, as_of: None };
    let folded = folding.run(account, depth).await;
    if let Some(filling) = folding.filling {
        let ended = filling.end(folded.as_ref().is_ok_and(|folded| folded.complete)).await;
        drop(ended.inspect_err(not_filled));
    }
    folded
}

/// The fill of an account on its way. Views that do not take it are filled another time.
pub(crate) struct Filling<'a> {
    views: &'a dyn ViewStore,
    /// None where somebody else is at it.
    fill: Result<Option<Fill>, ViewError>,
}

impl<'a> Filling<'a> {
    /// Unless someone else is at it. To be called before anything is read.
    pub(crate) async fn begin(
        views: &'a dyn ViewStore,
        account: &AccountId,
        target: Target,
    ) -> Self {
        Self { views, fill: views.begin_fill(account, target).await }
    }

    /// Merges what was read.
    pub(crate) async fn take(&mut self, entries: Vec<Entry>) {
        let Ok(fill) = &mut self.fill else { return };
        let Some(mut fill) = fill.take_if(|_| !entries.is_empty()) else { return };
        self.fill = match self.views.fill(&mut fill, entries).await {
            Ok(is_taken) => Ok(is_taken.then_some(fill)),
            Err(error) => {
                // So that the next answer need not wait for its time to be over.
                drop(self.views.end_fill(fill, false).await);
                Err(error)
            }
        };
    }

    /// The account's views are read from now on if all of it was taken, else nothing of it is left.
    ///
    /// # Errors
    /// Whatever the views said that did not take it.
    pub(crate) async fn end(self, whole: bool) -> Result<(), ViewError> {
        let Some(fill) = self.fill? else { return Ok(()) };
        if self.views.end_fill(fill, whole).await? || !whole {
            return Ok(());
        }
        Err(ViewError::Unavailable("a fill was overtaken, or lost".to_owned()))
    }
}

fn not_filled(error: &ViewError) {
    tracing::debug!(%error, "views are not filled");
}

/// Folds an account from what occurred up to an instant.
pub(super) async fn fold_as_of(
    log: &dyn EventLog,
    clock: &dyn Clock,
    account: &AccountId,
    as_of: Timestamp,
) -> Result<Folded, ReadError> {
    let mut folding = Folding { log, clock, filling: None, as_of: Some(as_of) };
    folding.run(account, Depth::Facts).await
}

struct Folding<'a> {
    log: &'a dyn EventLog,
    clock: &'a dyn Clock,
    filling: Option<Filling<'a>>,
    as_of: Option<Timestamp>,
}

impl Folding<'_> {
    async fn run(&mut self, account: &AccountId, depth: Depth) -> Result<Folded, ReadError> {
        let mut folded = Folded { complete: true, ..Folded::default() };
        let mut parts = self.log.account(account, depth);
        while let Some(part) = parts.try_next().await? {
            let entries = match part {
                Part::Marks(marks) => self.entries_of(&marks),
                Part::Week(_, sessions) => self.fold_week(&mut folded, sessions),
            };
            self.take(&mut folded, entries).await;
            // A large household is folded beside other answers, not before them.
            tokio::task::yield_now().await;
        }
        Ok(folded)
    }

    fn entries_of(&self, marks: &[Mark]) -> Vec<Entry> {
        let marks = marks.iter().filter(|mark| self.as_of.is_none_or(|at| mark.at <= at));
        marks.flat_map(|mark| project(&Recorded::Mark(mark))).collect()
    }

    fn fold_week(&self, folded: &mut Folded, sessions: Vec<Stored>) -> Vec<Entry> {
        let mut entries = Vec::new();
        for stored in sessions {
            folded.events += stored.events.len() as u64;
            folded.complete &= stored.damage.is_none();
            let state = self.state(stored, &mut folded.complete);
            folded.sessions += u64::from(state.is_some());
            entries.extend(state.iter().flat_map(|state| project(&Recorded::Session(state))));
        }
        entries
    }

    fn state(&self, stored: Stored, complete: &mut bool) -> Option<State> {
        match self.as_of {
            None => stored.state(),
            Some(as_of) => state_as_of(stored, as_of, complete),
        }
    }

    async fn take(&mut self, folded: &mut Folded, entries: Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        let now = self.as_of.unwrap_or_else(|| self.clock.now());
        for entry in &entries {
            folded.shelf.merge(entry.clone(), usize::MAX, now);
        }
        if let Some(filling) = &mut self.filling {
            filling.take(entries).await;
        }
    }
}

/// A session from the facts that occurred by then. What was compacted is known whole or not at all.
fn state_as_of(stored: Stored, as_of: Timestamp, complete: &mut bool) -> Option<State> {
    let Stored { snapshot, events, .. } = stored;
    let whole = fold(snapshot.clone(), &events)?;
    if whole.last_at() <= as_of {
        return Some(whole);
    }
    let occurred = |event: &&Event| whole.occurred_at(event.stamp()) <= as_of;
    let later = events.iter().filter(occurred);
    match snapshot {
        Some(compacted) if compacted.last_at() > as_of => {
            *complete &= compacted.started_at() > as_of;
            None
        }
        snapshot => fold(snapshot, later),
    }
}
