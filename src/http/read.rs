//! Every answer about an account and its profiles. API contract, section 3.
//!
//! Each handler reads its parameters, asks [`Answers`](crate::projections::Answers) and sends what
//! it says; what counts as what is decided there. Nothing here writes.

use std::time::Instant;

use actix_web::error::JsonPayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ContentType, ETag, EntityTag, IfNoneMatch};
use actix_web::web::{Data, ServiceConfig};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use xxhash_rust::xxh3::xxh3_64;

use super::auth::Caller;
use super::body::Body;
use super::openapi::ResumeOrItems;
use super::parameters::{Parameters, not_too_many};
use super::{Node, Problem, meter};
use crate::events::TitleId;
use crate::projections::{
    Answer, AnswerError, HistoryQuery, Items, Now, Person, ProfileSeen, Resume, TitleAnswer, Watch,
    WatchTime, WatchTimeQuery,
};

const CONTINUE_WATCHING_USUAL: usize = 20;
const HISTORY_USUAL: usize = 50;

/// The routes of section 3, but for one session and the export.
pub(super) fn read_routes(config: &mut ServiceConfig) {
    config
        .service(read_now)
        .service(read_resume)
        .service(read_resumes)
        .service(ask_resumes)
        .service(read_continue_watching)
        .service(read_history)
        .service(read_title)
        .service(read_title_by_name)
        .service(read_title_alone)
        .service(read_watch_time)
        .service(read_profiles);
}

/// What is playing on an account right now.
#[utoipa::path(tag = "read", responses((status = 200, body = Answer<Now>)))]
#[get("/v1/accounts/{account}/now")]
pub(super) async fn read_now(
    request: HttpRequest,
    node: Data<Node>,
    asked: Parameters,
    caller: Caller,
) -> Result<HttpResponse, Problem> {
    let (begun, account) = (Instant::now(), asked.account()?);
    let when = asked.when()?;
    let mut now = node.answers.now(&account, when).await?;
    now.body.playing.retain(|playing| caller.may_see(&playing.profile));
    Ok(sent(&request, &now, begun))
}

/// Where to go on with one title, and with `explain=true` why there.
#[utoipa::path(
    tag = "read",
    params(("explain" = Option<bool>, Query, description = "Say which events decided")),
    responses(
        (status = 200, body = Answer<Resume>),
        (status = 404, description = "no_resume_point: nothing of the title to go on with"),
    ),
)]
#[get("/v1/accounts/{account}/profiles/{profile}/resume/{title}")]
pub(super) async fn read_resume(
    request: HttpRequest,
    node: Data<Node>,
    asked: Parameters,
) -> Result<HttpResponse, Problem> {
    let title = asked.title()?;
    resume_of(&request, &node, (&asked, title)).await
}

/// Where to go on with many titles at once; those without a resume point are left out.
///
/// `?title=` instead of `?titles=` answers as if that title stood in the path.
#[utoipa::path(
    tag = "read",
    params(
        ("titles" = Option<String>, Query, description = "Title ids with commas between them"),
        ("title" = Option<String>, Query, description = "One title, answered by itself"),
        ("explain" = Option<bool>, Query, description = "Say which events decided"),
    ),
    responses(
        (status = 200, body = ResumeOrItems),
        (status = 404, description = "no_resume_point: nothing of the one title to go on with"),
        (status = 413, description = "too_large: more than 500 titles"),
    ),
)]
#[get("/v1/accounts/{account}/profiles/{profile}/resume")]
pub(super) async fn read_resumes(
    request: HttpRequest,
    node: Data<Node>,
    asked: Parameters,
) -> Result<HttpResponse, Problem> {
    if let Some(title) = asked.title_if_given()? {
        return resume_of(&request, &node, (&asked, title)).await;
    }
    let (begun, titles) = (Instant::now(), asked.titles()?);
    Ok(sent(&request, &resumes(&node, &asked, &titles).await?, begun))
}

/// The titles that a request asks for in its body.
#[derive(Deserialize, ToSchema)]
struct Wanted {
    #[schema(value_type = Vec<String>)]
    titles: Vec<TitleId>,
}

/// Where to go on with many titles at once, for more of them than fit into an address.
#[utoipa::path(
    tag = "read",
    request_body = Wanted,
    params(("explain" = Option<bool>, Query, description = "Say which events decided")),
    responses((status = 200, body = Answer<Items<Resume>>)),
)]
#[post("/v1/accounts/{account}/profiles/{profile}/resume")]
pub(super) async fn ask_resumes(
    request: HttpRequest,
    node: Data<Node>,
    asked: Parameters,
    body: Body,
) -> Result<HttpResponse, Problem> {
    let begun = Instant::now();
    let wanted: Wanted = serde_json::from_slice(&body.0).map_err(|error| {
        Problem::malformed(format!("the body is not {{\"titles\":[…]}}: {error}"))
    })?;
    let titles = not_too_many(wanted.titles)?;
    Ok(sent(&request, &resumes(&node, &asked, &titles).await?, begun))
}

/// What a person may want to go on with, newest first; finished and hidden titles left out.
#[utoipa::path(
    tag = "read",
    params(("limit" = Option<u32>, Query, description = "1 to 500; 20 unless told")),
    responses((status = 200, body = Answer<Items<Resume>>)),
)]
#[get("/v1/accounts/{account}/profiles/{profile}/continue-watching")]
pub(super) async fn read_continue_watching(
    request: HttpRequest,
    node: Data<Node>,
    asked: Parameters,
) -> Result<HttpResponse, Problem> {
    let (begun, person) = (Instant::now(), asked.person()?);
    let limit = asked.limit(CONTINUE_WATCHING_USUAL)?;
    let when = asked.when()?;
    let answer = node.answers.continue_watching(&person, limit, when).await?;
    Ok(sent(&request, &answer, begun))
}

/// What was watched, last played first, by pages.
#[utoipa::path(
    tag = "read",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 500; 50 unless told"),
        ("cursor" = Option<String>, Query, description = "The `next` of the page before"),
        ("from" = Option<String>, Query, description = "Last heard of at or after"),
        ("to" = Option<String>, Query, description = "Begun before"),
        ("title" = Option<String>, Query, description = "Of this title alone"),
    ),
    responses((status = 200, body = Answer<Items<Watch>>)),
)]
#[get("/v1/accounts/{account}/profiles/{profile}/history")]
pub(super) async fn read_history(
    request: HttpRequest,
    node: Data<Node>,
    asked: Parameters,
) -> Result<HttpResponse, Problem> {
    let (begun, person) = (Instant::now(), asked.person()?);
    let query = HistoryQuery {
        limit: asked.limit(HISTORY_USUAL)?,
        cursor: asked.text("cursor").map(str::to_owned),
        from: asked.instant("from")?,
        to: asked.instant("to")?,
        title: asked.title_if_given()?,
    };
    let when = asked.when()?;
    Ok(sent(&request, &node.answers.history(&person, &query, when).await?, begun))
}

/// Everything about one title of one profile.
#[utoipa::path(
    tag = "read",
    responses(
        (status = 200, body = Answer<TitleAnswer>),
        (status = 404, description = "not_found: never played, private or erased"),
    ),
)]
#[get("/v1/accounts/{account}/profiles/{profile}/titles/{title}")]
pub(super) async fn read_title(
    request: HttpRequest,
    node: Data<Node>,
    asked: Parameters,
) -> Result<HttpResponse, Problem> {
    title_of(request, node, asked).await
}

/// The same, for ids that proxies dislike in a path.
#[utoipa::path(
    tag = "read",
    params(("title" = String, Query, description = "The title")),
    responses(
        (status = 200, body = Answer<TitleAnswer>),
        (status = 404, description = "not_found: never played, private or erased"),
    ),
)]
#[get("/v1/accounts/{account}/profiles/{profile}/titles")]
pub(super) async fn read_title_by_name(
    request: HttpRequest,
    node: Data<Node>,
    asked: Parameters,
) -> Result<HttpResponse, Problem> {
    title_of(request, node, asked).await
}

/// The same by another address.
#[utoipa::path(
    tag = "read",
    params(("title" = String, Query, description = "The title")),
    responses(
        (status = 200, body = Answer<TitleAnswer>),
        (status = 404, description = "not_found: never played, private or erased"),
    ),
)]
#[get("/v1/accounts/{account}/profiles/{profile}/title")]
pub(super) async fn read_title_alone(
    request: HttpRequest,
    node: Data<Node>,
    asked: Parameters,
) -> Result<HttpResponse, Problem> {
    title_of(request, node, asked).await
}

/// How much was watched in each day, week or month of a time zone.
#[utoipa::path(
    tag = "read",
    params(
        ("from" = Option<String>, Query, description = "From this instant on"),
        ("to" = Option<String>, Query, description = "Up to this instant"),
        ("by" = Option<String>, Query, description = "day, week or month; day unless told"),
        ("tz" = Option<String>, Query, description = "Such as Europe/Berlin; UTC unless told"),
    ),
    responses((status = 200, body = Answer<Items<WatchTime>>)),
)]
#[get("/v1/accounts/{account}/profiles/{profile}/watch-time")]
pub(super) async fn read_watch_time(
    request: HttpRequest,
    node: Data<Node>,
    asked: Parameters,
) -> Result<HttpResponse, Problem> {
    let (begun, person) = (Instant::now(), asked.person()?);
    let query = WatchTimeQuery {
        from: asked.instant("from")?,
        to: asked.instant("to")?,
        by: asked.by()?,
        time_zone: asked.time_zone()?,
    };
    let when = asked.when()?;
    Ok(sent(&request, &node.answers.watch_time(&person, &query, when).await?, begun))
}

/// The profiles of an account, the one heard of last first.
#[utoipa::path(tag = "read", responses((status = 200, body = Answer<Items<ProfileSeen>>)))]
#[get("/v1/accounts/{account}/profiles")]
pub(super) async fn read_profiles(
    request: HttpRequest,
    node: Data<Node>,
    asked: Parameters,
    caller: Caller,
) -> Result<HttpResponse, Problem> {
    let (begun, account) = (Instant::now(), asked.account()?);
    let when = asked.when()?;
    let mut profiles = node.answers.profiles(&account, when).await?;
    profiles.body.items.retain(|seen| caller.may_see(&seen.profile));
    Ok(sent(&request, &profiles, begun))
}

async fn title_of(
    request: HttpRequest,
    node: Data<Node>,
    asked: Parameters,
) -> Result<HttpResponse, Problem> {
    let (begun, person, title) = (Instant::now(), asked.person()?, asked.title()?);
    let when = asked.when()?;
    let answer = node.answers.title(&person, &title, when).await?;
    let answer = answer.ok_or_else(|| Problem::not_found("this profile never played the title"))?;
    Ok(sent(&request, &answer, begun))
}

async fn resume_of(
    request: &HttpRequest,
    node: &Node,
    (asked, title): (&Parameters, TitleId),
) -> Result<HttpResponse, Problem> {
    let begun = Instant::now();
    let answer = resumes(node, asked, &[title]).await?;
    let Answer { body, as_of, stale, source, complete } = answer;
    match body.items.into_iter().next() {
        Some(body) => Ok(sent(request, &Answer { body, as_of, stale, source, complete }, begun)),
        None if complete => Err(Problem::no_resume_point()),
        None => Err(AnswerError::Partial.into()),
    }
}

async fn resumes(
    node: &Node,
    asked: &Parameters,
    titles: &[TitleId],
) -> Result<Answer<Items<Resume>>, Problem> {
    let (person, explain): (Person, bool) = (asked.person()?, asked.flag("explain")?);
    let when = asked.when()?;
    Ok(node.answers.resume(&person, titles, (when, explain)).await?)
}

/// Sends an answer, or nothing but its tag to those who have it.
pub(super) fn sent<T: Serialize>(
    request: &HttpRequest,
    answer: &Answer<T>,
    begun: Instant,
) -> HttpResponse {
    meter::read(answer.source, begun.elapsed());
    let text = match serde_json::to_string(answer) {
        Ok(text) => text,
        Err(error) => return HttpResponse::from_error(JsonPayloadError::Serialize(error)),
    };
    let tag = tag(&text);
    let is_known = is_known(request, &tag);
    let mut response = HttpResponse::Ok();
    response.insert_header(ETag(tag)).insert_header((CACHE_CONTROL, "private, no-cache"));
    if is_known {
        return response.status(StatusCode::NOT_MODIFIED).finish();
    }
    response.content_type(ContentType::json()).body(text)
}

/// A tag of what an answer says and how far it can be trusted, whenever it is given: of all that is
/// before `as_of`, which comes last.
fn tag(text: &str) -> EntityTag {
    let timeless = text.rsplit_once(r#""as_of":"#).map_or(text, |(before, _)| before);
    EntityTag::new_weak(format!("{:016x}", xxh3_64(timeless.as_bytes())))
}

/// True when a read says that it has what bears this tag.
pub(super) fn is_known(request: &HttpRequest, tag: &EntityTag) -> bool {
    let is_read = request.method().is_safe();
    is_read
        && request.get_header::<IfNoneMatch>().is_some_and(|known| match known {
            IfNoneMatch::Any => true,
            IfNoneMatch::Items(tags) => tags.iter().any(|known| known.weak_eq(tag)),
        })
}
