//! Gathers what the actors of one request answer, until every part of it is accounted for.

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::{Outcome, Refusal, Refused};

/// When to send again what an actor lost.
const RETRY_AFTER_MS: u64 = 200;

/// The parts of one request that are still with actors.
pub(super) struct Gather {
    outcome: Mutex<Outcome>,
    open: AtomicUsize,
    done: Mutex<Option<oneshot::Sender<Outcome>>>,
    /// Held until the last part is answered, whether or not the client still waits.
    _admission: Admission,
}

/// A place in the line of the node, for so many facts.
pub(super) struct Admission {
    admitted: Arc<AtomicUsize>,
    count: usize,
}

impl Admission {
    /// A place for `count` more, unless that would be past `most`.
    pub(super) fn of(admitted: &Arc<AtomicUsize>, count: usize, most: usize) -> Option<Self> {
        let room = |now: usize| (now + count <= most).then_some(now + count);
        admitted.fetch_update(Ordering::AcqRel, Ordering::Relaxed, room).ok()?;
        Some(Self { admitted: Arc::clone(admitted), count })
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.admitted.fetch_sub(self.count, Ordering::AcqRel);
    }
}

impl Gather {
    /// Waits for `parts` replies; the receiver gets the sum of them.
    pub(super) fn new(
        parts: usize,
        admission: Admission,
    ) -> (Arc<Self>, oneshot::Receiver<Outcome>) {
        let (done, receiver) = oneshot::channel();
        let gather = Self {
            outcome: Mutex::default(),
            open: AtomicUsize::new(parts),
            done: Mutex::new(Some(done)),
            _admission: admission,
        };
        (Arc::new(gather), receiver)
    }

    fn add(&self, part: Outcome) {
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.add(part);
        if self.open.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let whole = mem::take(&mut *outcome);
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(done) = done {
            // The client may have hung up; what was recorded stays recorded.
            let _ = done.send(whole);
        }
    }
}

impl Outcome {
    /// Adds the outcome of another part of the same request.
    pub(super) fn add(&mut self, part: Self) {
        self.recorded += part.recorded;
        self.duplicates += part.duplicates;
        if part.durability == super::Durability::Node {
            self.durability = part.durability;
        }
        // The first part's list is taken as it is; a request of one part needs no other.
        if self.sessions.is_empty() {
            self.sessions = part.sessions;
        } else {
            self.sessions.extend(part.sessions);
        }
        self.refused.extend(part.refused);
    }
}

/// The duty to answer for one part of a request. Dropped unanswered, as when its actor panics, it
/// answers that the part is to be sent again: nobody ever waits for an actor that is gone.
pub(super) struct Reply {
    gather: Option<Arc<Gather>>,
    indexes: Indexes,
}

/// Places in a request; a lone fact is the common case.
pub(super) enum Indexes {
    One(usize),
    Many(Box<[usize]>),
}

impl Indexes {
    /// All of them refused for one reason.
    pub(super) fn refused(&self, refusal: &Refusal) -> Outcome {
        let refused = |index: usize| Refused { index, refusal: refusal.clone() };
        let refused = match self {
            Self::One(index) => vec![refused(*index)],
            Self::Many(indexes) => indexes.iter().copied().map(refused).collect(),
        };
        Outcome { refused, ..Outcome::default() }
    }
}

impl FromIterator<usize> for Indexes {
    fn from_iter<I: IntoIterator<Item = usize>>(indexes: I) -> Self {
        let mut indexes = indexes.into_iter();
        match (indexes.next(), indexes.next()) {
            (Some(index), None) => Self::One(index),
            (first, second) => Self::Many(first.into_iter().chain(second).chain(indexes).collect()),
        }
    }
}

impl Reply {
    /// A reply for these places of the request.
    pub(super) fn new(gather: Arc<Gather>, indexes: Indexes) -> Self {
        Self { gather: Some(gather), indexes }
    }

    /// Answers.
    pub(super) fn send(mut self, part: Outcome) {
        if let Some(gather) = self.gather.take() {
            gather.add(part);
        }
    }

    /// Answers that the whole part is refused for one reason.
    pub(super) fn refuse(mut self, refusal: &Refusal) {
        self.refuse_all(refusal);
    }

    fn refuse_all(&mut self, refusal: &Refusal) {
        if let Some(gather) = self.gather.take() {
            gather.add(self.indexes.refused(refusal));
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.refuse_all(&Refusal::ActorFailed {
            detail: "the account's actor failed before it answered; send the same again".to_owned(),
            retry_after_ms: RETRY_AFTER_MS,
        });
    }
}
