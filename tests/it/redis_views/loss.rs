//! Whatever Redis loses, an answer is right or the log is asked.

use std::time::Duration;

use viewlog::events::Slice;
use viewlog::projections::{Position, Select, ViewStore};

use super::{
    all_ways, begun, filled, keys, lose_key, merge, play, query, texts, told, values, views_idle,
    views_on,
};
use crate::servers::OwnRedis;
use crate::support::{at, eventually, home};

#[tokio::test]
async fn a_flush_in_the_middle_of_a_fill_overtakes_it() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_on(&server);
    let mut fill = begun(&store, &home()).await;
    assert!(store.fill(&mut fill, vec![play(1, 1, "a")]).await.unwrap());
    server.flush();
    assert!(!store.fill(&mut fill, vec![play(2, 1, "b")]).await.unwrap());
    assert!(!store.end_fill(fill, true).await.unwrap());
    assert_eq!(values(&store).await, None);
    filled(&store, &home(), vec![play(1, 1, "a"), play(2, 1, "b")]).await;
    assert_eq!(values(&store).await.unwrap(), ["a", "b"]);
}

#[tokio::test]
async fn a_flush_just_before_its_end_overtakes_a_fill() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_on(&server);
    let mut fill = begun(&store, &home()).await;
    assert!(store.fill(&mut fill, vec![play(1, 1, "a")]).await.unwrap());
    server.flush();
    let mut second = begun(&store, &home()).await;
    assert!(!store.end_fill(fill, true).await.unwrap());
    assert!(store.fill(&mut second, vec![play(1, 1, "a")]).await.unwrap());
    assert!(store.end_fill(second, true).await.unwrap());
    assert_eq!(values(&store).await.unwrap(), ["a"]);
}

#[tokio::test]
async fn a_flush_between_merges_is_a_missing_marker_and_no_wrong_answer() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_on(&server);
    filled(&store, &home(), vec![play(1, 1, "a")]).await;
    merge(&store, play(2, 1, "b")).await;
    server.flush();
    merge(&store, play(3, 1, "c")).await;
    assert_eq!(values(&store).await, None);
    assert_eq!(keys(&server, "*"), 0, "what nobody reads takes no room");
}

#[tokio::test]
async fn a_server_that_forgot_its_scripts_is_told_them_again() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_on(&server);
    filled(&store, &home(), vec![play(1, 1, "a")]).await;
    () = told(&server, &["SCRIPT", "FLUSH"]);
    merge(&store, play(2, 1, "b")).await;
    () = told(&server, &["SCRIPT", "FLUSH"]);
    assert_eq!(values(&store).await.unwrap(), ["a", "b"]);
    assert!(store.standing().ok);
}

#[tokio::test]
async fn a_server_that_crashes_is_asked_again_with_what_it_kept() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_on(&server);
    filled(&store, &home(), vec![play(1, 1, "a")]).await;
    server.kill(1);
    store.read(&home(), &all_ways()).await.unwrap_err();
    server.start_again(1);
    eventually("it answers again", async || store.read(&home(), &[]).await.is_ok()).await;
    assert_eq!(values(&store).await.unwrap(), ["a"]);
}

#[tokio::test]
async fn a_fill_of_which_an_older_state_forgot_a_part_completes_nothing() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_on(&server);
    let mut fill = begun(&store, &home()).await;
    assert!(store.fill(&mut fill, vec![play(1, 1, "a")]).await.unwrap());
    let snapshot = server.snapshot(1);
    assert!(store.fill(&mut fill, vec![play(2, 1, "b")]).await.unwrap());
    server.restore(1, &snapshot);
    eventually("it answers again", async || store.read(&home(), &[]).await.is_ok()).await;
    assert!(!store.end_fill(fill, true).await.unwrap());
    assert_eq!(values(&store).await, None);
}

#[tokio::test]
async fn positions_go_back_with_the_entries_they_vouch_for() {
    let Some(server) = OwnRedis::one() else { return };
    let (store, slice) = (views_on(&server), Slice::of(&home()));
    filled(&store, &home(), vec![play(1, 1, "old")]).await;
    store.advance(slice, Position::Swept, at(10)).await.unwrap();
    let snapshot = server.snapshot(1);
    merge(&store, play(1, 2, "new")).await;
    store.advance(slice, Position::Swept, at(20)).await.unwrap();
    server.restore(1, &snapshot);
    eventually("it answers again", async || store.read(&home(), &[]).await.is_ok()).await;
    assert_eq!(store.position(slice, Position::Swept).await.unwrap(), Some(at(10)));
    assert_eq!(values(&store).await.unwrap(), ["old"]);
    merge(&store, play(1, 2, "new")).await;
    assert_eq!(values(&store).await.unwrap(), ["new"], "as a sweep from there does");
}

/// Keys of the account, each lost alone; then it is read, or merged into and read.
#[tokio::test]
async fn any_key_that_is_evicted_alone_is_noticed() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_on(&server);
    let entries = [play(1, 1, "a"), play(2, 1, "b"), play(3, 1, "c")];
    filled(&store, &home(), entries.to_vec()).await;
    let count = keys(&server, "*");
    assert_eq!(count, 5, "generations, card, entries, ranks, labels");
    for (lost, changes) in (1..=count).flat_map(|lost| (0..3_u8).map(move |how| (lost, how))) {
        server.flush();
        filled(&store, &home(), entries.to_vec()).await;
        lose_key(&server, lost);
        let mut expected = vec!["a", "b", "c"];
        if changes > 0 {
            // One that is there already, or a new one.
            let key = if changes == 1 { 3 } else { 4 };
            merge(&store, play(key, 2, "d")).await;
            expected.truncate(usize::from(key) - 1);
            expected.push("d");
        }
        for one in all_ways() {
            let Some(pages) = store.read(&home(), std::slice::from_ref(&one)).await.unwrap() else {
                break;
            };
            let mut found = texts(&pages[0]);
            found.sort();
            assert_eq!(found, expected, "{one:?} after losing {lost}, {changes}");
        }
    }
}

#[tokio::test]
async fn an_account_that_nobody_uses_expires_whole() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_idle(&server, Duration::from_secs(3));
    filled(&store, &home(), vec![play(1, 1, "a")]).await;
    // Keys that came with a merge live no longer than those of the fill.
    merge(&store, play(2, 1, "b")).await;
    eventually("nothing is left of it", async || {
        // Asking before that would be use.
        if keys(&server, "*") < 5 {
            assert_eq!(values(&store).await, None, "half of it is not read");
        }
        keys(&server, "*") == 1
    })
    .await;
    assert_eq!(values(&store).await, None);
    let lasting = views_idle(&server, Duration::from_hours(1));
    filled(&lasting, &home(), vec![play(1, 1, "a")]).await;
    assert_eq!(values(&lasting).await.unwrap(), ["a"]);
}

#[tokio::test]
async fn all_keys_of_an_account_expire_at_one_instant_and_its_card_later() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_idle(&server, Duration::from_secs(64));
    filled(&store, &home(), vec![play(1, 1, "a")]).await;
    let script = "local times = {}
                  for _, key in ipairs(redis.call('keys', '*')) do
                    if string.find(key, '}[hrl]') then times.data = redis.call('pexpiretime', key)
                      times.least = math.min(times.least or times.data, times.data)
                      times.most = math.max(times.most or times.data, times.data) end
                    if string.find(key, '}a') then times.card = redis.call('pexpiretime', key) end
                  end
                  return { times.least, times.most, times.card }";
    let times = || {
        let times: Vec<i64> = told(&server, &["EVAL", script, "0"]);
        assert_eq!(times[0], times[1], "one instant");
        assert!(times[2] > times[0], "the card outlives what it lists");
        times[0]
    };
    let before = times();
    eventually("use renews it, at a bounded rate", async || {
        let other = play(2, 1, "b");
        merge(&store, other).await;
        let read = store.read(&home(), &[query(Select::All)]).await.unwrap();
        assert!(read.is_some());
        times() > before
    })
    .await;
}
