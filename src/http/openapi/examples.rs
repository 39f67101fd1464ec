//! Examples: an evening on the sofa, as it is told and as it is asked for. A test sends what is
//! sent here, and is answered what is answered here.

use serde_json::{Value, json};
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, OpenApi as Document, RefOr};

use super::problems::PROBLEM_JSON;

const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";
const EVENTS: &str = "/v1/accounts/{account}/events";
const RESUME: &str = "/v1/accounts/{account}/profiles/{profile}/resume/{title}";
const SESSION: &str = "0199f3c4-7d11-7c3e-8a52-0b9c1d2e3f40";
const TITLE: &str = "tt0944947:s1e3";

/// Puts them where they belong.
pub(super) fn add(document: &mut Document) {
    let paths = &mut document.paths.paths;
    if let Some(operation) = paths.get_mut(EVENTS).and_then(|item| item.post.as_mut()) {
        if let Some(RefOr::T(body)) = &mut operation.request_body {
            put(body.content.get_mut(JSON), ("fact", "The first fact of a playback", fact()));
            put(body.content.get_mut(JSON), ("facts", "What came after it", facts()));
            put(body.content.get_mut(LINES), ("lines", "The same, one a line", lines().into()));
        }
        let recorded = content(operation, "200", JSON);
        put(recorded, ("facts", "Both of what came after it are durable", recorded_facts()));
    }
    if let Some(operation) = paths.get_mut(RESUME).and_then(|item| item.get.as_mut()) {
        let found = content(operation, "200", JSON);
        put(found, ("resume", "Where to go on with it", resume()));
        let none = content(operation, "404", PROBLEM_JSON);
        put(none, ("none", "Of another title", no_resume_point()));
    }
    let responses = &mut document.components.get_or_insert_default().responses;
    if let Some(RefOr::T(response)) = responses.get_mut("invalid_event") {
        let refused = response.content.get_mut(PROBLEM_JSON);
        put(refused, ("facts", "Of a fact whose kind is watched", unknown_kind()));
    }
}

fn content<'o>(
    operation: &'o mut Operation,
    status: &str,
    kind: &str,
) -> Option<&'o mut RefOr<Content>> {
    match operation.responses.responses.get_mut(status) {
        Some(RefOr::T(response)) => response.content.get_mut(kind),
        _ => None,
    }
}

fn put(content: Option<&mut RefOr<Content>>, (name, summary, value): (&str, &str, Value)) {
    if let Some(RefOr::T(content)) = content {
        let example = ExampleBuilder::new().summary(summary).value(Some(value)).build();
        content.examples.insert(name.to_owned(), RefOr::T(example));
    }
}

fn fact() -> Value {
    json!({
        "session": SESSION, "seq": 0, "kind": "started", "at": "2026-11-23T05:00:00.000Z",
        "position_ms": 0, "profile": "anna", "title": TITLE, "duration_ms": 3_600_000,
        "device": "living-room-tv", "media": "episode", "name": "Lord Snow",
        "series": "Game of Thrones", "season": 1, "episode": 3,
    })
}

fn facts() -> Value {
    json!({
        "sent_at": "2026-11-23T05:13:32.000Z",
        "events": [
            {
                "session": SESSION, "seq": 1, "kind": "progressed", "position_ms": 600_000,
                "at": "2026-11-23T05:10:00.000Z",
            },
            {
                "session": SESSION, "seq": 2, "kind": "stopped", "position_ms": 812_000,
                "at": "2026-11-23T05:13:32.000Z", "reason": "user",
            },
        ],
    })
}

fn lines() -> String {
    let facts = facts();
    let each = facts.get("events").and_then(Value::as_array).into_iter().flatten();
    each.map(|fact| format!("{fact}\n")).collect()
}

fn recorded_facts() -> Value {
    json!({
        "recorded": 2, "duplicates": 0, "durability": "store", "refused": [],
        "sessions": [{ "account": "home", "session": SESSION, "seq": 2 }],
    })
}

fn resume() -> Value {
    json!({
        "title": TITLE, "name": "Lord Snow", "series": "Game of Thrones", "season": 1,
        "episode": 3, "media": "episode", "position_ms": 812_000, "resume_at_ms": 807_000,
        "duration_ms": 3_600_000, "finished": false, "times_finished": 0,
        "moved_at": "2026-11-23T05:13:32.000Z", "session": SESSION, "device": "living-room-tv",
        "alternatives": [], "stale": false, "source": "views", "complete": true,
        "as_of": "2026-11-23T05:13:32.000Z",
    })
}

fn no_resume_point() -> Value {
    json!({
        "type": "about:blank", "title": "Not Found", "status": 404, "code": "no_resume_point",
        "detail": "nothing of this title to go on with",
    })
}

fn unknown_kind() -> Value {
    let detail = "kind \"watched\" is not known; it is started, progressed, paused, resumed, \
                  seeked, stalled, stopped";
    json!({
        "type": "about:blank", "title": "Unprocessable Entity", "status": 422,
        "code": "invalid_event", "detail": detail,
        "refused": [{ "index": 0, "code": "invalid_event", "detail": detail }],
    })
}
