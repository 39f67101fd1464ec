//! Commands of a person on a title: hide, show, watched, unwatched, position, undo. API contract,
//! section 2.
//!
//! A command comes after everything it is meant to act on, also after what a fast clock sent, and
//! the next read knows of it.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, post};
use serde::Serialize;

use super::body::Body;
use super::erase::forget;
use super::fields::Fields;
use super::openapi::{Since, Told};
use super::parameters::Parameters;
use super::receipts::Erasure;
use super::{Node, Problem};
use crate::actors::Refusal;
use crate::events::{AHEAD_MS_MAX, Mark, MarkKind, SessionId, Timestamp, TitleId};
use crate::projections::Person;

/// What may be said of a title, and to forget it.
pub(super) const COMMANDS: [&str; 6] =
    ["hide", "show", "watched", "unwatched", "position", "forget"];

const POSITION_MS_MAX: u64 = 1 << 53;
/// What no clock here tells apart; tokio's timer rounds up.
const INSTANT: Duration = Duration::from_millis(1);
const AN_INSTANT: &str = "an RFC 3339 time such as \"2026-11-23T05:00:30.000Z\"";

/// The routes of commands.
pub(super) fn command_routes(config: &mut ServiceConfig) {
    config.service(command_on_title).service(undo_since).service(command_by_query);
}

/// What became of a command.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Commanded {
    /// 1, or 0 when the very command was recorded before.
    recorded: u8,
    /// The command's id; `?after=ID:0` makes a read include it.
    #[schema(value_type = String)]
    command: SessionId,
}

/// A person's word on a title: `hide`, `show`, `watched`, `unwatched`, `position`, `forget`.
#[utoipa::path(
    tag = "commands",
    params((
        "Idempotency-Key" = Option<String>, Header,
        description = "A UUIDv7: the command's id",
    )),
    request_body = Told,
    responses(
        (status = 200, body = Commanded, description = "What became of the command"),
        (status = 202, body = Erasure, description = "Of forget: what was erased"),
        (status = 404, description = "not_found: there is no such command"),
    ),
)]
#[post("/v1/accounts/{account}/profiles/{profile}/titles/{title}/{command}")]
pub(super) async fn command_on_title(
    request: HttpRequest,
    node: Data<Node>,
    asked: Parameters,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (title, command) = (asked.title()?, asked.segment(8).to_owned());
    run(&request, &node, (&asked, title, &command), &body.0).await
}

/// The same with `?title=`, for ids that proxies dislike in a path; the command stands where the
/// title does otherwise.
#[utoipa::path(
    tag = "commands",
    params(
        ("title" = String, Query, description = "The title"),
        ("Idempotency-Key" = Option<String>, Header, description = "A UUIDv7: the command's id"),
    ),
    request_body = Told,
    responses(
        (status = 200, body = Commanded, description = "What became of the command"),
        (status = 202, body = Erasure, description = "Of forget: what was erased"),
        (status = 404, description = "not_found: there is no such command"),
    ),
)]
#[post("/v1/accounts/{account}/profiles/{profile}/titles/{title}")]
pub(super) async fn command_by_query(
    request: HttpRequest,
    node: Data<Node>,
    asked: Parameters,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let (title, command) = (asked.title_after_path()?, asked.segment(7).to_owned());
    run(&request, &node, (&asked, title, &command), &body.0).await
}

async fn run(
    request: &HttpRequest,
    node: &Node,
    (asked, title, command): (&Parameters, TitleId, &str),
    body: &[u8],
) -> Result<HttpResponse, Problem> {
    let person = asked.person()?;
    let kind = match command {
        "forget" => return forget(node, person, title).await,
        "hide" => MarkKind::TitleHidden { title: title.clone() },
        "show" => MarkKind::TitleShown { title: title.clone() },
        "unwatched" => MarkKind::MarkedUnwatched { title: title.clone() },
        "watched" => {
            let watched_at: Option<Timestamp> = Fields::of(body)?.read("at", AN_INSTANT)?;
            if watched_at.is_some_and(|at| at > node.clock.now()) {
                return Err(Problem::invalid("at lies in the future; say when it was watched"));
            }
            MarkKind::MarkedWatched { title: title.clone(), watched_at }
        }
        "position" => {
            let right = "a whole number of milliseconds from 0";
            let position_ms: Option<u64> = Fields::of(body)?.read("position_ms", right)?;
            let position_ms = position_ms.filter(|ms| *ms <= POSITION_MS_MAX).ok_or_else(|| {
                Problem::invalid("position_ms is missing or too great; it is in milliseconds")
            })?;
            MarkKind::PositionSet { title: title.clone(), position_ms }
        }
        other => {
            return Err(Problem::not_found(format!(
                "there is no command {other:?}; there are hide, show, watched, unwatched, \
                 position and forget"
            )));
        }
    };
    let newest = node.answers.newest_moved_at(&person, std::slice::from_ref(&title)).await?;
    let mark = mark(request, node, &person, (kind, newest))?;
    command_given(node, person, mark).await
}

/// Goes back to how each title stood at an instant, or one title.
#[utoipa::path(
    tag = "commands",
    request_body = Since,
    params((
        "Idempotency-Key" = Option<String>, Header,
        description = "A UUIDv7: the command's id",
    )),
    responses((status = 200, body = Commanded, description = "What became of the command")),
)]
#[post("/v1/accounts/{account}/profiles/{profile}/undo")]
pub(super) async fn undo_since(
    request: HttpRequest,
    node: Data<Node>,
    asked: Parameters,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let person = asked.person()?;
    let body = body.not_empty().map_err(|_| {
        Problem::malformed(r#"the body is empty; say since when: {"since":"2026-11-23T20:00:00Z"}"#)
    })?;
    let fields = Fields::of(&body)?;
    let title: Option<TitleId> = fields.read("title", "an id of 1 to 128 bytes")?;
    let since: Option<Timestamp> = fields.read("since", AN_INSTANT)?;
    let since = since.ok_or_else(|| {
        Problem::invalid("since is missing; it is the instant to go back to, in RFC 3339")
    })?;
    if since > node.clock.now() {
        return Err(Problem::invalid("since lies in the future"));
    }
    let titles = node.answers.restored(&person, since, title.as_ref()).await?;
    let changed: Vec<TitleId> = titles.iter().map(|restored| restored.title.clone()).collect();
    let newest = node.answers.newest_moved_at(&person, &changed).await?;
    let kind = MarkKind::Undone { since, titles };
    let mark = mark(&request, &node, &person, (kind, newest))?;
    command_given(&node, person, mark).await
}

fn mark(
    request: &HttpRequest,
    node: &Node,
    person: &Person,
    (kind, newest): (MarkKind, Option<Timestamp>),
) -> Result<Given, Problem> {
    let now = node.clock.now();
    let key = request.headers().get("idempotency-key").map(|key| {
        SessionId::parse(key.to_str().unwrap_or_default()).map_err(|detail| {
            Problem::malformed(format!("Idempotency-Key: {}", detail.replace("session", "key")))
        })
    });
    let key = key.transpose()?;
    if key.is_some_and(|key| key.time().since_ms(now) > AHEAD_MS_MAX) {
        let detail = "Idempotency-Key was made more than 24 h in the future; set the clock right";
        return Err(Refusal::ClockAhead(detail.to_owned()).into());
    }
    let at = newest.map_or(now, |newest| now.max(newest.plus_ms(1)));
    let (command, profile) = (key.unwrap_or_else(|| SessionId::fresh(now)), &person.profile);
    let mark = Mark { command, profile: profile.clone(), at, received_at: now, kind };
    Ok(Given { mark, is_fresh: key.is_none() })
}

/// A command, and whether its id was made here.
struct Given {
    mark: Mark,
    is_fresh: bool,
}

async fn command_given(
    node: &Node,
    person: Person,
    Given { mut mark, is_fresh }: Given,
) -> Result<HttpResponse, Problem> {
    let accounts = node.system.accounts();
    let mut given = accounts.mark(person.account.clone(), mark.clone()).await;
    if matches!(given, Err(Refusal::Erased(_))) {
        // Given in the very millisecond of an erasure, after it.
        mark.at = mark.at.plus_ms(1);
        if is_fresh {
            mark.command = SessionId::fresh(mark.at);
        }
        given = accounts.mark(person.account.clone(), mark.clone()).await;
    }
    let recorded = given?;
    // A repetition says what was said the first time, whatever has happened since.
    let said =
        if recorded { Some(mark.clone()) } else { recorded_before(node, &person, &mark).await? };
    if let Some(said) = said.as_ref().filter(|said| !is_repeated(said, &mark)) {
        return Err(Problem::new(
            StatusCode::CONFLICT,
            "conflicting_event",
            format!(
                "Idempotency-Key {} was given with another command, which stands; another command \
                 has another key",
                said.command
            ),
        ));
    }
    if let Some(said) = said {
        node.answers.said(&person.account, &said).await;
    }
    if node.clock.now() <= mark.at {
        // What is played after the answer is newer than the command, or it would be hidden by it.
        tokio::time::sleep(INSTANT).await;
    }
    let recorded = u8::from(recorded);
    Ok(HttpResponse::Ok().json(Commanded { recorded, command: mark.command }))
}

/// Whether the same was said before. What an undo restores depends on when it was first said.
fn is_repeated(said: &Mark, mark: &Mark) -> bool {
    let is_same = match (&said.kind, &mark.kind) {
        (MarkKind::Undone { since, titles }, MarkKind::Undone { since: again, titles: others }) => {
            let is_named = |title: &TitleId| titles.iter().any(|restored| restored.title == *title);
            let is_other = !titles.is_empty() && !others.iter().any(|it| is_named(&it.title));
            since == again && (others.is_empty() || !is_other)
        }
        (said, again) => said == again,
    };
    is_same && said.profile == mark.profile
}

async fn recorded_before(
    node: &Node,
    person: &Person,
    mark: &Mark,
) -> Result<Option<Mark>, Problem> {
    let marks = node.log.marks(&person.account).await?;
    Ok(marks.into_iter().find(|said| said.command == mark.command))
}
