//! What goes around every answer, why there may be none, and what a question may ask for.

use serde::Serialize;
use utoipa::ToSchema;

use super::ViewError;
use crate::events::{AccountId, ProfileId, ReadError, SessionId, Timestamp, TitleId};

/// An answer, and how far it can be trusted.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Answer<T> {
    /// What was asked for.
    #[serde(flatten)]
    pub body: T,
    /// True when views may be more than five seconds behind what was acknowledged, or lack what
    /// only a sweep brings.
    pub stale: bool,
    /// Where it was read.
    pub source: Source,
    /// False when only part could be read.
    pub complete: bool,
    /// The instant through which facts are in this answer. The last of its fields: whoever compares
    /// answers compares what is before it.
    #[schema(value_type = String, format = DateTime)]
    pub as_of: Timestamp,
}

/// Where an answer was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The read models.
    Views,
    /// The log itself, folded for this answer.
    Log,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] ReadError),
    /// The views could not be read and the log not either.
    #[error(transparent)]
    Views(#[from] ViewError),
    /// Too many answers are being folded from the log; try again.
    #[error("too many answers are being read from the log")]
    TooManyReads,
    /// A cursor that this service did not make.
    #[error("the cursor is not one that an earlier answer gave")]
    Cursor,
    /// Part of the log could not be read, and the rest does not answer the question.
    #[error("part of what would answer this cannot be read")]
    Partial,
    /// `after` names a fact that is not in the log.
    #[error("after names a fact that was not recorded")]
    After,
}

/// What of the past an answer is to include.
#[derive(Debug, Clone, Copy, Default)]
pub struct When {
    /// Only what occurred by then; answered from the log.
    pub as_of: Option<Timestamp>,
    /// At least this fact: a session and its order key.
    pub after: Option<(SessionId, u64)>,
}

/// A list of answers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Items<T> {
    /// The list.
    pub items: Vec<T>,
    /// The cursor of the next page, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A person: a profile of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The household.
    pub account: AccountId,
    /// Who in it.
    pub profile: ProfileId,
}

/// Which watches of a profile's history.
#[derive(Debug, Clone, Default)]
pub struct HistoryQuery {
    /// At most this many.
    pub limit: usize,
    /// Where the last page ended.
    pub cursor: Option<String>,
    /// Last heard of at or after.
    pub from: Option<Timestamp>,
    /// Begun before.
    pub to: Option<Timestamp>,
    /// Of this title alone.
    pub title: Option<TitleId>,
}

/// The buckets of watch time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum By {
    /// Midnight to midnight.
    #[default]
    Day,
    /// Monday to Monday.
    Week,
    /// First to first.
    Month,
}

/// Which watch time of a profile.
#[derive(Debug, Clone)]
pub struct WatchTimeQuery {
    /// From this instant on; none is the beginning.
    pub from: Option<Timestamp>,
    /// Up to this instant; none is now.
    pub to: Option<Timestamp>,
    /// The size of a bucket.
    pub by: By,
    /// Where days begin.
    pub time_zone: chrono_tz::Tz,
}
