//! Facts that are not taken: each refuses only itself, with a code and what would be right.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use viewlog::actors::Limits;
use viewlog::events::{EventLog, SessionId};
use viewlog::http::Settings;

use super::site::{EVENTS, Site, fact, lines};
use crate::support::{Failure, FlakyLog, at, session};

/// A good fact of session 1 with some fields changed; null takes one away.
fn with(changes: Value) -> Value {
    let mut fact = fact(1, 0, "started", 0);
    for (field, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => fact.as_object_mut().unwrap().remove(field),
            value => fact.as_object_mut().unwrap().insert(field.clone(), value.clone()),
        };
    }
    fact
}

#[actix_web::test]
async fn a_line_that_is_no_json_refuses_only_itself() {
    let site = Site::start().await;
    let mut body = lines(&[fact(1, 0, "started", 0)]);
    body.extend_from_slice(b"{\"session\": oh no}\n[1,\n\xff\xfe\nnull\n7\n");
    body.extend(lines(&[fact(1, 1, "progressed", 10)]));
    let answer = site.send(EVENTS, Some("application/x-ndjson"), body).await;
    assert_eq!(answer.recorded(), 2);
    let refused = answer.json["refused"].as_array().unwrap();
    let seen: Vec<_> = refused
        .iter()
        .map(|refused| (refused["index"].as_u64().unwrap(), refused["code"].as_str().unwrap()))
        .collect();
    let expected = [
        (1, "malformed"),
        (2, "malformed"),
        (3, "malformed"),
        (4, "invalid_event"),
        (5, "invalid_event"),
    ];
    assert_eq!(seen, expected, "{answer:?}");
}

#[actix_web::test]
async fn a_fact_in_a_list_that_is_no_json_refuses_only_itself() {
    let site = Site::start().await;
    let first = fact(1, 0, "started", 0).to_string().into_bytes();
    let last = fact(1, 1, "progressed", 10).to_string().into_bytes();
    let cases: [&[u8]; 7] = [
        b"{\"rate\":NaN}",
        b"{\"title\":\"\xff\"}",
        b"{\"a\":}",
        b"",
        b"oh, no",
        b"{\"a\":\"],}\\\"\",nil}",
        b"[[{]}]",
    ];
    for wrong in cases {
        let middle = [&first[..], b" , ", wrong, b"\n, ", &last[..]].concat();
        let body = [b"{\"x\":[\"]\"], \"events\" : [ ", &middle[..], b" ] , \"sent_at\":null}"];
        let answer = site.send(EVENTS, None, body.concat()).await;
        let wrong = String::from_utf8_lossy(wrong);
        assert_eq!(answer.status, 200, "{wrong}: {answer:?}");
        let refused = answer.json["refused"].as_array().unwrap();
        assert!(refused.iter().all(|refused| refused["code"] == "malformed"), "{wrong}");
        assert_eq!(refused[0]["index"], 1, "{wrong}: {answer:?}");
    }
    assert_eq!(site.state(1).await.facts, 2);
    let cut = [b"{\"events\":[", &first[..], b",{\"rate\":NaN}"].concat();
    site.send(EVENTS, None, cut).await.problem(400, "malformed");
}

#[actix_web::test]
async fn a_value_that_cannot_be_is_named() {
    let site = Site::start().await;
    let long = "x".repeat(600);
    let cases = [
        ("session", json!({"session": null})),
        ("session", json!({"session": "12"})),
        ("session", json!({"session": "8c0e5a9e-1d2f-4c3b-9a8b-1c2d3e4f5061"})),
        ("session", json!({"session": 7})),
        ("kind", json!({"kind": null})),
        ("kind", json!({"kind": "danced"})),
        ("position_ms", json!({"position_ms": null})),
        ("position_ms", json!({"position_ms": -1})),
        ("position_ms", json!({"position_ms": 1.5})),
        ("position_ms", json!({"position_ms": "12"})),
        ("position_ms", json!({"position_ms": 9_007_199_254_740_993_u64})),
        ("seq", json!({"seq": 10_000_001})),
        ("seq", json!({"seq": -1})),
        ("at", json!({"at": "yesterday"})),
        ("at", json!({"at": 1_795_410_000_000_i64})),
        ("rate", json!({"rate": 101})),
        ("rate", json!({"rate": -1})),
        ("from_ms", json!({"from_ms": 5})),
        ("reason", json!({"reason": "user"})),
        ("reason", json!({"kind": "stopped", "reason": "bored"})),
        ("media", json!({"media": "opera"})),
        ("title", json!({"title": ""})),
        ("title", json!({"title": "a\u{7}b"})),
        ("profile", json!({"profile": long})),
        ("name", json!({"name": long})),
        ("account", json!({"account": ""})),
        ("private", json!({"private": "yes"})),
    ];
    for (field, changes) in cases {
        let answer = site.post(EVENTS, &with(changes.clone())).await;
        let detail = answer.problem(422, "invalid_event");
        assert!(detail.contains(field), "{changes}: {detail}");
        let refused = answer.json["refused"].as_array().unwrap();
        assert_eq!(refused.len(), 1, "{changes}");
        assert_eq!(refused[0]["index"], 0, "{changes}");
    }
    assert!(site.states().await.is_empty());
}

#[actix_web::test]
async fn a_session_of_the_future_is_refused_and_one_of_the_past_is_welcome() {
    let site = Site::start().await;
    let of = |at| SessionId::derived(at, 9).to_string();
    let ahead = with(json!({"session": of(at(3_600 + 25 * 3_600))}));
    site.post(EVENTS, &ahead).await.problem(422, "clock_ahead");
    let soon = with(json!({"session": of(at(3_600 + 23 * 3_600))}));
    assert_eq!(site.post(EVENTS, &soon).await.recorded(), 1);
    let past = with(json!({"session": of(at(-365 * 24 * 3_600))}));
    assert_eq!(site.post(EVENTS, &past).await.recorded(), 1);
}

#[actix_web::test]
async fn a_session_that_nothing_names_is_unknown_until_it_is_named() {
    let site = Site::start().await;
    let nameless = with(json!({"title": null, "profile": null}));
    site.post(EVENTS, &nameless).await.problem(422, "unknown_session");
    assert_eq!(site.post(EVENTS, &fact(1, 0, "started", 0)).await.recorded(), 1);
    let heartbeat = with(json!({"title": null, "profile": null, "seq": 1, "kind": "progressed"}));
    assert_eq!(site.post(EVENTS, &heartbeat).await.recorded(), 1);
}

#[actix_web::test]
async fn a_taken_number_and_a_session_too_long_are_refused() {
    let site = Site::start().await;
    site.post(EVENTS, &fact(1, 0, "started", 0)).await;
    site.post(EVENTS, &with(json!({"position_ms": 5_000}))).await.problem(409, "conflicting_event");
    site.clock.set(at(26 * 3_600));
    let late = with(json!({"seq": 1, "kind": "progressed", "at": at(25 * 3_600)}));
    site.post(EVENTS, &late).await.problem(422, "session_too_long");
}

#[actix_web::test]
async fn a_time_that_is_ahead_makes_no_session_too_long() {
    let site = Site::start().await;
    let ahead = with(json!({"at": at(40 * 24 * 3_600)}));
    assert_eq!(site.post(EVENTS, &ahead).await.recorded(), 1);
    for told in [json!({"seq": 1, "at": at(1)}), json!({"seq": 2, "at": null})] {
        assert_eq!(site.post(EVENTS, &with(told)).await.recorded(), 1);
    }
}

#[actix_web::test]
async fn a_clock_that_is_found_to_be_a_day_behind_makes_no_session_too_long() {
    let site = Site::start().await;
    site.clock.set(at(25 * 3_600));
    assert_eq!(site.post(EVENTS, &with(json!({"at": at(0)}))).await.recorded(), 1);
    let second = with(json!({"seq": 1, "kind": "progressed", "at": at(10)}));
    let told = json!({"sent_at": at(10), "events": [second]});
    assert_eq!(site.post(EVENTS, &told).await.recorded(), 1);
}

#[actix_web::test]
async fn the_shape_is_checked_before_the_session() {
    let site = Site::start().await;
    site.post(EVENTS, &fact(1, 0, "started", 0)).await;
    let wrong_and_taken = with(json!({"position_ms": 5_000, "rate": 1_000}));
    site.post(EVENTS, &wrong_and_taken).await.problem(422, "invalid_event");
}

#[actix_web::test]
async fn every_fact_is_in_the_answer_exactly_once() {
    let site = Site::start().await;
    let mut private = fact(5, 0, "started", 0);
    private["private"] = json!(true);
    let mut named = with(json!({"session": session(2), "rate": 500}));
    named["ref"] = json!("tv-17");
    let mut unnamed = with(json!({"session": session(3), "title": null, "profile": null}));
    unnamed["ref"] = json!("tv-18 \u{fc}\"");
    let first = fact(1, 0, "started", 0);
    let events = [first.clone(), named, first.clone(), private, unnamed];
    let answer = site.post(EVENTS, &json!({"events": events})).await;
    let count = |field: &str| answer.json[field].as_u64().unwrap_or(0);
    let refused = answer.json["refused"].as_array().unwrap();
    assert_eq!((count("recorded"), count("duplicates"), count("private")), (1, 1, 1), "{answer:?}");
    assert_eq!(refused.len(), 2, "{answer:?}");
    assert_eq!((&refused[0]["index"], &refused[0]["ref"]), (&json!(1), &json!("tv-17")));
    assert_eq!((&refused[1]["index"], &refused[1]["ref"]), (&json!(4), &json!("tv-18 \u{fc}\"")));
    assert_eq!(refused[1]["code"], "unknown_session");
    assert!(refused[0].get("retry_after_ms").is_none(), "nothing to wait for: {answer:?}");
}

#[actix_web::test]
async fn where_all_are_refused_the_first_gives_the_status_and_all_are_listed() {
    let site = Site::start().await;
    site.post(EVENTS, &fact(1, 0, "started", 0)).await;
    let taken = with(json!({"position_ms": 5_000}));
    let wrong = with(json!({"rate": 500}));
    let answer = site.post(EVENTS, &json!({"events": [taken, wrong]})).await;
    answer.problem(409, "conflicting_event");
    let refused = answer.json["refused"].as_array().unwrap();
    let codes: Vec<_> = refused.iter().map(|refused| refused["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["conflicting_event", "invalid_event"]);
    let answer = site.send(EVENTS, Some("application/x-ndjson"), b"no\n{}\n".to_vec()).await;
    answer.problem(400, "malformed");
    assert_eq!(answer.json["refused"].as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn a_body_that_is_none_is_malformed() {
    let site = Site::start().await;
    for content_type in [None, Some("application/json"), Some("text/plain")] {
        for body in ["", "  \n ", "not json", "{", "{\"events\":[", "{\"events\":[]", "\u{0}"] {
            let answer = site.send(EVENTS, content_type, body.into()).await;
            answer.problem(400, "malformed");
        }
    }
    let answer = site.send(EVENTS, Some("application/x-ndjson"), vec![]).await;
    answer.problem(400, "malformed");
}

#[actix_web::test]
async fn json_that_is_no_fact_is_refused() {
    let site = Site::start().await;
    for body in ["[]", "7", "null", "\"a\"", "true", "{}"] {
        site.send(EVENTS, None, body.into()).await.problem(422, "invalid_event");
    }
    for body in [json!({"events": 7}), json!({"events": {}}), json!({"events": "all"})] {
        site.post(EVENTS, &body).await.problem(422, "invalid_event");
    }
    let list = json!({"events": [null, 7, [], fact(1, 0, "started", 0)]});
    let answer = site.post(EVENTS, &list).await;
    assert_eq!(answer.recorded(), 1);
    assert_eq!(answer.json["refused"].as_array().unwrap().len(), 3);
}

#[actix_web::test]
async fn a_log_that_is_away_says_when_to_try_again_and_nothing_of_itself() {
    let log = Arc::new(FlakyLog::default());
    log.fail(Failure::Unavailable, usize::MAX);
    let limits = Limits { append_deadline: Duration::from_millis(50), ..Limits::default() };
    let shared = Arc::clone(&log) as Arc<dyn EventLog>;
    let site = Site::on(shared, limits, Settings::default()).await;
    let mut named = fact(1, 0, "started", 0);
    named["ref"] = json!("tv-17");
    let answer = site.post(EVENTS, &named).await;
    answer.problem(503, "store_unavailable");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1, "{answer:?}");
    let refused = &answer.json["refused"][0];
    assert!(refused["retry_after_ms"].as_u64().unwrap() > 0, "{answer:?}");
    assert_eq!(refused["ref"], "tv-17");
    assert!(!answer.text.contains("made to fail"), "{answer:?}");
    log.fail(Failure::Unavailable, 0);
    assert_eq!(site.post(EVENTS, &named).await.recorded(), 1, "the same again is safe");
}

#[actix_web::test]
async fn a_full_line_says_when_to_try_again() {
    let limits = Limits { node_waiting_max: 2, ..Limits::default() };
    let site = Site::on(Site::memory(), limits, Settings::default()).await;
    let events: Vec<Value> = (0..3)
        .map(|seq| {
            let mut fact = fact(1, seq, if seq == 0 { "started" } else { "progressed" }, 0);
            fact["ref"] = json!(format!("n{seq}"));
            fact
        })
        .collect();
    let answer = site.post(EVENTS, &json!({"events": events})).await;
    answer.problem(429, "too_many_requests");
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    let refused = answer.json["refused"].as_array().unwrap();
    assert_eq!(refused.len(), 3);
    assert!(refused.iter().all(|refused| refused["retry_after_ms"].is_u64()), "{answer:?}");
    assert_eq!(refused[2]["ref"], "n2", "{answer:?}");
    assert_eq!(site.post(EVENTS, &json!({"events": events[..2]})).await.recorded(), 2);
}
