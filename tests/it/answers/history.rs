//! Watches, their pages, titles, watch time and profiles.

use viewlog::events::{Timestamp, Week};
use viewlog::projections::{
    By, HistoryQuery, MemoryViewsOptions, Policy, Source, WatchTimeQuery, When,
};

use super::{House, Played, anna};
use crate::support::{at, home, id, session};

#[actix_web::test]
async fn reloads_and_dropouts_are_one_watch() {
    let house = House::new();
    house.played(&Played::new(1, "film", 0)).await;
    house.played(&Played::new(2, "film", 900).span(590, 1_200)).await;
    house.played(&Played::new(3, "film", 50_000).span(1_200, 2_000)).await;
    let history = house.history(10).await;
    assert_eq!(history.len(), 2);
    assert_eq!(history[0].sessions, [session(3)]);
    assert_eq!(history[1].sessions, [session(1), session(2)]);
    assert_eq!(history[1].played_ms, 600_000 + 610_000);
    assert_eq!((history[1].started_at, history[1].last_at), (at(0), at(1_510)));
}

#[actix_web::test]
async fn two_sources_of_one_evening_are_one_watch_and_count_once() {
    let house = House::new();
    house.played(&Played::new(1, "film", 0).span(0, 1_000).source("jellyfin")).await;
    house.played(&Played::new(2, "film", 5).span(0, 990).source("plex")).await;
    let history = house.history(10).await;
    assert_eq!(history.len(), 1);
    assert_eq!(history[0].played_ms, 1_000_000);
    let query =
        WatchTimeQuery { from: None, to: None, by: By::Month, time_zone: chrono_tz::Tz::UTC };
    let time = house.answers.watch_time(&anna(), &query, When::default()).await.unwrap();
    assert_eq!(time.body.items[0].played_ms, 1_000_000);
}

#[actix_web::test]
async fn a_glimpse_is_no_history() {
    let house = House::new();
    house.played(&Played::new(1, "film", 0).span(0, 59)).await;
    assert!(house.history(10).await.is_empty());
    let title = house.answers.title(&anna(), &id("film"), When::default()).await.unwrap();
    assert!(title.unwrap().body.watches.is_empty());
}

#[actix_web::test]
async fn pages_give_every_watch_once_and_in_order() {
    let house = House::new();
    for number in 0..300u32 {
        let name: &'static str = ["a", "b", "c", "d", "e", "f", "g"][number as usize % 7];
        let begun = i64::from(number) * 700;
        house.played(&Played::new(u128::from(number), name, begun).span(0, 70)).await;
    }
    let mut query = HistoryQuery { limit: 23, ..HistoryQuery::default() };
    let mut all = Vec::new();
    loop {
        let page = house.answers.history(&anna(), &query, When::default()).await.unwrap().body;
        assert!(page.items.len() <= 23);
        all.extend(page.items);
        query.cursor = page.next;
        if query.cursor.is_none() {
            break;
        }
    }
    let sessions: usize = all.iter().map(|watch| watch.sessions.len()).sum();
    assert_eq!(sessions, 300);
    assert!(all.is_sorted_by_key(|watch| std::cmp::Reverse(watch.last_at)));
}

#[actix_web::test]
async fn history_is_narrowed_by_title_and_time() {
    let house = House::new();
    house.played(&Played::new(1, "a", 0)).await.played(&Played::new(2, "b", 10_000)).await;
    house.played(&Played::new(3, "a", 20_000)).await;
    let ask = async |from, to, title: Option<&str>| {
        let query = HistoryQuery { limit: 9, cursor: None, from, to, title: title.map(id) };
        let answer = house.answers.history(&anna(), &query, When::default()).await.unwrap();
        answer.body.items.iter().flat_map(|watch| watch.sessions.clone()).collect::<Vec<_>>()
    };
    assert_eq!(ask(None, None, Some("a")).await, [session(3), session(1)]);
    assert_eq!(ask(Some(at(10_300)), None, None).await, [session(3), session(2)]);
    assert_eq!(ask(None, Some(at(10_000)), None).await, [session(1)]);
    assert!(ask(Some(at(30_000)), None, None).await.is_empty());
}

#[actix_web::test]
async fn a_cursor_that_nobody_gave_is_refused() {
    let house = House::new();
    for cursor in ["", "x", "%%%", "AAAAAAAAAAAAAAAA"] {
        let query = HistoryQuery { limit: 9, cursor: Some(cursor.into()), ..Default::default() };
        assert!(house.answers.history(&anna(), &query, When::default()).await.is_err(), "{cursor}");
    }
}

#[actix_web::test]
async fn a_title_knows_what_was_seen_and_what_was_skipped() {
    let house = House::new();
    house.played(&Played::new(1, "film", 0).span(0, 900)).await;
    house.played(&Played::new(2, "film", 50_000).span(1_800, 2_700)).await;
    let answer = house.answers.title(&anna(), &id("film"), When::default()).await.unwrap();
    let title = answer.unwrap().body;
    assert_eq!(title.watched, [(0, 900_000), (1_800_000, 2_700_000)]);
    assert_eq!(title.skipped, [(900_000, 1_800_000), (2_700_000, 3_600_000)]);
    assert_eq!(title.share_seen, Some(0.5));
    assert_eq!((title.position_ms, title.watches.len()), (2_700_000, 2));
    assert!(house.answers.title(&anna(), &id("x"), When::default()).await.unwrap().is_none());
}

#[actix_web::test]
async fn watch_time_is_split_at_a_persons_own_midnight() {
    let house = House::new();
    // 2026-11-23 22:40 to 23:40 UTC is twenty minutes before and forty after midnight in Berlin.
    let begun = at(63_600);
    assert_eq!(begun, Timestamp::parse("2026-11-23T22:40:00Z").unwrap());
    house.played(&Played::new(1, "film", 63_600).span(0, 3_600)).await;
    let ask = async |by, zone: &str| {
        let query = WatchTimeQuery { from: None, to: None, by, time_zone: zone.parse().unwrap() };
        let answer = house.answers.watch_time(&anna(), &query, When::default()).await.unwrap();
        let items = answer.body.items.iter();
        items.map(|item| (item.from.to_string(), item.played_ms)).collect::<Vec<_>>()
    };
    assert_eq!(
        ask(By::Day, "Europe/Berlin").await,
        [
            ("2026-11-22T23:00:00.000Z".to_owned(), 1_200_000),
            ("2026-11-23T23:00:00.000Z".to_owned(), 2_400_000)
        ]
    );
    assert_eq!(ask(By::Day, "UTC").await, [("2026-11-23T00:00:00.000Z".to_owned(), 3_600_000)]);
    assert_eq!(ask(By::Month, "UTC").await, [("2026-11-01T00:00:00.000Z".to_owned(), 3_600_000)]);
    assert_eq!(ask(By::Week, "UTC").await, [("2026-11-23T00:00:00.000Z".to_owned(), 3_600_000)]);
}

#[actix_web::test]
async fn watch_time_counts_only_what_lies_inside_the_question() {
    let house = House::new();
    house.played(&Played::new(1, "film", 0).span(0, 3_600)).await;
    let query = WatchTimeQuery {
        from: Some(at(600)),
        to: Some(at(1_200)),
        by: By::Day,
        time_zone: chrono_tz::Tz::UTC,
    };
    let answer = house.answers.watch_time(&anna(), &query, When::default()).await.unwrap();
    assert_eq!(answer.body.items[0].played_ms, 600_000);
}

#[actix_web::test]
async fn profiles_do_not_mix() {
    let house = House::new();
    let mut berta = Played::new(2, "film", 20_000).span(0, 1_500);
    berta.about.profile = Some(id("berta"));
    house.played(&Played::new(1, "film", 0)).await.played(&berta).await;
    assert_eq!(house.resume("film").await.unwrap().position_ms, 600_000);
    let profiles = house.answers.profiles(&home(), When::default()).await.unwrap().body.items;
    let seen: Vec<_> = profiles.iter().map(|seen| (seen.profile.as_str(), seen.last_at)).collect();
    assert_eq!(seen, [("berta", at(21_500)), ("anna", at(600))]);
}

#[actix_web::test]
async fn a_profile_beyond_its_cap_is_answered_from_the_log_as_if_there_were_none() {
    let few = MemoryViewsOptions { plays_per_profile_max: 3, ..MemoryViewsOptions::default() };
    let capped = House::with(Policy::default(), few);
    let house = House::new();
    for house in [&house, &capped] {
        for (number, name) in (0..).zip(["a", "b", "c", "d", "a", "e"]) {
            let played = Played::new(number, name, i64::try_from(number).unwrap() * 9_000);
            house.played(&played).await;
        }
    }
    for _ in 0..2 {
        assert_eq!(capped.continue_watching().await, house.continue_watching().await);
        assert_eq!(capped.history(50).await, house.history(50).await);
        assert_eq!(capped.resume("a").await, house.resume("a").await);
    }
    let answer = capped.answers.continue_watching(&anna(), 50, When::default()).await.unwrap();
    assert_eq!(answer.source, Source::Log);
    let now = capped.answers.now(&home(), When::default()).await.unwrap();
    assert_eq!(now.source, Source::Views, "what is not capped stays in the views");
    assert_eq!(session(1).week(), Week::from_number(202_648));
}
