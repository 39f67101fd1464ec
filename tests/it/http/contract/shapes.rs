//! The fields of every answer, exactly as the contract lists them, beside `media` of a title.

use serde_json::{Value, json};

use super::{ANNA, Play, fields, record, site};
use crate::site::Site;

const AROUND: [&str; 4] = ["as_of", "complete", "source", "stale"];
const TITLE: [&str; 6] = ["episode", "media", "name", "season", "series", "title"];

fn sorted(parts: &[&[&'static str]]) -> Vec<&'static str> {
    let mut all = parts.concat();
    all.sort_unstable();
    all
}

/// Anna's episode with everything that can be said of it, watched long ago and playing now.
async fn episode(site: &Site) -> [Play; 2] {
    let said = json!({
        "media": "episode", "name": "The Kingsroad", "series": "Game of Thrones", "season": 1,
        "episode": 2, "source": "jellyfin", "autoplay": true,
    });
    let plays = [Play::of("tt0944947:s1e2", 90_000), Play::of("tt0944947:s1e2", 290)];
    for play in &plays {
        let facts = play.facts(30).into_iter().take(29);
        record(site, facts.map(|fact| super::with(fact, said.clone())).collect()).await;
    }
    plays
}

async fn answered(site: &Site, path: &str) -> Value {
    let (status, answer) = site.get(path).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!((&answer["stale"], &answer["complete"]), (&json!(false), &json!(true)));
    assert!(["views", "log"].contains(&answer["source"].as_str().unwrap()));
    let as_of = answer["as_of"].as_str().unwrap();
    assert!(as_of.len() == 24 && as_of.ends_with('Z'), "{as_of}");
    answer
}

#[actix_web::test]
async fn what_is_playing_has_its_fields() {
    let site = site().await;
    let [_, play] = episode(&site).await;
    let now = answered(&site, "/v1/accounts/home/now").await;
    assert_eq!(fields(&now), sorted(&[&AROUND, &["playing"]]));
    let playing = now["playing"].as_array().unwrap();
    assert_eq!(playing.len(), 1, "{now}");
    let own = [
        "device",
        "duration_ms",
        "last_at",
        "moved_at",
        "phase",
        "position_ms",
        "profile",
        "rate",
        "session",
        "version",
    ];
    assert_eq!(fields(&playing[0]), sorted(&[&TITLE, &own]));
    let expected = json!({
        "session": play.session, "profile": "anna", "title": "tt0944947:s1e2",
        "name": "The Kingsroad", "series": "Game of Thrones", "season": 1, "episode": 2,
        "media": "episode", "device": "tv", "phase": "playing", "position_ms": 280_000,
        "duration_ms": 3_600_000, "rate": 1.0, "version": playing[0]["version"],
        "moved_at": play.begun_at.plus_ms(280_000), "last_at": play.begun_at.plus_ms(280_000),
    });
    assert_eq!(playing[0], expected);
    assert!(playing[0]["version"].is_string(), "opaque");
}

#[actix_web::test]
async fn a_resume_point_has_its_fields() {
    let site = site().await;
    let [old, play] = episode(&site).await;
    let own = [
        "alternatives",
        "device",
        "duration_ms",
        "finished",
        "moved_at",
        "position_ms",
        "resume_at_ms",
        "session",
        "times_finished",
    ];
    let resume = answered(&site, &format!("{ANNA}/resume/tt0944947:s1e2")).await;
    assert_eq!(fields(&resume), sorted(&[&AROUND, &TITLE, &own]));
    assert_eq!(resume["resume_at_ms"], json!(275_000));
    assert_eq!((&resume["finished"], &resume["times_finished"]), (&json!(false), &json!(0)));
    let alternative = json!({
        "position_ms": 280_000, "session": old.session, "device": "tv",
        "moved_at": old.begun_at.plus_ms(280_000),
    });
    assert_eq!(resume["alternatives"], json!([alternative]));
    assert_eq!(resume["session"], json!(play.session));
    for path in ["continue-watching", "resume?titles=tt0944947:s1e2"] {
        let list = answered(&site, &format!("{ANNA}/{path}")).await;
        assert_eq!(fields(&list), sorted(&[&AROUND, &["items"]]));
        assert_eq!(fields(&list["items"][0]), sorted(&[&TITLE, &own]));
    }
}

#[actix_web::test]
async fn an_explanation_has_its_fields() {
    let site = site().await;
    let [old, play] = episode(&site).await;
    let resume = answered(&site, &format!("{ANNA}/resume/tt0944947:s1e2?explain=true")).await;
    let explain = &resume["explain"];
    let expected = json!({
        "decided_by": {
            "session": play.session, "seq": 28, "kind": "progressed",
            "at": play.begun_at.plus_ms(280_000),
        },
        "others": [{
            "session": old.session, "position_ms": 280_000, "reason": "older",
            "moved_at": old.begun_at.plus_ms(280_000),
        }],
    });
    assert_eq!(explain, &expected);
}

const WATCH: [&str; 10] = [
    "autoplay",
    "device",
    "duration_ms",
    "finished",
    "last_at",
    "played_ms",
    "position_ms",
    "sessions",
    "source",
    "started_at",
];

#[actix_web::test]
async fn a_history_has_its_fields() {
    let site = site().await;
    let [old, play] = episode(&site).await;
    let history = answered(&site, &format!("{ANNA}/history?limit=1")).await;
    assert_eq!(fields(&history), sorted(&[&AROUND, &["items", "next"]]));
    let watch = &history["items"][0];
    assert_eq!(fields(watch), sorted(&[&TITLE, &WATCH]));
    assert_eq!(watch["sessions"], json!([play.session]));
    assert_eq!((&watch["played_ms"], &watch["position_ms"]), (&json!(280_000), &json!(280_000)));
    assert_eq!((&watch["autoplay"], &watch["source"]), (&json!(true), &json!("jellyfin")));
    let next = format!("{ANNA}/history?cursor={}", history["next"].as_str().unwrap());
    let last = answered(&site, &next).await;
    assert_eq!(last["items"][0]["sessions"], json!([old.session]));
    assert_eq!(fields(&last), sorted(&[&AROUND, &["items"]]));
}

#[actix_web::test]
async fn a_title_has_its_fields() {
    let site = site().await;
    episode(&site).await;
    let title = answered(&site, &format!("{ANNA}/titles/tt0944947:s1e2")).await;
    let own = [
        "approximate",
        "duration_ms",
        "finished",
        "hidden",
        "position_ms",
        "share_seen",
        "skipped",
        "times_finished",
        "watched",
        "watches",
    ];
    assert_eq!(fields(&title), sorted(&[&AROUND, &TITLE, &own]));
    assert_eq!(title["watched"], json!([[0, 280_000]]));
    assert_eq!(title["skipped"], json!([[280_000, 3_600_000]]));
    let share = title["share_seen"].as_f64().unwrap();
    assert!((share - 280.0 / 3_600.0).abs() < 1e-9, "{share}");
    let watches = title["watches"].as_array().unwrap();
    assert_eq!(watches.len(), 2);
    assert!(watches.iter().all(|watch| fields(watch) == sorted(&[&TITLE, &WATCH])));
}

#[actix_web::test]
async fn watch_time_and_profiles_have_their_fields() {
    let site = site().await;
    let [_, play] = episode(&site).await;
    let time = answered(&site, &format!("{ANNA}/watch-time?by=month")).await;
    assert!(
        time["items"].as_array().unwrap().iter().all(|one| fields(one) == ["from", "played_ms"])
    );
    let played: u64 = time["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["played_ms"].as_u64().unwrap())
        .sum();
    assert_eq!(played, 560_000);
    let profiles = answered(&site, "/v1/accounts/home/profiles").await;
    let last_at = play.begun_at.plus_ms(280_000);
    assert_eq!(profiles["items"], json!([{ "profile": "anna", "last_at": last_at }]));
}

#[actix_web::test]
async fn a_session_has_its_fields() {
    let site = site().await;
    let [_, play] = episode(&site).await;
    let session = answered(&site, &format!("/v1/accounts/home/sessions/{}", play.session)).await;
    for field in ["missing", "conflict", "clock_offset_ms", "seq", "phase", "position_ms"] {
        assert!(!session[field].is_null(), "{field}: {session}");
    }
    assert_eq!((&session["missing"], &session["conflict"]), (&json!([]), &json!(false)));
}

#[actix_web::test]
async fn a_problem_has_its_fields_and_no_more_than_its_case_needs() {
    let site = site().await;
    let problem = super::asked(&site, "/nowhere", &[]).await.problem(404, "not_found");
    assert_eq!(fields(&problem), ["code", "detail", "status", "title", "type"]);
    let reply = super::posted(&site, super::EVENTS, "application/json", "{}").await;
    let problem = reply.problem(422, "invalid_event");
    assert_eq!(fields(&problem), ["code", "detail", "refused", "status", "title", "type"]);
    assert_eq!(fields(&problem["refused"][0]), ["code", "detail", "index"]);
}
