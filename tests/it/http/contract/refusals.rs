//! Why a fact that is well-formed is not recorded, each with its status and code.

use serde_json::{Value, json};
use viewlog::events::SessionId;

use super::{EVENTS, Play, Reply, now, posted, record, site};
use crate::site::Site;

const HOUR_MS: i64 = 3_600_000;

async fn posted_one(site: &Site, fact: &Value) -> Reply {
    posted(site, EVENTS, "application/json", fact.to_string()).await
}

#[actix_web::test]
async fn another_fact_under_a_number_that_is_taken_is_in_conflict() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    record(&site, play.facts(3)).await;
    for others in [
        json!({ "position_ms": 10_001 }),
        json!({ "at": now() }),
        json!({ "kind": "paused" }),
        json!({ "rate": 2.0 }),
    ] {
        let problem = posted_one(&site, &play.fact_with(1, "progressed", others)).await;
        let problem = problem.problem(409, "conflicting_event");
        assert!(problem["detail"].as_str().unwrap().contains("seq 1"), "{problem}");
    }
    let session = site.get(&format!("/v1/accounts/home/sessions/{}", play.session)).await.1;
    assert_eq!((&session["conflict"], &session["facts"]), (&json!(false), &json!(3)));
}

#[actix_web::test]
async fn a_session_nobody_has_heard_of_needs_title_and_profile() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    for missing in [json!({ "title": null }), json!({ "profile": null })] {
        let fact = play.fact_with(1, "progressed", missing);
        posted_one(&site, &fact).await.problem(422, "unknown_session");
    }
    record(&site, vec![play.fact(0, "started")]).await;
    let bare = play.fact_with(1, "progressed", json!({ "title": null, "profile": null }));
    assert_eq!(posted_one(&site, &bare).await.ok()["recorded"], json!(1));
}

#[actix_web::test]
async fn any_fact_of_a_request_may_say_whose_session_it_is() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let bare = json!({ "title": null, "profile": null });
    let facts = vec![
        play.fact_with(0, "started", bare.clone()),
        play.fact_with(1, "progressed", json!({ "title": null })),
        play.fact_with(2, "progressed", json!({ "profile": null })),
        play.fact_with(3, "stopped", bare),
    ];
    record(&site, facts).await;
    let session = site.get(&format!("/v1/accounts/home/sessions/{}", play.session)).await.1;
    assert_eq!((&session["title"], &session["profile"]), (&json!("film"), &json!("anna")));
}

#[actix_web::test]
async fn a_session_made_a_day_ahead_is_refused_and_one_of_the_past_is_welcome() {
    let site = site().await;
    let mut play = Play::of("film", 3_600);
    play.session = SessionId::fresh(now().plus_ms(25 * HOUR_MS));
    posted_one(&site, &play.fact(0, "started")).await.problem(422, "clock_ahead");
    for hours in [23, -24, -24 * 365 * 5, -24 * 365 * 30] {
        play.session = SessionId::fresh(now().plus_ms(hours * HOUR_MS));
        play.begun_at = play.session.time();
        assert_eq!(posted_one(&site, &play.fact(0, "started")).await.ok()["recorded"], json!(1));
    }
}

#[actix_web::test]
async fn a_session_longer_than_a_day_is_refused_from_there_on() {
    let (site, play) = (site().await, Play::of("film", 30 * 3_600));
    record(&site, play.facts(3)).await;
    let at = play.begun_at.plus_ms(24 * HOUR_MS);
    let fits = play.fact_with(3, "progressed", json!({ "at": at }));
    assert_eq!(posted_one(&site, &fits).await.ok()["recorded"], json!(1));
    let late = play.fact_with(4, "progressed", json!({ "at": at.plus_ms(1) }));
    posted_one(&site, &late).await.problem(422, "session_too_long");
    let again = play.fact(2, "stopped");
    assert_eq!(posted_one(&site, &again).await.ok()["duplicates"], json!(1));
}

#[actix_web::test]
async fn a_session_too_long_is_seen_within_one_request_too() {
    let (site, play) = (site().await, Play::of("film", 30 * 3_600));
    let late =
        play.fact_with(1, "progressed", json!({ "at": play.begun_at.plus_ms(25 * HOUR_MS) }));
    let envelope = json!({ "events": [late, play.fact(0, "started")] });
    let (status, answer) = site.post(EVENTS, &envelope).await;
    assert_eq!((status, &answer["recorded"]), (200, &json!(1)), "{answer}");
    assert_eq!(answer["refused"][0]["code"], json!("session_too_long"));
    assert_eq!(answer["refused"][0]["index"], json!(0));
}

#[actix_web::test]
async fn a_fact_of_another_account_than_its_address_is_refused() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let other = play.fact_with(0, "started", json!({ "account": "away" }));
    let problem = posted_one(&site, &other).await.problem(422, "invalid_event");
    assert!(problem["detail"].as_str().unwrap().contains("account"), "{problem}");
    let same = play.fact_with(0, "started", json!({ "account": "home" }));
    assert_eq!(posted_one(&site, &same).await.ok()["recorded"], json!(1));
}

#[actix_web::test]
async fn a_session_is_of_one_title_and_one_profile() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    record(&site, play.facts(3)).await;
    for (field, other) in [("title", "another"), ("profile", "ben")] {
        let fact = play.fact_with(3, "progressed", json!({ field: other }));
        let problem = posted_one(&site, &fact).await.problem(422, "invalid_event");
        assert!(problem["detail"].as_str().unwrap().starts_with(field), "{problem}");
    }
}

#[actix_web::test]
async fn a_session_is_numbered_as_a_whole_or_not_at_all() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    record(&site, play.facts(3)).await;
    let bare = play.fact_with(3, "progressed", json!({ "seq": null }));
    posted_one(&site, &bare).await.problem(422, "invalid_event");
}

#[actix_web::test]
async fn shape_is_looked_at_before_the_session() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    record(&site, play.facts(3)).await;
    let both = play.fact_with(1, "progressed", json!({ "position_ms": -1, "title": "another" }));
    let problem = posted_one(&site, &both).await.problem(422, "invalid_event");
    assert!(problem["detail"].as_str().unwrap().starts_with("position_ms"), "{problem}");
}

#[actix_web::test]
async fn the_session_is_looked_at_before_a_conflict() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    record(&site, play.facts(3)).await;
    let both = play.fact_with(1, "progressed", json!({ "position_ms": 7, "title": "another" }));
    let problem = posted_one(&site, &both).await.problem(422, "invalid_event");
    assert!(problem["detail"].as_str().unwrap().starts_with("title"), "{problem}");
    let taken = play.fact_with(1, "progressed", json!({ "position_ms": 7 }));
    posted_one(&site, &taken).await.problem(409, "conflicting_event");
}

#[actix_web::test]
async fn a_gap_is_taken_and_shown_until_it_closes() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    record(&site, vec![play.fact(0, "started"), play.fact(5, "progressed")]).await;
    let path = format!("/v1/accounts/home/sessions/{}", play.session);
    assert_eq!(site.get(&path).await.1["missing"], json!([[1, 5]]));
    record(&site, (1..5).map(|seq| play.fact(seq, "progressed")).collect()).await;
    assert_eq!(site.get(&path).await.1["missing"], json!([]));
}
