//! What the driver's errors mean to whoever asked.
//!
//! Its own words go into errors that are logged, and never further.

use std::fmt::Display;

use scylla::errors::{DbError, ExecutionError, RequestAttemptError};

use crate::events::{AppendError, ReadError};

/// What became of a request that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// No node could be asked: nothing happened.
    NobodyThere,
    /// Nobody answered in time; it may have happened.
    NoAnswer,
    /// The nodes that answered did not take it: nothing happened.
    NotTaken,
    /// It may have happened.
    Unsure,
    /// It never will: schema or rights are not what they should be.
    Never,
}

/// The fate of a request whose last attempt failed like this.
pub(super) fn fate(error: &ExecutionError) -> Fate {
    match error {
        ExecutionError::EmptyPlan | ExecutionError::ConnectionPoolError(_) => Fate::NobodyThere,
        ExecutionError::RequestTimeout(_) => Fate::NoAnswer,
        ExecutionError::LastAttemptError(error) => fate_of_attempt(error),
        ExecutionError::BadQuery(_) => Fate::Never,
        _ => Fate::Unsure,
    }
}

fn fate_of_attempt(error: &RequestAttemptError) -> Fate {
    match error {
        RequestAttemptError::DbError(error, _) => match error {
            DbError::Unavailable { .. }
            | DbError::Overloaded
            | DbError::IsBootstrapping
            | DbError::RateLimitReached { .. } => Fate::NotTaken,
            DbError::SyntaxError
            | DbError::Invalid
            | DbError::ConfigError
            | DbError::Unauthorized
            | DbError::AuthenticationError => Fate::Never,
            _ => Fate::Unsure,
        },
        RequestAttemptError::UnableToAllocStreamId => Fate::NotTaken,
        RequestAttemptError::SerializationError(_)
        | RequestAttemptError::CqlRequestSerialization(_) => Fate::Never,
        _ => Fate::Unsure,
    }
}

/// Why something was not appended.
pub(super) fn append_error(error: &ExecutionError) -> AppendError {
    let text = error.to_string();
    match fate(error) {
        Fate::NobodyThere | Fate::NotTaken => AppendError::Unavailable(text),
        Fate::NoAnswer | Fate::Unsure => AppendError::InDoubt(text),
        Fate::Never => AppendError::Corrupt(text),
    }
}

/// Why something was not read.
pub(super) fn read_error(error: &ExecutionError) -> ReadError {
    let text = error.to_string();
    match fate(error) {
        Fate::NobodyThere | Fate::NotTaken | Fate::NoAnswer | Fate::Unsure => {
            ReadError::Unavailable(text)
        }
        Fate::Never => ReadError::Corrupt(text),
    }
}

/// What is there has another shape than the statement says.
pub(super) fn misshapen(error: impl Display) -> ReadError {
    ReadError::Corrupt(error.to_string())
}

/// What could not be read before it was to be written: nothing was written yet.
pub(super) fn unread(error: ReadError) -> AppendError {
    match error {
        ReadError::Unavailable(text) => AppendError::Unavailable(text),
        ReadError::Corrupt(text) => AppendError::Corrupt(text),
    }
}

/// What an append comes to that was several requests: nothing is written only if none was.
pub(super) fn together(
    results: impl IntoIterator<Item = Result<(), AppendError>>,
) -> Result<(), AppendError> {
    let (mut worst, mut written) = (None, false);
    for result in results {
        match result {
            Ok(()) => written = true,
            Err(error) if worst.as_ref().is_none_or(|worst| badness(&error) > badness(worst)) => {
                worst = Some(error);
            }
            Err(_) => {}
        }
    }
    match worst {
        None => Ok(()),
        Some(AppendError::Unavailable(text)) if written => Err(AppendError::InDoubt(text)),
        Some(error) => Err(error),
    }
}

fn badness(error: &AppendError) -> u8 {
    match error {
        AppendError::Unavailable(_) => 0,
        AppendError::InDoubt(_) => 1,
        AppendError::Corrupt(_) => 2,
    }
}
