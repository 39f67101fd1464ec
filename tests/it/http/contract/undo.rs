//! Undo: back to how titles stood at an instant, for whoever fell asleep.

use serde_json::{Value, json};
use viewlog::events::{SessionId, Timestamp};

use super::{ANNA, Play, after, ago, now, posted, record, site, titles, watched};
use crate::site::Site;
use crate::support::eventually;

async fn undone(site: &Site, body: Value) {
    let (status, answer) = site.post(&format!("{ANNA}/undo"), &body).await;
    assert_eq!((status, &answer["recorded"]), (200, &json!(1)), "{answer}");
}

async fn position(site: &Site, title: &str) -> Value {
    site.get(&format!("{ANNA}/resume/{title}")).await.1["position_ms"].clone()
}

/// Two titles watched long ago and again of late: at 290 s then, at 1,500 s now.
async fn fell_asleep(site: &Site) -> Timestamp {
    for title in ["film", "other"] {
        watched(site, Play::of(title, 7_200)).await;
        let play = Play::of(title, 600);
        let facts = play.facts(30).into_iter().map(|fact| {
            let position_ms = fact["position_ms"].as_u64().unwrap() + 1_210_000;
            super::with(fact, json!({ "position_ms": position_ms }))
        });
        record(site, facts.collect()).await;
        let (_, resume) = site.get(&format!("{ANNA}/resume/{title}?{}", after(&play))).await;
        assert_eq!(resume["position_ms"], json!(1_500_000));
    }
    ago(3_600)
}

/// An instant after everything that was said and before whatever will be.
async fn a_moment() -> Timestamp {
    let passed =
        async |instant: Timestamp| eventually("time goes on", async || now() > instant).await;
    // A command given in the same millisecond as another is put a millisecond after it.
    passed(now().plus_ms(2)).await;
    let moment = now();
    passed(moment).await;
    moment
}

#[actix_web::test]
async fn everything_goes_back_to_an_instant_at_once() {
    let site = site().await;
    let since = fell_asleep(&site).await;
    undone(&site, json!({ "since": since })).await;
    assert_eq!(position(&site, "film").await, json!(290_000));
    assert_eq!(position(&site, "other").await, json!(290_000));
}

#[actix_web::test]
async fn one_title_goes_back_alone() {
    let site = site().await;
    let since = fell_asleep(&site).await;
    undone(&site, json!({ "since": since, "title": "film" })).await;
    assert_eq!(position(&site, "film").await, json!(290_000));
    assert_eq!(position(&site, "other").await, json!(1_500_000));
}

#[actix_web::test]
async fn what_began_after_that_instant_has_no_resume_point_again() {
    let site = site().await;
    let since = ago(3_600);
    watched(&site, Play::of("film", 600)).await;
    undone(&site, json!({ "since": since })).await;
    assert_eq!(site.get(&format!("{ANNA}/resume/film")).await.0, 404);
    let (_, continued) = site.get(&format!("{ANNA}/continue-watching")).await;
    assert!(titles(&continued).is_empty());
    assert_eq!(titles(&site.get(&format!("{ANNA}/history")).await.1), ["film"], "it was played");
}

#[actix_web::test]
async fn commands_are_undone_too_and_an_undo_can_be_undone() {
    let site = site().await;
    watched(&site, Play::of("film", 7_200)).await;
    let before = ago(1);
    for command in ["hide", "watched"] {
        site.post(&format!("{ANNA}/titles/film/{command}"), &json!({})).await;
    }
    let title = |site: &Site| {
        let (client, url) = (site.client.clone(), format!("{}{ANNA}/titles/film", site.url));
        async move { super::sent(client.get(url)).await.ok() }
    };
    let done = title(&site).await;
    assert_eq!((&done["hidden"], &done["times_finished"]), (&json!(true), &json!(1)));
    let hidden_at = a_moment().await;
    undone(&site, json!({ "since": before })).await;
    let back = title(&site).await;
    assert_eq!((&back["hidden"], &back["times_finished"]), (&json!(false), &json!(0)));
    undone(&site, json!({ "since": hidden_at })).await;
    let again = title(&site).await;
    assert_eq!((&again["hidden"], &again["times_finished"]), (&json!(true), &json!(1)));
}

#[actix_web::test]
async fn an_undo_sent_twice_under_one_key_is_given_once() {
    let site = site().await;
    let since = fell_asleep(&site).await;
    let key = SessionId::fresh(now());
    for recorded in [1, 0] {
        let request = site.client.post(format!("{}{ANNA}/undo", site.url));
        let request = request.header("idempotency-key", key.to_string());
        let reply = super::sent(request.json(&json!({ "since": since }))).await;
        assert_eq!(reply.ok()["recorded"], json!(recorded));
    }
    assert_eq!(position(&site, "film").await, json!(290_000));
}

#[actix_web::test]
async fn wrong_bodies_of_an_undo_are_refused_in_words() {
    let site = site().await;
    let path = format!("{ANNA}/undo");
    for body in [
        json!({}),
        json!({ "since": null }),
        json!({ "since": "a while ago" }),
        json!({ "since": 5 }),
        json!({ "since": now().plus_ms(600_000) }),
        json!({ "since": ago(60), "title": "" }),
        json!({ "since": ago(60), "title": "x".repeat(129) }),
        json!([ago(60)]),
        json!(null),
    ] {
        let reply = posted(&site, &path, "application/json", body.to_string()).await;
        let problem = reply.problem(422, "invalid_event");
        assert!(!problem["detail"].as_str().unwrap().is_empty(), "{body}");
    }
    for body in ["", " \n", "{", "since=yesterday"] {
        posted(&site, &path, "application/json", body).await.problem(400, "malformed");
    }
}
