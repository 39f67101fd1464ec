//! What waits to be merged: of every session the newest state, so that it conflates and is bounded.

use std::collections::{HashMap, HashSet};
use std::mem;

use crate::events::{AccountId, Mark, SessionId, State};
use crate::projections::{Recorded, Subject};

/// More sessions than this in the queue are not waited for.
const QUEUE_MAX: usize = 50_000;
/// How many sessions that are due are merged at once: milliseconds, which what is urgent may wait.
const DUE_MAX: usize = 500;

/// Something recorded, on its way to the views.
#[derive(Debug, Clone)]
pub struct Signal {
    pub(super) what: Subject,
    pub(super) urgent: bool,
}

impl Signal {
    /// A session's newest state; urgent when the player's phase changed.
    pub(in crate::actors) fn session(state: State, urgent: bool) -> Self {
        Self { what: Subject::Session(state), urgent }
    }

    /// A person's word; always urgent.
    pub(in crate::actors) fn mark(mark: Mark) -> Self {
        Self { what: Subject::Mark(mark), urgent: true }
    }
}

/// The newest state of each session.
type Sessions = HashMap<(AccountId, SessionId), State>;

/// What waits; no session twice.
#[derive(Default)]
pub(super) struct Queue {
    lazy: Sessions,
    /// What was lazy and has its turn, as fast as it goes behind what is urgent.
    due: Sessions,
    urgent: Sessions,
    /// Something that had its turn became urgent.
    has_hurried: bool,
    marks: Vec<(AccountId, Mark)>,
    /// Whose entries are being merged right now, but for those that were forgotten meanwhile: they
    /// are filled anew, or put back, should that be cut short.
    merging: HashSet<AccountId>,
    /// The store did not take the last merge. The next try waits for its turn, however full it
    /// is here.
    has_failed: bool,
}

/// What was taken out to be merged.
#[derive(Default)]
pub(super) struct Batch {
    sessions: Sessions,
    marks: Vec<(AccountId, Mark)>,
}

/// What came of a batch that the store did not take.
pub(super) struct PutBack {
    /// There was no room for so many.
    pub(super) lost: usize,
    /// The store did not take the one before, either.
    pub(super) failed_before: bool,
}

impl Batch {
    /// Each signal, as the views take it in.
    pub(super) fn each(&self) -> impl Iterator<Item = (&AccountId, Recorded<'_>)> {
        let sessions =
            self.sessions.iter().map(|((account, _), state)| (account, Recorded::Session(state)));
        sessions.chain(self.marks.iter().map(|(account, mark)| (account, Recorded::Mark(mark))))
    }
}

impl Queue {
    /// Takes what was recorded.
    pub(super) fn add(&mut self, account: &AccountId, signal: Signal) {
        match signal.what {
            Subject::Mark(mark) => self.marks.push((account.clone(), mark)),
            Subject::Session(state) => {
                let key = (account.clone(), state.session);
                if signal.urgent || self.urgent.contains_key(&key) {
                    self.lazy.remove(&key);
                    self.has_hurried |= self.due.remove(&key).is_some();
                    self.urgent.insert(key, state);
                } else if let Some(due) = self.due.get_mut(&key) {
                    *due = state;
                } else {
                    self.lazy.insert(key, state);
                }
            }
        }
    }

    /// Too many to wait for their turn.
    pub(super) fn is_full(&self) -> bool {
        !self.has_failed && self.late() >= QUEUE_MAX
    }

    /// How many sessions are not urgent.
    fn late(&self) -> usize {
        self.lazy.len() + self.due.len()
    }

    /// How many sessions and marks wait.
    pub(super) fn len(&self) -> usize {
        self.late() + self.urgent.len() + self.marks.len()
    }

    /// Of which accounts something waits, or is being merged.
    pub(super) fn accounts(&self) -> impl Iterator<Item = &AccountId> {
        let sessions = [&self.lazy, &self.due, &self.urgent].into_iter().flat_map(HashMap::keys);
        let marks = self.marks.iter().map(|(account, _)| account);
        sessions.map(|(account, _)| account).chain(marks).chain(&self.merging)
    }

    /// Forgets what waits of accounts; what is being merged of them is not taken back.
    pub(super) fn forget(&mut self, is_erased: impl Fn(&AccountId) -> bool) {
        self.merging.retain(|account| !is_erased(account));
        for waiting in [&mut self.lazy, &mut self.due, &mut self.urgent] {
            waiting.retain(|(account, _), _| !is_erased(account));
        }
        self.marks.retain(|(account, _)| !is_erased(account));
    }

    /// Everything that waits has its turn, or it has if there is too much of it.
    pub(super) fn fall_due(&mut self, all: bool) {
        if !(all || self.is_full()) {
            return;
        }
        if self.due.is_empty() {
            mem::swap(&mut self.due, &mut self.lazy);
        } else {
            self.due.extend(self.lazy.drain());
        }
    }

    /// Whether anything has its turn.
    pub(super) fn is_due(&self) -> bool {
        self.has_hurried || !self.due.is_empty()
    }

    /// Takes out what is urgent, and some of what is due.
    pub(super) fn take(&mut self) -> Batch {
        self.has_hurried = false;
        let mut sessions = mem::take(&mut self.urgent);
        sessions.extend(self.due.extract_if(|_, _| true).take(DUE_MAX));
        let marks = mem::take(&mut self.marks);
        let of = sessions.keys().map(|(account, _)| account);
        self.merging = of.chain(marks.iter().map(|(account, _)| account)).cloned().collect();
        Batch { sessions, marks }
    }

    /// The store took what was taken out.
    pub(super) fn merged(&mut self) {
        self.merging.clear();
        self.has_failed = false;
    }

    /// It did not take it: that comes back, as far as there is room. What came meanwhile is newer.
    pub(super) fn put_back(&mut self, batch: Batch) -> PutBack {
        let Batch { mut sessions, mut marks } = batch;
        let merging = mem::take(&mut self.merging);
        let kept = [&self.urgent, &self.due, &self.lazy];
        sessions.retain(|key, _| {
            merging.contains(&key.0) && !kept.iter().any(|kept| kept.contains_key(key))
        });
        marks.retain(|(account, _)| merging.contains(account));
        let room = QUEUE_MAX.saturating_sub(self.late());
        let room_for_marks = QUEUE_MAX.saturating_sub(self.marks.len());
        let lost = sessions.len().saturating_sub(room) + marks.len().saturating_sub(room_for_marks);
        self.lazy.extend(sessions.into_iter().take(room));
        self.marks.extend(marks.into_iter().take(room_for_marks));
        PutBack { lost, failed_before: mem::replace(&mut self.has_failed, true) }
    }

    /// Whose entries were being merged when that was cut short.
    pub(super) fn take_merging(&mut self) -> HashSet<AccountId> {
        mem::take(&mut self.merging)
    }
}
