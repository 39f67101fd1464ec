//! How far nodes say they are, and what others make of it.

use std::time::Duration;

use viewlog::projections::{Freshness, Lags, Redis, RedisOptions, Silent, SweptAgo};

use super::{fresh_prefix, shared_cluster, shared_redis, way};
use crate::proxy::{Proxy, Way};
use crate::servers::OwnRedis;
use crate::support::{at, eventually};

/// On the server that tests share, and on the cluster that they share.
fn everywhere() -> Vec<&'static Redis> {
    shared_redis().into_iter().chain(shared_cluster().map(|(_, redis)| redis)).collect()
}

const fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

/// How far the last of the others is behind, by whole seconds.
async fn heard(lags: &Lags, own: Option<Duration>, unswept: Option<Duration>) -> i64 {
    lags.tell(own, unswept.map(Silent::unswept)).await.unwrap().behind_ms / 1_000
}

#[tokio::test]
async fn a_node_hears_of_the_one_that_is_furthest_behind() {
    for redis in everywhere() {
        let prefix = fresh_prefix();
        let [one, other, third] = ["one", "other", "third"].map(|it| Lags::new(redis, &prefix, it));
        assert_eq!(heard(&one, seconds(30), None).await, 0, "its own is not another's");
        assert_eq!(heard(&other, seconds(60), None).await, 30);
        assert_eq!(heard(&third, None, None).await, 60, "who signals nothing hears all the same");
        assert_eq!(heard(&one, seconds(0), None).await, 60);
        other.leave().await.unwrap();
        assert_eq!(heard(&one, seconds(0), None).await, 0);
    }
}

#[tokio::test]
async fn what_a_node_said_that_died_counts_until_a_sweep_has_been_through() {
    for redis in everywhere() {
        let prefix = fresh_prefix();
        let [dead, alive] = ["dead", "alive"].map(|name| Lags::new(redis, &prefix, name));
        dead.tell(seconds(5), None).await.unwrap();
        assert_eq!(heard(&alive, seconds(0), seconds(600)).await, 5, "not swept since then");
        eventually("it is swept, and with it a moment more", async || {
            heard(&alive, seconds(0), seconds(0)).await == 0
        })
        .await;
    }
}

#[tokio::test]
async fn the_last_word_of_a_node_that_died_counts_until_it_is_said_that_it_is_dealt_with() {
    for redis in everywhere() {
        let prefix = fresh_prefix();
        let [dead, alive] = ["dead", "alive"].map(|name| Lags::new(redis, &prefix, name));
        assert_eq!(alive.word_of("dead").await.unwrap(), None, "it said nothing yet");
        dead.tell(seconds(5), None).await.unwrap();
        let word = alive.word_of("dead").await.unwrap().unwrap();
        let behind_ms = word.behind_ms - word.silent_ms;
        assert!((5_000..6_000).contains(&behind_ms), "{behind_ms}, with the way there");
        eventually("its silence grows", async || {
            let later = alive.word_of("dead").await.unwrap().unwrap();
            assert_eq!(later.said_ms, word.said_ms);
            later.silent_ms > word.silent_ms
        })
        .await;
        dead.tell(seconds(5), None).await.unwrap();
        let again = alive.word_of("dead").await.unwrap().unwrap();
        assert!(again.said_ms > word.said_ms, "{again:?} after {word:?}");
        alive.forget("dead").await.unwrap();
        assert_eq!(alive.word_of("dead").await.unwrap(), None);
        assert_eq!(heard(&alive, seconds(0), None).await, 0);
    }
}

#[tokio::test]
async fn a_server_that_went_back_to_an_older_state_is_found_out_once() {
    for own in [seconds(0), None] {
        found_out_once(own).await;
    }
}

/// Also by a node that signals nothing.
async fn found_out_once(own: Option<Duration>) {
    let Some(server) = OwnRedis::one() else { return };
    let lags = Lags::new(&way(&server.url()), &fresh_prefix(), "one");
    lags.tell(own, None).await.unwrap();
    let older = server.snapshot(1);
    eventually("time goes by", async || lags.tell(own, None).await.unwrap().gone_back_ms.is_none())
        .await;
    server.restore(1, &older);
    let mut found = None;
    eventually("it answers again", async || {
        let told = lags.tell(own, None).await;
        found = found.or(told.as_ref().ok().and_then(|others| others.gone_back_ms));
        told.is_ok()
    })
    .await;
    assert!(found.is_some_and(|gone_back_ms| gone_back_ms > 0), "{found:?}");
    assert_eq!(lags.tell(own, None).await.unwrap().gone_back_ms, None);
    server.flush();
    let after = lags.tell(own, None).await.unwrap();
    assert_eq!(after.gone_back_ms, None, "nothing is no older state: views say that by themselves");
}

#[tokio::test]
async fn that_a_server_went_back_is_told_until_it_is_heard() {
    let Some(server) = OwnRedis::one() else { return };
    let url = server.url();
    let proxy = Proxy::to(url.strip_prefix("redis://").unwrap()).await;
    let response_timeout = Duration::from_millis(500);
    let options = RedisOptions { response_timeout, ..RedisOptions::default() };
    let through = format!("redis://{}", proxy.address());
    let prefix = fresh_prefix();
    let lags = Lags::new(&Redis::new(&through.parse().unwrap(), options).unwrap(), &prefix, "one");
    lags.tell(seconds(0), None).await.unwrap();
    let older = server.snapshot(1);
    eventually("time goes by", async || lags.tell(seconds(0), None).await.is_ok()).await;
    server.restore(1, &older);
    let said = || async { lags.word_of("one").await.ok().flatten().map(|word| word.said_ms) };
    eventually("it answers again", async || said().await.is_some()).await;
    let restored = said().await;

    proxy.silence(Way::ToClient);
    lags.tell(seconds(0), None).await.unwrap_err();
    proxy.heal().await;
    eventually("it is heard again", async || said().await.is_some()).await;
    assert_eq!(said().await, restored, "a word would hide that it went back");
    assert!(lags.tell(seconds(0), None).await.unwrap().gone_back_ms > Some(0));
    assert_eq!(lags.tell(seconds(0), None).await.unwrap().gone_back_ms, None);
    assert!(said().await > restored);
}

#[tokio::test]
async fn what_a_node_swept_others_hear_of() {
    for redis in everywhere() {
        let prefix = fresh_prefix();
        let [one, other] = ["one", "other"].map(|name| Lags::new(redis, &prefix, name));
        assert_eq!(other.tell(seconds(0), None).await.unwrap().swept, None);
        one.swept(SweptAgo { from_ms: 60_000, begun_ms: 2_000 }).await.unwrap();
        let others = other.tell(seconds(0), seconds(0).map(Silent::unswept)).await.unwrap();
        assert_eq!(others.behind_ms, 0, "it is no node's word");
        let SweptAgo { from_ms, begun_ms } = others.swept.unwrap();
        assert!(begun_ms >= 2_000, "{begun_ms}");
        assert_eq!(from_ms - begun_ms, 58_000);
    }
}

#[tokio::test]
async fn a_sweep_makes_up_for_nodes_that_died_before_it_and_no_others() {
    /// What no regular sweep has been through yet.
    const LONG_AGO: Option<Duration> = seconds(3_600);
    for redis in everywhere() {
        let prefix = fresh_prefix();
        let [dead, alive] = ["dead", "alive"].map(|name| Lags::new(redis, &prefix, name));
        dead.tell(seconds(5), None).await.unwrap();
        alive.swept(SweptAgo { from_ms: 3_600_000, begun_ms: 0 }).await.unwrap();
        assert!(heard(&alive, seconds(0), LONG_AGO).await >= 5, "it may be at it still");
        eventually("a later sweep is through", async || {
            alive.swept(SweptAgo { from_ms: 2_000, begun_ms: 0 }).await.unwrap();
            let behind = heard(&alive, seconds(0), LONG_AGO).await;
            assert!(behind >= 5, "that does not reach so far");
            alive.swept(SweptAgo { from_ms: 3_600_000, begun_ms: 0 }).await.unwrap();
            assert!(heard(&alive, seconds(0), None).await >= 5, "nobody is to be forgotten");
            heard(&alive, seconds(0), LONG_AGO).await == 0
        })
        .await;
    }
}

#[tokio::test]
async fn who_is_silent_counts_until_what_it_recorded_cut_off_is_swept() {
    for redis in everywhere() {
        let prefix = fresh_prefix();
        let [silent, alive] = ["silent", "alive"].map(|name| Lags::new(redis, &prefix, name));
        silent.tell(seconds(5), None).await.unwrap();
        let told = async |cut_off_ms| {
            let silent = Silent { unswept_ms: 0, cut_off_ms };
            alive.swept(SweptAgo { from_ms: 3_600_000, begun_ms: 0 }).await.unwrap();
            alive.tell(seconds(0), Some(silent)).await.unwrap().behind_ms
        };
        eventually("all of it is swept", async || {
            assert!(told(-60_000).await >= 5_000, "it may be recording now");
            told(1).await == 0
        })
        .await;
    }
}

#[tokio::test]
async fn who_left_says_nothing_more() {
    for redis in everywhere() {
        let prefix = fresh_prefix();
        let [gone, alive] = ["gone", "alive"].map(|name| Lags::new(redis, &prefix, name));
        gone.tell(seconds(60), None).await.unwrap();
        gone.leave().await.unwrap();
        gone.tell(seconds(60), None).await.unwrap();
        assert_eq!(heard(&alive, seconds(0), None).await, 0);
    }
}

#[test]
fn answers_are_as_of_the_node_that_is_furthest_behind() {
    let (freshness, now) = (Freshness::default(), at(100));
    assert_eq!(freshness.as_of(now), now);
    freshness.others_merged_through(at(93));
    assert_eq!((freshness.as_of(now), freshness.own_as_of(now)), (at(93), now));
    assert!(Freshness::is_stale(freshness.as_of(now), now));
    freshness.others_merged_through(now);
    assert_eq!(freshness.as_of(now), now);
}

#[test]
fn what_was_lost_is_lost_until_all_of_it_is_swept() {
    let (freshness, now) = (Freshness::default(), at(100));
    freshness.lost_since(at(80), now);
    freshness.lost_since(at(90), at(110));
    assert_eq!(freshness.as_of(at(120)), at(80));
    freshness.swept_through(at(105));
    assert_eq!(freshness.as_of(at(120)), at(80), "merges of the last seconds may be gone too");
    freshness.swept_between(at(85), at(120));
    assert_eq!(freshness.as_of(at(120)), at(80), "it began before that");
    freshness.swept_between(at(80), at(120));
    assert_eq!(freshness.as_of(at(120)), at(120));
}
