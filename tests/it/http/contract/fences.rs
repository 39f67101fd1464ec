//! What was erased does not come back: not by the same facts, not by an import, not by a restart.

use serde_json::{Value, json};

use super::{ANNA, EVENTS, Play, asked, now, posted, record, site, titles, watched};
use crate::site::Site;

/// Every scope of an erasure, with how it is asked for.
fn scopes(play: &Play) -> [(&'static str, String); 4] {
    [
        ("DELETE", format!("{ANNA}/history/{}", play.session)),
        ("POST", format!("{ANNA}/titles/film/forget")),
        ("DELETE", ANNA.to_owned()),
        ("DELETE", "/v1/accounts/home".to_owned()),
    ]
}

async fn erase(site: &Site, (method, path): &(&'static str, String)) {
    let (status, receipt) = match *method {
        "POST" => site.post(path, &json!({})).await,
        _ => site.delete(path).await,
    };
    assert_eq!(status, 202, "{receipt}");
}

async fn refused_as_erased(site: &Site, facts: &[Value]) {
    let body = json!({ "events": facts }).to_string();
    let reply = posted(site, EVENTS, "application/json", body).await;
    let problem = reply.problem(410, "erased");
    let refused = problem["refused"].as_array().unwrap();
    assert_eq!(refused.len(), facts.len());
    assert!(refused.iter().all(|fact| fact["code"] == json!("erased")), "{problem}");
}

#[actix_web::test]
async fn facts_that_occurred_before_are_refused_and_newer_ones_are_welcome() {
    for at in 0..4 {
        let site = site().await;
        let play = watched(&site, Play::of("film", 3_600)).await;
        erase(&site, &scopes(&play)[at]).await;
        refused_as_erased(&site, &play.facts(30)).await;
        refused_as_erased(&site, &[play.fact(30, "progressed")]).await;
        let fresh = play.fact_with(31, "progressed", json!({ "at": null }));
        record(&site, vec![fresh]).await;
        let (_, session) = site.get(&format!("/v1/accounts/home/sessions/{}", play.session)).await;
        assert_eq!(session["facts"], json!(1), "{session}");
    }
}

#[actix_web::test]
async fn an_erasure_reaches_as_far_as_it_says_and_no_further() {
    for at in 0..4 {
        let site = site().await;
        let play = watched(&site, Play::of("film", 3_600)).await;
        erase(&site, &scopes(&play)[at]).await;
        let neighbours =
            [Play::of("film", 7_200), Play::of("other", 7_200), Play::by("ben", "film", 7_200)];
        for (place, neighbour) in neighbours.iter().enumerate() {
            let fact = neighbour.fact(0, "started");
            if place < at {
                refused_as_erased(&site, &[fact]).await;
            } else {
                record(&site, vec![fact]).await;
            }
        }
        let elsewhere = Play::of("film", 7_200).fact(0, "started");
        assert_eq!(site.post("/v1/accounts/away/events", &elsewhere).await.0, 200);
    }
}

#[actix_web::test]
async fn an_offline_upload_with_a_fast_clock_is_measured_by_when_it_occurred() {
    let site = site().await;
    let play = watched(&site, Play::of("film", 3_600)).await;
    erase(&site, &scopes(&play)[1]).await;
    let two_hours_ms = 7_200_000;
    let mut late = Play::of("film", 600);
    late.begun_at = late.begun_at.plus_ms(two_hours_ms);
    let envelope = json!({ "sent_at": now().plus_ms(two_hours_ms), "events": late.facts(30) });
    let (status, problem) = site.post(EVENTS, &envelope).await;
    assert_eq!((status, &problem["code"]), (410, &json!("erased")), "{problem}");
}

#[actix_web::test]
async fn a_batch_across_an_erasure_keeps_what_is_newer() {
    let site = site().await;
    let play = watched(&site, Play::of("film", 3_600)).await;
    erase(&site, &scopes(&play)[1]).await;
    let other = Play::of("other", 3_600);
    let facts = [play.fact(0, "started"), other.fact(0, "started"), play.fact(1, "progressed")];
    let (status, answer) = site.post(EVENTS, &json!({ "events": facts })).await;
    assert_eq!((status, &answer["recorded"]), (200, &json!(1)));
    let refused = answer["refused"].as_array().unwrap();
    let indexes: Vec<_> = refused.iter().map(|fact| &fact["index"]).collect();
    assert_eq!(indexes, [&json!(0), &json!(2)]);
}

#[actix_web::test]
async fn a_command_after_an_erasure_is_welcome() {
    for at in 0..4 {
        let site = site().await;
        let play = watched(&site, Play::of("film", 3_600)).await;
        erase(&site, &scopes(&play)[at]).await;
        let path = format!("{ANNA}/titles/film/position");
        let (status, answer) = site.post(&path, &json!({ "position_ms": 60_000 })).await;
        assert_eq!((status, &answer["recorded"]), (200, &json!(1)), "{answer}");
        let (_, resume) = site.get(&format!("{ANNA}/resume/film")).await;
        assert_eq!(resume["position_ms"], json!(60_000));
    }
}

#[actix_web::test]
async fn an_export_made_before_does_not_bring_back_what_was_erased() {
    let site = site().await;
    let play = watched(&site, Play::of("film", 3_600)).await;
    watched(&site, Play::of("other", 3_600)).await;
    site.post(&format!("{ANNA}/titles/film/hide"), &json!({})).await;
    let export = asked(&site, "/v1/accounts/home/export", &[]).await.body;
    erase(&site, &scopes(&play)[1]).await;
    let import = "/v1/accounts/home/import";
    let answer = posted(&site, import, "application/x-ndjson", export).await.ok();
    assert_eq!((&answer["recorded"], &answer["duplicates"]), (&json!(0), &json!(30)));
    let refused = answer["refused"].as_array().unwrap();
    assert_eq!(refused.len(), 31);
    assert!(refused.iter().all(|line| line["code"] == json!("erased")), "{answer}");
    assert_eq!(site.get(&format!("{ANNA}/titles/film")).await.0, 404);
}

#[actix_web::test]
async fn what_was_erased_stays_so_after_a_restart_and_nothing_else_is_lost() {
    let data = tempfile::tempdir().unwrap();
    let site = Site::on(data.path(), &[]).await;
    let play = watched(&site, Play::of("film", 3_600)).await;
    watched(&site, Play::of("other", 3_600)).await;
    watched(&site, Play::by("ben", "film", 3_600)).await;
    site.post(&format!("{ANNA}/titles/other/hide"), &json!({})).await;
    erase(&site, &scopes(&play)[1]).await;
    site.stop().await;

    let site = Site::on(data.path(), &[]).await;
    assert_eq!(titles(&site.get(&format!("{ANNA}/history")).await.1), ["other"]);
    assert_eq!(site.get(&format!("{ANNA}/titles/film")).await.0, 404);
    assert_eq!(site.get(&format!("{ANNA}/titles/other")).await.1["hidden"], json!(true));
    assert_eq!(site.get("/v1/accounts/home/profiles/ben/titles/film").await.0, 200);
    let export = asked(&site, "/v1/accounts/home/export", &[]).await;
    assert!(!export.text().contains(&play.session.to_string()));
    refused_as_erased(&site, &play.facts(30)).await;
    let again = Play::of("film", 0).fact_with(0, "started", json!({ "at": null }));
    record(&site, vec![again]).await;
    site.stop().await;
}

#[actix_web::test]
async fn nothing_but_a_hash_is_kept_of_an_erased_account() {
    let data = tempfile::tempdir().unwrap();
    let site = Site::on(data.path(), &[]).await;
    watched(&site, Play::of("film", 3_600)).await;
    erase(&site, &scopes(&Play::of("film", 0))[3]).await;
    site.stop().await;

    let site = Site::on(data.path(), &[]).await;
    for path in ["profiles", "profiles/anna/history", "profiles/anna/continue-watching"] {
        let (_, answer) = site.get(&format!("/v1/accounts/home/{path}")).await;
        assert_eq!(answer["items"], json!([]));
    }
    assert!(asked(&site, "/v1/accounts/home/export", &[]).await.body.is_empty());
    site.stop().await;
}
