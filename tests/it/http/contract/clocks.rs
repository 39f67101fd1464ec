//! Devices whose clocks are wrong, and players that cannot number.

use serde_json::{Value, json};
use viewlog::events::Timestamp;

use super::{ANNA, EVENTS, Play, ago, now, posted, site};
use crate::site::Site;

const HOUR_MS: i64 = 3_600_000;

/// A playback of five minutes that ended now, as told by a device whose clock is off by so much.
fn told(ahead_ms: i64) -> (Play, Vec<Value>) {
    let mut play = Play::of("film", 300);
    play.begun_at = play.begun_at.plus_ms(ahead_ms);
    let facts = play.facts(31);
    (play, facts)
}

async fn session(site: &Site, play: &Play) -> Value {
    let (status, answer) = site.get(&format!("/v1/accounts/home/sessions/{}", play.session)).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

/// How far an answer's time lies from where it should.
fn off_ms(time: &Value, right: Timestamp) -> i64 {
    Timestamp::parse(time.as_str().unwrap()).unwrap().since_ms(right).abs()
}

#[actix_web::test]
async fn a_device_two_hours_off_is_put_right_by_its_own_stamp() {
    let site = site().await;
    for ahead_ms in [-2 * HOUR_MS, 2 * HOUR_MS] {
        let (play, facts) = told(ahead_ms);
        let envelope = json!({ "sent_at": now().plus_ms(ahead_ms), "events": facts });
        assert_eq!(site.post(EVENTS, &envelope).await.1["recorded"], json!(31));
        let session = session(&site, &play).await;
        assert_eq!(session["clock_offset_ms"], json!(-ahead_ms));
        assert!(off_ms(&session["started_at"], ago(300)) < 30_000, "{session}");
        assert!(off_ms(&session["last_at"], now()) < 30_000, "{session}");
        assert_eq!(session["played_ms"], json!(300_000));
    }
    let (_, history) = site.get(&format!("{ANNA}/history")).await;
    assert!(off_ms(&history["items"][0]["last_at"], now()) < 30_000, "{history}");
}

#[actix_web::test]
async fn the_stamp_may_stand_inside_a_fact_that_is_sent_alone_or_on_a_line() {
    let site = site().await;
    let (one, two) = (told(2 * HOUR_MS).0, told(2 * HOUR_MS).0);
    let stamp = json!({ "sent_at": now().plus_ms(2 * HOUR_MS) });
    let fact = one.fact_with(0, "started", stamp.clone());
    assert_eq!(site.post(EVENTS, &fact).await.1["recorded"], json!(1));
    let line = two.fact_with(0, "started", stamp).to_string();
    posted(&site, EVENTS, "application/x-ndjson", line).await.ok();
    for play in [one, two] {
        let session = session(&site, &play).await;
        assert_eq!(session["clock_offset_ms"], json!(-2 * HOUR_MS), "{session}");
    }
}

#[actix_web::test]
async fn a_few_seconds_are_the_network_and_no_clock() {
    let site = site().await;
    let (play, facts) = told(-20_000);
    let envelope = json!({ "sent_at": now().plus_ms(-20_000), "events": facts });
    assert_eq!(site.post(EVENTS, &envelope).await.1["recorded"], json!(31));
    assert_eq!(session(&site, &play).await["clock_offset_ms"], json!(0));
}

#[actix_web::test]
async fn without_a_stamp_a_clock_is_believed_up_to_the_present() {
    let site = site().await;
    let (late, facts) = told(-5 * HOUR_MS);
    assert_eq!(site.post(EVENTS, &json!({ "events": facts })).await.1["recorded"], json!(31));
    let (fast, facts) = told(2 * HOUR_MS);
    assert_eq!(site.post(EVENTS, &json!({ "events": facts })).await.1["recorded"], json!(31));
    let session_of_late = session(&site, &late).await;
    assert_eq!(session_of_late["started_at"], json!(late.begun_at));
    let session_of_fast = session(&site, &fast).await;
    assert!(off_ms(&session_of_fast["last_at"], now()) < 30_000, "{session_of_fast}");
}

#[actix_web::test]
async fn a_fast_clock_cannot_hold_the_resume_point_against_what_comes_later() {
    let site = site().await;
    let (_, facts) = told(20 * HOUR_MS);
    assert_eq!(site.post(EVENTS, &json!({ "events": facts })).await.1["recorded"], json!(31));
    let later = Play::of("film", 0);
    let mut facts = Vec::new();
    for (seq, kind) in [(0, "started"), (1, "seeked")] {
        facts.push(later.fact_with(seq, kind, json!({ "at": null, "position_ms": 77_000 })));
    }
    assert_eq!(site.post(EVENTS, &json!({ "events": facts })).await.1["recorded"], json!(2));
    let (_, resume) = site.get(&format!("{ANNA}/resume/film?after={}:1", later.session)).await;
    assert_eq!(resume["position_ms"], json!(77_000), "{resume}");
}

#[actix_web::test]
async fn a_time_may_be_written_with_any_offset() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let fact = play.fact_with(0, "started", json!({ "at": "2026-11-20T01:30:00.1239+05:30" }));
    assert_eq!(site.post(EVENTS, &fact).await.1["recorded"], json!(1));
    assert_eq!(session(&site, &play).await["started_at"], json!("2026-11-19T20:00:00.123Z"));
    let fact = play.fact_with(0, "started", json!({ "at": "2026-11-19T20:00:00.123Z" }));
    assert_eq!(site.post(EVENTS, &fact).await.1["duplicates"], json!(1));
}

#[actix_web::test]
async fn a_player_that_cannot_number_is_ordered_by_its_times() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let mut facts = play.facts(30);
    facts.iter_mut().for_each(|fact| *fact = super::with(fact.take(), json!({ "seq": null })));
    facts.rotate_left(11);
    let (_, answer) = site.post(EVENTS, &json!({ "events": facts })).await;
    assert_eq!(answer["recorded"], json!(30), "{answer}");
    let last_at = play.begun_at.plus_ms(290_000);
    assert_eq!(answer["sessions"][0]["seq"], json!(last_at.ms()));
    let (_, again) = site.post(EVENTS, &json!({ "events": facts })).await;
    assert_eq!((&again["recorded"], &again["duplicates"]), (&json!(0), &json!(30)));
    assert_eq!(again["sessions"], answer["sessions"]);

    let session = session(&site, &play).await;
    assert_eq!((&session["facts"], &session["missing"]), (&json!(30), &json!([])));
    assert_eq!((&session["played_ms"], &session["phase"]), (&json!(290_000), &json!("ended")));
    let after = format!("{ANNA}/titles/film?after={}:{}", play.session, last_at.ms());
    assert_eq!(site.get(&after).await.0, 200);
}

#[actix_web::test]
async fn two_facts_of_one_millisecond_are_both_kept_when_they_have_no_number() {
    let (site, play) = (site().await, Play::of("film", 3_600));
    let bare = |kind| play.fact_with(0, kind, json!({ "seq": null }));
    let (_, answer) =
        site.post(EVENTS, &json!({ "events": [bare("started"), bare("paused")] })).await;
    assert_eq!(answer["recorded"], json!(2), "{answer}");
    assert_eq!(session(&site, &play).await["facts"], json!(2));
}

#[actix_web::test]
async fn a_player_without_clock_and_numbers_is_ordered_by_arrival() {
    let (site, play) = (site().await, Play::of("film", 60));
    for (kind, position_ms) in [("started", 0), ("seeked", 600_000)] {
        let others = json!({ "seq": null, "at": null, "position_ms": position_ms });
        assert_eq!(site.post(EVENTS, &play.fact_with(0, kind, others)).await.0, 200);
    }
    let session = session(&site, &play).await;
    assert_eq!(session["position_ms"], json!(600_000));
    assert!(off_ms(&session["last_at"], now()) < 30_000, "{session}");
}
