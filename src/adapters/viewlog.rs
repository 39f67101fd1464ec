//! viewlog's own export: NDJSON, each line one record that stands alone, and exactly back.
//!
//! An event is the fact as it was sent, with its account, its receipt and what its device's clock
//! lacked; a person's word is named by its kind; a session of which compaction left only the state
//! has kind `session`. Unknown fields are passed over, unknown kinds refused.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::events::json::{FactJson, NotAFact};
use crate::events::{
    AccountId, Event, Fact, Intervals, Invalid, Kind, Mark, MarkKind, Phase, ProfileId, Record,
    Restored, SessionId, Stamp, State, Timestamp, TitleId,
};

const MARKS: [&str; 6] =
    ["title_hidden", "title_shown", "marked_watched", "marked_unwatched", "position_set", "undone"];
const SESSION: &str = "session";
const MINUTE_MS: i64 = 60_000;

/// The line of an event, without its end.
pub fn write_event(account: &AccountId, event: &Event) -> String {
    line(&EventLine {
        fact: FactJson::of(account, &event.fact),
        receipt: Receipt { received_at: event.received_at, clock_offset_ms: event.offset_ms },
    })
}

/// The line of a person's word, without its end.
pub fn write_mark(account: &AccountId, mark: &Mark) -> String {
    line(&MarkLine {
        account: Some(account.clone()),
        command: mark.command,
        profile: mark.profile.clone(),
        at: mark.at,
        received_at: mark.received_at,
        kind: mark.kind.clone(),
    })
}

/// The line of a session of which only the state is left, without its end.
pub fn write_state(account: &AccountId, state: &State) -> String {
    // What a state has in common with a fact is written as in a fact.
    let last = Fact {
        rate: Some(state.rate),
        duration_ms: state.duration_ms,
        reason: match state.phase {
            Phase::Ended(reason) => Some(reason),
            Phase::Playing | Phase::Paused | Phase::Stalled => None,
        },
        ..Fact::new(state.session, Kind::Stopped, state.position_ms)
    };
    let mut fact = FactJson::of(account, &last);
    fact.set_about(&state.about);
    fact.kind = Some(SESSION.into());
    line(&StateLine { fact, folded: Folded::of(state) })
}

/// Reads a line; the account is none where the line does not name it.
///
/// # Errors
/// Says which field is wrong and what would be right.
pub fn read_line(line: &str) -> Result<(Option<AccountId>, Record), String> {
    let head: Head = parse(line)?;
    let kind = head.kind.as_deref().unwrap_or_default();
    let record = if kind == SESSION {
        Record::Snapshot(read_state(line)?)
    } else if MARKS.contains(&kind) {
        let MarkLine { command, profile, at, received_at, kind, .. } = parse(line)?;
        Record::Mark(Mark { command, profile, at, received_at, kind })
    } else if Kind::ALL.iter().any(|known| known.as_str() == kind) {
        Record::Event(read_event(line)?)
    } else {
        let facts = Kind::ALL.map(Kind::as_str).join(", ");
        let marks = MARKS.join(", ");
        return Err(format!("kind {kind:?} is not known; it is {facts}, {marks} or {SESSION}"));
    };
    Ok((head.account, record))
}

fn line(value: &impl Serialize) -> String {
    // Structs of texts, numbers and lists always have a JSON form.
    serde_json::to_string(value).unwrap_or_default()
}

fn parse<'a, T: Deserialize<'a>>(line: &'a str) -> Result<T, String> {
    serde_json::from_str(line).map_err(|error| error.to_string())
}

/// What every line has.
#[derive(Deserialize)]
struct Head {
    account: Option<AccountId>,
    kind: Option<String>,
}

#[derive(Serialize)]
struct EventLine<'a> {
    #[serde(flatten)]
    fact: FactJson<'a>,
    #[serde(flatten)]
    receipt: Receipt,
}

/// What the server added to a fact.
#[derive(Serialize, Deserialize)]
struct Receipt {
    received_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_offset_ms: Option<i64>,
}

fn read_event(line: &str) -> Result<Event, String> {
    let Receipt { received_at, clock_offset_ms } = parse(line)?;
    let fact = read_fact(&fact_json(line)?, received_at)?;
    Ok(Event::recorded(fact, received_at, whole_minutes(clock_offset_ms)?))
}

fn fact_json(line: &str) -> Result<FactJson<'_>, String> {
    FactJson::parse(line.as_bytes()).map_err(|refusal| match refusal {
        NotAFact::Malformed(detail) | NotAFact::Invalid(detail) => detail,
    })
}

fn read_fact(json: &FactJson<'_>, received_at: Timestamp) -> Result<Fact, String> {
    let fact = json.fact()?;
    fact.check(received_at).map_err(|invalid| match invalid {
        Invalid::Event(detail) | Invalid::ClockAhead(detail) => detail,
    })?;
    Ok(fact)
}

/// Offsets are recorded in minutes; anything finer would not come back as it was.
fn whole_minutes(offset_ms: Option<i64>) -> Result<Option<i64>, String> {
    match offset_ms {
        Some(ms) if ms % MINUTE_MS != 0 => {
            Err(format!("clock_offset_ms is {ms}; it is whole minutes, a multiple of {MINUTE_MS}"))
        }
        _ => Ok(offset_ms),
    }
}

#[derive(Serialize, Deserialize)]
struct MarkLine {
    account: Option<AccountId>,
    command: SessionId,
    profile: ProfileId,
    at: Timestamp,
    received_at: Timestamp,
    #[serde(flatten, with = "Said")]
    kind: MarkKind,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "MarkKind", tag = "kind", rename_all = "snake_case")]
enum Said {
    TitleHidden {
        title: TitleId,
    },
    TitleShown {
        title: TitleId,
    },
    MarkedWatched {
        title: TitleId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        watched_at: Option<Timestamp>,
    },
    MarkedUnwatched {
        title: TitleId,
    },
    PositionSet {
        title: TitleId,
        position_ms: u64,
    },
    Undone {
        since: Timestamp,
        #[serde(with = "restored")]
        titles: Vec<Restored>,
    },
}

/// A list of titles as an undo found them.
mod restored {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::events::{Restored, TitleId};

    #[derive(Serialize, Deserialize)]
    #[serde(remote = "Restored")]
    struct Fields {
        title: TitleId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        position_ms: Option<u64>,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        finished: bool,
        times_finished: u32,
        hidden: bool,
    }

    #[derive(Serialize, Deserialize)]
    struct Title(#[serde(with = "Fields")] Restored);

    pub(super) fn serialize<S: Serializer>(
        titles: &[Restored],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(titles.iter().cloned().map(Title))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Restored>, D::Error> {
        let titles = Vec::<Title>::deserialize(deserializer)?;
        Ok(titles.into_iter().map(|Title(restored)| restored).collect())
    }
}

#[derive(Serialize)]
struct StateLine<'a> {
    #[serde(flatten)]
    fact: FactJson<'a>,
    #[serde(flatten)]
    folded: Folded,
}

/// What a state has beyond a fact. The order key has a name of its own, since it may be greater
/// than any number of a fact. Up to it nothing but the state is exported, so whoever reads it has
/// it as compacted that far.
#[derive(Serialize, Deserialize)]
struct Folded {
    phase: Named,
    #[serde(with = "Times")]
    started: Stamp,
    #[serde(with = "Times")]
    last: Stamp,
    #[serde(with = "Times")]
    moved: Stamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_offset_ms: Option<i64>,
    furthest_ms: u64,
    last_seq: u64,
    facts: u32,
    numbered: bool,
    missing: Vec<(u64, u64)>,
    conflict: bool,
    seeked: bool,
    completed: bool,
    watched: Vec<(u64, u64)>,
    approximate: bool,
    played_ms: u64,
}

/// A phase by its name; why a session ended is its `reason`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Named {
    Playing,
    Paused,
    Stalled,
    Ended,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Stamp")]
struct Times {
    at: Timestamp,
    received_at: Timestamp,
}

impl Folded {
    fn of(state: &State) -> Self {
        Self {
            phase: match state.phase {
                Phase::Playing => Named::Playing,
                Phase::Paused => Named::Paused,
                Phase::Stalled => Named::Stalled,
                Phase::Ended(_) => Named::Ended,
            },
            started: state.started,
            last: state.last,
            moved: state.moved,
            clock_offset_ms: state.clock_offset_ms,
            furthest_ms: state.furthest_ms,
            last_seq: state.seq,
            facts: state.facts,
            numbered: state.numbered,
            missing: state.missing.as_slice().to_vec(),
            conflict: state.conflict,
            seeked: state.seeked,
            completed: state.completed,
            watched: state.watched.as_slice().to_vec(),
            approximate: state.approximate,
            played_ms: state.played_ms,
        }
    }
}

fn read_state(line: &str) -> Result<State, String> {
    let folded: Folded = parse(line)?;
    // What it has in common with a fact is read and checked as one.
    let mut json = fact_json(line)?;
    json.kind = Some(Kind::Stopped.as_str().into());
    let last = read_fact(&json, folded.last.received_at)?;
    Ok(State {
        session: last.session,
        about: Arc::new(last.about.map_or_else(Default::default, |about| *about)),
        started: folded.started,
        last: folded.last,
        moved: folded.moved,
        clock_offset_ms: whole_minutes(folded.clock_offset_ms)?,
        position_ms: last.position_ms,
        furthest_ms: folded.furthest_ms,
        duration_ms: last.duration_ms,
        rate: last.rate.ok_or("rate is missing; 1.0 is normal speed")?,
        phase: match (folded.phase, last.reason) {
            (Named::Playing, _) => Phase::Playing,
            (Named::Paused, _) => Phase::Paused,
            (Named::Stalled, _) => Phase::Stalled,
            (Named::Ended, Some(reason)) => Phase::Ended(reason),
            (Named::Ended, None) => {
                return Err("reason is missing; a session that ended has one".to_owned());
            }
        },
        seq: folded.last_seq,
        facts: folded.facts,
        numbered: folded.numbered,
        missing: stretches("missing", &folded.missing)?,
        conflict: folded.conflict,
        seeked: folded.seeked,
        completed: folded.completed,
        watched: stretches("watched", &folded.watched)?,
        approximate: folded.approximate,
        played_ms: folded.played_ms,
        compacted_through: Some(folded.last_seq),
    })
}

fn stretches(field: &str, given: &[(u64, u64)]) -> Result<Intervals, String> {
    let stretches: Intervals = given.iter().copied().collect();
    if stretches.as_slice() == given {
        Ok(stretches)
    } else {
        Err(format!("{field} is not a list of ascending, separate stretches [from, to]"))
    }
}
