//! What a person's word does, and what overrules it.

use viewlog::events::{MarkKind, Restored};
use viewlog::projections::{Lost, When};

use super::{House, Played, anna, title};
use crate::support::{at, id};

fn hidden(of: &str) -> MarkKind {
    MarkKind::TitleHidden { title: title(of) }
}

#[actix_web::test]
async fn a_hidden_title_leaves_continue_watching_until_it_is_played_again() {
    let house = House::new();
    house.played(&Played::new(1, "film", 0)).await.said(1, at(10_000), hidden("film")).await;
    assert!(house.continue_watching().await.is_empty());
    assert_eq!(house.resume("film").await.unwrap().position_ms, 600_000, "nothing is lost");
    assert_eq!(house.history(10).await.len(), 1);
    assert_eq!(house.times_finished("film").await, 0);

    let again = House::new();
    again.played(&Played::new(1, "film", 0)).await.said(1, at(10_000), hidden("film")).await;
    again.played(&Played::new(2, "film", 20_000)).await;
    assert_eq!(again.continue_watching().await, ["film"]);
}

#[actix_web::test]
async fn a_shown_title_is_back() {
    let house = House::new();
    house.played(&Played::new(1, "film", 0)).await.said(1, at(10_000), hidden("film")).await;
    house.said(2, at(10_001), MarkKind::TitleShown { title: title("film") }).await;
    assert_eq!(house.continue_watching().await, ["film"]);
}

#[actix_web::test]
async fn watched_counts_once_more_and_ends_continuing_until_played_again() {
    let watched = MarkKind::MarkedWatched { title: title("film"), watched_at: None };
    let house = House::new();
    house.played(&Played::new(1, "film", 0).span(0, 3_500)).await;
    house.played(&Played::new(2, "film", 20_000)).await;
    assert_eq!(house.times_finished("film").await, 1);
    assert_eq!(house.continue_watching().await, ["film"]);
    house.said(1, at(30_000), watched).await;
    assert_eq!(house.times_finished("film").await, 2);
    assert!(house.continue_watching().await.is_empty());
    let resume = house.resume("film").await.unwrap();
    assert_eq!((resume.finished, resume.resume_at_ms), (true, 0));
    assert_eq!(house.history(10).await.len(), 2, "nobody said when, so it is no watch");
}

#[actix_web::test]
async fn a_watch_told_with_its_time_is_history() {
    let watched_at = Some(at(-86_400));
    let house = House::new();
    house.played(&Played::new(1, "film", 0)).await;
    let kind = MarkKind::MarkedWatched { title: title("film"), watched_at };
    house.said(1, at(-86_400), kind).await;
    let history = house.history(10).await;
    assert_eq!(history.len(), 2);
    assert_eq!((history[1].started_at, history[1].finished), (at(-86_400), true));
    assert_eq!(house.continue_watching().await, ["film"], "it was played since");
}

#[actix_web::test]
async fn unwatched_plays_neither_count_nor_hold_a_resume_point() {
    let house = House::new();
    house.played(&Played::new(1, "film", 0).span(0, 3_500)).await;
    house.said(1, at(10_000), MarkKind::MarkedUnwatched { title: title("film") }).await;
    assert_eq!(house.times_finished("film").await, 0);
    assert_eq!(house.resume("film").await, None);
    let history = house.history(10).await;
    assert_eq!(history.len(), 1, "it was watched all the same");
    assert!(!history[0].finished);
    // Within the same watch, after the word.
    house.played(&Played::new(2, "film", 10_300).span(0, 60)).await;
    assert!(!house.history(10).await[0].finished);

    let again = House::new();
    again.played(&Played::new(1, "film", 0).span(0, 3_500)).await;
    again.said(1, at(10_000), MarkKind::MarkedUnwatched { title: title("film") }).await;
    again.played(&Played::new(2, "film", 20_000)).await;
    let resume = again.resume("film").await.unwrap();
    assert_eq!((resume.position_ms, resume.times_finished), (600_000, 0));
    assert_eq!(resume.explain.unwrap().others[0].reason, Lost::Marked);
}

#[actix_web::test]
async fn a_position_set_is_as_if_stopped_there() {
    let house = House::new();
    house.played(&Played::new(1, "film", 0)).await;
    let kind = MarkKind::PositionSet { title: title("film"), position_ms: 1_234_000 };
    house.said(1, at(10_000), kind).await;
    let resume = house.resume("film").await.unwrap();
    assert_eq!((resume.position_ms, resume.resume_at_ms), (1_234_000, 1_229_000));
    assert_eq!(resume.duration_ms, Some(3_600_000));
    assert_eq!(resume.explain.unwrap().decided_by.kind, "position_set");
    assert_eq!(resume.alternatives[0].position_ms, 600_000);

    let never = House::new();
    let kind = MarkKind::PositionSet { title: title("other"), position_ms: 60_000 };
    never.said(1, at(10_000), kind).await;
    assert_eq!(never.continue_watching().await, ["other"]);
}

#[actix_web::test]
async fn undo_goes_back_to_how_each_title_stood() {
    let house = House::new();
    house.played(&Played::new(1, "film", 0)).await;
    house.played(&Played::new(2, "series", 5_000)).await;
    house.said(1, at(6_000), hidden("series")).await;
    // Fell asleep: both played on to their ends.
    house.played(&Played::new(3, "film", 20_000).span(600, 3_600).ended()).await;
    house.played(&Played::new(4, "series", 25_000).span(600, 3_600).ended()).await;
    house.played(&Played::new(5, "third", 30_000).ended()).await;
    let restored = house.answers.restored(&anna(), at(20_000), None).await.unwrap();
    let stood = |title: &str, position_ms, hidden| Restored {
        title: id(title),
        position_ms,
        finished: false,
        times_finished: 0,
        hidden,
    };
    assert_eq!(
        restored,
        [
            stood("film", Some(600_000), false),
            stood("series", Some(600_000), true),
            stood("third", None, false)
        ]
    );
    let kind = MarkKind::Undone { since: at(20_000), titles: restored };
    house.said(2, at(40_000), kind).await;
    assert_eq!(house.continue_watching().await, ["film"]);
    assert_eq!(house.resume("film").await.unwrap().position_ms, 600_000);
    assert_eq!(house.resume("third").await, None);
    assert_eq!(house.times_finished("film").await, 0);
    assert_eq!(house.history(10).await.len(), 5, "history is what happened");
    assert!(house.answers.restored(&anna(), at(50_000), None).await.unwrap().is_empty());
}

#[actix_web::test]
async fn undo_leaves_what_was_finished_finished() {
    let house = House::new();
    house.played(&Played::new(1, "film", 0).ended()).await;
    // Somebody else looks at its beginning.
    house.played(&Played::new(2, "film", 20_000).span(0, 300)).await;
    let restored = house.answers.restored(&anna(), at(15_000), None).await.unwrap();
    let undone = MarkKind::Undone { since: at(15_000), titles: restored };
    house.said(1, at(40_000), undone.clone()).await;
    let resume = house.resume("film").await.unwrap();
    assert_eq!((resume.finished, resume.times_finished), (true, 1));
    assert_eq!((resume.position_ms, resume.resume_at_ms), (600_000, 0));
    assert!(house.continue_watching().await.is_empty());

    let again = House::new();
    again.played(&Played::new(1, "film", 0).ended()).await;
    again.said(1, at(40_000), undone).await;
    again.played(&Played::new(3, "film", 50_000).span(0, 300)).await;
    assert_eq!(again.continue_watching().await, ["film"], "played again it counts");
}

#[actix_web::test]
async fn undo_inside_a_session_finds_the_position_of_that_instant() {
    let house = House::new();
    house.played(&Played::new(1, "film", 0).span(0, 3_600).ended()).await;
    let restored = house.answers.restored(&anna(), at(1_000), Some(&id("film"))).await.unwrap();
    assert_eq!(restored[0].position_ms, Some(1_000_000));
    assert_eq!(restored[0].times_finished, 0);
    let other = house.answers.restored(&anna(), at(1_000), Some(&id("other"))).await.unwrap();
    assert!(other.is_empty());
}

#[actix_web::test]
async fn a_command_comes_after_whatever_it_acts_on() {
    let house = House::new();
    house.played(&Played::new(1, "film", 200_000)).await;
    let newest = house.answers.newest_moved_at(&anna(), &[id("film")]).await.unwrap();
    assert_eq!(newest, Some(at(200_600)), "a player's clock may run ahead of the server's");
    house.said(1, at(200_601), hidden("film")).await;
    let newest = house.answers.newest_moved_at(&anna(), &[id("film")]).await.unwrap();
    assert_eq!(newest, Some(at(200_601)));
    let answer = house.answers.continue_watching(&anna(), 9, When::default()).await.unwrap();
    assert!(answer.body.items.is_empty());
}
