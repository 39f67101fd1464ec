//! The body of a snapshot row: the state of a gapless beginning, or nothing but that the session
//! exists.

use std::sync::Arc;

use prost::Message;

use super::event::{AboutBody, reason_of, timestamp};
use super::{DecodeError, content, open, seal};
use crate::events::event::reason_code;
use crate::events::{About, FOLD_VERSION, Intervals, Phase, SessionId, Stamp, State};

#[derive(Clone, PartialEq, Message)]
struct Body {
    /// The version of the fold that made it.
    #[prost(uint32, tag = "1")]
    fold_version: u32,
    #[prost(message, optional, boxed, tag = "2")]
    state: Option<Box<StateBody>>,
}

#[derive(Clone, PartialEq, Message)]
struct StateBody {
    #[prost(message, optional, tag = "1")]
    about: Option<AboutBody>,
    /// Player's clock and receipt of the first, the last and the last moving event; receipts
    /// relative.
    #[prost(sint64, repeated, tag = "2")]
    stamps: Vec<i64>,
    #[prost(sint64, optional, tag = "3")]
    clock_offset_minutes: Option<i64>,
    #[prost(uint64, tag = "4")]
    position_ms: u64,
    #[prost(uint64, tag = "5")]
    furthest_ms: u64,
    #[prost(uint64, optional, tag = "6")]
    duration_ms: Option<u64>,
    #[prost(double, tag = "7")]
    rate: f64,
    /// 1 playing, 2 paused, 3 stalled, 16 + reason ended.
    #[prost(uint32, tag = "8")]
    phase: u32,
    #[prost(uint64, tag = "9")]
    seq: u64,
    #[prost(uint32, tag = "10")]
    facts: u32,
    #[prost(bool, tag = "11")]
    unnumbered: bool,
    #[prost(uint64, repeated, tag = "12")]
    missing: Vec<u64>,
    #[prost(bool, tag = "13")]
    conflict: bool,
    #[prost(bool, tag = "14")]
    seeked: bool,
    #[prost(bool, tag = "15")]
    completed: bool,
    /// From and to, alternating, ascending.
    #[prost(uint64, repeated, tag = "16")]
    watched: Vec<u64>,
    #[prost(bool, tag = "17")]
    approximate: bool,
    #[prost(uint64, tag = "18")]
    played_ms: u64,
    #[prost(uint64, optional, tag = "19")]
    compacted_through: Option<u64>,
}

/// A snapshot row read back.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The version of the fold that made it.
    pub fold_version: u32,
    /// The state; `None` when the row only says that the session exists.
    pub state: Option<State>,
}

impl Snapshot {
    /// Whether this version of the fold made it.
    pub fn is_current(&self) -> bool {
        self.fold_version == FOLD_VERSION
    }

    /// The state, if this version of the fold made it.
    pub fn current(&self) -> Option<&State> {
        self.state.as_ref().filter(|_| self.is_current())
    }
}

/// The body of a row that holds a state.
pub fn encode_snapshot(state: &State) -> Vec<u8> {
    seal(&Body { fold_version: FOLD_VERSION, state: Some(Box::new(state.into())) })
}

/// The body of a row that only says that its session exists.
pub fn encode_found() -> Vec<u8> {
    seal(&Body { fold_version: FOLD_VERSION, state: None })
}

/// The snapshot of a session's row.
///
/// # Errors
/// [`DecodeError`] when the body is damaged or of a newer version.
pub fn decode_snapshot(session: SessionId, body: &[u8]) -> Result<Snapshot, DecodeError> {
    let body: Body = open(body)?;
    let state = body.state.map(|state| state.into_state(session)).transpose()?;
    Ok(Snapshot { fold_version: body.fold_version, state })
}

impl From<&State> for StateBody {
    fn from(state: &State) -> Self {
        let stamps = [state.started, state.last, state.moved];
        Self {
            about: Some((&*state.about).into()),
            stamps: stamps.iter().flat_map(|s| [s.at.ms(), s.received_at.since_ms(s.at)]).collect(),
            clock_offset_minutes: state.clock_offset_ms.map(|ms| ms / 60_000),
            position_ms: state.position_ms,
            furthest_ms: state.furthest_ms,
            duration_ms: state.duration_ms,
            rate: state.rate,
            phase: phase_code(state.phase),
            seq: state.seq,
            facts: state.facts,
            unnumbered: !state.numbered,
            missing: flat(&state.missing),
            conflict: state.conflict,
            seeked: state.seeked,
            completed: state.completed,
            watched: flat(&state.watched),
            approximate: state.approximate,
            played_ms: state.played_ms,
            compacted_through: state.compacted_through,
        }
    }
}

impl StateBody {
    fn into_state(self, session: SessionId) -> Result<State, DecodeError> {
        let [started, last, moved] = stamps(&self.stamps)?;
        Ok(State {
            session,
            about: Arc::new(self.about.map(About::try_from).transpose()?.unwrap_or_default()),
            started,
            last,
            moved,
            clock_offset_ms: self
                .clock_offset_minutes
                .map(|minutes| minutes.saturating_mul(60_000)),
            position_ms: self.position_ms,
            furthest_ms: self.furthest_ms,
            duration_ms: self.duration_ms,
            rate: self.rate,
            phase: phase_of(self.phase)?,
            seq: self.seq,
            facts: self.facts,
            numbered: !self.unnumbered,
            missing: intervals(&self.missing)?,
            conflict: self.conflict,
            seeked: self.seeked,
            completed: self.completed,
            watched: intervals(&self.watched)?,
            approximate: self.approximate,
            played_ms: self.played_ms,
            compacted_through: self.compacted_through,
        })
    }
}

fn phase_code(phase: Phase) -> u32 {
    match phase {
        Phase::Playing => 1,
        Phase::Paused => 2,
        Phase::Stalled => 3,
        Phase::Ended(reason) => 16 + u32::from(reason_code(reason)),
    }
}

fn phase_of(code: u32) -> Result<Phase, DecodeError> {
    match code {
        1 => Ok(Phase::Playing),
        2 => Ok(Phase::Paused),
        3 => Ok(Phase::Stalled),
        16.. => reason_of(code - 16).map(Phase::Ended),
        _ => Err(content(format!("phase {code} is not known"))),
    }
}

fn stamps(numbers: &[i64]) -> Result<[Stamp; 3], DecodeError> {
    let stamp = |at: i64, after: i64| -> Result<Stamp, DecodeError> {
        let received_at = at.checked_add(after).ok_or_else(|| content("a time is out of range"))?;
        Ok(Stamp {
            at: timestamp(u64::try_from(at).map_err(content)?)?,
            received_at: timestamp(u64::try_from(received_at).map_err(content)?)?,
        })
    };
    match *numbers {
        [a, b, c, d, e, f] => Ok([stamp(a, b)?, stamp(c, d)?, stamp(e, f)?]),
        _ => Err(content("a state has three times")),
    }
}

fn flat(intervals: &Intervals) -> Vec<u64> {
    intervals.as_slice().iter().flat_map(|&(from, to)| [from, to]).collect()
}

fn intervals(numbers: &[u64]) -> Result<Intervals, DecodeError> {
    let (pairs, rest) = numbers.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(content("stretches come in pairs"));
    }
    Ok(pairs.iter().map(|&[from, to]| (from, to)).collect())
}
