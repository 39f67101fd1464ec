//! What waits to be merged: of every session the newest state, so that it conflates and is bounded.

use std::collections::HashMap;
use std::mem;

use crate::events::{AccountId, Mark, SessionId, State};
use crate::projections::{Recorded, Subject};

/// More sessions than this in the queue are not waited for.
const QUEUE_MAX: usize = 50_000;

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

/// What waits.
#[derive(Default)]
pub(super) struct Queue {
    lazy: Sessions,
    urgent: Sessions,
    marks: Vec<(AccountId, Mark)>,
    /// Whose entries are being merged right now; they are filled anew should that fail.
    merging: Vec<AccountId>,
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
                    self.urgent.insert(key, state);
                } else {
                    self.lazy.insert(key, state);
                }
            }
        }
    }

    /// Too many to wait for their turn.
    pub(super) fn is_full(&self) -> bool {
        !self.has_failed && self.lazy.len() >= QUEUE_MAX
    }

    /// How many sessions and marks wait.
    pub(super) fn len(&self) -> usize {
        self.lazy.len() + self.urgent.len() + self.marks.len()
    }

    /// Forgets what waits of an account.
    pub(super) fn forget(&mut self, account: &AccountId) {
        self.lazy.retain(|(of, _), _| of != account);
        self.urgent.retain(|(of, _), _| of != account);
        self.marks.retain(|(of, _)| of != account);
    }

    /// Takes out what is urgent, and the rest as well when it is its turn or there is too much.
    pub(super) fn take(&mut self, lazy_too: bool) -> Batch {
        let mut sessions = mem::take(&mut self.urgent);
        if lazy_too || self.is_full() {
            sessions.extend(mem::take(&mut self.lazy));
        }
        let marks = mem::take(&mut self.marks);
        let of = sessions.keys().map(|(account, _)| account);
        self.merging = of.chain(marks.iter().map(|(account, _)| account)).cloned().collect();
        Batch { sessions, marks }
    }

    /// The store took what was taken out, or did not; whether it had failed before.
    pub(super) fn ended(&mut self, has_failed: bool) -> bool {
        self.merging.clear();
        mem::replace(&mut self.has_failed, has_failed)
    }

    /// Takes back what could not be merged, as far as there is room; how many are lost. What came
    /// meanwhile is newer.
    pub(super) fn put_back(&mut self, batch: Batch) -> usize {
        let Batch { mut sessions, marks } = batch;
        sessions.retain(|key, _| !self.urgent.contains_key(key) && !self.lazy.contains_key(key));
        let room = QUEUE_MAX.saturating_sub(self.lazy.len());
        let room_for_marks = QUEUE_MAX.saturating_sub(self.marks.len());
        let lost = sessions.len().saturating_sub(room) + marks.len().saturating_sub(room_for_marks);
        self.lazy.extend(sessions.into_iter().take(room));
        self.marks.extend(marks.into_iter().take(room_for_marks));
        lost
    }

    /// Whose entries were being merged when that was cut short.
    pub(super) fn take_merging(&mut self) -> Vec<AccountId> {
        mem::take(&mut self.merging)
    }
}
