//! Who follows an account on one node, while its players talk to another.

use futures_util::StreamExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use viewlog::events::{SessionId, Slice};

use super::{Fleet, asked};
use crate::binary::Served;
use crate::servers::OwnRedis;
use crate::support::{eventually, fresh, home, id, json_fact, streamed};
use crate::tokens::{SECRET, bearing, token, token_of};

/// Two nodes: players talk to the first, followers to the second.
struct Pair {
    first: Served,
    second: Served,
    _data: [TempDir; 2],
}

impl Pair {
    async fn of(fleet: &Fleet, environment: &[(&str, &str)]) -> Self {
        let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let node = |data: &TempDir| fleet.node_with(data.path(), environment);
        Self { first: node(&data[0]), second: node(&data[1]), _data: data }
    }

    /// Sends a fact of an account to the first node.
    async fn play(&self, account: &str, token: &str, fact: Value) {
        let url = format!("{}/v1/accounts/{account}/events", self.first.url);
        let request = crate::support::client().post(url).bearer_auth(token).json(&fact);
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["recorded"], 1, "{answer}");
    }

    /// Follows an account on the second node.
    async fn follow(&self, account: &str, token: &str) -> Follower {
        let url = format!("{}/v1/accounts/{account}/live", self.second.url.replace("http", "ws"));
        let mut follower = Follower(connect_async(bearing(token, &url)).await.unwrap().0);
        assert_eq!(follower.hear().await["type"], "now");
        follower
    }

    /// What a node says of itself.
    async fn system(node: &Served) -> Value {
        asked(&format!("{}/v1/system", node.url)).await
    }

    /// What a node says of its relay.
    async fn relay(node: &Served) -> Value {
        Self::system(node).await["relay"].clone()
    }

    async fn connected(&self) {
        for node in [&self.first, &self.second] {
            eventually("nodes hear each other", async || {
                Self::relay(node).await["connected"] == true
            })
            .await;
        }
    }

    /// Waits until so many changes were told by the first node, which counts them afterwards.
    async fn publishes(&self, changes: u64) {
        eventually("it is counted", async || {
            Self::relay(&self.first).await["published"] == changes
        })
        .await;
    }
}

struct Follower(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Follower {
    async fn hear(&mut self) -> Value {
        let message = self.0.next().await.unwrap().unwrap();
        serde_json::from_str(message.to_text().unwrap()).unwrap_or_default()
    }

    /// Listens until this is said.
    async fn hears(&mut self, what: &str, expected: impl Fn(&Value) -> bool) -> Value {
        let listening = async {
            loop {
                let frame = self.hear().await;
                if expected(&frame) {
                    return frame;
                }
            }
        };
        let heard = tokio::time::timeout(std::time::Duration::from_secs(20), listening).await;
        heard.unwrap_or_else(|_| panic!("never heard: {what}"))
    }

    /// Listens until a session is said to stand like this.
    async fn hears_of(&mut self, session: SessionId, phase: &str, position_ms: u64) {
        let session = json!(session);
        self.hears(&format!("{session} {phase} at {position_ms}"), |frame| {
            frame["type"] == "playing"
                && frame["session"] == session
                && (&frame["phase"], &frame["position_ms"]) == (&json!(phase), &json!(position_ms))
        })
        .await;
    }

    async fn hears_the_end_of(&mut self, session: SessionId) {
        let session = json!(session);
        let is_it = |frame: &Value| frame["type"] == "ended" && frame["session"] == session;
        self.hears("the end", is_it).await;
    }
}

fn fact(profile: &str, session: SessionId, (seq, kind): (u32, &str), position_ms: u64) -> Value {
    let mut fact = json_fact(session, seq, kind, position_ms);
    fact["profile"] = profile.into();
    fact["title"] = format!("film-of-{profile}").into();
    if kind == "seeked" {
        fact["from_ms"] = 2_000.into();
    }
    fact
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_on_one_node_hears_what_another_records() {
    let Some(fleet) = Fleet::begin() else { return };
    let pair = Pair::of(&fleet, &[]).await;
    pair.connected().await;
    let mut follower = pair.follow("home", "").await;
    let events = crate::support::client()
        .get(format!("{}/v1/accounts/home/live", pair.second.url))
        .header("accept", "text/event-stream");
    let mut events = events.send().await.unwrap();
    let (anna, ben) = (fresh(1), fresh(2));
    pair.play("home", "", fact("anna", anna, (0, "started"), 0)).await;
    follower.hears_of(anna, "playing", 0).await;
    pair.play("home", "", fact("ben", ben, (0, "started"), 500)).await;
    follower.hears_of(ben, "playing", 500).await;
    for (seq, kind, phase, position_ms) in [
        (1, "paused", "paused", 2_000),
        (2, "seeked", "paused", 60_000),
        (3, "resumed", "playing", 60_000),
    ] {
        pair.play("home", "", fact("anna", anna, (seq, kind), position_ms)).await;
        follower.hears_of(anna, phase, position_ms).await;
    }
    pair.play("home", "", fact("anna", anna, (4, "stopped"), 61_000)).await;
    follower.hears_the_end_of(anna).await;
    let text = streamed(&mut events, "event: ended").await;
    assert!(text.contains(&anna.to_string()) && text.contains(&ben.to_string()), "{text}");
    assert_eq!(pair.second.terminate(), Some(0));
    assert_eq!(pair.first.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_follows_stays_on_its_node() {
    let Some(fleet) = Fleet::begin() else { return };
    let pair = Pair::of(&fleet, &[]).await;
    pair.connected().await;
    assert_ne!(Slice::of(&id("neighbours")), Slice::of(&home()));
    let mut neighbours = pair.follow("neighbours", "").await;
    let theirs = fresh(200);
    pair.play("neighbours", "", fact("ben", theirs, (0, "started"), 0)).await;
    neighbours.hears_of(theirs, "playing", 0).await;
    // By then the first node knows who follows what; before, it keeps what others may follow.
    pair.publishes(1).await;
    for number in 0..20 {
        pair.play("home", "", fact("anna", fresh(number), (0, "started"), 0)).await;
    }
    let mut follower = pair.follow("home", "").await;
    // When a follower looks again the other nodes know that it follows.
    follower.hears("what it is to look at again", |frame| frame["type"] == "now").await;
    let last = fresh(100);
    pair.play("home", "", fact("anna", last, (0, "started"), 0)).await;
    follower.hears_of(last, "playing", 0).await;
    pair.publishes(2).await;
    drop((follower, neighbours));
    eventually("it is known that nobody follows", async || {
        Pair::system(&pair.second).await["followers"] == 0
    })
    .await;
    assert_eq!(Pair::relay(&pair.first).await["published"], 2);
    assert_eq!(Pair::relay(&pair.second).await["published"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_one_profile_hears_that_profile_of_other_nodes_alone() {
    let Some(fleet) = Fleet::begin() else { return };
    let pair = Pair::of(&fleet, &[("VIEWLOG_AUTH_SECRET", SECRET)]).await;
    let scope = "record read";
    let (whole, hers) = (token("home", scope), token_of("home", "anna", scope));
    let (mut all, mut annas) =
        (pair.follow("home", &whole).await, pair.follow("home", &hers).await);
    let (anna, ben) = (fresh(1), fresh(2));
    pair.play("home", &whole, fact("ben", ben, (0, "started"), 0)).await;
    pair.play("home", &whole, fact("anna", anna, (0, "started"), 0)).await;
    let frames =
        [annas.hears("hers", |frame| frame.to_string().contains(&anna.to_string())).await, {
            pair.play("home", &whole, fact("ben", ben, (1, "stopped"), 9_000)).await;
            all.hears_the_end_of(ben).await;
            pair.play("home", &whole, fact("anna", anna, (1, "stopped"), 9_000)).await;
            annas
                .hears("an end or his", |frame| {
                    frame["type"] == "ended" || frame.to_string().contains(&ben.to_string())
                })
                .await
        }];
    for frame in frames {
        assert!(!frame.to_string().contains(&ben.to_string()), "{frame}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_is_shown_everything_again_after_redis_was_cut_off_and_restarted() {
    let Some(redis) = OwnRedis::one() else { return };
    let Some(fleet) = Fleet::on(redis.url()) else { return };
    let pair = Pair::of(&fleet, &[]).await;
    pair.connected().await;
    let session = fresh(1);
    pair.play("home", "", fact("anna", session, (0, "started"), 0)).await;
    let mut follower = pair.follow("home", "").await;
    let shows = |position_ms: u64| {
        move |frame: &Value| {
            frame["type"] == "now" && frame["playing"][0]["position_ms"] == json!(position_ms)
        }
    };
    follower.hears("what it is to look at again", shows(0)).await;
    redis.cut_subscribers();
    follower.hears("it again, after the cut", shows(0)).await;
    pair.play("home", "", fact("anna", session, (1, "paused"), 7_000)).await;
    follower.hears_of(session, "paused", 7_000).await;
    redis.kill(1);
    pair.play("home", "", fact("anna", session, (2, "seeked"), 90_000)).await;
    redis.start_again(1);
    follower
        .hears("what changed meanwhile", |frame| {
            let one = if frame["type"] == "now" { &frame["playing"][0] } else { frame };
            one["position_ms"] == json!(90_000)
        })
        .await;
    pair.play("home", "", fact("anna", session, (3, "resumed"), 90_000)).await;
    follower.hears_of(session, "playing", 90_000).await;
    pair.play("home", "", fact("anna", session, (4, "stopped"), 95_000)).await;
    follower.hears_the_end_of(session).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_follows_an_erased_account_elsewhere_is_shown_that_nothing_is_left() {
    let Some(fleet) = Fleet::begin() else { return };
    let pair = Pair::of(&fleet, &[]).await;
    pair.connected().await;
    let mut follower = pair.follow("home", "").await;
    let session = fresh(1);
    pair.play("home", "", fact("anna", session, (0, "started"), 0)).await;
    follower.hears_of(session, "playing", 0).await;
    let url = format!("{}/v1/accounts/home", pair.first.url);
    let erased = crate::support::client().delete(url).send().await.unwrap();
    assert_eq!(erased.status(), 202);
    follower
        .hears("that nothing plays", |frame| {
            frame["type"] == "now" && frame["playing"] == json!([])
        })
        .await;
}
