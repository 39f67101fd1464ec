//! The state of a session: its events folded, without any opinion on what they mean.

use std::sync::Arc;

use serde::Serialize;

use super::{About, Intervals, Reason, SessionId, Timestamp};

/// What the player was doing after the last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The position moves.
    Playing,
    /// The viewer paused.
    Paused,
    /// Waiting for data.
    Stalled,
    /// Over, for a reason.
    Ended(Reason),
}

/// When something happened, in the player's clock and the server's.
///
/// The session's clock offset turns it into one instant; it may be learnt later than the stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// By the player's clock.
    pub at: Timestamp,
    /// When the server had it.
    pub received_at: Timestamp,
}

impl Stamp {
    /// By the server's clock, from which the player's differs by this; at the latest when the
    /// server had it.
    pub fn occurred_at(self, offset_ms: i64) -> Timestamp {
        self.at.plus_ms(offset_ms).min(self.received_at)
    }
}

/// A session folded. Sixty-four intervals at most; everything else is of fixed size or shared.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The session.
    pub session: SessionId,
    /// Who, what and where; shared between copies.
    pub about: Arc<About>,
    /// The first event.
    pub started: Stamp,
    /// The last event.
    pub last: Stamp,
    /// The last event that was a start, a seek or a change of position.
    pub moved: Stamp,
    /// What the device's clock lacks, from the lowest event that knew; 0 until one does.
    pub clock_offset_ms: Option<i64>,
    /// Where the playhead is.
    pub position_ms: u64,
    /// The furthest position that playing reached.
    pub furthest_ms: u64,
    /// How long the title is, as last reported.
    pub duration_ms: Option<u64>,
    /// How fast the playhead moves.
    pub rate: f64,
    /// What the player is doing.
    pub phase: Phase,
    /// The greatest order key.
    pub seq: u64,
    /// How many events were folded.
    pub facts: u32,
    /// False when the player cannot number, and the order is by its clock.
    pub numbered: bool,
    /// The numbers not seen yet, below `seq`.
    pub missing: Intervals,
    /// Two events had one number: both are kept, in order of their fingerprints.
    pub conflict: bool,
    /// The position was moved by hand.
    pub seeked: bool,
    /// The player said that the title ended.
    pub completed: bool,
    /// What was played, in content time.
    pub watched: Intervals,
    /// True when stretches had to be joined to stay within the limit.
    pub approximate: bool,
    /// Content time played, repeats included.
    pub played_ms: u64,
    /// Up to this order key the events were compacted away and only this state is left.
    pub compacted_through: Option<u64>,
}

impl State {
    /// When a stamp occurred: the player's clock, put right by the session's offset, never later
    /// than its receipt.
    pub fn occurred_at(&self, stamp: Stamp) -> Timestamp {
        stamp.occurred_at(self.clock_offset_ms.unwrap_or(0))
    }

    /// When the session began.
    pub fn started_at(&self) -> Timestamp {
        self.occurred_at(self.started)
    }

    /// When it was last heard of.
    pub fn last_at(&self) -> Timestamp {
        self.occurred_at(self.last)
    }

    /// When its position last moved.
    pub fn moved_at(&self) -> Timestamp {
        self.occurred_at(self.moved)
    }

    /// Whether both say the same of what players sent, compacted or not. A fact that two nodes took
    /// bears the receipt of either; a snapshot has that of its own node.
    pub fn is_alike(&self, other: &Self) -> bool {
        self.without_receipts() == other.without_receipts()
    }

    fn without_receipts(&self) -> Self {
        let mut plain = Self { compacted_through: None, ..self.clone() };
        for stamp in [&mut plain.started, &mut plain.last, &mut plain.moved] {
            stamp.received_at = stamp.at;
        }
        plain
    }

    /// True when nothing below the greatest number is missing, so that a snapshot may be taken.
    ///
    /// A session that cannot number is never gapless: nobody knows what is still to come.
    pub fn is_gapless(&self) -> bool {
        self.numbered && self.missing.is_empty() && !self.conflict
    }
}
