//! `/openapi.json`, made from the code, and `/docs`, a page to read and try it.
//!
//! Handlers say what is their own; what all of them have in common is added here.

use actix_web::web::{self, ServiceConfig};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{OpenApi as Document, RefOr, Required};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::SwaggerUi;

use super::{commands, erase, export, import, live, operations, read, record, sessions};

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
    InCommon.modify(&mut whole);
    whole
}

/// Viewing history as a service: what was watched, where it stopped, what is playing now.
#[derive(OpenApi)]
#[openapi(
    info(title = "viewlog", license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")),
    tags(
        (name = "record", description = "Facts in"),
        (name = "commands", description = "A person's word"),
        (name = "erase", description = "Gone for good"),
        (name = "read", description = "Answers out"),
        (name = "live", description = "What is playing, as it changes"),
        (name = "operations", description = "How the node does"),
    ),
)]
struct Whole;

#[derive(OpenApi)]
#[openapi(paths(
    record::record_of_account,
    record::record_of_many,
    import::import_lines,
    commands::command_on_title,
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
    read::read_watch_time,
    read::read_profiles,
    sessions::read_session,
    export::read_export,
    live::follow,
))]
struct Reads;

#[derive(OpenApi)]
#[openapi(paths(
    operations::read_health,
    operations::read_readiness,
    operations::read_metrics,
    operations::read_system,
    operations::start_rebuild,
    operations::start_verify,
    operations::start_compact,
    operations::read_job,
))]
struct Operations;

/// The ids in each path, and what every read of the past takes.
struct InCommon;

impl Modify for InCommon {
    fn modify(&self, document: &mut Document) {
        for (path, item) in &mut document.paths.paths {
            let operations =
                [&mut item.get, &mut item.post, &mut item.put, &mut item.delete, &mut item.patch];
            for operation in operations.into_iter().flatten() {
                add_ids(path, operation);
                if reads_the_past(path, operation) {
                    add_when(operation);
                }
            }
        }
    }
}

fn add_ids(path: &str, operation: &mut Operation) {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let parameters = operation.parameters.get_or_insert_default();
    for name in names {
        parameters.push(text(name, ParameterIn::Path, "Percent-encoded"));
    }
}

fn reads_the_past(path: &str, operation: &Operation) -> bool {
    let is_read = operation.tags.iter().flatten().any(|tag| tag == "read");
    is_read && !path.ends_with("/export") && !path.contains("/sessions/")
}

fn add_when(operation: &mut Operation) {
    let parameters = operation.parameters.get_or_insert_default();
    let as_of = "As it was at this instant, by when things occurred";
    parameters.push(text("as_of", ParameterIn::Query, as_of));
    let after = "SESSION:SEQ, a fact that the answer is to include for sure";
    parameters.push(text("after", ParameterIn::Query, after));
}

fn text(name: &str, place: ParameterIn, description: &str) -> RefOr<Parameter> {
    let is_required = place == ParameterIn::Path;
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(if is_required { Required::True } else { Required::False })
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
        .into()
}
