//! Bodies that are no facts: refused in words that help, never a 5xx.

use serde_json::{Value, json};

use super::{EVENTS, Play, Reply, posted, site};
use crate::site::Site;

async fn posted_json(site: &Site, body: impl Into<reqwest::Body>) -> Reply {
    posted(site, EVENTS, "application/json", body).await
}

/// Posts Anna's first fact with these fields instead, and gives what is wrong with it.
async fn detail_with(site: &Site, others: Value) -> String {
    let fact = Play::of("film", 3_600).fact_with(0, "started", others);
    let problem = posted_json(site, fact.to_string()).await.problem(422, "invalid_event");
    problem["detail"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn what_is_not_json_is_malformed_in_every_form() {
    let site = site().await;
    let cut = Play::of("film", 3_600).fact(0, "started").to_string();
    let bodies =
        ["", " \r\n\t ", "{", "}", "hello", "[1", "nul", "{\"a\":NaN}", "{'a':1}", "\0", "--"];
    for kind in ["application/json", "application/x-ndjson", "text/plain"] {
        for body in bodies.into_iter().chain([&cut[..cut.len() - 1]]) {
            let problem = posted(&site, EVENTS, kind, body.to_owned()).await;
            problem.problem(400, "malformed");
        }
    }
}

#[actix_web::test]
async fn json_that_is_no_fact_is_an_invalid_event() {
    let site = site().await;
    for body in ["{}", "[]", "null", "1", "\"text\"", "true", "[{}]", "[[]]", "1e9"] {
        for kind in ["application/json", "application/x-ndjson", "text/plain"] {
            posted(&site, EVENTS, kind, body).await.problem(422, "invalid_event");
        }
    }
}

#[actix_web::test]
async fn an_array_is_no_fact_even_if_its_values_would_fit() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let list = json!(["home", "anna", play.session, 0, "started", null, null, 0]);
    posted_json(&site, list.to_string()).await.problem(422, "invalid_event");
}

#[actix_web::test]
async fn an_envelope_that_is_none_is_refused_as_a_whole() {
    let (site, fact) = (site().await, Play::of("film", 3_600).fact(0, "started"));
    let wrong = [
        json!({ "events": "all" }),
        json!({ "events": { "0": fact } }),
        json!({ "sent_at": "yesterday", "events": [fact] }),
        json!({ "sent_at": 5, "events": [fact] }),
    ];
    for body in wrong {
        posted_json(&site, body.to_string()).await.problem(422, "invalid_event");
    }
    posted_json(&site, format!("{{\"events\":[{fact}")).await.problem(400, "malformed");
}

#[actix_web::test]
async fn text_that_is_not_utf_8_is_malformed() {
    let site = site().await;
    let fact = Play::of("film", 3_600).fact(0, "started").to_string().into_bytes();
    let at = fact.windows(4).position(|window| window == b"film").unwrap();
    for bytes in [b"fi\xff\xfe", b"\xed\xa0\x80m", b"fil\xc3"] {
        let mut wrong = fact.clone();
        wrong[at..at + 4].copy_from_slice(bytes);
        posted_json(&site, wrong.clone()).await.problem(400, "malformed");
        posted(&site, EVENTS, "text/plain", wrong).await.problem(400, "malformed");
    }
    posted_json(&site, vec![0xff; 100]).await.problem(400, "malformed");
}

#[actix_web::test]
async fn half_a_surrogate_pair_is_malformed() {
    let site = site().await;
    let fact = Play::of("film", 3_600).fact(0, "started").to_string();
    posted_json(&site, fact.replace("film", "\\ud83d")).await.problem(400, "malformed");
}

#[actix_web::test]
async fn deep_nesting_is_refused_without_harm() {
    let site = site().await;
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    for body in [open.clone(), format!("{open}{close}"), "{\"a\":".repeat(100_000)] {
        let reply = posted_json(&site, body.clone()).await;
        assert!([400, 422].contains(&reply.status), "{}", reply.status);
        let reply = posted_json(&site, format!("{{\"events\":[{body}]}}")).await;
        assert!([400, 422].contains(&reply.status), "{}", reply.status);
        let reply = posted(&site, EVENTS, "application/x-ndjson", body).await;
        assert!([400, 422].contains(&reply.status), "{}", reply.status);
    }
    let deep = format!("{{\"title\":{open}{close}}}");
    let reply = posted_json(&site, deep).await;
    assert!([400, 422].contains(&reply.status), "{}", reply.status);
    assert_eq!(site.get("/healthz").await.0, 200);
}

#[actix_web::test]
async fn nested_values_of_unknown_fields_are_passed_over() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let deep: Value = serde_json::from_str(&deep).unwrap();
    let fact = play.fact_with(0, "started", json!({ "mood": "tense", "tags": deep }));
    assert_eq!(site.post(EVENTS, &fact).await.1["recorded"], json!(1));
}

#[actix_web::test]
async fn a_wrong_number_is_refused_with_its_field_and_what_would_be_right() {
    let site = site().await;
    let wrong = [
        ("position_ms", json!(-1)),
        ("position_ms", json!(812_000.5)),
        ("position_ms", json!("812000")),
        ("position_ms", json!(1e30)),
        ("position_ms", json!(u64::MAX)),
        ("position_ms", json!([812_000])),
        ("duration_ms", json!(-3_600_000)),
        ("duration_ms", json!(true)),
        ("seq", json!(-1)),
        ("seq", json!(1.5)),
        ("seq", json!("0")),
        ("seq", json!(1_u64 << 32)),
        ("seq", json!(4_000_000_000_u32)),
        ("rate", json!("fast")),
        ("rate", json!(-1)),
        ("rate", json!(1e9)),
        ("season", json!(-2)),
        ("from_ms", json!(5)),
    ];
    for (field, value) in wrong {
        let detail = detail_with(&site, json!({ field: value })).await;
        assert!(detail.contains(field), "{field} {value}: {detail}");
    }
}

#[actix_web::test]
async fn a_number_that_no_machine_holds_is_refused() {
    let site = site().await;
    let fact = Play::of("film", 3_600).fact_with(0, "started", json!({ "position_ms": 77_777 }));
    for number in ["1e400", "-1e400", &"9".repeat(400), "0.0000000000000000001", "-0", "00", "+1"] {
        let reply = posted_json(&site, fact.to_string().replace("77777", number)).await;
        assert!([200, 400, 422].contains(&reply.status), "{number}: {}", reply.status);
        assert!(reply.status != 200 || number == "-0", "{number} is a position");
    }
}

#[actix_web::test]
async fn a_wrong_text_is_refused_with_its_field_and_what_would_be_right() {
    let site = site().await;
    let wrong = [
        ("kind", json!("exploded")),
        ("kind", json!("Started")),
        ("kind", json!(1)),
        ("kind", json!("title_hidden")),
        ("session", json!("not-a-uuid")),
        ("session", json!("7d444840-9dc0-41d1-b245-5ffdce74fad2")),
        ("session", json!(7)),
        ("at", json!("yesterday")),
        ("at", json!(1_795_410_000)),
        ("at", json!("2026-11-23")),
        ("at", json!("1969-12-31T23:59:59Z")),
        ("sent_at", json!("soon")),
        ("title", json!("")),
        ("title", json!("x".repeat(129))),
        ("title", json!("a\u{0}b")),
        ("title", json!(7)),
        ("profile", json!("a\nb")),
        ("device", json!({})),
        ("media", json!("opera")),
        ("reason", json!("bored")),
        ("reason", json!("user")),
        ("private", json!("yes")),
        ("autoplay", json!(1)),
        ("ref", json!(7)),
        ("name", json!("x".repeat(513))),
    ];
    for (field, value) in wrong {
        let detail = detail_with(&site, json!({ field: value })).await;
        assert!(detail.contains(field), "{field} {value}: {detail}");
    }
}

#[actix_web::test]
async fn what_is_required_is_named_when_it_is_missing() {
    let site = site().await;
    for field in ["session", "kind", "position_ms"] {
        let detail = detail_with(&site, json!({ field: null })).await;
        assert!(detail.starts_with(&format!("{field} is missing")), "{detail}");
    }
}

#[actix_web::test]
async fn nothing_of_what_was_refused_is_kept() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let wrong = play.fact_with(0, "started", json!({ "position_ms": -1 }));
    assert_eq!(site.post(EVENTS, &wrong).await.0, 422);
    assert_eq!(site.get(&format!("/v1/accounts/home/sessions/{}", play.session)).await.0, 404);
    assert_eq!(site.get("/v1/accounts/home/profiles").await.1["items"], json!([]));
}
