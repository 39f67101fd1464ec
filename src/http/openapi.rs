//! `/openapi.json`, made from the code, and `/docs`, a page to read and try it.
//!
//! Handlers say what is their own; what all of them have in common is added here.

use actix_web::web::{self, ServiceConfig};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{OpenApi as Document, Required};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::SwaggerUi;

use super::{export, live, operations, read, sessions};

/// The parts of the API; each half of the service adds its own.
const PARTS: [fn() -> Document; 2] = [Reads::openapi, Operations::openapi];

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
        (name = "read", description = "Answers out"),
        (name = "live", description = "What is playing, as it changes"),
        (name = "operations", description = "How the node does"),
    ),
)]
struct Whole;

#[derive(OpenApi)]
#[openapi(paths(
    read::now,
    read::resume_of_title,
    read::resume,
    read::resume_of_titles,
    read::continue_watching,
    read::history,
    read::title_page,
    read::title_by_name,
    read::watch_time,
    read::profiles,
    sessions::session,
    export::export,
    live::live,
))]
struct Reads;

#[derive(OpenApi)]
#[openapi(paths(
    operations::healthz,
    operations::readyz,
    operations::metrics,
    operations::system,
    operations::rebuild,
    operations::verify,
    operations::compact,
    operations::job,
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
        let is_there =
            |given: &Parameter| given.name == name && given.parameter_in == ParameterIn::Path;
        if !parameters.iter().any(is_there) {
            parameters.push(text(name, ParameterIn::Path, "Percent-encoded"));
        }
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

fn text(name: &str, place: ParameterIn, description: &str) -> Parameter {
    let is_required = place == ParameterIn::Path;
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(if is_required { Required::True } else { Required::False })
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}
