//! Records one sitting of one viewer over HTTP, then asks the server what it made of it.
//!
//! ```text
//! viewlog serve
//! cargo run --example record_and_read -- http://127.0.0.1:7070
//! ```
//!
//! It shows the four things that every player does: number its facts, batch them, repeat them
//! safely, and read its own writes. It needs a server without tokens, as on a loopback address.
#![expect(clippy::print_stdout, reason = "printing is what this example is for")]

use std::env;
use std::error::Error;

use chrono::{Duration, SecondsFormat, Utc};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use uuid::Uuid;

const MINUTE_MS: i64 = 60_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:7070".to_owned());
    let account = format!("{server}/v1/accounts/home");
    let anna = format!("{account}/profiles/anna");
    let client = Client::new();

    // A session is one playback on one device. The player makes up its id, a UUIDv7.
    let session = Uuid::now_v7();
    let facts = sitting(session);
    let batch = json!({ "sent_at": minutes_ago(0), "events": facts });
    let recorded = ask(client.post(format!("{account}/events")).json(&batch)).await?;
    show("recorded", &recorded);

    // An answer got lost? Send the very same again: what is known already counts as a duplicate.
    let repeated = ask(client.post(format!("{account}/events")).json(&batch)).await?;
    show("repeated", &repeated);

    // Views follow within about a second; `after` makes a read wait for a fact for sure.
    let after = format!("{session}:{}", facts.len() - 1);
    let read = async |url: String| ask(client.get(format!("{url}?after={after}"))).await;
    show("playing now", &read(format!("{account}/now")).await?);
    show("where to go on", &read(format!("{anna}/resume/tt0944947:s1e2")).await?);
    show("history", &read(format!("{anna}/history")).await?);
    Ok(())
}

/// What a player reports while someone watches for twelve minutes and pauses.
///
/// `seq` counts from 0 without gaps: that is what makes repeating safe. Title and profile go with
/// every fact, so that any of them can arrive first.
fn sitting(session: Uuid) -> Vec<Value> {
    let moments = [("started", 0), ("progressed", 5), ("progressed", 10), ("paused", 12)];
    let fact = |(seq, (kind, minute)): (usize, (&str, i64))| {
        json!({
            "session": session, "seq": seq, "kind": kind,
            "at": minutes_ago(12 - minute), "position_ms": minute * MINUTE_MS,
            "profile": "anna", "device": "living-room-tv", "media": "episode",
            "title": "tt0944947:s1e2", "name": "The Kingsroad", "duration_ms": 56 * MINUTE_MS,
            "series": "Game of Thrones", "season": 1, "episode": 2,
        })
    };
    moments.into_iter().enumerate().map(fact).collect()
}

/// A time as the service reads and writes them.
fn minutes_ago(minutes: i64) -> String {
    (Utc::now() - Duration::minutes(minutes)).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Sends a request. A refusal is JSON too, and its `detail` says what would be right.
async fn ask(request: RequestBuilder) -> Result<Value, Box<dyn Error>> {
    let response = request.send().await?;
    let status = response.status();
    let body: Value = response.json().await?;
    if status.is_success() { Ok(body) } else { Err(format!("{status}: {body}").into()) }
}

fn show(what: &str, answer: &Value) {
    println!("{what}:\n{answer:#}\n");
}
