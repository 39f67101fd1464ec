//! While Redis is away, frozen or confused: nobody waits for it, and it is used again when it is
//! back.

use std::time::{Duration, Instant};

use futures_util::future::try_join;
use viewlog::projections::{Redis, RedisOptions, RedisViews, Select, ViewStore};

use super::{clock, filled, play, query, texts, told, values, views, views_on};
use crate::servers::OwnRedis;
use crate::support::{eventually, home};

fn hasty() -> RedisOptions {
    let (response_timeout, connect_timeout) =
        (Duration::from_millis(400), Duration::from_millis(400));
    RedisOptions { response_timeout, connect_timeout, ..RedisOptions::default() }
}

/// Views of the same names as [`views_on`] gives.
pub(super) fn hasty_views(url: &str) -> RedisViews {
    let redis = Redis::new(&url.parse().unwrap(), hasty()).unwrap();
    views(redis, "own-", usize::MAX, &clock())
}

/// Whether it answers, and with the only play there is.
async fn is_read(store: &RedisViews) -> bool {
    let read = store.read(&home(), &[query(Select::All)]).await;
    read.is_ok_and(|pages| pages.is_some_and(|pages| texts(&pages[0]) == ["a"]))
}

async fn fails(store: &RedisViews) -> Duration {
    let begun = Instant::now();
    store.read(&home(), &[]).await.unwrap_err();
    begun.elapsed()
}

#[tokio::test]
async fn a_redis_that_is_not_there_fails_at_once_and_again_without_being_asked() {
    // Nobody listens there, and nobody but root could.
    let store = hasty_views("redis://127.0.0.1:9");
    assert!(store.standing().ok, "nobody asked yet");
    assert!(fails(&store).await < Duration::from_secs(5));
    assert!(!store.standing().ok);
    let begun = Instant::now();
    for _ in 0..1_000 {
        fails(&store).await;
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let failures = store.standing().failures;
    assert!(failures < 50, "{failures} were made");
}

#[tokio::test]
async fn a_try_that_its_caller_gives_up_counts_all_the_same() {
    let Some(server) = OwnRedis::one() else { return };
    filled(&views_on(&server), &home(), vec![play(1, 1, "a")]).await;
    let store = hasty_views(&server.url());
    eventually("it is used", async || is_read(&store).await).await;
    server.kill(1);
    eventually("it is missed", async || !is_read(&store).await && !store.standing().ok).await;
    server.start_again(1);
    // Of two at once one tries and the other fails at once, and with it both.
    let both = async || try_join(store.read(&home(), &[]), store.read(&home(), &[])).await;
    eventually("both are answered", async || both().await.is_ok()).await;
}

#[tokio::test]
async fn a_frozen_redis_costs_one_reader_its_timeout_and_is_used_again_when_it_thaws() {
    let Some(server) = OwnRedis::one() else { return };
    filled(&views_on(&server), &home(), vec![play(1, 1, "a")]).await;
    let store = hasty_views(&server.url());
    eventually("it is used", async || is_read(&store).await).await;
    server.pause(1);
    assert!(fails(&store).await >= Duration::from_millis(300));
    let waits: Vec<Duration> = {
        let mut waits = Vec::new();
        for _ in 0..100 {
            waits.push(fails(&store).await);
        }
        waits
    };
    let waited = waits.iter().filter(|wait| **wait > Duration::from_millis(200)).count();
    assert!(waited <= 1, "{waited} waited");
    assert!(!store.standing().ok);
    server.resume(1);
    eventually("it is used again", async || is_read(&store).await).await;
    assert!(store.standing().ok);
}

#[tokio::test]
async fn a_wrong_password_is_said_and_never_shown() {
    let Some(server) = OwnRedis::one() else { return };
    () = told(&server, &["CONFIG", "SET", "requirepass", "secret-of-the-server"]);
    let url = |password: &str| format!("redis://:{password}@{}/1", server.members()[0]);
    let store = hasty_views(&url("guessed-wrongly"));
    let error = store.read(&home(), &[]).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("guessed"), "{error:?}");
    let store = hasty_views(&url("secret-of-the-server"));
    eventually("the right one opens", async || store.read(&home(), &[]).await.is_ok()).await;
}

#[tokio::test]
async fn a_full_redis_refuses_merges_and_still_answers() {
    let Some(server) = OwnRedis::one() else { return };
    let store = views_on(&server);
    filled(&store, &home(), vec![play(1, 1, "a")]).await;
    () = told(&server, &["CONFIG", "SET", "maxmemory", "1mb"]);
    let refused = store.merge(vec![(home(), vec![play(2, 1, "b")])]).await;
    assert!(refused.unwrap_err().to_string().contains("OOM"));
    assert_eq!(values(&store).await.unwrap(), ["a"]);
    assert!(store.standing().ok, "it answers");
    store.forget(&home()).await.unwrap();
    assert_eq!(values(&store).await, None, "what could not be merged is filled later");
}

#[tokio::test]
async fn a_command_that_blocks_has_a_way_of_its_own() {
    let Some(server) = OwnRedis::one() else { return };
    let redis = Redis::new(&server.url().parse().unwrap(), hasty()).unwrap();
    let waiting = redis.waiting(Duration::from_secs(20)).unwrap();
    let popping = async {
        let begun = Instant::now();
        let popped = waiting.run(redis::cmd("BLPOP").arg("line").arg(20)).await.unwrap();
        (popped, begun.elapsed())
    };
    let pushing = async {
        let begun = Instant::now();
        // Longer than others wait for an answer.
        eventually("a while went by", async || {
            redis.run(&redis::cmd("PING")).await.unwrap();
            begun.elapsed() > Duration::from_millis(900)
        })
        .await;
        redis.run(redis::cmd("LPUSH").arg("line").arg("one")).await.unwrap();
    };
    let ((popped, waited), ()) = tokio::join!(popping, pushing);
    let popped: (String, String) = redis::from_redis_value(popped).unwrap();
    assert_eq!(popped, ("line".to_owned(), "one".to_owned()));
    assert!(waited > Duration::from_millis(800) && waiting.is_well() && redis.is_well());
}
