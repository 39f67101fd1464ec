//! An event: a fact as it was recorded, with what the server adds to it.

use xxhash_rust::xxh3::Xxh3;

use super::{Fact, Kind, Reason, Stamp, Timestamp};

/// Offsets below this are noise of the network and count as none.
const OFFSET_NOISE_MS: i64 = 30_000;
const MINUTE_MS: i64 = 60_000;

/// The place of an event in its session: first the number, then the fingerprint.
///
/// The number is the player's `seq`; in a session that cannot number, the raw `at` in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order {
    /// The player's number, or its raw `at` in milliseconds.
    pub seq: u64,
    /// A 64-bit xxh3 over what the player said moved.
    pub fingerprint: u64,
}

/// A recorded fact.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The fact as it was sent, less what the session was known to be about already.
    pub fact: Fact,
    /// When the server had it.
    pub received_at: Timestamp,
    /// `received_at − sent_at` when the player stamped its attempt: noise is 0, the rest whole
    /// minutes.
    pub offset_ms: Option<i64>,
    /// Its place in the session.
    pub order: Order,
}

impl Event {
    /// The event of a fact that arrived at `received_at` in an attempt stamped `sent_at`.
    pub fn new(fact: Fact, received_at: Timestamp, sent_at: Option<Timestamp>) -> Self {
        let offset_ms = sent_at.map(|sent_at| rounded(received_at.since_ms(sent_at)));
        Self::recorded(fact, received_at, offset_ms)
    }

    /// An event as a log or an export kept it.
    pub fn recorded(fact: Fact, received_at: Timestamp, offset_ms: Option<i64>) -> Self {
        let order = Order { seq: order_key(&fact, received_at), fingerprint: fingerprint(&fact) };
        Self { fact, received_at, offset_ms, order }
    }

    /// When it happened by the player's clock, or, from a player without one, when it arrived.
    pub fn at(&self) -> Timestamp {
        self.fact.at.unwrap_or(self.received_at)
    }

    /// The same, and when it arrived.
    pub fn stamp(&self) -> Stamp {
        Stamp { at: self.at(), received_at: self.received_at }
    }
}

fn order_key(fact: &Fact, received_at: Timestamp) -> u64 {
    match fact.seq {
        Some(seq) => u64::from(seq),
        None => u64::try_from(fact.at.unwrap_or(received_at).ms()).unwrap_or(0),
    }
}

fn rounded(offset_ms: i64) -> i64 {
    if offset_ms.abs() < OFFSET_NOISE_MS {
        0
    } else {
        (offset_ms + offset_ms.signum() * (MINUTE_MS / 2)) / MINUTE_MS * MINUTE_MS
    }
}

/// The frozen list: kind, at, position, from, rate, reason. Never title, profile or display data,
/// which a retry may add. Golden values in `tests/it/stored_events.rs`.
fn fingerprint(fact: &Fact) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&[kind_code(fact.kind)]);
    hash.update(&fact.at.map_or(-1, Timestamp::ms).to_le_bytes());
    hash.update(&fact.position_ms.to_le_bytes());
    hash.update(&fact.from_ms.unwrap_or(u64::MAX).to_le_bytes());
    hash.update(&fact.rate.unwrap_or(-1.0).to_bits().to_le_bytes());
    hash.update(&[fact.reason.map_or(0, reason_code)]);
    hash.digest()
}

/// The number that rows and fingerprints use for a kind; never reused.
pub(super) fn kind_code(kind: Kind) -> u8 {
    match kind {
        Kind::Started => 1,
        Kind::Progressed => 2,
        Kind::Paused => 3,
        Kind::Resumed => 4,
        Kind::Seeked => 5,
        Kind::Stalled => 6,
        Kind::Stopped => 7,
    }
}

/// The number that rows and fingerprints use for a reason; never reused.
pub(super) fn reason_code(reason: Reason) -> u8 {
    match reason {
        Reason::Ended => 1,
        Reason::User => 2,
        Reason::Error => 3,
        Reason::TakenOver => 4,
        Reason::Idle => 5,
    }
}
