//! Brings to the log, once it is back, what waits in the spool: as facts for the account actors,
//! in the order of each session, one page at a time.
//!
//! A fact leaves the spool when the log has it, or when its session refuses it for good; that is
//! counted, logged and shown. Dying in between is harmless: a fact that comes twice is a duplicate,
//! since its number, its fingerprint and the time of its receipt are the same.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use actix_rt::ArbiterHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::host::{self, Watch};
use super::spooling::Spooling;
use super::{Accounts, Deps, Refusal, Refused, Submission};
use crate::events::AppendError;
use crate::events::embedded::{Page, Spool, Waiting};

/// How often it is looked whether the log is back.
const ROUND: Duration = Duration::from_millis(500);
/// Facts replayed at once: a part of what the node may have in flight, so that players come first.
const PAGE: usize = 500;
/// Pages in a row of which nothing came through; then the log is left alone for a round.
const STUCK_MAX: usize = 4;
/// Files are tidied up after so many facts.
const TIDY_AFTER: u64 = 50_000;

/// Starts it on an arbiter.
pub(super) fn start(
    (accounts, spooling): (Accounts, Arc<Spooling>),
    deps: &Deps,
    arbiter: &ArbiterHandle,
) {
    let watch = Watch::unending(&deps.kinds.drainer, deps.limits.restarts);
    host::run_always(arbiter, watch, move || {
        let (accounts, spooling) = (accounts.clone(), Arc::clone(&spooling));
        async move { Drainer { accounts, spooling, at: None, since_tidy: 0 }.run().await }
    });
}

struct Drainer {
    accounts: Accounts,
    spooling: Arc<Spooling>,
    /// Where to go on: what does not come through must not hold up what is behind it.
    at: Option<Page>,
    since_tidy: u64,
}

/// What became of a page.
#[derive(Default)]
struct Settled {
    facts: Vec<Waiting>,
    replayed: u64,
    dropped: u64,
}

impl Drainer {
    async fn run(mut self) {
        let mut round = interval(ROUND);
        round.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            round.tick().await;
            if self.spooling.has_ended() {
                return;
            }
            if self.spool().standing().facts == 0 {
                self.spooling.trust_all();
                self.tidy_up().await;
            } else if !self.spooling.is_away()
                && let Err(error) = self.drain().await
            {
                tracing::error!(%error, "the spool cannot be drained");
            }
        }
    }

    fn spool(&self) -> &Spool {
        &self.spooling.spool
    }

    /// Replays to the end of the spool, or until nothing comes through any more.
    async fn drain(&mut self) -> Result<(), AppendError> {
        let mut stuck = 0;
        while stuck < STUCK_MAX && !self.spooling.is_away() && !self.spooling.has_ended() {
            let page = self.spool().page(self.at.as_ref(), PAGE);
            let page = page.map_err(|error| AppendError::Unavailable(error.to_string()))?;
            self.at = page.last().map(Waiting::page);
            if page.is_empty() {
                return Ok(());
            }
            let Settled { facts, replayed, dropped } = self.replay(page).await;
            stuck = if facts.is_empty() { stuck + 1 } else { 0 };
            self.since_tidy += self.spool().remove(&facts).await?;
            let counts = &self.spooling.counts;
            counts.replayed.fetch_add(replayed, Ordering::Relaxed);
            counts.dropped.fetch_add(dropped, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn replay(&self, page: Vec<Waiting>) -> Settled {
        let outcome = self.accounts.deliver(submitted(&page)).await;
        let mut refused: BTreeMap<usize, Refusal> = outcome
            .refused
            .into_iter()
            .map(|Refused { index, refusal }| (index, refusal))
            .collect();
        let mut settled = Settled::default();
        for (index, waiting) in page.into_iter().enumerate() {
            let why = match (&waiting.event, refused.remove(&index)) {
                (Err(error), _) => Some(format!("damaged: {error}")),
                (Ok(_), Some(refusal)) => match self.last_word(&waiting, refusal) {
                    None => continue,
                    last_word => last_word,
                },
                (Ok(_), None) => None,
            };
            self.spooling.trust(&waiting.account);
            match why {
                Some(why) => {
                    settled.dropped += 1;
                    self.drop_it(&waiting, &why);
                }
                None => settled.replayed += 1,
            }
            settled.facts.push(waiting);
        }
        settled
    }

    /// Why the fact will never be taken; `None` when it may be another time.
    fn last_word(&self, waiting: &Waiting, refusal: Refusal) -> Option<String> {
        match refusal {
            Refusal::StoreUnavailable { .. }
            | Refusal::ActorFailed { .. }
            | Refusal::TooManyRequests { .. } => None,
            // What says whose it is may have been kept back for a reason that passes.
            Refusal::UnknownSession(_) if self.spool().holds_before(waiting) => None,
            Refusal::UnknownSession(why)
            | Refusal::InvalidEvent(why)
            | Refusal::ClockAhead(why)
            | Refusal::ConflictingEvent(why)
            | Refusal::SessionTooLong(why)
            | Refusal::Erased(why) => Some(why),
        }
    }

    fn drop_it(&self, waiting: &Waiting, why: &str) {
        let (account, session) = (&waiting.account, waiting.session);
        tracing::warn!(%account, %session, why, "a fact of the spool is dropped");
        let last = format!("session {session}: {why}");
        let counts = &self.spooling.counts;
        *counts.last_dropped.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
    }

    /// Gives the room on disk back, once much of it was used.
    async fn tidy_up(&mut self) {
        if self.since_tidy < TIDY_AFTER {
            return;
        }
        self.since_tidy = 0;
        let spool = Arc::clone(&self.spooling.spool);
        let tidied = tokio::task::spawn_blocking(move || spool.tidy_up()).await;
        if let Ok(Err(error)) = tidied {
            tracing::warn!(%error, "the spool could not be tidied up");
        }
    }
}

/// The facts of a page by account, each with its place in it.
fn submitted(page: &[Waiting]) -> super::spooling::Facts {
    let mut facts: super::spooling::Facts = Vec::new();
    for (index, waiting) in page.iter().enumerate() {
        let Ok(event) = &waiting.event else { continue };
        let submission = Submission { index, event: event.clone() };
        match facts.last_mut() {
            Some((account, submissions)) if *account == waiting.account => {
                submissions.push(submission);
            }
            _ => facts.push((waiting.account.clone(), vec![submission])),
        }
    }
    facts
}
