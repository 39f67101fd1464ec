//! What an export wrote, back in: events with all that a server once added to them, marks, and
//! sessions of which compaction left only the state.

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, post};
use serde::de::IgnoredAny;

use super::Node;
use super::auth::Caller;
use super::body::Body;
use super::parameters::Parameters;
use super::problem::Problem;
use super::record::Answered;
use crate::actors::Refusal;
use crate::adapters::viewlog::read_line;
use crate::events::{AHEAD_MS_MAX, MarkKind, Record, State, Timestamp};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// The greatest position or order key that JSON can carry exactly.
const NUMBER_MAX: u64 = 1 << 53;
/// Some 34 years: more than any session plays, and small enough for sums over all of them.
const PLAYED_MS_MAX: u64 = 1 << 40;
/// More facts than these no session has.
const FACTS_MAX: u64 = 100_000;

/// The route of imports.
pub(super) fn import_routes(config: &mut ServiceConfig) {
    config.service(import_lines);
}

/// Loads lines of an export into an account, whatever account they name. Loading them again adds
/// nothing.
#[utoipa::path(
    tag = "record",
    request_body(
        content = String,
        description = "NDJSON, as /export writes it",
        content_type = "application/x-ndjson",
    ),
    responses((status = 200, body = Answered, description = "What is not refused is durable")),
)]
#[post("/v1/accounts/{account}/import")]
pub(super) async fn import_lines(
    node: Data<Node>,
    asked: Parameters,
    (caller, body): (Caller, Body),
) -> Result<HttpResponse, Problem> {
    let account = asked.account()?;
    let now = node.clock.now();
    let body = body.not_empty()?;
    let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let lines: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).collect();
    if lines.len() > node.settings.facts_max {
        let (count, most) = (lines.len(), node.settings.facts_max);
        return Err(Problem::too_large(format!("{count} lines; a request has at most {most}")));
    }
    let (mut records, mut refused) = (Vec::with_capacity(lines.len()), Vec::new());
    for (index, line) in lines.into_iter().enumerate() {
        match read(line, now).and_then(|record| claimed(record, &caller)) {
            Ok(record) => records.push((index, record)),
            Err(problem) => refused.push(problem.of_fact(index)),
        }
    }
    let outcome = node.system.accounts().import(account, records).await;
    Answered::of(outcome, refused, 0).respond()
}

fn read(line: &[u8], now: Timestamp) -> Result<Record, Problem> {
    let line = std::str::from_utf8(line)
        .map_err(|_| Problem::malformed("not UTF-8; an export is UTF-8 throughout"))?;
    let (_, record) = read_line(line).map_err(|detail| no_record(line, detail))?;
    let latest = match &record {
        Record::Fact(fact) => {
            fact.check(now)?;
            now
        }
        Record::Event(event) => {
            event.fact.check(now)?;
            event.received_at
        }
        Record::Mark(mark) => {
            check_mark(&mark.kind)?;
            mark.received_at.max(mark.at)
        }
        Record::Snapshot(state) => {
            check_state(state)?;
            state.last.received_at
        }
    };
    if latest.since_ms(now) > AHEAD_MS_MAX {
        return Err(Problem::invalid(format!(
            "it is of {latest}, more than 24 h ahead of this server's clock"
        )));
    }
    Ok(record)
}

/// The record, of a profile that the caller may write.
fn claimed(mut record: Record, caller: &Caller) -> Result<Record, Problem> {
    match &mut record {
        Record::Fact(fact) => caller.claim(fact)?,
        Record::Event(event) => caller.claim(&mut event.fact)?,
        Record::Mark(mark) => caller.check(&mark.profile)?,
        // Without a profile it is refused for that.
        Record::Snapshot(state) => {
            state.about.profile.as_ref().map_or(Ok(()), |profile| caller.check(profile))?;
        }
    }
    Ok(record)
}

fn no_record(line: &str, detail: String) -> Problem {
    match serde_json::from_str::<IgnoredAny>(line) {
        Ok(_) => Problem::invalid(detail),
        Err(error) => Problem::malformed(format!("not JSON: {error}")),
    }
}

/// What facts could not have come to, no state has.
fn check_state(state: &State) -> Result<(), Problem> {
    if state.last.at.since_ms(state.started.at) > DAY_MS {
        let detail = "the session lasts more than 24 h; none does".to_owned();
        return Err(Refusal::SessionTooLong(detail).into());
    }
    let watched_to = state.watched.as_slice().last().map_or(0, |(_, to)| *to);
    at_most(&[
        ("furthest_ms", state.furthest_ms, NUMBER_MAX),
        ("watched", watched_to, NUMBER_MAX),
        ("last_seq", state.seq, NUMBER_MAX),
        ("played_ms", state.played_ms, PLAYED_MS_MAX),
        ("facts", u64::from(state.facts), FACTS_MAX),
    ])
}

fn check_mark(kind: &MarkKind) -> Result<(), Problem> {
    let position = |ms: u64| at_most(&[("position_ms", ms, NUMBER_MAX)]);
    match kind {
        MarkKind::PositionSet { position_ms, .. } => position(*position_ms),
        MarkKind::Undone { titles, .. } => {
            titles.iter().filter_map(|restored| restored.position_ms).try_for_each(position)
        }
        MarkKind::TitleHidden { .. }
        | MarkKind::TitleShown { .. }
        | MarkKind::MarkedWatched { .. }
        | MarkKind::MarkedUnwatched { .. } => Ok(()),
    }
}

fn at_most(numbers: &[(&str, u64, u64)]) -> Result<(), Problem> {
    match numbers.iter().find(|(_, number, most)| number > most) {
        None => Ok(()),
        Some((field, _, most)) => {
            Err(Problem::invalid(format!("{field} is past {most}; nothing comes to that")))
        }
    }
}
