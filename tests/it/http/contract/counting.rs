//! Every fact sent is in the answer exactly once: recorded, duplicate, private or refused.

use serde_json::{Value, json};

use super::{EVENTS, Play, posted, site};
use crate::site::Site;

/// Posts facts, looks that each is counted once, and gives the answer.
async fn counted(site: &Site, facts: &[Value]) -> Value {
    let body = json!({ "events": facts }).to_string();
    let reply = posted(site, EVENTS, "application/json", body).await;
    let answer = reply.json();
    let count = |field: &str| answer[field].as_u64().unwrap_or(0);
    let refused = answer["refused"].as_array().map_or(0, Vec::len);
    let sum = count("recorded") + count("duplicates") + count("private");
    assert_eq!(usize::try_from(sum).unwrap() + refused, facts.len(), "{answer}");
    answer
}

#[actix_web::test]
async fn every_fact_is_counted_once_whatever_becomes_of_it() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    assert_eq!(counted(&site, &[play.fact(0, "started")]).await["recorded"], json!(1));
    let answer = counted(
        &site,
        &[
            play.fact(0, "started"),
            play.fact(1, "progressed"),
            play.fact(1, "progressed"),
            play.fact_with(0, "started", json!({ "position_ms": 5, "ref": "mine" })),
            Play::of("secret", 60).fact_with(0, "started", json!({ "private": true })),
            json!(null),
            json!({ "kind": "exploded", "ref": "yours" }),
            play.fact(2, "progressed"),
        ],
    )
    .await;
    assert_eq!(answer["recorded"], json!(2));
    assert_eq!(answer["duplicates"], json!(2));
    assert_eq!(answer["private"], json!(1));
    let refused = answer["refused"].as_array().unwrap();
    let short: Vec<_> =
        refused.iter().map(|one| (&one["index"], &one["code"], &one["ref"])).collect();
    let expected = [
        (&json!(3), &json!("conflicting_event"), &json!("mine")),
        (&json!(5), &json!("invalid_event"), &Value::Null),
        (&json!(6), &json!("invalid_event"), &json!("yours")),
    ];
    assert_eq!(short, expected);
}

#[actix_web::test]
async fn the_reference_of_a_fact_is_echoed_even_when_its_values_have_the_wrong_type() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let wrong = [json!({ "position_ms": -1 }), json!({ "seq": "1" }), json!({ "at": 5 })];
    for others in wrong {
        let mut fact = play.fact_with(0, "started", others);
        fact["ref"] = json!("my 1st \u{1f3ac}");
        let answer = counted(&site, &[fact]).await;
        assert_eq!(answer["refused"][0]["ref"], json!("my 1st \u{1f3ac}"), "{answer}");
    }
}

#[actix_web::test]
async fn a_mixed_batch_loses_only_what_is_wrong_with_it() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let mut facts = play.facts(7);
    facts.insert(3, json!({ "session": play.session, "seq": 90, "kind": "progressed" }));
    let answer = counted(&site, &facts).await;
    assert_eq!(answer["recorded"], json!(7));
    assert_eq!(answer["refused"][0]["index"], json!(3));
    assert_eq!(answer["sessions"][0]["seq"], json!(6));
}

#[actix_web::test]
async fn a_line_that_is_not_json_is_refused_alone() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let facts = play.facts(2);
    let mut body = format!("{}\n{{\"session\":\n", facts[0]).into_bytes();
    body.extend(b"\"\xff\"\n");
    body.extend(facts[1].to_string().bytes());
    let answer = posted(&site, EVENTS, "application/x-ndjson", body).await.ok();
    assert_eq!(answer["recorded"], json!(2));
    let refused = answer["refused"].as_array().unwrap();
    let short: Vec<_> = refused.iter().map(|one| (&one["index"], &one["code"])).collect();
    assert_eq!(short, [(&json!(1), &json!("malformed")), (&json!(2), &json!("malformed"))]);
}

#[actix_web::test]
async fn when_every_fact_is_refused_the_answer_is_a_problem_of_the_first_with_all_of_them() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    assert_eq!(site.post(EVENTS, &play.fact(0, "started")).await.0, 200);
    let conflict = play.fact_with(0, "started", json!({ "position_ms": 9, "ref": "a" }));
    let invalid = play.fact_with(1, "progressed", json!({ "position_ms": -9 }));
    for (facts, status, code) in [
        ([&conflict, &invalid], 409, "conflicting_event"),
        ([&invalid, &conflict], 422, "invalid_event"),
    ] {
        let body = json!({ "events": facts }).to_string();
        let reply = posted(&site, EVENTS, "application/json", body).await;
        let problem = reply.problem(status, code);
        let indexes: Vec<_> =
            problem["refused"].as_array().unwrap().iter().map(|one| &one["index"]).collect();
        assert_eq!(indexes, [&json!(0), &json!(1)]);
        assert_eq!(problem["detail"], problem["refused"][0]["detail"]);
    }
}

#[actix_web::test]
async fn a_repeated_request_is_answered_with_duplicates_and_the_same_sessions() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let first = counted(&site, &play.facts(30)).await;
    let again = counted(&site, &play.facts(30)).await;
    assert_eq!((&first["recorded"], &first["duplicates"]), (&json!(30), &json!(0)));
    assert_eq!((&again["recorded"], &again["duplicates"]), (&json!(0), &json!(30)));
    assert_eq!(first["sessions"], again["sessions"]);
}

#[actix_web::test]
async fn a_retry_may_add_who_and_what_and_is_still_the_same_fact() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    counted(&site, &play.facts(3)).await;
    let again = play.fact_with(1, "progressed", json!({ "name": "The Film", "media": "movie" }));
    assert_eq!(counted(&site, &[again]).await["duplicates"], json!(1));
}

#[actix_web::test]
async fn each_session_is_listed_once_with_its_highest_number() {
    let (site, one, two) = (site().await, Play::of("film", 3_600), Play::of("other", 60));
    let facts = [two.fact(0, "started"), one.fact(7, "progressed"), one.fact(2, "progressed")];
    let answer = counted(&site, &facts).await;
    let mut sessions = answer["sessions"].as_array().unwrap().clone();
    sessions.sort_by_key(|session| session["seq"].as_u64());
    let listed =
        |play: &Play, seq: u32| json!({ "account": "home", "session": play.session, "seq": seq });
    assert_eq!(sessions, [listed(&two, 0), listed(&one, 7)]);
    let late = counted(&site, &[one.fact(3, "progressed")]).await;
    assert_eq!(late["sessions"], json!([listed(&one, 7)]), "seq is the highest recorded");
}

#[actix_web::test]
async fn the_order_within_a_request_does_not_matter() {
    let (site, one) = (site().await, Play::of("film", 3_600));
    let mut facts = one.facts(30);
    facts.reverse();
    assert_eq!(counted(&site, &facts).await["recorded"], json!(30));
    let session = site.get(&format!("/v1/accounts/home/sessions/{}", one.session)).await.1;
    assert_eq!((&session["phase"], &session["missing"]), (&json!("ended"), &json!([])));
    assert_eq!(session["played_ms"], json!(290_000));
}

#[actix_web::test]
async fn a_private_session_is_counted_and_leaves_nothing() {
    let (site, play) = (site().await, Play::of("secret", 60));
    let private = |seq, kind| play.fact_with(seq, kind, json!({ "private": true }));
    let facts = [private(0, "started"), private(1, "progressed"), private(2, "stopped")];
    let answer = counted(&site, &facts).await;
    assert_eq!((&answer["private"], &answer["sessions"]), (&json!(3), &json!([])));
    for path in ["titles/secret", "resume/secret"] {
        assert_eq!(site.get(&format!("{}/{path}", super::ANNA)).await.0, 404);
    }
    assert_eq!(site.get(&format!("/v1/accounts/home/sessions/{}", play.session)).await.0, 404);
    assert_eq!(site.get("/v1/accounts/home/profiles").await.1["items"], json!([]));
    assert!(super::asked(&site, "/v1/accounts/home/export", &[]).await.body.is_empty());
}

#[actix_web::test]
async fn a_private_fact_that_cannot_be_is_refused_like_any_other() {
    let (site, play) = (site().await, Play::of("secret", 60));
    let wrong = play.fact_with(0, "started", json!({ "private": true, "position_ms": null }));
    let answer = counted(&site, &[wrong]).await;
    assert_eq!(answer["refused"][0]["code"], json!("invalid_event"));
}
