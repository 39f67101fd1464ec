//! What an export wrote, back in: events with all that a server once added to them, marks, and
//! sessions of which compaction left only the state.

use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpResponse, post};
use serde::de::IgnoredAny;

use super::Service;
use super::body::Body;
use super::parameters::Parameters;
use super::problem::Problem;
use super::record::Answered;
use crate::adapters::viewlog::read_line;
use crate::events::{Record, Timestamp};

/// A receipt further ahead of this server's clock than this is a mistake.
const AHEAD_MS_MAX: i64 = 24 * 60 * 60 * 1000;

/// The route of imports.
pub(super) fn import_routes(config: &mut ServiceConfig) {
    config.service(import_lines);
}

/// Loads lines of an export into an account, whatever account they name. Loading them again adds
/// nothing.
#[utoipa::path(
    tag = "record",
    request_body(content = String, description = "NDJSON, as /export writes it", content_type = "application/x-ndjson"),
    responses((status = 200, body = Answered)),
)]
#[post("/v1/accounts/{account}/import")]
pub(super) async fn import_lines(
    service: Data<Service>,
    asked: Parameters,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let account = asked.account()?;
    let now = service.clock.now();
    let body = body.not_empty()?;
    let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let lines: Vec<&[u8]> = lines.filter(|line| !line.is_empty()).collect();
    if lines.len() > service.settings.facts_max {
        let (count, most) = (lines.len(), service.settings.facts_max);
        return Err(Problem::too_large(format!("{count} lines; a request has at most {most}")));
    }
    let (mut records, mut refused) = (Vec::with_capacity(lines.len()), Vec::new());
    for (index, line) in lines.into_iter().enumerate() {
        match read(line, now) {
            Ok(record) => records.push((index, record)),
            Err(problem) => refused.push(problem.of_fact(index, None)),
        }
    }
    let outcome = service.system.accounts().import(account, records).await;
    Answered::of(outcome, refused, 0).respond()
}

fn read(line: &[u8], now: Timestamp) -> Result<Record, Problem> {
    let line = std::str::from_utf8(line)
        .map_err(|_| Problem::malformed("not UTF-8; an export is UTF-8 throughout"))?;
    let (_, record) = read_line(line).map_err(|detail| no_record(line, detail))?;
    let received_at = match &record {
        Record::Fact(fact) => {
            fact.check(now)?;
            now
        }
        Record::Event(event) => {
            event.fact.check(now)?;
            event.received_at
        }
        Record::Mark(mark) => mark.received_at,
        Record::Snapshot(state) => state.last.received_at,
    };
    if received_at.since_ms(now) > AHEAD_MS_MAX {
        return Err(Problem::invalid(format!(
            "received_at {received_at} is more than 24 h ahead of this server's clock"
        )));
    }
    Ok(record)
}

fn no_record(line: &str, detail: String) -> Problem {
    match serde_json::from_str::<IgnoredAny>(line) {
        Ok(_) => Problem::invalid(detail),
        Err(error) => Problem::malformed(format!("not JSON: {error}")),
    }
}
