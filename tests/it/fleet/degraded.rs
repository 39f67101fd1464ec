//! A fleet whose Redis is flushed, frozen, gone, or set back: facts are taken all the while,
//! answers are right or say that they may be old, and everything comes back by itself.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use redis::AsyncCommands;
use reqwest::Client;
use serde_json::Value;
use viewlog::events::SessionId;

use super::network::through;
use super::{Fleet, asked, done, fact};
use crate::binary::Served;
use crate::proxy::Proxy;
use crate::servers::OwnRedis;
use crate::support::{at, eventually};

/// A household at a node, one session of which is on.
struct House {
    client: Client,
    node: Served,
    session: SessionId,
    seq: u64,
    _data: tempfile::TempDir,
}

impl House {
    /// Views are complete and hold the first facts.
    async fn begun(fleet: &Fleet) -> Self {
        let data = tempfile::tempdir().unwrap();
        let node = fleet.node(data.path());
        let session = SessionId::derived(at(0), 7);
        let mut house =
            Self { client: crate::support::client(), node, session, seq: 0, _data: data };
        house.record(20).await;
        house.answers_from_views().await;
        house
    }

    async fn record(&mut self, facts: u64) {
        for _ in 0..facts {
            let url = format!("{}/v1/accounts/home/events", self.node.url);
            let sent = self.client.post(url).json(&fact(self.session, self.seq)).send().await;
            assert_eq!(sent.unwrap().status(), 200);
            self.seq += 1;
        }
    }

    fn resume(&self) -> String {
        format!("{}/v1/accounts/home/profiles/anna/resume/film", self.node.url)
    }

    /// Where it stopped, as every answer must say that claims to be of now.
    fn position(&self) -> u64 {
        (self.seq - 1) * 1_000
    }

    /// Asks so that the last fact is in the answer for sure.
    async fn answer(&self) -> Value {
        let last = self.seq - 1;
        let answer = asked(&format!("{}?after={}:{last}", self.resume(), self.session)).await;
        assert_eq!(answer["position_ms"], self.position(), "{answer}");
        answer
    }

    async fn answers_from_views(&self) {
        eventually("the views have all of it", async || {
            let answer = asked(&self.resume()).await;
            answer["source"] == "views" && answer["position_ms"] == self.position()
        })
        .await;
    }

    async fn system(&self) -> Value {
        asked(&format!("{}/v1/system", self.node.url)).await
    }

    fn verify(&self) {
        done(&self.node.url, &["verify"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flushed_redis_costs_no_answer_and_fills_itself_again() {
    let Some(redis) = OwnRedis::one() else { return };
    let Some(fleet) = Fleet::on(redis.url()) else { return };
    let mut house = House::begun(&fleet).await;
    for _ in 0..3 {
        house.record(5).await;
        redis.flush();
        assert_eq!(house.answer().await["source"], "log");
        house.record(5).await;
        house.answer().await;
        house.answers_from_views().await;
    }
    house.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_frozen_facts_are_taken_and_the_log_answers() {
    let Some(redis) = OwnRedis::one() else { return };
    let Some(fleet) = Fleet::on(redis.url()) else { return };
    let mut house = House::begun(&fleet).await;
    redis.pause(1);
    let frozen = Instant::now();
    while frozen.elapsed() < Duration::from_secs(5) {
        house.record(5).await;
        assert_eq!(house.answer().await["source"], "log");
    }
    let system = house.system().await;
    assert_eq!(system["views"]["ok"], false);
    assert_eq!(system["degraded"][0]["what"], "views_away", "{system}");
    redis.resume(1);
    house.answers_from_views().await;
    eventually("redis is well", async || house.system().await["views"]["ok"] == true).await;
    house.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_died_and_came_back_has_all_that_was_recorded_meanwhile() {
    let Some(redis) = OwnRedis::one() else { return };
    let Some(fleet) = Fleet::on(redis.url()) else { return };
    let mut house = House::begun(&fleet).await;
    redis.kill(1);
    house.record(20).await;
    assert_eq!(house.answer().await["source"], "log");
    redis.start_again(1);
    house.answers_from_views().await;
    house.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_set_back_to_an_older_state_has_everything_again_after_a_sweep() {
    let Some(redis) = OwnRedis::one() else { return };
    let Some(fleet) = Fleet::on(redis.url()) else { return };
    let mut house = House::begun(&fleet).await;
    let data = tempfile::tempdir().unwrap();
    let other = fleet.node(data.path());
    let before = redis.snapshot(1);
    house.record(20).await;
    house.answers_from_views().await;
    redis.restore(1, &before);
    let is_stale = async |node: &Served| {
        let answer = asked(&format!("{}/v1/accounts/home/now", node.url)).await;
        (answer["source"] == "views").then(|| answer["stale"] == true)
    };
    for node in [&house.node, &other] {
        let says_so = async || is_stale(node).await == Some(true);
        eventually("answers say that they may lack something", says_so).await;
    }
    let system = asked(&format!("{}/v1/system", house.node.url)).await;
    assert!(system["degraded"].to_string().contains("may lack what was recorded"), "{system}");
    done(&house.node.url, &["sweep", "--from", "1h"]);
    house.answers_from_views().await;
    for node in [&house.node, &other] {
        let is_current = async || is_stale(node).await == Some(false);
        eventually("no node doubts what was swept", is_current).await;
    }
    house.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_took_over_before_it_had_all_has_everything_again_after_a_sweep() {
    let (Some(primary), Some(replica)) = (OwnRedis::one(), OwnRedis::one()) else { return };
    replica.follow(&primary);
    let proxy = Proxy::to(&primary.members()[0]).await;
    let Some(fleet) = Fleet::on(format!("redis://{}", proxy.address())) else { return };
    let mut house = House::begun(&fleet).await;
    primary.wait_for_follower();
    replica.promote();
    house.record(20).await;
    house.answers_from_views().await;
    primary.kill(1);
    proxy.lead_to(&replica.members()[0]);
    house.record(20).await;
    assert_eq!(house.answer().await["source"], "log");
    eventually("the other one answers", async || house.system().await["views"]["ok"] == true).await;
    house.record(20).await;
    house.answer().await;
    done(&house.node.url, &["sweep", "--from", "1h"]);
    house.answers_from_views().await;
    house.verify();
}

/// What nodes said last, and which sweep they were told of.
async fn words(views: &str) -> BTreeMap<String, String> {
    let client = redis::Client::open(views).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut keys: Vec<String> = connection.keys("*lags:*").await.unwrap();
    connection.hgetall(keys.pop().unwrap()).await.unwrap()
}

/// A node's, or a sweep's.
fn instant(word: &str) -> i64 {
    word.rsplit(',').find_map(|number| number.parse().ok()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_only_cut_off_from_redis_is_not_taken_for_dead_by_a_sweep() {
    let Some(fleet) = Fleet::begin() else { return };
    let (proxy, views) = through(&fleet.views).await;
    let data = tempfile::tempdir().unwrap();
    let other = fleet.node(data.path());
    let way_round = Fleet { log: fleet.log.clone(), views };
    let mut house = House::begun(&way_round).await;
    let resume = house.resume().replace(&house.node.url, &other.url);
    let is_stale = async || asked(&resume).await["stale"] == true;
    eventually("all is well", async || !is_stale().await).await;
    proxy.refuse().await;
    proxy.cut();
    house.record(5).await;
    eventually("it is missed", is_stale).await;
    eventually("whoever died so long ago would be swept for", async || {
        let said: Vec<i64> = words(&fleet.views).await.values().map(|word| instant(word)).collect();
        said.iter().max().zip(said.iter().min()).is_some_and(|(last, first)| last - first > 8_000)
    })
    .await;
    done(&other.url, &["sweep", "--from", "1h"]);
    let swept_at = instant(&words(&fleet.views).await["~swept"]);
    eventually("the other had time to forget it", async || {
        words(&fleet.views).await.values().any(|word| instant(word) > swept_at + 3_000)
    })
    .await;
    assert_eq!(words(&fleet.views).await.len(), 3, "two nodes and a sweep");
    assert!(is_stale().await, "it goes on recording");
    house.record(5).await;
    proxy.heal().await;
    eventually("nothing is missed", async || !is_stale().await).await;
    assert_eq!(asked(&resume).await["position_ms"], house.position());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_while_redis_is_away_for_a_moment_leaves_in_order_all_the_same() {
    let Some(redis) = OwnRedis::one() else { return };
    let Some(fleet) = Fleet::on(redis.url()) else { return };
    let data = tempfile::tempdir().unwrap();
    let _other = fleet.node(data.path());
    let mut house = House::begun(&fleet).await;
    eventually("both have said how far they are", async || words(&fleet.views).await.len() == 2)
        .await;
    redis.pause(1);
    let frozen = Instant::now();
    house.record(5).await;
    house.node.ask_to_stop();
    eventually("a merge has failed", async || frozen.elapsed() > Duration::from_millis(1_500))
        .await;
    redis.resume(1);
    let House { node, .. } = house;
    assert_eq!(node.ended(Duration::from_secs(30)), Some(0));
    assert_eq!(words(&fleet.views).await.len(), 1, "nobody waits for it");
}
