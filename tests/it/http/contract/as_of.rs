//! How it was: answers as of an instant, and why a resume point is where it is.

use serde_json::{Value, json};

use super::{ANNA, Play, ago, asked, now, record, site, titles, watched};

#[actix_web::test]
async fn an_answer_as_of_an_instant_knows_nothing_later() {
    let site = site().await;
    let play = watched(&site, Play::of("film", 3_600)).await;
    watched(&site, Play::of("other", 1_800)).await;
    let then = play.begun_at.plus_ms(105_000);
    let (_, resume) = site.get(&format!("{ANNA}/resume/film?as_of={then}")).await;
    assert_eq!(resume["position_ms"], json!(100_000), "{resume}");
    assert_eq!((&resume["as_of"], &resume["source"]), (&json!(then), &json!("log")));
    let (_, history) = site.get(&format!("{ANNA}/history?as_of={then}")).await;
    assert_eq!(titles(&history), ["film"]);
    let (_, now) = site.get(&format!("/v1/accounts/home/now?as_of={then}")).await;
    assert_eq!(now["playing"][0]["session"], json!(play.session));
    let before = play.begun_at.plus_ms(-1_000);
    assert_eq!(site.get(&format!("{ANNA}/resume/film?as_of={before}")).await.0, 404);
    assert_eq!(site.get(&format!("{ANNA}/titles/film?as_of={before}")).await.0, 404);
}

#[actix_web::test]
async fn an_instant_may_have_an_offset_whose_plus_was_not_encoded() {
    let site = site().await;
    watched(&site, Play::of("film", 3_600)).await;
    for time in ["2099-01-01T00:00:00+01:00", "2099-01-01T00:00:00%2B01:00", "2099-01-01T00:00:00Z"]
    {
        let (status, resume) = site.get(&format!("{ANNA}/resume/film?as_of={time}")).await;
        assert_eq!((status, &resume["position_ms"]), (200, &json!(290_000)), "{resume}");
        assert!(resume["as_of"].as_str().unwrap() < "2099", "no answer is of the future");
    }
}

#[actix_web::test]
async fn commands_are_of_their_time_too() {
    let site = site().await;
    watched(&site, Play::of("film", 3_600)).await;
    let before = ago(1);
    let path = format!("{ANNA}/titles/film/position");
    site.post(&path, &json!({ "position_ms": 5_000 })).await;
    let (_, then) = site.get(&format!("{ANNA}/resume/film?as_of={before}")).await;
    assert_eq!(then["position_ms"], json!(290_000), "{then}");
    let (_, now) = site.get(&format!("{ANNA}/resume/film")).await;
    assert_eq!(now["position_ms"], json!(5_000));
}

#[actix_web::test]
async fn one_session_is_not_answered_as_of_an_instant() {
    let site = site().await;
    let play = watched(&site, Play::of("film", 3_600)).await;
    let path = format!("/v1/accounts/home/sessions/{}?as_of={}", play.session, now());
    asked(&site, &path, &[]).await.problem(400, "malformed");
}

#[actix_web::test]
async fn an_explanation_names_what_lost_and_why() {
    let site = site().await;
    let older = watched(&site, Play::of("film", 90_000)).await;
    let overruled = watched(&site, Play::of("film", 80_000)).await;
    let deciding = watched(&site, Play::of("film", 3_600)).await;
    let slip = Play::of("film", 600);
    record(&site, vec![slip.fact(0, "started")]).await;
    let path = format!("{ANNA}/resume/film?explain=true&after={}:0", slip.session);
    let (_, resume) = site.get(&path).await;
    let decided = &resume["explain"]["decided_by"];
    assert_eq!(decided["session"], json!(deciding.session));
    assert_eq!((&decided["seq"], &decided["kind"]), (&json!(29), &json!("stopped")));
    let others = resume["explain"]["others"].as_array().unwrap();
    let short: Vec<_> = others.iter().map(|other| (&other["session"], &other["reason"])).collect();
    let lost = |play: &Play, reason: &str| (json!(play.session), json!(reason));
    let expected = [lost(&slip, "did_not_claim"), lost(&overruled, "older"), lost(&older, "older")];
    let expected: Vec<(&Value, &Value)> = expected.iter().map(|(a, b)| (a, b)).collect();
    assert_eq!(short, expected);
}

#[actix_web::test]
async fn an_explanation_names_a_command_that_decided_and_plays_that_it_overruled() {
    let site = site().await;
    let play = watched(&site, Play::of("film", 3_600)).await;
    site.post(&format!("{ANNA}/titles/film/unwatched"), &json!({})).await;
    let path = format!("{ANNA}/titles/film/position");
    let (_, given) = site.post(&path, &json!({ "position_ms": 5_000 })).await;
    let (_, resume) = site.get(&format!("{ANNA}/resume/film?explain=true")).await;
    let decided = &resume["explain"]["decided_by"];
    assert_eq!(decided["session"], given["command"], "{given} {resume}");
    assert_eq!((&decided["kind"], &decided["seq"]), (&json!("position_set"), &json!(0)));
    let other = &resume["explain"]["others"][0];
    assert_eq!((&other["session"], &other["reason"]), (&json!(play.session), &json!("marked")));
}

#[actix_web::test]
async fn explanations_are_given_only_when_asked_for() {
    let site = site().await;
    watched(&site, Play::of("film", 3_600)).await;
    for (query, is_given) in [("", false), ("?explain=false", false), ("?explain=1", true)] {
        let (_, resume) = site.get(&format!("{ANNA}/resume/film{query}")).await;
        assert_eq!(!resume["explain"].is_null(), is_given, "{query}");
    }
    let at = ago(60);
    let path = format!("{ANNA}/resume/film?explain=true&as_of={at}");
    assert!(!site.get(&path).await.1["explain"].is_null());
}
