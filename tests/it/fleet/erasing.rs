//! What is erased by way of one node, while another remembers it.

use serde_json::{Value, json};
use tempfile::TempDir;
use viewlog::events::{Clock, SessionId, SystemClock};

use super::roles::{Part, facts, turn};
use super::{Fleet, asked, done, fact};
use crate::binary::Served;
use crate::servers::{OwnRedis, redis};
use crate::support::{eventually, session};

/// Two nodes that share a log, and views only if nothing else is said.
struct Pair {
    one: Served,
    other: Served,
    _data: [TempDir; 2],
}

impl Pair {
    fn of(one: &Fleet, other: &Fleet) -> Self {
        let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        Self { one: one.node(data[0].path()), other: other.node(data[1].path()), _data: data }
    }

    /// Both record facts of one session in turns, and both show it.
    async fn watch(&self) {
        for seq in 0..8 {
            let node = if seq % 2 == 0 { &self.one } else { &self.other };
            assert_eq!(post(node, session(1), seq).await["recorded"], 1);
        }
        for node in [&self.one, &self.other] {
            eventually("it is shown", async || viewers(node).await == ["anna"]).await;
        }
    }

    /// Erases what anna watched, by way of the first node; the receipt.
    async fn erase(&self) -> Value {
        let url = format!("{}/v1/accounts/home/profiles/anna", self.one.url);
        let answer = crate::support::client().delete(url).send().await.unwrap();
        assert_eq!(answer.status(), 202);
        answer.json().await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_on_its_way_from_node_to_node_is_erased_too() {
    let _turn = turn().await;
    let Some(fleet) = Fleet::begin() else { return };
    let [collect, process, provide] =
        ["collect", "process", "provide"].map(|role| Part::of(&fleet, role));
    collect.record(&facts(0, 20)).await;
    provide.answers_from_views(19_000).await;
    collect.record(&facts(20, 30)).await;
    let erased = crate::support::client().delete(collect.url("/v1/accounts/home")).send().await;
    assert_eq!(erased.unwrap().status(), 202);
    eventually("nothing waits", async || collect.signals().await["waiting"] == 0).await;
    let profiles = provide.url("/v1/accounts/home/profiles");
    eventually("the views know of nobody", async || {
        let answer = asked(&profiles).await;
        assert_eq!(answer["items"], json!([]));
        answer["source"] == "views"
    })
    .await;
    assert_eq!(exported(&provide.node).await, "");
    for part in [collect, process, provide] {
        part.stop();
    }
}

/// Nodes that collect and provide; the one that processed is killed, and its last signals are in a
/// stream.
async fn with_signals_of_a_film_that_nobody_merged(fleet: &Fleet) -> [Part; 2] {
    let [collect, process, provide] =
        ["collect", "process", "provide"].map(|role| Part::of(fleet, role));
    collect.record(&facts(0, 20)).await;
    provide.answers_from_views(19_000).await;
    process.node.kill();
    let published = collect.signals().await["published"].as_u64();
    collect.record(&facts(20, 30)).await;
    eventually("it is published", async || {
        collect.signals().await["published"].as_u64() > published
    })
    .await;
    [collect, provide]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_processor_had_not_merged_is_erased_too() {
    let _turn = turn().await;
    let Some(redis) = OwnRedis::one() else { return };
    let Some(fleet) = Fleet::on(redis.url()) else { return };
    let [collect, provide] = with_signals_of_a_film_that_nobody_merged(&fleet).await;
    assert_eq!(told(&collect.node, "film", "forget").await, 202);
    assert_eq!(collect.system().await["signals"]["lost"], 0);
    assert!(!redis.holds("film"), "neither in views nor on its way to them");
    let heir = Part::of(&fleet, "process");
    let before = heir.signals().await["acknowledged"].as_u64();
    let mut other = fact(session(9), 0);
    other["title"] = "other".into();
    collect.record(&[other]).await;
    eventually("what came later is merged", async || {
        heir.signals().await["acknowledged"].as_u64() > before
    })
    .await;
    let film = asked(&provide.url("/v1/accounts/home/profiles/anna/titles/film")).await;
    assert_eq!(film["code"], "not_found", "{film}");
    done(&heir.node.url, &["verify", "--account", "home"]);
    for part in [collect, heir, provide] {
        part.stop();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_erased_while_redis_is_away_stays_erased_and_takes_nothing_else_along() {
    let Some(redis) = OwnRedis::one() else { return };
    let Some(fleet) = Fleet::on(redis.url()) else { return };
    let pair = Pair::of(&fleet, &fleet);
    pair.watch().await;
    redis.kill(1);
    // Both have something on its way to the views.
    for (node, seq) in [(&pair.one, 8), (&pair.other, 9)] {
        assert_eq!(post(node, session(1), seq).await["recorded"], 1);
        assert_eq!(told(node, "third", "watched").await, 200);
    }
    assert_eq!(told(&pair.one, "film", "forget").await, 202);
    redis.start_again(1);
    for node in [&pair.one, &pair.other] {
        let third = format!("{}/v1/accounts/home/profiles/anna/titles/third", node.url);
        eventually("both words are in the views", async || {
            let answer = asked(&third).await;
            answer["source"] == "views" && answer["times_finished"] == 2
        })
        .await;
        let film = asked(&format!("{}/v1/accounts/home/profiles/anna/titles/film", node.url)).await;
        assert_eq!(film["code"], "not_found", "{film}");
    }
    done(&pair.other.url, &["verify", "--account", "home"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_erased_while_redis_is_away_stays_so_if_who_erased_it_is_gone_when_it_is_back() {
    let Some(redis) = OwnRedis::one() else { return };
    let Some(fleet) = Fleet::on(redis.url()) else { return };
    let pair = Pair::of(&fleet, &fleet);
    pair.watch().await;
    assert_eq!(told(&pair.one, "third", "watched").await, 200);
    let there = redis.snapshot(1);
    redis.kill(1);
    assert_eq!(told(&pair.one, "film", "forget").await, 202);
    let Pair { one, other, _data: data } = pair;
    // Not by a crash: it waits for nobody, and says so to whoever starts there next.
    assert_eq!(one.terminate(), Some(0));
    redis.restore(1, &there);
    // Whoever asked earlier would fill the views from the log.
    let system = format!("{}/v1/system", other.url);
    eventually("Redis is back", async || asked(&system).await["views"]["ok"] == true).await;
    let of_anna = format!("{}/v1/accounts/home/profiles/anna", other.url);
    eventually("the views answer", async || {
        let film = asked(&format!("{of_anna}/titles/film")).await;
        assert_eq!(film["code"], "not_found", "{film}");
        let third = asked(&format!("{of_anna}/titles/third")).await;
        assert_eq!(third["times_finished"], 1, "{third}");
        third["source"] == "views"
    })
    .await;
    let again = fleet.node(data[0].path());
    eventually("what it left is swept", async || again.said().contains("was swept")).await;
    done(&other.url, &["verify", "--account", "home"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lay_in_a_stream_while_redis_was_away_and_it_was_erased_is_not_merged() {
    let _turn = turn().await;
    let Some(redis) = OwnRedis::one() else { return };
    let Some(fleet) = Fleet::on(redis.url()) else { return };
    let [collect, provide] = with_signals_of_a_film_that_nobody_merged(&fleet).await;
    let there = redis.snapshot(1);
    redis.kill(1);
    assert_eq!(told(&collect.node, "film", "forget").await, 202);
    collect.stop();
    redis.restore(1, &there);
    eventually("Redis is back", async || provide.system().await["views"]["ok"] == true).await;
    let shown = async || {
        let film = asked(&provide.url("/v1/accounts/home/profiles/anna/titles/film")).await;
        assert_eq!(film["code"], "not_found", "{film}");
        asked(&provide.url("/v1/accounts/home/now")).await["source"].clone()
    };
    eventually("views answer", async || shown().await == "views").await;
    let heir = Part::of(&fleet, "process");
    eventually("nothing waits", async || {
        shown().await;
        let signals = heir.signals().await;
        signals["acknowledged"].as_u64() > Some(0) && signals["waiting"] == 0
    })
    .await;
    shown().await;
    done(&heir.node.url, &["verify", "--account", "home"]);
    for part in [heir, provide] {
        part.stop();
    }
}

/// What is answered to a person's word about a title.
async fn told(node: &Served, title: &str, word: &str) -> u16 {
    let url = format!("{}/v1/accounts/home/profiles/anna/titles/{title}/{word}", node.url);
    crate::support::client().post(url).send().await.unwrap().status().as_u16()
}

async fn post(node: &Served, session: SessionId, seq: u64) -> Value {
    posted(node, &fact(session, seq)).await
}

async fn posted(node: &Served, fact: &Value) -> Value {
    let url = format!("{}/v1/accounts/home/events", node.url);
    let sent = crate::support::client().post(url).json(fact).send();
    sent.await.unwrap().json().await.unwrap()
}

/// Who watched anything.
async fn viewers(node: &Served) -> Vec<String> {
    let page = asked(&format!("{}/v1/accounts/home/profiles", node.url)).await;
    let profiles = page["items"].as_array().unwrap().iter();
    profiles.map(|item| item["profile"].as_str().unwrap().to_owned()).collect()
}

/// Everything that the log has of the account.
async fn exported(node: &Served) -> String {
    let url = format!("{}/v1/accounts/home/export", node.url);
    crate::support::get(url).await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_erases_the_other_forgets_at_once() {
    let Some(fleet) = Fleet::begin() else { return };
    let pair = Pair::of(&fleet, &fleet);
    pair.watch().await;
    let receipt = pair.erase().await;
    // The other node had the session in memory, and would have gone on with it.
    let mut seq = 8;
    eventually("the other node has heard of it", async || {
        seq += 1;
        post(&pair.other, session(1), seq).await["code"] == "erased"
    })
    .await;
    for node in [&pair.one, &pair.other] {
        eventually("nothing is shown", async || viewers(node).await.is_empty()).await;
        assert_eq!(exported(node).await, "");
        let again = asked(&format!("{}{}", node.url, receipt["url"].as_str().unwrap())).await;
        assert_eq!(again, receipt, "any node knows the receipt");
    }
    assert_eq!(receipt["status"], "finishing");
    let remaining = receipt["remaining"].to_string();
    assert!(remaining.contains("a second time by about"), "{remaining}");
    done(&pair.one.url, &["verify", "--account", "home"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_wrote_that_never_heard_of_an_erasure_is_swept_away() {
    let (Some(redis), Some(own)) = (redis(), OwnRedis::one()) else { return };
    let (Some(here), views) = (Fleet::on(redis.url()), own.url()) else { return };
    // As in another datacentre: the log is the same, and nobody hears the other.
    let there = Fleet { log: here.log.clone(), views };
    let pair = Pair::of(&here, &there);
    pair.watch().await;
    pair.erase().await;
    assert_eq!(post(&pair.other, session(1), 8).await["recorded"], 1, "it has not heard");
    assert_eq!(post(&pair.other, session(2), 0).await["recorded"], 1);
    assert_eq!(exported(&pair.one).await, "", "nobody reads it all the same");
    assert_eq!(exported(&pair.other).await, "");
    done(&pair.other.url, &["sweep", "--from", "1h"]);
    eventually("nothing is shown", async || viewers(&pair.other).await.is_empty()).await;
    assert_eq!(post(&pair.other, session(1), 9).await["code"], json!("erased"), "now it has");
    for node in [&pair.one, &pair.other] {
        done(&node.url, &["verify", "--account", "home"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_after_an_erasure_outlives_the_next_one_though_the_player_names_no_title() {
    let (Some(redis), Some(own)) = (redis(), OwnRedis::one()) else { return };
    let (Some(here), views) = (Fleet::on(redis.url()), own.url()) else { return };
    let there = Fleet { log: here.log.clone(), views };
    let pair = Pair::of(&here, &there);
    let just_now = |seq| {
        let mut fact = fact(session(1), seq);
        fact["at"] = SystemClock.now().to_string().into();
        fact
    };
    for seq in 0..4 {
        assert_eq!(posted(&pair.other, &just_now(seq)).await["recorded"], 1);
    }
    assert_eq!(told(&pair.one, "film", "forget").await, 202);
    for seq in 4..6 {
        let mut later = just_now(seq);
        for name in ["title", "profile"] {
            later.as_object_mut().unwrap().remove(name);
        }
        let answer = posted(&pair.other, &later).await;
        assert_eq!(answer["recorded"], 1, "it has not heard: {answer}");
    }
    assert_eq!(told(&pair.one, "other", "forget").await, 202);
    for node in [&pair.one, &pair.other] {
        let left = exported(node).await;
        let left: Vec<Value> =
            left.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(left.len(), 2, "{left:?}");
        for (fact, seq) in left.iter().zip(4..) {
            let named = (&fact["seq"], &fact["title"], &fact["profile"]);
            assert_eq!(named, (&json!(seq), &json!("film"), &json!("anna")));
        }
    }
}
