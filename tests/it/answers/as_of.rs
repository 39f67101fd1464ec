//! The past, freshness, and answers that say what they lack.

use viewlog::events::codec::encode_snapshot;
use viewlog::events::{Append, Compacted, EventRow, Order, SessionKey, SnapshotRow, fold};
use viewlog::projections::{AnswerError, Source, When};

use super::{House, Played, anna};
use crate::support::{at, home, id, session};

fn as_of(seconds: i64) -> When {
    When { as_of: Some(at(seconds)), after: None }
}

#[actix_web::test]
async fn the_first_answer_is_read_from_the_log_and_the_next_from_the_views() {
    let house = House::new();
    house.played(&Played::new(1, "film", 0)).await;
    let first = house.explained("film", When::default()).await;
    let second = house.explained("film", When::default()).await;
    assert_eq!((first.source, second.source), (Source::Log, Source::Views));
    assert_eq!(first.body.items, second.body.items);
    assert!(first.complete && second.complete && !second.stale);
}

#[actix_web::test]
async fn as_of_answers_from_what_had_occurred_by_then() {
    let house = House::new();
    house.played(&Played::new(1, "film", 0)).await;
    house.played(&Played::new(2, "film", 20_000).span(600, 1_200)).await;
    let position = async |seconds| {
        let items = house.explained("film", as_of(seconds)).await.body.items;
        items.first().map(|resume| resume.position_ms)
    };
    assert_eq!(position(-1).await, None);
    assert_eq!(position(305).await, Some(300_000), "the heartbeat before that instant");
    assert_eq!(position(10_000).await, Some(600_000));
    assert_eq!(position(20_105).await, Some(700_000));
    assert_eq!(position(90_000).await, Some(1_200_000));
    let now = house.answers.now(&home(), as_of(305)).await.unwrap();
    assert_eq!(now.body.playing.len(), 1);
    assert_eq!((now.as_of, now.source), (at(305), Source::Log));
}

#[actix_web::test]
async fn an_instant_inside_what_was_compacted_is_answered_in_part_and_says_so() {
    let house = House::new();
    let played = Played::new(1, "film", 0);
    house.played(&played).await;
    let mut state = fold(None, &played.events()).unwrap();
    state.compacted_through = Some(state.seq);
    let snapshot = SnapshotRow { session: state.session, body: encode_snapshot(&state) };
    let key = SessionKey { account: home(), session: state.session };
    house.log.compact(Compacted { key, snapshot, through: state.seq }).await.unwrap();
    let inside = house.explained("film", as_of(305)).await;
    assert!(!inside.complete && inside.body.items.is_empty());
    let title = house.answers.title(&anna(), &id("film"), as_of(305)).await;
    assert!(matches!(title, Err(AnswerError::Partial)), "a part is never a 404");
    let after = house.explained("film", as_of(700)).await;
    assert!(after.complete);
    assert_eq!(after.body.items[0].position_ms, 600_000);
    let explain = after.body.items[0].explain.clone().unwrap();
    assert_eq!(explain.decided_by.kind, "compacted");
}

#[actix_web::test]
async fn after_includes_a_fact_that_the_views_have_not_seen() {
    let house = House::new();
    house.played(&Played::new(1, "film", 0)).await;
    house.explained("film", When::default()).await;
    // Written behind the views' back.
    house.played(&Played::new(2, "film", 20_000).span(600, 1_200)).await;
    assert_eq!(house.resume("film").await.unwrap().position_ms, 600_000);
    let after = When { as_of: None, after: Some((session(2), 60)) };
    let answer = house.explained("film", after).await;
    assert_eq!(answer.body.items[0].position_ms, 1_200_000);
    assert_eq!(answer.source, Source::Views);
    for after in [(session(2), 61), (session(9), 0)] {
        let when = When { as_of: None, after: Some(after) };
        let refused = house.answers.now(&home(), when).await;
        assert!(matches!(refused, Err(AnswerError::After)));
    }
}

#[actix_web::test]
async fn damage_makes_every_answer_of_the_account_incomplete() {
    let house = House::new();
    house.played(&Played::new(1, "film", 0)).await;
    let mut append = Append::new(home());
    append.weeks.push(session(2).week());
    let order = Order { seq: 0, fingerprint: 0 };
    append.events.push(EventRow { session: session(2), order, body: vec![1, 2, 3] });
    house.log.append(&append).await.unwrap();
    for _ in 0..2 {
        let answer = house.explained("film", When::default()).await;
        assert_eq!((answer.complete, answer.source), (false, Source::Log));
        assert_eq!(answer.body.items[0].position_ms, 600_000, "neighbours are answered");
    }
}

#[actix_web::test]
async fn a_silent_player_is_not_playing_any_more() {
    let house = House::new();
    let mut events = Played::new(1, "film", 0).events();
    events.pop();
    house.append(session(1), &events).await;
    let playing = async |seconds| {
        house.clock.set(at(seconds));
        house.answers.now(&home(), When::default()).await.unwrap().body.playing.len()
    };
    assert_eq!(playing(600).await, 1);
    assert_eq!(playing(590 + 89).await, 1);
    assert_eq!(playing(590 + 91).await, 0);
}
