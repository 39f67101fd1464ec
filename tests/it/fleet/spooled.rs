//! A fleet whose Cassandra is away: with a spool facts are taken all the same, without one whoever
//! sends them is told when to send them again; what views hold is answered.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use viewlog::events::SessionId;

use super::{Fleet, asked, done, fact};
use crate::binary::Served;
use crate::proxy::{Proxy, Way};
use crate::servers::{cassandra, redis};
use crate::support::{at, eventually};

/// The log gives up soon, so that tests do not wait.
const SOON: (&str, &str) = ("VIEWLOG_ACTORS__APPEND_DEADLINE_MS", "2000");
const SPOOL: (&str, &str) = ("VIEWLOG_SPOOL__ENABLED", "true");

/// A household at a node between which and Cassandra there is a proxy.
struct House {
    client: Client,
    fleet: Fleet,
    proxy: Proxy,
    data: tempfile::TempDir,
    session: SessionId,
}

impl House {
    async fn begun() -> Option<Self> {
        let fleet = Fleet::on(redis()?.url())?;
        let node = cassandra()?.node();
        let proxy = Proxy::to(node).await;
        let log = fleet.log.replace(node, &proxy.address().to_string());
        let data = tempfile::tempdir().unwrap();
        let session = SessionId::derived(at(0), 7);
        let fleet = Fleet { log, ..fleet };
        Some(Self { client: crate::support::client(), fleet, proxy, data, session })
    }

    fn node(&self, environment: &[(&str, &str)]) -> Served {
        self.fleet.node_with(self.data.path(), environment)
    }

    async fn send(&self, node: &Served, body: &Value) -> Response {
        let url = format!("{}/v1/accounts/home/events", node.url);
        self.client.post(url).json(body).send().await.unwrap()
    }

    /// Sends the facts with these numbers one by one; how durable each is.
    async fn record(&self, node: &Served, seqs: std::ops::Range<u64>) -> Vec<String> {
        let mut durable = Vec::new();
        for seq in seqs {
            let answer = self.send(node, &fact(self.session, seq)).await;
            assert_eq!(answer.status(), 200);
            let answer: Value = answer.json().await.unwrap();
            assert_eq!(answer["refused"], json!([]), "{answer}");
            durable.push(answer["durability"].as_str().unwrap().to_owned());
        }
        durable
    }

    async fn part_from_the_log(&self, node: &Served) {
        self.proxy.refuse().await;
        self.proxy.cut();
        let facts = |number: u128| fact(SessionId::derived(at(0), number), 0);
        eventually("the log is seen to be away", async || {
            self.send(node, &facts(99)).await;
            asked(&format!("{}/v1/system", node.url)).await["log"]["ok"] == false
        })
        .await;
    }
}

async fn spool(node: &Served) -> Value {
    asked(&format!("{}/v1/system", node.url)).await["spool"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_took_while_cassandra_was_away_is_read_after_it_was_killed_and_is_there_once() {
    let Some(house) = House::begun().await else { return };
    let node = house.node(&[SOON, SPOOL]);
    assert_eq!(house.record(&node, 0..10).await, ["store"; 10]);
    house.part_from_the_log(&node).await;
    let begun = Instant::now();
    assert_eq!(house.record(&node, 10..30).await, ["node"; 20]);
    assert!(begun.elapsed() < Duration::from_secs(5), "nobody waits for the log");
    let again: Value = house.send(&node, &fact(house.session, 15)).await.json().await.unwrap();
    assert_eq!((&again["recorded"], &again["duplicates"]), (&json!(0), &json!(1)), "{again}");
    let standing = spool(&node).await;
    assert_eq!((&standing["enabled"], &standing["waiting"]), (&json!(true), &json!(21)));
    assert!(standing["oldest_at"].is_string(), "{standing}");
    let degraded = asked(&format!("{}/v1/system", node.url)).await["degraded"].to_string();
    assert!(degraded.contains("21 facts wait on this node's disk"), "{degraded}");
    node.kill();

    house.proxy.heal().await;
    let node = house.node(&[SOON, SPOOL]);
    eventually("nothing waits", async || spool(&node).await["waiting"] == 0).await;
    let url = format!("{}/v1/accounts/home", node.url);
    let state = asked(&format!("{url}/sessions/{}", house.session)).await;
    assert_eq!((&state["seq"], &state["missing"]), (&json!(29), &json!([])), "{state}");
    let export = house.client.get(format!("{url}/export")).send().await.unwrap();
    let export = export.text().await.unwrap();
    let of_session = |line: &&str| line.contains(&house.session.to_string());
    assert_eq!(export.lines().filter(of_session).count(), 30, "none twice: {export}");
    assert_eq!(house.record(&node, 25..32).await, ["store"; 7]);
    assert_eq!(spool(&node).await["dropped"], 0);
    done(&node.url, &["verify"]);
    assert_eq!(node.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_silent_cassandra_may_have_taken_is_spooled_all_the_same_and_is_there_once() {
    let Some(house) = House::begun().await else { return };
    let node = house.node(&[SOON, SPOOL]);
    house.record(&node, 0..3).await;
    house.proxy.silence(Way::ToClient);
    let begun = Instant::now();
    assert_eq!(house.record(&node, 3..8).await, ["node"; 5]);
    assert!(begun.elapsed() < Duration::from_secs(8), "only the first waits for the log");
    house.proxy.heal().await;
    eventually("nothing waits", async || spool(&node).await["waiting"] == 0).await;
    let standing = spool(&node).await;
    assert_eq!((&standing["replayed"], &standing["dropped"]), (&json!(5), &json!(0)));
    let url = format!("{}/v1/accounts/home/sessions/{}", node.url, house.session);
    let state = asked(&url).await;
    let found = (&state["seq"], &state["missing"], &state["conflict"]);
    assert_eq!(found, (&json!(7), &json!([]), &json!(false)), "{state}");
    assert_eq!(house.record(&node, 8..10).await, ["store"; 2]);
    done(&node.url, &["verify"]);
    assert_eq!(node.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_with_facts_of_its_own_says_so_and_the_next_brings_them_to_the_log() {
    let Some(house) = House::begun().await else { return };
    let node = house.node(&[SOON, SPOOL]);
    house.record(&node, 0..2).await;
    house.part_from_the_log(&node).await;
    house.record(&node, 2..5).await;
    node.ask_to_stop();
    eventually("it says what it leaves", async || {
        node.said().contains("still wait on this node's disk")
    })
    .await;
    assert_eq!(node.ended(Duration::from_secs(20)), Some(0));
    house.proxy.heal().await;
    // Also where the spool takes nothing more.
    let node = house.node(&[SOON]);
    eventually("nothing waits", async || spool(&node).await["waiting"] == 0).await;
    assert_eq!(spool(&node).await["enabled"], false);
    let state = asked(&format!("{}/v1/accounts/home/sessions/{}", node.url, house.session)).await;
    assert_eq!(state["seq"], 4, "{state}");
    assert_eq!(node.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_spool_writes_are_refused_for_a_while_and_views_are_read_all_the_same() {
    let Some(house) = House::begun().await else { return };
    let node = house.node(&[SOON]);
    house.record(&node, 0..20).await;
    let resume = format!("{}/v1/accounts/home/profiles/anna/resume/film", node.url);
    eventually("the views have all of it", async || {
        let found = asked(&resume).await;
        found["source"] == "views" && found["position_ms"] == 19_000
    })
    .await;
    let live = format!("{}/v1/accounts/home/live?record=only", node.url);
    let (mut socket, _) = connect_async(live.replace("http://", "ws://")).await.unwrap();
    house.part_from_the_log(&node).await;

    let refused = house.send(&node, &fact(house.session, 20)).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    let refused: Value = refused.json().await.unwrap();
    assert_eq!(refused["code"], "store_unavailable", "{refused}");
    let hide = format!("{}/v1/accounts/home/profiles/anna/titles/film/hide", node.url);
    let refused = house.client.post(hide).send().await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    let frame = json!({"type": "record", "id": 1, "events": [fact(house.session, 20)]});
    socket.send(Message::text(frame.to_string())).await.unwrap();
    let answer = loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => break serde_json::from_str::<Value>(&text).unwrap(),
            _ => continue,
        }
    };
    let refused = &answer["refused"][0];
    assert_eq!(refused["code"], "store_unavailable", "{answer}");
    assert!(refused["retry_after_ms"].is_u64(), "{answer}");

    let found = asked(&resume).await;
    assert_eq!((&found["source"], &found["position_ms"]), (&json!("views"), &json!(19_000)));
    let past = house.client.get(format!("{resume}?as_of=2026-11-23T05:00:15Z")).send().await;
    let past = past.unwrap();
    assert_eq!(past.status(), 503, "the past is in the log alone");
    assert!(past.headers().contains_key("retry-after"));

    house.proxy.heal().await;
    eventually("the fact is taken", async || {
        house.send(&node, &fact(house.session, 20)).await.status() == 200
    })
    .await;
    done(&node.url, &["verify"]);
    assert_eq!(node.terminate(), Some(0));
}
