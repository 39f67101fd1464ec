//! Whether the store answers, from what came of the last requests, and from a look at it each
//! second, so that it is noticed also while nobody asks anything. The same look compares clocks.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use scylla::client::session::Session;
use scylla::errors::ExecutionError;
use scylla::response::query_result::QueryRowsResult;
use scylla::statement::Statement;
use scylla::value::CqlTimestamp;
use tokio::time::MissedTickBehavior;

use super::failed::{Fate, fate};
use crate::events::{Clock, Skew, Timestamp};

/// Requests in a row without an answer before the store is taken to be away: one or two may have
/// met a node that just stopped.
const UNANSWERED_MAX: u32 = 8;
/// As many as a look without an answer counts for: it waits longer than most, and two prove it.
const LOOK_COUNTS: u32 = 4;
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A look that takes longer has no answer; the next one waits for it.
const LOOK_MAX: Duration = Duration::from_secs(3);
/// Answered by the node that is asked, whichever that is.
const LOOK: &str = "SELECT toTimestamp(now()) FROM system.local WHERE key = 'local'";

/// When a request was asked, in returns of the store.
#[derive(Clone, Copy)]
pub(super) struct Asked(u32);

/// What is remembered of the last requests.
pub(super) struct Answering {
    /// In a row; at the limit it is away.
    unanswered: AtomicU32,
    /// How often it answered again. Who asked before that says nothing of what is now.
    returns: AtomicU32,
    clock: Arc<dyn Clock>,
    skew: Arc<Skew>,
}

impl Answering {
    /// It answers, as far as is known.
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let (unanswered, returns) = Default::default();
        Self { unanswered, returns, clock, skew: Arc::new(Skew::new("log")) }
    }

    /// True while no node answers.
    pub(super) fn is_away(&self) -> bool {
        self.unanswered.load(Ordering::Relaxed) >= UNANSWERED_MAX
    }

    /// How far this node's clock is off the store's.
    pub(super) fn skew(&self) -> &Arc<Skew> {
        &self.skew
    }

    /// To be asked for before a request.
    pub(super) fn asked(&self) -> Asked {
        Asked(self.returns.load(Ordering::Relaxed))
    }

    /// Takes what came of a request.
    pub(super) fn note<T>(&self, asked: Asked, outcome: &Result<T, ExecutionError>) {
        self.take(asked, outcome, 1);
    }

    fn take<T>(&self, asked: Asked, outcome: &Result<T, ExecutionError>, counts: u32) {
        let is_old = || asked.0 != self.returns.load(Ordering::Relaxed);
        match outcome.as_ref().err().map(fate) {
            Some(Fate::NobodyThere | Fate::NoAnswer) if is_old() => {}
            Some(Fate::NobodyThere) => self.missed(UNANSWERED_MAX),
            Some(Fate::NoAnswer) => self.missed(counts),
            Some(Fate::Unsure) => {}
            // Whoever refuses, answers.
            Some(Fate::NotTaken | Fate::Never) | None => self.answered(),
        }
    }

    fn missed(&self, counts: u32) {
        let more = |count: u32| Some(count.saturating_add(counts).min(UNANSWERED_MAX));
        let before = self.unanswered.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        let before = before.unwrap_or_else(|count| count);
        if before < UNANSWERED_MAX && before.saturating_add(counts) >= UNANSWERED_MAX {
            tracing::error!("no node of the log's store answers; it is asked again every second");
        }
    }

    fn answered(&self) {
        // Read first: every request of every thread comes by here.
        let before = self.unanswered.load(Ordering::Relaxed);
        if before == 0 {
            return;
        }
        if before >= UNANSWERED_MAX {
            self.returns.fetch_add(1, Ordering::Relaxed);
        }
        if self.unanswered.swap(0, Ordering::Relaxed) >= UNANSWERED_MAX {
            tracing::info!("the log's store answers again");
        }
    }

    /// Looks at the store, one look after the other, for as long as somebody uses it.
    pub(super) async fn look(self: Arc<Self>, session: Weak<Session>) {
        let mut look = Statement::new(LOOK);
        look.set_is_idempotent(true);
        look.set_request_timeout(Some(LOOK_MAX));
        let mut round = tokio::time::interval(LOOK_EVERY);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            round.tick().await;
            let Some(session) = session.upgrade() else { return };
            let (asked, asked_at) = (self.asked(), self.clock.now());
            let outcome = session.query_unpaged(look.clone(), ()).await;
            self.take(asked, &outcome, LOOK_COUNTS);
            let rows = outcome.ok().and_then(|answer| answer.into_rows_result().ok());
            if let Some(Ok((CqlTimestamp(ms),))) = rows.as_ref().map(QueryRowsResult::single_row) {
                self.skew.compare(Timestamp::from_ms(ms), (asked_at, self.clock.now()));
            }
        }
    }
}
