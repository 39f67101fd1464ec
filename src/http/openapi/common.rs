//! What operations have in common: the ids in their paths, what every read of the past takes, what
//! each needs of a token, and which nodes serve it.

use actix_web::http::Method;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::response::Response;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Object, OpenApi as Document, RefOr, Required};

use super::problems;
use super::schemas::{plain, uuid, words};
use crate::http::auth::{Rule, Served, rule_of};
use crate::http::commands::COMMANDS;
use crate::http::jobs::JobKind;

/// What the scheme of access tokens is called.
const TOKEN: &str = "token";

const ABOUT_TOKENS: &str = "Needed on any server that has a key to check tokens with, and so on \
    every one that listens beyond loopback; on others nobody has to say who they are. A JWT: `sub` \
    is the account or `*`, `scope` holds words of record, read and admin with spaces between, \
    `exp` is required, `profile` limits it to one. The live feed, and facts sent as a beacon, also \
    take it as `?token=`.";

/// Says of each operation what it has in common with others.
pub(super) fn add(document: &mut Document) {
    for (path, item) in &mut document.paths.paths {
        let operations = [
            (Method::GET, &mut item.get),
            (Method::POST, &mut item.post),
            (Method::DELETE, &mut item.delete),
        ];
        for (method, operation) in operations {
            if let Some(operation) = operation {
                complete((&method, path), operation);
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
    problems::add_components(components);
}

fn complete((method, path): (&Method, &str), operation: &mut Operation) {
    let is_command = is_command(method, path);
    add_ids(path, is_command, operation);
    if is_command && let Some(RefOr::T(body)) = &mut operation.request_body {
        body.required = Some(Required::False);
    }
    if reads_the_past(path, operation) {
        add_when(operation);
    }
    if *method == Method::GET && is_read(path, operation) {
        add_tag(operation);
    }
    problems::add((method, path), operation);
    if let Some((served, rule)) = rule_of(method, path) {
        add_rule(operation, rule);
        add_roles(operation, served);
        problems::add_of_rule(operation, rule, served);
    }
    describe(operation);
}

/// Whether this is a command on a title, which may stand in the query instead.
fn is_command(method: &Method, path: &str) -> bool {
    let is_on_title = path.ends_with("/{command}") || path.ends_with("/titles/{title}");
    *method == Method::POST && is_on_title
}

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
}

/// Which nodes of a fleet serve a route.
fn add_roles(operation: &mut Operation, served: Served) {
    let names: Vec<_> = served.roles().iter().map(|role| role.name()).collect();
    if !names.is_empty() {
        let names = names.join(" or ");
        add_words(operation, format!("Served by nodes with the role {names}."));
    }
}

fn add_words(operation: &mut Operation, said: String) {
    let description = operation.description.take().filter(|text| !text.is_empty());
    operation.description = Some(match description {
        Some(description) => format!("{description}\n\n{said}"),
        None => said,
    });
}

/// Every answer is described, also where its handler has nothing of its own to say.
fn describe(operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            let said = match status.as_str() {
                "202" => "Taken up, and how it stands",
                _ => "What was asked for",
            };
            said.clone_into(&mut response.description);
        }
    }
}

fn add_ids(path: &str, is_command: bool, operation: &mut Operation) {
    let names = path.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let last = names.clone().last();
    let parameters = operation.parameters.get_or_insert_default();
    for name in names {
        let (schema, said) = match name {
            _ if is_command && Some(name) == last => (words(COMMANDS), "The command"),
            "kind" => (words(JobKind::ALL.map(|kind| kind.to_string())), "Which work"),
            "session" | "receipt" => (uuid(), "A UUIDv7"),
            _ => (plain(), "Percent-encoded"),
        };
        parameters.push(parameter(name, ParameterIn::Path, (schema, said)));
    }
}

fn is_read(path: &str, operation: &Operation) -> bool {
    let is_read = operation.tags.iter().flatten().any(|tag| tag == "read");
    is_read && !path.ends_with("/export")
}

fn reads_the_past(path: &str, operation: &Operation) -> bool {
    is_read(path, operation) && !path.contains("/sessions/")
}

fn add_when(operation: &mut Operation) {
    let parameters = operation.parameters.get_or_insert_default();
    let as_of = "As it was at this instant, by when things occurred";
    parameters.push(parameter("as_of", ParameterIn::Query, (plain(), as_of)));
    let after = "SESSION:SEQ, a fact that the answer is to include for sure";
    parameters.push(parameter("after", ParameterIn::Query, (plain(), after)));
}

/// An answer bears a tag, and is not sent again to those who have it.
fn add_tag(operation: &mut Operation) {
    let said = "The tag of an answer that is there already";
    let parameters = operation.parameters.get_or_insert_default();
    parameters.push(parameter("If-None-Match", ParameterIn::Header, (plain(), said)));
    let tag = || HeaderBuilder::new().schema(Some(plain()));
    let tag = || RefOr::T(tag().description(Some("A tag that ignores `as_of`")).build());
    let mut known = Response::new("Nothing but its tag: the answer is there already");
    known.headers.insert("ETag".to_owned(), tag());
    let responses = &mut operation.responses.responses;
    if let Some(RefOr::T(response)) = responses.get_mut("200") {
        response.headers.insert("ETag".to_owned(), tag());
    }
    responses.insert("304".to_owned(), RefOr::T(known));
}

fn parameter(
    name: &str,
    place: ParameterIn,
    (schema, description): (Object, &str),
) -> RefOr<Parameter> {
    let is_required = place == ParameterIn::Path;
    ParameterBuilder::new()
        .name(name)
        .parameter_in(place)
        .required(if is_required { Required::True } else { Required::False })
        .description(Some(description))
        .schema(Some(schema))
        .build()
        .into()
}
