//! Appends until it is durable or the deadline has passed; the one place that retries a log.

use std::time::Duration;

use rand::RngExt;
use tokio::time::{Instant, sleep, timeout_at};

use super::{Deps, Refusal};
use crate::events::{Append, AppendError};

const BACKOFF_MIN_MS: u64 = 10;
const BACKOFF_MAX_MS: u64 = 1_000;

/// Repeats the same rows with jittered backoff until the log has them.
///
/// # Errors
/// A refusal fit for the client, when the deadline passes or the log has stopped.
pub(super) async fn append_until(
    deps: &Deps,
    batch: &Append,
    deadline: Instant,
) -> Result<(), Refusal> {
    match try_once(deps, batch, deadline).await {
        Ok(()) => Ok(()),
        Err(error) => append_again(deps, batch, (error, deadline)).await,
    }
}

/// The same for rows that the log did not take at first.
///
/// # Errors
/// As [`append_until`].
pub(super) async fn append_again(
    deps: &Deps,
    batch: &Append,
    (mut error, deadline): (AppendError, Instant),
) -> Result<(), Refusal> {
    let mut pause_ms = BACKOFF_MIN_MS;
    loop {
        let has_stopped = deps.log.health().stopped.is_some();
        let pause = Duration::from_millis(rand::rng().random_range(pause_ms / 2..=pause_ms));
        let is_late = Instant::now() + pause >= deadline;
        if has_stopped || is_late || matches!(error, AppendError::Corrupt(_)) {
            return Err(refusal(&error, deps));
        }
        sleep(pause).await;
        pause_ms = (pause_ms * 2).min(BACKOFF_MAX_MS);
        match try_once(deps, batch, deadline).await {
            Ok(()) => return Ok(()),
            Err(other) => error = other,
        }
    }
}

async fn try_once(deps: &Deps, batch: &Append, deadline: Instant) -> Result<(), AppendError> {
    let answer = timeout_at(deadline, deps.log.append(batch)).await;
    answer.unwrap_or_else(|_| Err(unanswered()))
}

/// What a log that does not answer in time comes to.
pub(super) fn unanswered() -> AppendError {
    AppendError::InDoubt("no answer in time".to_owned())
}

fn refusal(error: &AppendError, deps: &Deps) -> Refusal {
    tracing::error!(%error, "an append was given up");
    let (detail, retry_after_ms) = match (deps.log.health().stopped, error) {
        (Some(why), _) => {
            (format!("the log takes no events: {why}; send them again later"), 10_000)
        }
        (None, AppendError::InDoubt(_)) => {
            ("the log did not answer in time; send the same again".to_owned(), 1_000)
        }
        (None, AppendError::Unavailable(_) | AppendError::Corrupt(_)) => {
            ("the log takes no events at the moment; send the same again".to_owned(), 1_000)
        }
    };
    Refusal::StoreUnavailable { detail, retry_after_ms }
}
