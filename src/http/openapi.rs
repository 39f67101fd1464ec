//! `/openapi.json`, made from the code, and `/docs`, a page to read and try it.
//!
//! Handlers say what is their own; what all of them have in common is added here.

use actix_web::http::Method;
use actix_web::web::{self, ServiceConfig};
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::response::Response;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, RefOr, Required};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::SwaggerUi;

use super::auth::{Rule, Served, rule_of};
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
    operations::start_sweep,
    operations::read_job,
))]
struct Operations;

/// What the scheme of access tokens is called.
const TOKEN: &str = "token";

/// The ids in each path, what every read of the past takes, and what each route needs of a token.
struct InCommon;

impl Modify for InCommon {
    fn modify(&self, document: &mut Document) {
        for (path, item) in &mut document.paths.paths {
            let operations = [
                (Method::GET, &mut item.get),
                (Method::POST, &mut item.post),
                (Method::DELETE, &mut item.delete),
            ];
            for (method, operation) in operations {
                let Some(operation) = operation else { continue };
                add_ids(path, operation);
                if reads_the_past(path, operation) {
                    add_when(operation);
                }
                if let Some((served, rule)) = rule_of(&method, path) {
                    add_rule(operation, rule);
                    add_roles(operation, served);
                }
            }
        }
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some(ABOUT_TOKENS))
            .build();
        let components = document.components.get_or_insert_default();
        components.add_security_scheme(TOKEN, SecurityScheme::Http(scheme));
    }
}

const ABOUT_TOKENS: &str = "Needed on any server that has a key to check tokens with, and so on \
    every one that listens beyond loopback; on others nobody has to say who they are. A JWT: `sub` \
    is the account or `*`, `scope` holds words of record, read and admin with spaces between, \
    `exp` is required, `profile` limits it to one. The live feed, and facts sent as a beacon, also \
    take it as `?token=`.";

/// What a route needs of a token, in the form that programs read, and in words.
fn add_rule(operation: &mut Operation, rule: Rule) {
    let Rule::Token { need, reach, .. } = rule else {
        operation.security = Some(vec![]);
        return;
    };
    let each = need.words().iter().map(|word| SecurityRequirement::new(TOKEN, [*word]));
    operation.security = Some(each.collect());
    let words = need.words().join(" or ");
    let said = format!("Where tokens are needed: scope {words}, {}.", reach.words());
    add_words(operation, said);
    let answers = [
        ("401", "unauthenticated: no token, or one that is not taken"),
        ("403", "forbidden: a token that does not reach so far"),
        ("429", "too_many_requests: the token makes too many"),
    ];
    for (status, words) in answers {
        add_answer(operation, status, words);
    }
}

/// Which nodes of a fleet serve a route.
fn add_roles(operation: &mut Operation, served: Served) {
    let names: Vec<_> = served.roles().iter().map(|role| role.name()).collect();
    if names.is_empty() {
        return;
    }
    let names = names.join(" or ");
    add_words(operation, format!("Served by nodes with the role {names}."));
    add_answer(operation, "421", "wrong_role: the node has not the role that this needs");
}

fn add_words(operation: &mut Operation, said: String) {
    let description = operation.description.take().filter(|text| !text.is_empty());
    operation.description = Some(match description {
        Some(description) => format!("{description}\n\n{said}"),
        None => said,
    });
}

fn add_answer(operation: &mut Operation, status: &str, words: &str) {
    let responses = &mut operation.responses.responses;
    let known = || RefOr::T(Response::new(words));
    responses.entry(status.to_owned()).or_insert_with(known);
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
