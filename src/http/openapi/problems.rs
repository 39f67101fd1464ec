//! How refusals are described: each status once, with its content and its headers, and which of
//! them an operation can answer. What only one operation says it says itself.

use actix_web::http::Method;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{Components, Content, Ref, RefOr};

use super::schemas::plain;
use crate::http::auth::{Rule, Served};

/// What problems are sent as.
pub(super) const PROBLEM_JSON: &str = "application/problem+json";

/// A refusal that many operations have: its status, the name of its description, and in words.
struct Known(&'static str, &'static str, &'static str);

const MALFORMED: Known = Known(
    "400",
    "malformed",
    "malformed: the address, a parameter or the body is not what it should be",
);
const UNAUTHENTICATED: Known =
    Known("401", "unauthenticated", "unauthenticated: no token, or one that is not taken");
const FORBIDDEN: Known = Known(
    "403",
    "forbidden",
    "forbidden: a token that does not reach so far, or a host or an origin that may not call",
);
const TIMEOUT: Known = Known("408", "timeout", "timeout: the body took too long");
const CONFLICTING: Known = Known(
    "409",
    "conflicting_event",
    "conflicting_event: every fact was refused, the first since its number is another's; or the \
     key of a command is another's",
);
const JOB_RUNNING: Known = Known(
    "409",
    "job_running",
    "job_running: other long work, or the same with other bounds, is not done yet",
);
const ERASED: Known = Known(
    "410",
    "erased",
    "erased: it occurred before an erasure of what it is about; a fact without at, or with one \
     that is ahead, occurs when it is received",
);
const TOO_LARGE: Known =
    Known("413", "too_large", "too_large: more bytes, facts or titles than one request may have");
const UNSUPPORTED: Known = Known(
    "415",
    "unsupported_media_type",
    "unsupported_media_type: a content type or encoding that is not read here",
);
const WRONG_ROLE: Known =
    Known("421", "wrong_role", "wrong_role: the node has not the role that this needs");
const INVALID: Known = Known(
    "422",
    "invalid_event",
    "invalid_event, or of facts also unknown_session, session_too_long or clock_ahead: a value \
     that cannot be; of facts every one was refused, and this is what the first was refused for",
);
const TOO_MANY: Known = Known(
    "429",
    "too_many_requests",
    "too_many_requests: more than the token may ask, or than is taken at once",
);
const UNAVAILABLE: Known = Known(
    "503",
    "store_unavailable",
    "store_unavailable: a store does not answer; what was sent may be sent again",
);

const KNOWN: [&Known; 13] = [
    &MALFORMED,
    &UNAUTHENTICATED,
    &FORBIDDEN,
    &TIMEOUT,
    &CONFLICTING,
    &JOB_RUNNING,
    &ERASED,
    &TOO_LARGE,
    &UNSUPPORTED,
    &WRONG_ROLE,
    &INVALID,
    &TOO_MANY,
    &UNAVAILABLE,
];

/// Describes each of them, for operations to refer to.
pub(super) fn add_components(components: &mut Components) {
    for Known(status, name, words) in KNOWN {
        components.responses.insert((*name).to_owned(), RefOr::T(problem(status, words)));
    }
}

/// What an operation can refuse because of what it is, and the form of what it says itself.
pub(super) fn add((method, path): (&Method, &str), operation: &mut Operation) {
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && status.starts_with(['4', '5'])
        {
            *response = problem(status, &response.description);
        }
    }
    add_known(operation, &[&FORBIDDEN]);
    if operation.request_body.is_some() {
        add_known(operation, &[&TIMEOUT, &TOO_LARGE, &UNSUPPORTED]);
    }
    let tags: Vec<&str> = operation.tags.iter().flatten().map(String::as_str).collect();
    if tags.contains(&"record") || tags.contains(&"commands") {
        add_known(operation, &[&CONFLICTING, &ERASED, &INVALID]);
    } else if *method == Method::POST && path.starts_with("/v1/system/") {
        add_known(operation, &[&JOB_RUNNING]);
    }
}

/// What an operation can refuse because of who asks, and whom.
pub(super) fn add_of_rule(operation: &mut Operation, rule: Rule, served: Served) {
    if rule != Rule::Open {
        add_known(operation, &[&MALFORMED, &UNAUTHENTICATED, &TOO_MANY, &UNAVAILABLE]);
    }
    if !served.roles().is_empty() {
        add_known(operation, &[&WRONG_ROLE]);
    }
}

fn add_known(operation: &mut Operation, known: &[&Known]) {
    for Known(status, name, _) in known {
        let known = || RefOr::Ref(Ref::from_response_name(*name));
        operation.responses.responses.entry((*status).to_owned()).or_insert_with(known);
    }
}

fn problem(status: &str, words: &str) -> Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let response = ResponseBuilder::new().description(words).content(PROBLEM_JSON, content);
    let response = match status {
        "401" => response.header("WWW-Authenticate", header("How to say who asks")),
        "426" => response.header("Upgrade", header("websocket")),
        "429" | "503" => response.header("Retry-After", header("After how many seconds")),
        _ => response,
    };
    response.build()
}

fn header(words: &str) -> Header {
    HeaderBuilder::new().schema(Some(plain())).description(Some(words)).build()
}
