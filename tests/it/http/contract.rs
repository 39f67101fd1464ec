//! HTTP as its users meet it: the whole application on a free port of loopback, spoken to over real
//! sockets and held against the API contract, sections 2, 3, 5, 6 and 7.

mod as_of;
mod bounds;
mod chaos;
mod clocks;
mod commands;
mod counting;
mod crowd;
mod erasing;
mod fences;
mod forms;
mod guard;
mod ids;
mod nonsense;
mod nowhere;
mod operations;
mod origins;
mod raw;
mod reads;
mod refusals;
mod restarts;
mod shapes;
mod transfer;
mod undo;

use reqwest::RequestBuilder;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use viewlog::events::{Clock, SessionId, SystemClock, Timestamp};

use crate::site::Site;

/// Where facts of the test's household go.
const EVENTS: &str = "/v1/accounts/home/events";
/// Where Anna's answers are.
const ANNA: &str = "/v1/accounts/home/profiles/anna";

/// An application that keeps nothing beyond its process.
async fn site() -> Site {
    Site::with(&[("log", "memory:")]).await
}

/// The present.
fn now() -> Timestamp {
    SystemClock.now()
}

/// So many seconds before the present.
fn ago(seconds: i64) -> Timestamp {
    now().plus_ms(-seconds * 1_000)
}

/// One playback as its player reports it, ten seconds of content every ten seconds.
#[derive(Clone)]
struct Play {
    session: SessionId,
    begun_at: Timestamp,
    profile: &'static str,
    title: &'static str,
}

impl Play {
    /// Anna's playback of a title, begun so many seconds ago.
    fn of(title: &'static str, begun_seconds_ago: i64) -> Self {
        Self::by("anna", title, begun_seconds_ago)
    }

    /// Somebody's.
    fn by(profile: &'static str, title: &'static str, begun_seconds_ago: i64) -> Self {
        let begun_at = ago(begun_seconds_ago);
        Self { session: SessionId::fresh(begun_at), begun_at, profile, title }
    }

    /// The fact with this number, `seq` × 10 s into it.
    fn fact(&self, seq: u32, kind: &str) -> Value {
        json!({
            "session": self.session,
            "seq": seq,
            "kind": kind,
            "at": self.begun_at.plus_ms(i64::from(seq) * 10_000),
            "position_ms": seq * 10_000,
            "duration_ms": 3_600_000,
            "title": self.title,
            "profile": self.profile,
            "device": "tv",
        })
    }

    /// The same fact with other fields.
    fn fact_with(&self, seq: u32, kind: &str, others: Value) -> Value {
        with(self.fact(seq, kind), others)
    }

    /// The whole of it: started, heartbeats, stopped; `count` facts.
    fn facts(&self, count: u32) -> Vec<Value> {
        let kind = |seq| match seq {
            0 => "started",
            seq if seq + 1 == count => "stopped",
            _ => "progressed",
        };
        (0..count).map(|seq| self.fact(seq, kind(seq))).collect()
    }
}

/// An object with these fields set, or taken away where they are null.
fn with(mut object: Value, others: Value) -> Value {
    for (field, value) in others.as_object().unwrap() {
        match value {
            Value::Null => object.as_object_mut().unwrap().remove(field),
            value => object.as_object_mut().unwrap().insert(field.clone(), value.clone()),
        };
    }
    object
}

/// Records facts of the test's household, all of them.
async fn record(site: &Site, facts: Vec<Value>) {
    let count = facts.len();
    let (status, answer) = site.post(EVENTS, &json!({ "events": facts })).await;
    assert_eq!((status, &answer["recorded"]), (200, &json!(count)), "{answer}");
}

/// Records a watch of 30 facts, long enough to be history, and gives it.
async fn watched(site: &Site, play: Play) -> Play {
    record(site, play.facts(30)).await;
    play
}

/// What follows `after=` to include all that is recorded of a playback of 30 facts.
fn after(play: &Play) -> String {
    format!("after={}:29", play.session)
}

/// An answer, whatever it holds.
struct Reply {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// Sends a request.
async fn sent(request: RequestBuilder) -> Reply {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Reply { status, headers, body: response.bytes().await.unwrap().to_vec() }
}

/// Sends a body of a content type.
async fn posted(site: &Site, path: &str, kind: &str, body: impl Into<reqwest::Body>) -> Reply {
    let request = site.client.post(format!("{}{path}", site.url));
    sent(request.header("content-type", kind).body(body)).await
}

/// Asks, with these headers.
async fn asked(site: &Site, path: &str, headers: &[(&'static str, &str)]) -> Reply {
    let request = site.client.get(format!("{}{path}", site.url));
    sent(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

impl Reply {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    /// The JSON of a success.
    fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        self.json()
    }

    /// The problem that this is, after looking that it is one in full and says nothing it should
    /// not.
    fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["status"], json!(status));
        assert_eq!(problem["code"], json!(code), "{problem}");
        for field in ["type", "title", "detail"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
        for inner in ["panicked", ".rs:", "fjall", "/tmp/", "/work/", "Error(", "os error"] {
            assert!(!self.text().contains(inner), "{problem}");
        }
        problem
    }
}

/// The names of an object's fields, in the order of the alphabet.
fn fields(object: &Value) -> Vec<&str> {
    let mut names: Vec<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

/// The titles of a list of answers.
fn titles(answer: &Value) -> Vec<&str> {
    let items = answer["items"].as_array().unwrap_or_else(|| panic!("{answer}"));
    items.iter().map(|item| item["title"].as_str().unwrap()).collect()
}
