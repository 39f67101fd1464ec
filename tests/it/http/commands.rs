//! What a person says of a title: recorded once, after everything it is meant to act on.

use serde_json::{Value, json};
use viewlog::events::{MarkKind, SessionId, TitleId};

use super::site::{Answer, EVENTS, Site, fact};
use crate::support::{at, eventually, home, id};

const ANNA: &str = "/v1/accounts/home/profiles/anna";

fn key(number: u128) -> String {
    SessionId::derived(at(0), 1_000 + number).to_string()
}

async fn say(site: &Site, command: &str, body: &Value) -> Answer {
    site.post(&format!("{ANNA}/titles/film/{command}"), body).await
}

async fn repeat(site: &Site, path: &str, key: &str, body: &Value) -> Answer {
    let request = site.request("POST", &format!("{ANNA}/{path}")).header("idempotency-key", key);
    site.ask(request.header("content-type", "application/json").body(body.to_string())).await
}

async fn continued(site: &Site) -> Vec<String> {
    let answer = site.call("GET", &format!("{ANNA}/continue-watching")).await;
    let items = answer.json["items"].as_array().unwrap().iter();
    items.map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

/// Views follow the log within a moment.
async fn film_comes_to_be_continued(site: &Site) {
    eventually("the film is to be continued", async || continued(site).await == ["film"]).await;
}

/// Anna's sitting of title `film`, begun and left `late_s` seconds into the test.
async fn sit(site: &Site, number: u128, late_s: i64) {
    let events = [0, 1, 2].map(|seq| {
        let kind = ["started", "progressed", "paused"][seq as usize];
        let mut fact = fact(number, seq, kind, u64::from(seq) * 60);
        fact["at"] = json!(at(late_s + i64::from(seq) * 60));
        fact
    });
    assert_eq!(site.post(EVENTS, &json!({"events": events})).await.recorded(), 3);
}

#[actix_web::test]
async fn each_command_writes_what_was_said() {
    let site = Site::start().await;
    let title = || -> TitleId { id("film") };
    let cases = [
        ("hide", json!({}), MarkKind::TitleHidden { title: title() }),
        ("show", json!({}), MarkKind::TitleShown { title: title() }),
        ("unwatched", json!({}), MarkKind::MarkedUnwatched { title: title() }),
        ("watched", json!({}), MarkKind::MarkedWatched { title: title(), watched_at: None }),
        (
            "watched",
            json!({"at": at(-86_400)}),
            MarkKind::MarkedWatched { title: title(), watched_at: Some(at(-86_400)) },
        ),
        (
            "position",
            json!({"position_ms": 812_000}),
            MarkKind::PositionSet { title: title(), position_ms: 812_000 },
        ),
    ];
    for (command, body, said) in cases {
        assert_eq!(say(&site, command, &body).await.recorded(), 1, "{command}");
        let marks = site.marks().await;
        let mark = marks.iter().find(|mark| mark.kind == said);
        let mark = mark.unwrap_or_else(|| panic!("{command}: {marks:?}"));
        assert_eq!(mark.profile.as_str(), "anna", "{command}");
        // Each comes after the one before, within one instant of the clock.
        assert!((0..10).contains(&mark.at.since_ms(at(3_600))), "{command}: {mark:?}");
        assert_eq!(mark.received_at, at(3_600), "{command}");
    }
    assert_eq!(site.marks().await.len(), 6);
}

#[actix_web::test]
async fn a_command_needs_no_body_unless_it_says_something() {
    let site = Site::start().await;
    for command in ["hide", "show", "watched", "unwatched"] {
        let path = format!("{ANNA}/titles/film/{command}");
        assert_eq!(site.call("POST", &path).await.recorded(), 1, "{command}");
    }
    let answer = site.call("POST", &format!("{ANNA}/titles/film/position")).await;
    assert!([400, 422].contains(&answer.status), "{answer:?}");
    answer.problem(answer.status, answer.json["code"].as_str().unwrap());
}

#[actix_web::test]
async fn a_repeated_key_records_once_and_is_the_commands_id() {
    let site = Site::start().await;
    let body = json!({"position_ms": 5_000});
    let first = repeat(&site, "titles/film/position", &key(1), &body).await;
    assert_eq!(first.recorded(), 1);
    site.clock.advance_ms(60_000);
    let again = repeat(&site, "titles/film/position", &key(1), &body).await;
    assert_eq!(again.recorded(), 0);
    let marks = site.marks().await;
    assert_eq!(marks.len(), 1);
    assert_eq!((marks[0].command.to_string(), marks[0].at), (key(1), at(3_600)));
    assert_eq!(repeat(&site, "titles/film/position", &key(2), &body).await.recorded(), 1);
}

#[actix_web::test]
async fn without_a_key_each_command_is_another() {
    let site = Site::start().await;
    for _ in 0..2 {
        assert_eq!(say(&site, "hide", &json!({})).await.recorded(), 1);
    }
    assert_eq!(site.marks().await.len(), 2);
}

#[actix_web::test]
async fn a_key_that_is_no_uuidv7_is_malformed() {
    let site = Site::start().await;
    for key in ["1", "", "8c0e5a9e-1d2f-4c3b-9a8b-1c2d3e4f5061", "\u{fc}"] {
        let answer = repeat(&site, "titles/film/hide", key, &json!({})).await;
        answer.problem(400, "malformed");
    }
    assert!(site.marks().await.is_empty());
}

#[actix_web::test]
async fn a_command_repeated_after_new_activity_does_not_undo_it() {
    let site = Site::start().await;
    sit(&site, 1, 0).await;
    film_comes_to_be_continued(&site).await;
    assert_eq!(repeat(&site, "titles/film/hide", &key(1), &json!({})).await.recorded(), 1);
    assert!(continued(&site).await.is_empty());
    site.clock.set(at(7_200));
    sit(&site, 2, 7_000).await;
    film_comes_to_be_continued(&site).await;
    site.clock.set(at(7_300));
    assert_eq!(repeat(&site, "titles/film/hide", &key(1), &json!({})).await.recorded(), 0);
    assert_eq!(continued(&site).await, ["film"], "the repeated command was given before");
}

#[actix_web::test]
async fn a_command_comes_after_what_it_acts_on_even_by_a_clock_that_went_back() {
    let site = Site::start().await;
    sit(&site, 1, 0).await;
    site.clock.set(at(60));
    assert_eq!(say(&site, "hide", &json!({})).await.recorded(), 1);
    assert_eq!(site.marks().await[0].at, at(120).plus_ms(1));
}

#[actix_web::test]
async fn a_position_must_be_one() {
    let site = Site::start().await;
    for body in [
        json!({}),
        json!({"position_ms": null}),
        json!({"position_ms": -1}),
        json!({"position_ms": 1.5}),
        json!({"position_ms": "12"}),
        json!({"position_ms": 9_007_199_254_740_993_u64}),
        json!([1]),
        json!(7),
    ] {
        say(&site, "position", &body).await.problem(422, "invalid_event");
    }
    for body in ["no", "{", "{\"position_ms\":NaN}"] {
        let path = format!("{ANNA}/titles/film/position");
        site.send(&path, None, body.into()).await.problem(400, "malformed");
    }
    assert!(site.marks().await.is_empty());
}

#[actix_web::test]
async fn nobody_has_watched_anything_in_the_future() {
    let site = Site::start().await;
    let answer = say(&site, "watched", &json!({"at": at(3_601)})).await;
    assert!(answer.problem(422, "invalid_event").contains("at"), "{answer:?}");
    say(&site, "watched", &json!({"at": "yesterday"})).await.problem(422, "invalid_event");
    assert!(site.marks().await.is_empty());
}

#[actix_web::test]
async fn what_is_hidden_leaves_continue_watching_at_once() {
    let site = Site::start().await;
    sit(&site, 1, 0).await;
    film_comes_to_be_continued(&site).await;
    say(&site, "hide", &json!({})).await;
    assert!(continued(&site).await.is_empty());
    say(&site, "show", &json!({})).await;
    assert_eq!(continued(&site).await, ["film"]);
    say(&site, "watched", &json!({})).await;
    assert!(continued(&site).await.is_empty());
}

#[actix_web::test]
async fn an_undo_writes_how_each_title_stood() {
    let site = Site::start().await;
    sit(&site, 1, 0).await;
    site.clock.set(at(4_000));
    say(&site, "position", &json!({"position_ms": 1_000})).await;
    site.post(&format!("{ANNA}/titles/other/watched"), &json!({})).await;
    let since = json!({"since": at(3_900)});
    let answer = repeat(&site, "undo", &key(9), &since).await;
    assert_eq!(answer.recorded(), 1);
    let marks = site.marks().await;
    let undone = marks.iter().find(|mark| mark.command.to_string() == key(9)).unwrap();
    let MarkKind::Undone { since, titles } = &undone.kind else { panic!("{undone:?}") };
    assert_eq!(*since, at(3_900));
    let film = titles.iter().find(|restored| restored.title.as_str() == "film").unwrap();
    assert_eq!((film.position_ms, film.times_finished), (Some(120_000), 0));
    let other = titles.iter().find(|restored| restored.title.as_str() == "other").unwrap();
    assert_eq!((other.position_ms, other.times_finished), (None, 0));
    assert!(undone.at > at(4_000), "it comes after what it takes back: {undone:?}");
    let answer = site.call("GET", &format!("{ANNA}/resume/film")).await;
    assert_eq!(answer.json["position_ms"], 120_000, "{answer:?}");
    let again = repeat(&site, "undo", &key(9), &json!({"since": at(3_900)})).await;
    assert_eq!(again.recorded(), 0);
}

#[actix_web::test]
async fn an_undo_of_one_title_leaves_the_others() {
    let site = Site::start().await;
    for title in ["film", "other"] {
        site.post(&format!("{ANNA}/titles/{title}/watched"), &json!({})).await;
    }
    let body = json!({"since": at(0), "title": "other"});
    assert_eq!(site.post(&format!("{ANNA}/undo"), &body).await.recorded(), 1);
    let titles = site.marks().await.into_iter().find_map(|mark| match mark.kind {
        MarkKind::Undone { titles, .. } => Some(titles),
        _ => None,
    });
    let titles: Vec<_> = titles.unwrap().into_iter().map(|restored| restored.title).collect();
    assert_eq!(titles, [id("other")]);
}

#[actix_web::test]
async fn an_undo_must_say_since_when() {
    let site = Site::start().await;
    for body in [json!({}), json!({"since": null}), json!({"since": 7}), json!({"since": "noon"})] {
        let answer = site.post(&format!("{ANNA}/undo"), &body).await;
        answer.problem(422, "invalid_event");
    }
    let wrong_title = json!({"since": at(0), "title": ""});
    site.post(&format!("{ANNA}/undo"), &wrong_title).await.problem(422, "invalid_event");
    site.send(&format!("{ANNA}/undo"), None, vec![]).await.problem(400, "malformed");
    assert!(site.marks().await.is_empty());
}

#[actix_web::test]
async fn commands_of_one_profile_are_nothing_to_another() {
    let site = Site::start().await;
    sit(&site, 1, 0).await;
    site.post("/v1/accounts/home/profiles/ben/titles/film/hide", &json!({})).await;
    film_comes_to_be_continued(&site).await;
    assert_eq!(site.log.marks(&home()).await.unwrap()[0].profile.as_str(), "ben");
}
