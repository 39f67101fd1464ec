//! A person's word on a title: known to the very next read, and given once however often it is
//! sent.

use serde_json::{Value, json};
use viewlog::events::SessionId;

use super::{ANNA, Play, ago, fields, now, posted, record, site, titles, watched};
use crate::site::Site;

/// Gives a command on Anna's film, and looks that it was recorded.
async fn said(site: &Site, command: &str, body: Value) -> Value {
    let (status, answer) = site.post(&format!("{ANNA}/titles/film/{command}"), &body).await;
    assert_eq!((status, &answer["recorded"]), (200, &json!(1)), "{answer}");
    answer
}

/// Gives a command under a key, and gives how many were recorded.
async fn keyed(site: &Site, path: &str, key: SessionId) -> Value {
    let request = site.client.post(format!("{}{ANNA}/{path}", site.url));
    let request = request.header("idempotency-key", key.to_string());
    super::sent(request).await.ok()["recorded"].clone()
}

async fn continued(site: &Site) -> Vec<String> {
    let (_, answer) = site.get(&format!("{ANNA}/continue-watching")).await;
    titles(&answer).into_iter().map(str::to_owned).collect()
}

async fn film(site: &Site) -> Value {
    site.get(&format!("{ANNA}/titles/film")).await.1
}

#[actix_web::test]
async fn a_hidden_title_leaves_continue_watching_at_once_and_nothing_else() {
    let site = site().await;
    watched(&site, Play::of("film", 3_600)).await;
    assert_eq!(continued(&site).await, ["film"]);
    let answer = said(&site, "hide", json!({})).await;
    assert_eq!(fields(&answer), ["command", "recorded"]);
    assert!(continued(&site).await.is_empty());
    assert_eq!(film(&site).await["hidden"], json!(true));
    assert_eq!(titles(&site.get(&format!("{ANNA}/history")).await.1), ["film"]);
    assert_eq!(site.get(&format!("{ANNA}/resume/film")).await.0, 200);

    said(&site, "show", json!({})).await;
    assert_eq!(continued(&site).await, ["film"]);
    assert_eq!(film(&site).await["hidden"], json!(false));
}

#[actix_web::test]
async fn playing_a_hidden_title_brings_it_back() {
    let site = site().await;
    watched(&site, Play::of("film", 3_600)).await;
    said(&site, "hide", json!({})).await;
    let again = Play::of("film", 0);
    let seek = again.fact_with(1, "seeked", json!({ "at": null, "position_ms": 500_000 }));
    record(&site, vec![again.fact_with(0, "started", json!({ "at": null })), seek]).await;
    let path = format!("{ANNA}/continue-watching?after={}:1", again.session);
    assert_eq!(titles(&site.get(&path).await.1), ["film"]);
}

#[actix_web::test]
async fn watched_counts_once_more_and_leaves_continue_watching() {
    let site = site().await;
    watched(&site, Play::of("film", 3_600)).await;
    assert_eq!(film(&site).await["times_finished"], json!(0));
    let path = format!("{ANNA}/titles/film/watched");
    assert_eq!(posted(&site, &path, "text/plain", "").await.ok()["recorded"], json!(1));
    assert!(continued(&site).await.is_empty());
    let title = film(&site).await;
    assert_eq!((&title["finished"], &title["times_finished"]), (&json!(true), &json!(1)));
    said(&site, "watched", json!({})).await;
    assert_eq!(film(&site).await["times_finished"], json!(2));
    let (_, resume) = site.get(&format!("{ANNA}/resume/film")).await;
    assert_eq!((&resume["finished"], &resume["resume_at_ms"]), (&json!(true), &json!(0)));
}

#[actix_web::test]
async fn watched_with_a_time_is_history_then() {
    let site = site().await;
    let at = ago(100_000);
    said(&site, "watched", json!({ "at": at })).await;
    let (_, history) = site.get(&format!("{ANNA}/history")).await;
    let watch = &history["items"][0];
    assert_eq!((&watch["title"], &watch["started_at"]), (&json!("film"), &json!(at)));
    assert_eq!((&watch["finished"], &watch["played_ms"]), (&json!(true), &json!(0)));
}

#[actix_web::test]
async fn unwatched_takes_back_finish_and_resume_point_but_not_history() {
    let site = site().await;
    let play = Play::of("film", 3_600);
    let mut facts = play.facts(30);
    facts[29] = play.fact_with(29, "stopped", json!({ "reason": "ended" }));
    record(&site, facts).await;
    assert_eq!(film(&site).await["finished"], json!(true));
    said(&site, "unwatched", json!({})).await;
    let title = film(&site).await;
    assert_eq!((&title["finished"], &title["times_finished"]), (&json!(false), &json!(0)));
    let (status, problem) = site.get(&format!("{ANNA}/resume/film")).await;
    assert_eq!((status, &problem["code"]), (404, &json!("no_resume_point")));
    assert_eq!(titles(&site.get(&format!("{ANNA}/history")).await.1), ["film"]);
}

#[actix_web::test]
async fn a_position_is_where_to_go_on_and_names_its_command() {
    let site = site().await;
    let play = watched(&site, Play::of("film", 3_600)).await;
    let answer = said(&site, "position", json!({ "position_ms": 1_234_567 })).await;
    let (_, resume) = site.get(&format!("{ANNA}/resume/film")).await;
    assert_eq!(resume["position_ms"], json!(1_234_567));
    assert_eq!(resume["resume_at_ms"], json!(1_229_567));
    assert_eq!(resume["session"], answer["command"]);
    assert_eq!(resume["alternatives"][0]["session"], json!(play.session));
    assert_eq!(resume["alternatives"][0]["position_ms"], json!(290_000));
}

#[actix_web::test]
async fn a_title_never_played_can_be_spoken_of() {
    let site = site().await;
    said(&site, "position", json!({ "position_ms": 60_000 })).await;
    let (_, resume) = site.get(&format!("{ANNA}/resume/film")).await;
    assert_eq!(resume["position_ms"], json!(60_000));
    assert_eq!(continued(&site).await, ["film"]);
    assert_eq!(
        site.get("/v1/accounts/home/profiles").await.1["items"][0]["profile"],
        json!("anna")
    );
}

#[actix_web::test]
async fn one_persons_word_is_nobody_elses() {
    let site = site().await;
    watched(&site, Play::of("film", 3_600)).await;
    watched(&site, Play::by("ben", "film", 3_600)).await;
    said(&site, "hide", json!({})).await;
    let (_, ben) = site.get("/v1/accounts/home/profiles/ben/continue-watching").await;
    assert_eq!((continued(&site).await, titles(&ben)), (vec![], vec!["film"]));
}

#[actix_web::test]
async fn a_command_sent_twice_under_one_key_is_given_once() {
    let site = site().await;
    let key = SessionId::fresh(now());
    assert_eq!(keyed(&site, "titles/film/watched", key).await, json!(1));
    assert_eq!(keyed(&site, "titles/film/watched", key).await, json!(0));
    assert_eq!(film(&site).await["times_finished"], json!(1));
    let other = SessionId::fresh(now());
    assert_eq!(keyed(&site, "titles/film/watched", other).await, json!(1));
    assert_eq!(film(&site).await["times_finished"], json!(2));
}

#[actix_web::test]
async fn a_repeated_hide_does_not_hide_what_was_played_since() {
    let site = site().await;
    watched(&site, Play::of("film", 3_600)).await;
    let key = SessionId::fresh(now());
    assert_eq!(keyed(&site, "titles/film/hide", key).await, json!(1));
    let again = Play::of("film", 0);
    let seek = again.fact_with(1, "seeked", json!({ "at": null, "position_ms": 500_000 }));
    record(&site, vec![again.fact_with(0, "started", json!({ "at": null })), seek]).await;
    let path = format!("{ANNA}/continue-watching?after={}:1", again.session);
    assert_eq!(titles(&site.get(&path).await.1), ["film"]);
    assert_eq!(keyed(&site, "titles/film/hide", key).await, json!(0));
    assert_eq!(continued(&site).await, ["film"]);
}

#[actix_web::test]
async fn a_key_that_was_used_gives_no_other_command() {
    let site = site().await;
    watched(&site, Play::of("film", 3_600)).await;
    watched(&site, Play::of("other", 7_200)).await;
    let key = SessionId::fresh(now());
    assert_eq!(keyed(&site, "titles/film/show", key).await, json!(1));
    for path in ["titles/film/hide", "titles/other/hide", "titles/other/watched"] {
        let request = site.client.post(format!("{}{ANNA}/{path}", site.url));
        let reply = super::sent(request.header("idempotency-key", key.to_string())).await;
        let problem = reply.problem(409, "conflicting_event");
        assert!(problem["detail"].as_str().unwrap().contains("another key"), "{problem}");
    }
    assert_eq!(keyed(&site, "titles/film/show", key).await, json!(0), "the same is a repetition");
    assert_eq!(continued(&site).await, ["film", "other"]);
    assert_eq!(film(&site).await["times_finished"], json!(0));
}

#[actix_web::test]
async fn a_key_of_one_undo_is_not_that_of_another_titles() {
    let site = site().await;
    let since = super::ago(1);
    for title in ["film", "other"] {
        let position = format!("{ANNA}/titles/{title}/position");
        assert_eq!(site.post(&position, &json!({ "position_ms": 7_000 })).await.0, 200);
    }
    let key = SessionId::fresh(now());
    let undo = async |title: &str| {
        let body = json!({ "since": since, "title": title });
        let request = site.client.post(format!("{}{ANNA}/undo", site.url)).json(&body);
        super::sent(request.header("idempotency-key", key.to_string())).await
    };
    assert_eq!(undo("film").await.ok()["recorded"], 1);
    assert_eq!(undo("film").await.ok()["recorded"], 0);
    undo("other").await.problem(409, "conflicting_event");
}

#[actix_web::test]
async fn a_key_is_a_uuid_of_version_7() {
    let site = site().await;
    for key in ["", "again", "7d444840-9dc0-41d1-b245-5ffdce74fad2"] {
        let request = site.client.post(format!("{}{ANNA}/titles/film/hide", site.url));
        let reply = super::sent(request.header("idempotency-key", key)).await;
        let problem = reply.problem(400, "malformed");
        assert!(problem["detail"].as_str().unwrap().starts_with("Idempotency-Key"), "{problem}");
    }
}

#[actix_web::test]
async fn wrong_bodies_of_commands_are_refused_in_words() {
    let site = site().await;
    let position = format!("{ANNA}/titles/film/position");
    for body in [
        "",
        "{}",
        "{\"position_ms\":null}",
        "{\"position_ms\":-1}",
        "{\"position_ms\":1.5}",
        "{\"position_ms\":\"1\"}",
        "{\"position_ms\":1e17}",
        "{\"position_ms\":99999999999999999}",
        "[1000]",
        "null",
        "5",
    ] {
        let problem = posted(&site, &position, "application/json", body).await;
        let detail = problem.problem(422, "invalid_event")["detail"].to_string();
        assert!(detail.contains("position_ms") || detail.contains("object"), "{detail}");
    }
    for body in ["{", "position_ms=5", "\u{0}", "{\"position_ms\":NaN}"] {
        posted(&site, &position, "application/json", body).await.problem(400, "malformed");
    }
    let watched = format!("{ANNA}/titles/film/watched");
    for body in [
        json!({ "at": "yesterday" }),
        json!({ "at": 5 }),
        json!({ "at": now().plus_ms(600_000) }),
        json!([null, now()]),
    ] {
        let reply = posted(&site, &watched, "application/json", body.to_string()).await;
        reply.problem(422, "invalid_event");
    }
    assert_eq!(site.get(&format!("{ANNA}/titles/film")).await.0, 404);
}

#[actix_web::test]
async fn a_command_that_is_none_is_not_found_and_the_others_are_named() {
    let site = site().await;
    for path in ["titles/film/explode", "titles/film/Hide", "titles/explode?title=film"] {
        let reply = posted(&site, &format!("{ANNA}/{path}"), "application/json", "{}").await;
        let problem = reply.problem(404, "not_found");
        assert!(problem["detail"].as_str().unwrap().contains("unwatched"), "{problem}");
    }
}

#[actix_web::test]
async fn the_title_of_a_command_may_stand_in_the_query() {
    let site = site().await;
    watched(&site, Play::of("a/b", 3_600)).await;
    for path in ["titles/hide?title=a/b", "titles/a%2Fb/hide"] {
        let (status, answer) = site.post(&format!("{ANNA}/{path}"), &json!({})).await;
        assert_eq!((status, &answer["recorded"]), (200, &json!(1)), "{answer}");
    }
    assert!(continued(&site).await.is_empty());
    let reply = posted(&site, &format!("{ANNA}/titles/hide"), "application/json", "{}").await;
    let problem = reply.problem(400, "malformed");
    assert!(problem["detail"].as_str().unwrap().starts_with("title"), "{problem}");
}

#[actix_web::test]
async fn any_read_can_be_told_to_include_a_command() {
    let site = site().await;
    let answer = said(&site, "position", json!({ "position_ms": 60_000 })).await;
    let command = answer["command"].as_str().unwrap();
    for path in ["resume/film", "titles/film", "continue-watching", "history", "watch-time"] {
        let (status, answer) = site.get(&format!("{ANNA}/{path}?after={command}:0")).await;
        assert_eq!(status, 200, "{path}: {answer}");
    }
}
