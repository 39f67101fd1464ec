//! What is asked of the account actors, and what they answer. A refusal is an answer, not an
//! error.

use crate::events::{AccountId, Event, SessionId, Timestamp};

/// A fact on its way to its account, with its place in the request it came in.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The place in the request, echoed in a refusal.
    pub index: usize,
    /// The fact, stamped by the gateway.
    pub event: Event,
}

/// What became of a request. Every submission is counted exactly once.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Newly durable.
    pub recorded: usize,
    /// Durable before.
    pub duplicates: usize,
    /// How durable the rest is.
    pub durability: Durability,
    /// The highest order key of every session in the request.
    pub sessions: Vec<Recorded>,
    /// What was not recorded, and why.
    pub refused: Vec<Refused>,
}

/// How safe an acknowledged fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// In the log.
    #[default]
    Store,
    /// In this node's spool, until the log is back.
    Node,
}

/// How far a session is recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The household.
    pub account: AccountId,
    /// The session.
    pub session: SessionId,
    /// Its highest order key.
    pub seq: u64,
}

/// A fact that was not recorded.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Its place in the request.
    pub index: usize,
    /// Why.
    pub refusal: Refusal,
}

/// Why something is not recorded. Each is a code of the API with a sentence that says what would be
/// right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing recorded says which title and profile the session is of.
    UnknownSession(String),
    /// A value cannot be, by itself or in its session.
    InvalidEvent(String),
    /// The session id is of the future.
    ClockAhead(String),
    /// The number is taken by another fact.
    ConflictingEvent(String),
    /// Past 24 h or 100,000 facts.
    SessionTooLong(String),
    /// It occurred before an erasure.
    Erased(String),
    /// The line is full.
    TooManyRequests {
        /// When to try again.
        retry_after_ms: u64,
    },
    /// The log does not answer: try again.
    StoreUnavailable {
        /// What is the matter, in words fit for a client.
        detail: String,
        /// When to try again.
        retry_after_ms: u64,
    },
    /// An actor failed on the way: try again.
    ActorFailed {
        /// What is the matter, in words fit for a client.
        detail: String,
        /// When to try again.
        retry_after_ms: u64,
    },
}

/// What an erasure took away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The receipt's own id.
    pub id: SessionId,
    /// Facts that occurred up to this instant are refused from now on.
    pub fenced_at: Timestamp,
    /// Events and marks deleted from the log.
    pub events: u64,
    /// Snapshots deleted from the log.
    pub snapshots: u64,
    /// Entries deleted from the views.
    pub views: u64,
    /// Whether every copy of the log has heard of it.
    pub is_everywhere: bool,
    /// Facts deleted that waited on this node for the log.
    pub spool: u64,
}

/// What a compaction took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compaction {
    /// Sessions of which the snapshot alone is left.
    pub sessions: u64,
    /// Events deleted.
    pub events: u64,
}
