//! `/openapi.json`, made from the code, and `/docs`, a page to read and try it.
//!
//! Handlers say what is their own; what all of them have in common is added by the modules below.
//! Left out on purpose: the pages, which are for people, and `/v1/system/chaos`, which is there
//! with `--chaos` alone.

mod common;
mod examples;
mod problems;
mod schemas;

use actix_web::web::{self, ServiceConfig};
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_swagger_ui::SwaggerUi;

use super::{
    commands, erase, export, health, import, live, operations, problem, read, record, sessions,
};

pub(super) use self::schemas::{OneOrMany, ResumeOrItems, Since, Told};

/// The parts of the API.
const PARTS: [fn() -> Document; 3] = [Writes::openapi, Reads::openapi, Operations::openapi];

/// The routes of the API's own description.
pub(super) fn openapi_routes(config: &mut ServiceConfig) {
    config
        .service(web::redirect("/docs", "/docs/"))
        .service(SwaggerUi::new("/docs/{_:.*}").url("/openapi.json", document()));
}

/// The whole API.
pub fn document() -> Document {
    let mut whole = Whole::openapi();
    PARTS.iter().for_each(|part| whole.merge(part()));
    common::add(&mut whole);
    schemas::amend(&mut whole);
    examples::add(&mut whole);
    whole
}

/// What the whole is.
const ABOUT: &str = "Viewing history as a service: what was watched, where it stopped, what is \
    playing now.\n\nWhatever is refused is answered with a `Problem`. Where there is nothing at an \
    address it is 404 `not_found`, and 405 `method_not_allowed` where it takes other methods.\n\n\
    Views follow the log within about a second. An answer is `stale` where they may be more than \
    five seconds behind what was acknowledged, on whichever node; `?after=SESSION:SEQ` makes sure \
    of a fact.";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "viewlog",
        description = ABOUT,
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0"),
    ),
    tags(
        (name = "record", description = "Facts in"),
        (name = "commands", description = "A person's word"),
        (name = "erase", description = "Gone for good"),
        (name = "read", description = "Answers out"),
        (name = "live", description = "What is playing, as it changes"),
        (name = "operations", description = "How the node does"),
    ),
    components(schemas(problem::Body<'_>)),
)]
struct Whole;

#[derive(OpenApi)]
#[openapi(paths(
    record::record_of_account,
    record::record_of_many,
    import::import_lines,
    commands::command_on_title,
    commands::command_by_query,
    commands::undo_since,
    erase::erase_play,
    erase::erase_play_of_account,
    erase::erase_profile,
    erase::erase_account,
    erase::erasure_of_receipt,
))]
struct Writes;

#[derive(OpenApi)]
#[openapi(paths(
    read::read_now,
    read::read_resume,
    read::read_resumes,
    read::ask_resumes,
    read::read_continue_watching,
    read::read_history,
    read::read_title,
    read::read_title_by_name,
    read::read_title_alone,
    read::read_watch_time,
    read::read_profiles,
    sessions::read_session,
    export::read_export,
    live::follow,
))]
struct Reads;

#[derive(OpenApi)]
#[openapi(paths(
    health::read_health,
    health::read_readiness,
    operations::read_metrics,
    operations::read_system,
    operations::start_rebuild,
    operations::start_verify,
    operations::start_compact,
    operations::start_sweep,
    operations::read_job,
))]
struct Operations;
