//! Merges what was recorded into the views.
//!
//! Its queue is a map from session to newest state, so it conflates: a session is merged at once
//! when its phase changes and about once a second otherwise, however many facts arrive. Accounts
//! that nobody reads have no views in memory; their signals are dropped, and the fill that the
//! first read starts finds them in the log.

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_rt::ArbiterHandle;
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};

use super::host::{self, KindVitals, Watch};
use crate::events::{AccountId, Clock, Mark, SessionId, State, Timestamp};
use crate::projections::{Freshness, Recorded, ViewError, ViewStore, project};

/// How long a session's heartbeats are conflated.
const LAZY: Duration = Duration::from_secs(1);
/// More sessions than this in the queue are not waited for.
const QUEUE_MAX: usize = 50_000;
/// How many entries one merge takes.
const MERGE_MAX: usize = 2_000;

/// Something recorded, on its way to the views.
#[derive(Debug, Clone)]
pub struct Signal {
    pub(super) what: Subject,
    pub(super) urgent: bool,
}

/// What was recorded.
#[derive(Debug, Clone)]
pub(super) enum Subject {
    Session(State),
    Mark(Mark),
}

impl Signal {
    /// A session's newest state; urgent when the player's phase changed.
    pub(super) fn session(state: State, urgent: bool) -> Self {
        Self { what: Subject::Session(state), urgent }
    }

    /// A person's word; always urgent.
    pub(super) fn mark(mark: Mark) -> Self {
        Self { what: Subject::Mark(mark), urgent: true }
    }
}

/// The newest state of each session.
type Sessions = HashMap<(AccountId, SessionId), State>;

#[derive(Default)]
struct Queue {
    lazy: Sessions,
    urgent: Sessions,
    marks: Vec<(AccountId, Mark)>,
    /// Whose entries are being merged right now; they are filled anew should that fail.
    merging: Vec<AccountId>,
    /// The store did not take the last merge. The next try waits for its turn, however full it
    /// is here.
    has_failed: bool,
}

impl Queue {
    /// Too many to wait for their turn.
    fn is_full(&self) -> bool {
        !self.has_failed && self.lazy.len() >= QUEUE_MAX
    }
}

/// The queue in front of the projector actor; used from any thread.
pub struct Projector {
    queue: Mutex<Queue>,
    /// One merge at a time, so that whoever flushes waits for what is on its way already.
    turn: tokio::sync::Mutex<()>,
    wake: Notify,
    views: Arc<dyn ViewStore>,
    freshness: Arc<Freshness>,
    clock: Arc<dyn Clock>,
}

impl Projector {
    /// A queue in front of these views.
    pub fn new(
        views: Arc<dyn ViewStore>,
        freshness: Arc<Freshness>,
        clock: Arc<dyn Clock>,
    ) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            wake: Notify::new(),
            views,
            freshness,
            clock,
        })
    }

    /// Starts the actor that empties the queue.
    pub(super) fn start(
        self: &Arc<Self>,
        arbiter: &ArbiterHandle,
        kind: &Arc<KindVitals>,
        budget: host::Budget,
    ) {
        let projector = Arc::clone(self);
        let run = move || Arc::clone(&projector).run();
        host::run_always(arbiter, Watch::unending(kind, budget), run);
    }

    /// Takes what was recorded; never waits.
    pub(super) fn signal(&self, account: &AccountId, signal: Signal) {
        let mut queue = self.lock();
        match signal.what {
            Subject::Mark(mark) => queue.marks.push((account.clone(), mark)),
            Subject::Session(state) => {
                let key = (account.clone(), state.session);
                if signal.urgent || queue.urgent.contains_key(&key) {
                    queue.lazy.remove(&key);
                    queue.urgent.insert(key, state);
                } else {
                    queue.lazy.insert(key, state);
                }
            }
        }
        let wake = signal.urgent || queue.is_full();
        self.freshness.signalled(self.clock.now());
        drop(queue);
        if wake {
            self.wake.notify_one();
        }
    }

    /// Forgets what waits of an account, because it was erased.
    pub(super) fn forget(&self, account: &AccountId) {
        let mut queue = self.lock();
        queue.lazy.retain(|(of, _), _| of != account);
        queue.urgent.retain(|(of, _), _| of != account);
        queue.marks.retain(|(of, _)| of != account);
    }

    /// Ends once what is being merged at this moment is in the views, or is not.
    pub(super) async fn settle(&self) {
        drop(self.turn.lock().await);
    }

    /// Merges everything that waits; for shutdown and tests.
    pub async fn flush(&self) {
        self.merge(true).await;
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn merge(&self, lazy_too: bool) {
        let _turn = self.turn.lock().await;
        let now = self.clock.now();
        let (sessions, marks) = {
            let mut queue = self.lock();
            let mut sessions = mem::take(&mut queue.urgent);
            if lazy_too || queue.is_full() {
                sessions.extend(mem::take(&mut queue.lazy));
            }
            let marks = mem::take(&mut queue.marks);
            let of = sessions.keys().map(|(account, _)| account);
            queue.merging = of.chain(marks.iter().map(|(account, _)| account)).cloned().collect();
            (sessions, marks)
        };
        let merged = self.merge_all(&sessions, &marks).await;
        let failed_before = {
            let mut queue = self.lock();
            queue.merging.clear();
            mem::replace(&mut queue.has_failed, merged.is_err())
        };
        if let Err(error) = merged {
            if !failed_before {
                tracing::warn!(%error, "views could not be merged; trying again every second");
            }
            self.put_back(sessions, marks);
        } else if lazy_too {
            self.freshness.merged_through(now);
        }
    }

    async fn merge_all(
        &self,
        sessions: &Sessions,
        marks: &[(AccountId, Mark)],
    ) -> Result<(), ViewError> {
        let sessions = sessions
            .iter()
            .map(|((account, _), state)| (account.clone(), project(&Recorded::Session(state))));
        let marks =
            marks.iter().map(|(account, mark)| (account.clone(), project(&Recorded::Mark(mark))));
        let mut entries = sessions.chain(marks).peekable();
        while entries.peek().is_some() {
            self.views.merge(entries.by_ref().take(MERGE_MAX).collect()).await?;
        }
        Ok(())
    }

    /// Merges commute, so what the store took and what it did not are sent again alike. While it is
    /// away answers come from the log; what there is no room for here, a sweep brings.
    fn put_back(&self, mut sessions: Sessions, marks: Vec<(AccountId, Mark)>) {
        let mut queue = self.lock();
        sessions.retain(|key, _| !queue.urgent.contains_key(key) && !queue.lazy.contains_key(key));
        let room = QUEUE_MAX.saturating_sub(queue.lazy.len());
        let room_for_marks = QUEUE_MAX.saturating_sub(queue.marks.len());
        let lost = sessions.len().saturating_sub(room) + marks.len().saturating_sub(room_for_marks);
        queue.lazy.extend(sessions.into_iter().take(room));
        queue.marks.extend(marks.into_iter().take(room_for_marks));
        drop(queue);
        if lost > 0 {
            tracing::warn!(lost, "signals were dropped; the views lack them until a sweep");
            self.freshness.lost(self.clock.now());
        }
    }

    /// Everything that was marked until then is merged, whatever became of its signals.
    pub(super) fn swept_through(&self, at: Timestamp) {
        self.freshness.swept_through(at);
    }

    /// Whatever was being merged may be half there: those accounts are filled again from the log.
    async fn give_up_merging(&self) {
        let accounts = mem::take(&mut self.lock().merging);
        for account in accounts {
            if let Err(error) = self.views.forget(&account).await {
                tracing::warn!(%error, "views could not be forgotten");
            }
        }
    }

    async fn run(self: Arc<Self>) {
        self.give_up_merging().await;
        let mut lazy = interval(LAZY);
        lazy.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.wake.notified() => self.merge(false).await,
                _ = lazy.tick() => self.merge(true).await,
            }
        }
    }
}
