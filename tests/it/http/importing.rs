//! An export, back in: into the account of the path, exactly once.

use serde_json::{Value, json};

use super::site::{self, EVENTS, Site, gzipped, lines};
use crate::support::{at, home, id};

const IMPORT: &str = "/v1/accounts/home/import";
const NDJSON: Option<&str> = Some("application/x-ndjson");

/// A fact as an export has it.
fn fact(number: u128, seq: u32, kind: &str, position_s: u64) -> Value {
    let mut fact = site::fact(number, seq, kind, position_s);
    fact["received_at"] = json!(at(3_000));
    fact
}

#[actix_web::test]
async fn an_export_comes_back_as_it_was() {
    let old = Site::start().await;
    let mut events: Vec<Value> =
        (0..40).map(|seq| fact(1, seq, "progressed", u64::from(seq) * 10)).collect();
    events[0]["kind"] = json!("started");
    old.post(EVENTS, &json!({"sent_at": at(3_000), "events": events})).await;
    old.post("/v1/accounts/home/profiles/anna/titles/film/hide", &json!({})).await;
    let export = old.call("GET", "/v1/accounts/home/export").await.text;
    assert_eq!(export.lines().count(), 41, "{export}");

    let new = Site::start().await;
    let answer = new.send(IMPORT, NDJSON, export.clone().into()).await;
    assert_eq!((answer.recorded(), &answer.json["refused"]), (41, &json!([])), "{answer:?}");
    assert_eq!(new.states().await, old.states().await);
    assert_eq!(new.marks().await, old.marks().await);
    assert_eq!(new.call("GET", "/v1/accounts/home/export").await.text, export);
    let again = new.send(IMPORT, NDJSON, export.into()).await;
    assert_eq!((again.recorded(), &again.json["duplicates"]), (0, &json!(41)));
}

#[actix_web::test]
async fn lines_are_loaded_into_the_account_of_the_path() {
    let site = Site::start().await;
    let mut line = fact(1, 0, "started", 0);
    line["account"] = json!("next door");
    assert_eq!(site.send(IMPORT, NDJSON, lines(&[line])).await.recorded(), 1);
    assert_eq!(site.states_of(&home()).await.len(), 1);
    assert!(site.states_of(&id("next door")).await.is_empty());
}

#[actix_web::test]
async fn a_line_that_cannot_be_read_refuses_only_itself() {
    let site = Site::start().await;
    let mut body = lines(&[fact(1, 0, "started", 0)]);
    body.extend_from_slice(b"\nno json\n{\"kind\":\"danced\"}\n\xff\xfe\n");
    body.extend(lines(&[fact(1, 1, "progressed", 10)]));
    let answer = site.send(IMPORT, NDJSON, body).await;
    assert_eq!(answer.recorded(), 2);
    let refused = answer.json["refused"].as_array().unwrap();
    let seen: Vec<_> = refused
        .iter()
        .map(|refused| (refused["index"].as_u64().unwrap(), refused["code"].as_str().unwrap()))
        .collect();
    assert_eq!(seen, [(1, "malformed"), (2, "invalid_event"), (3, "malformed")], "{answer:?}");
}

#[actix_web::test]
async fn values_are_checked_as_those_of_players_are() {
    let site = Site::start().await;
    for (field, value) in [("rate", json!(500)), ("position_ms", json!(1_u64 << 60))] {
        let mut line = fact(1, 0, "started", 0);
        line[field] = value;
        let answer = site.send(IMPORT, NDJSON, lines(&[line])).await;
        answer.problem(422, "invalid_event");
    }
    assert!(site.states().await.is_empty());
}

#[actix_web::test]
async fn an_import_may_be_packed_and_of_unsaid_type() {
    let site = Site::start().await;
    let packed = gzipped(lines(&[fact(1, 0, "started", 0)])).await;
    let request = site.request("POST", IMPORT).header("content-encoding", "gzip").body(packed);
    assert_eq!(site.ask(request).await.recorded(), 1);
}

#[actix_web::test]
async fn an_import_too_great_for_one_request_is_refused_whole() {
    let site = Site::start().await;
    let facts: Vec<Value> = (0..5_001).map(|seq| fact(1, seq, "progressed", 0)).collect();
    site.send(IMPORT, NDJSON, lines(&facts)).await.problem(413, "too_large");
    site.send(IMPORT, NDJSON, vec![b'\n'; (4 << 20) + 1]).await.problem(413, "too_large");
    assert!(site.states().await.is_empty());
}

#[actix_web::test]
async fn an_import_of_nothing_is_malformed() {
    let site = Site::start().await;
    for body in ["", "\n \n"] {
        site.send(IMPORT, NDJSON, body.into()).await.problem(400, "malformed");
    }
}
