//! Whether the store answers, from what came of the last requests, and a look at it from time to
//! time while it does not, so that it is noticed when it does again.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use scylla::client::session::Session;
use scylla::errors::ExecutionError;
use scylla::statement::Statement;
use tokio::runtime::Handle;

use super::failed::{Fate, fate};

/// Requests in a row without an answer before the store is taken to be away: one or two may have
/// met a node that just stopped.
const UNANSWERED_MAX: u32 = 8;
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK: &str = "SELECT key FROM system.local WHERE key = 'local'";

/// What is remembered of the last requests.
#[derive(Debug)]
pub(super) struct Answering {
    /// In a row; at the limit it is away.
    unanswered: AtomicU32,
    /// Of the runtime that the driver lives on.
    runtime: Handle,
}

impl Answering {
    /// It answers, as far as is known. To be called on the runtime that outlives every request.
    pub(super) fn new() -> Self {
        Self { unanswered: AtomicU32::new(0), runtime: Handle::current() }
    }

    /// True while no node answers.
    pub(super) fn is_away(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) >= UNANSWERED_MAX
    }

    /// Takes what came of a request.
    pub(super) fn note<T>(
        self: &Arc<Self>,
        session: &Arc<Session>,
        outcome: &Result<T, ExecutionError>,
    ) {
        let is_new = match outcome.as_ref().err().map(fate) {
            Some(Fate::NobodyThere) => {
                self.unanswered.swap(UNANSWERED_MAX, Ordering::Relaxed) < UNANSWERED_MAX
            }
            Some(Fate::NoAnswer) => self.one_more() + 1 == UNANSWERED_MAX,
            Some(Fate::Unsure) => return,
            // Whoever refuses, answers.
            Some(Fate::NotTaken | Fate::Never) | None => return self.answered(),
        };
        if is_new {
            tracing::error!("no node of the log's store answers; trying again every second");
            let (answering, session) = (Arc::clone(self), Arc::downgrade(session));
            self.runtime.spawn(async move { answering.look(session).await });
        }
    }

    /// Counts up to the limit; how many there were.
    fn one_more(&self) -> u32 {
        let more = |count: u32| Some(count.saturating_add(1).min(UNANSWERED_MAX));
        let counted = self.unanswered.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        counted.unwrap_or_else(|count| count)
    }

    fn answered(&self) {
        // Read first: every request of every thread comes by here.
        if self.unanswered.load(Ordering::Relaxed) > 0
            && self.unanswered.swap(0, Ordering::Relaxed) >= UNANSWERED_MAX
        {
            tracing::info!("the log's store answers again");
        }
    }

    async fn look(&self, session: Weak<Session>) {
        let mut look = Statement::new(LOOK);
        look.set_is_idempotent(true);
        let mut round = tokio::time::interval(LOOK_EVERY);
        loop {
            round.tick().await;
            let Some(session) = session.upgrade() else { return };
            if session.query_unpaged(look.clone(), ()).await.is_ok() {
                return self.answered();
            }
        }
    }
}
