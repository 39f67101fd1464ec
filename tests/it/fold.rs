//! Facts and their fold: the sentences of the design on order, time and state, and its properties.
//!
//! Everything here is pure. What actors and logs do with it is tested where they are.

mod facts;
mod intervals;
mod json;
mod names;
mod order;
mod playing;
mod properties;
mod time;

use viewlog::events::{Event, Fact, Kind, SessionId, State, Timestamp, fold};

/// 2026-11-23T05:00:00.000Z, a Monday.
const DAWN_MS: i64 = 1_795_410_000_000;

/// Seconds after dawn.
fn dawn(seconds: i64) -> Timestamp {
    Timestamp::from_ms(DAWN_MS + seconds * 1000)
}

fn session() -> SessionId {
    SessionId::derived(dawn(0), 7)
}

/// A numbered fact: its number, what happened, when and where, in seconds.
fn fact(seq: u32, kind: Kind, at_s: i64, position_s: u64) -> Fact {
    let fact = unnumbered(kind, at_s, position_s);
    Fact { seq: Some(seq), ..fact }
}

fn unnumbered(kind: Kind, at_s: i64, position_s: u64) -> Fact {
    let fact = Fact::new(session(), kind, position_s * 1000);
    Fact { at: Some(dawn(at_s)), ..fact }
}

/// Received at the instant it happened, from a clock that is right.
fn event(fact: Fact) -> Event {
    let at = fact.at.unwrap_or(dawn(0));
    Event::new(fact, at, Some(at))
}

/// The set of these facts, in order, folded.
fn folded(facts: impl IntoIterator<Item = Fact>) -> State {
    of_set(facts.into_iter().map(event).collect())
}

/// The set of these events, in order, folded.
fn of_set(mut events: Vec<Event>) -> State {
    events.sort_by_key(|event| event.order);
    events.dedup_by_key(|event| event.order);
    fold(None, &events).expect("there is at least one event")
}
