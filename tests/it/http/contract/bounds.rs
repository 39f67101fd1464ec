//! How much one request may bring, and what is said when it brings more.

use serde_json::{Value, json};

use super::forms::gzipped;
use super::{EVENTS, Play, posted, sent, site};
use crate::site::Site;

fn heartbeats(play: &Play, count: u32) -> Vec<Value> {
    (0..count)
        .map(|seq| {
            json!({
                "session": play.session, "seq": seq, "kind": "progressed", "position_ms": seq,
                "profile": play.profile, "title": play.title,
            })
        })
        .collect()
}

fn lines(facts: &[Value]) -> String {
    facts.iter().map(|fact| format!("{fact}\n")).collect()
}

#[actix_web::test]
async fn five_thousand_facts_are_recorded_and_one_more_is_too_many() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let facts = heartbeats(&play, 5_001);
    for kind in ["application/x-ndjson", "text/plain"] {
        posted(&site, EVENTS, kind, lines(&facts)).await.problem(413, "too_large");
    }
    let envelope = json!({ "events": facts }).to_string();
    let problem = posted(&site, EVENTS, "application/json", envelope).await;
    let problem = problem.problem(413, "too_large");
    assert!(problem["detail"].as_str().unwrap().contains("5000"), "{problem}");

    let (status, answer) = site.post(EVENTS, &json!({ "events": facts[..5_000] })).await;
    assert_eq!((status, &answer["recorded"]), (200, &json!(5_000)));
    assert_eq!(answer["sessions"][0]["seq"], json!(4_999));
}

#[actix_web::test]
async fn four_mebibytes_are_read_and_one_byte_more_is_too_large() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let fact = play.fact(0, "started").to_string();
    let full = format!("{fact}{}", " ".repeat((4 << 20) - fact.len()));
    assert_eq!(posted(&site, EVENTS, "application/json", full.clone()).await.status, 200);
    let over = posted(&site, EVENTS, "application/json", format!("{full} ")).await;
    over.problem(413, "too_large");
}

#[actix_web::test]
async fn a_body_that_does_not_say_its_length_is_bounded_too() {
    let site = Site::with(&[("log", "memory:"), ("http.body_bytes_max", "10000")]).await;
    let chunks = (0..20).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1_000]));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    let request = site.client.post(format!("{}{EVENTS}", site.url)).body(body);
    sent(request).await.problem(413, "too_large");
}

#[actix_web::test]
async fn bounds_count_what_is_unpacked() {
    let site = Site::with(&[("log", "memory:"), ("http.body_bytes_max", "10000")]).await;
    let packed = gzipped(vec![b' '; 10_001]).await;
    let request = site.client.post(format!("{}{EVENTS}", site.url));
    let request = request.header("content-encoding", "gzip").body(packed);
    sent(request).await.problem(413, "too_large");
}

#[actix_web::test]
async fn the_bound_of_facts_holds_for_imports() {
    let site = Site::with(&[("log", "memory:"), ("http.facts_max", "10")]).await;
    let facts = heartbeats(&Play::of("film", 3_600), 11);
    let reply = posted(&site, "/v1/accounts/home/import", "application/x-ndjson", lines(&facts));
    reply.await.problem(413, "too_large");
}

#[actix_web::test]
async fn more_facts_than_the_node_admits_are_asked_to_come_again_each_by_its_reference() {
    let site = Site::with(&[("log", "memory:"), ("actors.node_waiting_max", "2")]).await;
    let play = Play::of("film", 3_600);
    let facts: Vec<Value> = (0..3)
        .map(|seq| play.fact_with(seq, "progressed", json!({ "ref": format!("r{seq}") })))
        .collect();
    let body = json!({ "events": facts }).to_string();
    let reply = posted(&site, EVENTS, "application/json", body).await;
    let problem = reply.problem(429, "too_many_requests");
    assert_eq!(reply.header("retry-after"), "1");
    let refused = problem["refused"].as_array().unwrap();
    let references: Vec<_> = refused.iter().map(|fact| fact["ref"].as_str().unwrap()).collect();
    assert_eq!(references, ["r0", "r1", "r2"]);
    assert!(refused.iter().all(|fact| fact["retry_after_ms"].as_u64().is_some()), "{problem}");
}

#[actix_web::test]
async fn a_great_index_is_right_to_the_last() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let mut facts = heartbeats(&play, 1_000);
    facts[0] = json!("no fact");
    facts[499]["kind"] = json!("unknown");
    facts[999]["position_ms"] = json!(-1);
    let (_, answer) = site.post(EVENTS, &json!({ "events": facts })).await;
    let refused = answer["refused"].as_array().unwrap();
    let indexes: Vec<_> = refused.iter().map(|fact| fact["index"].as_u64().unwrap()).collect();
    assert_eq!((indexes, &answer["recorded"]), (vec![0, 499, 999], &json!(997)));
}
