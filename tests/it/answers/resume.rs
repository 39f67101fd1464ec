//! Resume points and continue watching.

use viewlog::events::{Event, Fact, Kind, Media, SessionId};
use viewlog::projections::{Lost, Policy, When};

use super::{House, Played};
use crate::support::{at, id, session};

#[actix_web::test]
async fn the_play_moved_last_decides_and_the_others_are_offered() {
    let house = House::new();
    for (number, at_s, to_s) in [(1, 0, 700), (2, 50_000, 900), (3, 20_000, 800)] {
        house.played(&Played::new(number, "film", at_s).span(0, to_s)).await;
    }
    let resume = house.resume("film").await.unwrap();
    assert_eq!((resume.position_ms, resume.session), (900_000, session(2)));
    assert_eq!(resume.resume_at_ms, 895_000);
    let others: Vec<_> = resume.alternatives.iter().map(|other| other.position_ms).collect();
    assert_eq!(others, [800_000, 700_000]);
}

#[actix_web::test]
async fn the_answer_explains_what_decided_and_why_others_did_not() {
    let house = House::new();
    house.played(&Played::new(1, "film", 0)).await;
    house.played(&Played::new(2, "film", 50_000).span(100, 105)).await;
    let resume = house.resume("film").await.unwrap();
    assert_eq!(resume.session, session(1), "five seconds claim nothing");
    let explain = resume.explain.unwrap();
    assert_eq!(explain.decided_by.kind, "stopped");
    assert_eq!((explain.decided_by.seq, explain.decided_by.at), (60, at(600)));
    assert_eq!(explain.others[0].reason, Lost::DidNotClaim);
}

#[actix_web::test]
async fn a_seek_and_a_bookmark_claim_at_once() {
    let house = House::new();
    house.played(&Played::new(1, "film", 0)).await;
    let mut seek = Fact::new(session(2), Kind::Seeked, 2_000_000);
    seek.seq = Some(1);
    seek.at = Some(at(50_003));
    let mut events = Played::new(2, "film", 50_000).span(0, 1).events();
    events.truncate(1);
    events.push(Event::new(seek, at(50_004), None));
    house.append(session(2), &events).await;
    assert_eq!(house.resume("film").await.unwrap().position_ms, 2_000_000);

    let mut bookmark = Played::new(3, "film", 60_000).span(7, 8).source("netflix");
    bookmark.about.bookmark = Some(true);
    house.answers.now(&crate::support::home(), When::default()).await.unwrap();
    let house = House::new();
    house.played(&Played::new(1, "film", 0)).await.played(&bookmark).await;
    assert_eq!(house.resume("film").await.unwrap().position_ms, 8_000);
}

#[actix_web::test]
async fn a_paused_night_does_not_move_the_resume_point() {
    let house = House::new();
    let mut events = Played::new(1, "film", 0).events();
    events.pop();
    for (seq, seconds) in (60..).zip([600, 30_000, 60_000]) {
        let mut fact = Fact::new(session(1), Kind::Paused, 590_000);
        (fact.seq, fact.at) = (Some(seq), Some(at(seconds)));
        events.push(Event::new(fact, at(seconds), None));
    }
    house.append(session(1), &events).await;
    house.played(&Played::new(2, "film", 20_000).span(600, 1_200)).await;
    assert_eq!(house.resume("film").await.unwrap().position_ms, 1_200_000);
}

#[actix_web::test]
async fn continue_watching_is_newest_first_without_what_was_finished() {
    let house = House::new();
    house.played(&Played::new(1, "old", 0)).await;
    house.played(&Played::new(2, "new", 20_000)).await;
    house.played(&Played::new(3, "done", 30_000).span(0, 3_500)).await;
    house.played(&Played::new(4, "glimpsed", 40_000).span(0, 5)).await;
    assert_eq!(house.continue_watching().await, ["new", "old"]);
    house.played(&Played::new(5, "series", 50_000).ended()).await;
}

#[actix_web::test]
async fn continue_watching_reaches_as_far_back_as_its_limit_asks() {
    let house = House::new();
    let names: Vec<String> = (0..150).map(|number| format!("title-{number:03}")).collect();
    for (number, name) in (0..).zip(&names) {
        let mut played = Played::new(number, "x", i64::try_from(number).unwrap() * 10);
        played = played.span(0, 20);
        let mut events = played.events();
        for event in &mut events {
            event.fact.about.as_mut().unwrap().title = Some(id(name));
        }
        house.append(played.session, &events).await;
    }
    let answer = house.answers.continue_watching(&super::anna(), 140, When::default()).await;
    let items = answer.unwrap().body.items;
    assert_eq!(items.len(), 140);
    let found: Vec<_> = items.iter().map(|item| item.title.title.to_string()).collect();
    let expected: Vec<String> = names.iter().rev().take(140).cloned().collect();
    assert_eq!(found, expected);
}

#[actix_web::test]
async fn trailers_are_not_continued_and_another_policy_answers_the_past_anew() {
    let mut trailer = Played::new(1, "trailer", 0);
    trailer.about.media = Some(Media::Trailer);
    let house = House::new();
    house.played(&trailer).await;
    assert!(house.continue_watching().await.is_empty());
    assert!(house.resume("trailer").await.is_some(), "it is still known where it stopped");

    let mut policy = Policy::default();
    policy.by_media.clear();
    policy.otherwise.finished_share = 0.1;
    let house = House::with(policy, viewlog::projections::MemoryViewsOptions::default());
    house.played(&trailer).await;
    assert!(house.continue_watching().await.is_empty(), "600 of 3,600 s is finished now");
    assert!(house.resume("trailer").await.unwrap().finished);
}

#[actix_web::test]
async fn a_title_of_unknown_length_is_never_finished_by_playing() {
    let house = House::new();
    let mut played = Played::new(1, "film", 0).span(0, 5_000);
    played.duration_s = None;
    house.played(&played).await;
    let resume = house.resume("film").await.unwrap();
    assert_eq!((resume.finished, resume.times_finished), (false, 0));
    house.played(&Played { session: session(2), at_s: 50_000, ..played.ended() }).await;
    let other = House::new();
    let mut ended = Played::new(1, "film", 0).span(0, 60).ended();
    ended.duration_s = None;
    other.played(&ended).await;
    let resume = other.resume("film").await.unwrap();
    assert_eq!((resume.finished, resume.resume_at_ms, resume.times_finished), (true, 0, 1));
}

#[actix_web::test]
async fn many_titles_are_asked_at_once_and_those_without_a_point_left_out() {
    let house = House::new();
    house.played(&Played::new(1, "a", 0)).await.played(&Played::new(2, "b", 9_000)).await;
    let titles = [id("b"), id("unknown"), id("a")];
    let asked = (When::default(), false);
    let answer = house.answers.resume(&super::anna(), &titles, asked).await.unwrap();
    let found: Vec<_> = answer.body.items.iter().map(|item| item.title.title.as_str()).collect();
    assert_eq!(found, ["b", "a"]);
    assert!(answer.body.items[0].explain.is_none());
}

#[actix_web::test]
async fn two_plays_moved_at_one_instant_are_decided_by_their_ids() {
    let house = House::new();
    let first = SessionId::derived(at(0), 7);
    let second = SessionId::derived(at(0), 8);
    for (session, to_s) in [(second, 300), (first, 200)] {
        let mut played = Played::new(0, "film", 1_000 - to_s);
        played.session = session;
        house.played(&played.span(0, u64::try_from(to_s).unwrap())).await;
    }
    assert_eq!(house.resume("film").await.unwrap().session, second);
}
