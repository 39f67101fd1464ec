//! An account's actor that panics: its callers are answered, it works again, nobody else notices.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::exported;
use super::players::{Player, players};
use crate::binary::Served;
use crate::support::eventually;

const SOON: Duration = Duration::from_secs(20);

async fn send(url: &str, player: &Player, seq: u64) -> u16 {
    let events = format!("{url}/v1/accounts/{}/events", player.account);
    let answer = crate::support::client().post(events).json(&player.fact(seq)).send();
    let answer = timeout(SOON, answer).await.expect("an answer").unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    assert!([200, 503].contains(&status), "{status} {text}");
    assert!(!text.contains("panic"), "{text}");
    status
}

async fn break_actor(url: &str, account: &str) {
    let chaos = format!("{url}/v1/system/chaos");
    let broken =
        crate::support::client().post(chaos).json(&json!({ "panic": { "account": account } }));
    assert_eq!(broken.send().await.unwrap().status(), 202);
}

async fn accounts(url: &str) -> Value {
    let system = crate::support::get(format!("{url}/v1/system")).await.unwrap();
    system.json::<Value>().await.unwrap()["actors"]["account"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_answered_and_nobody_else_notices() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path(), &["--chaos"]);
    let all = players(4);
    for player in &all {
        assert_eq!(send(&served.url, player, 0).await, 200);
    }
    let url = served.url.clone();
    let others = all[1..].to_vec();
    let undisturbed = tokio::spawn(async move {
        for seq in 1..60 {
            for other in &others {
                assert_eq!(send(&url, other, seq).await, 200);
            }
        }
    });
    for seq in 1..4 {
        let (_, status) =
            tokio::join!(break_actor(&served.url, "home-0"), send(&served.url, &all[0], seq));
        // In flight with the panic it may be refused; sent again it is recorded.
        if status == 503 {
            assert_eq!(send(&served.url, &all[0], seq).await, 200);
        }
    }
    undisturbed.await.unwrap();
    let seen = accounts(&served.url).await;
    assert_eq!((&seen["restarts"], &seen["given_up"]), (&json!(3), &json!(0)), "{seen}");
    assert_eq!(seen["active"], 4, "{seen}");
    for player in &all {
        let kept = exported(data.path(), &player.account);
        let facts = if player.account == "home-0" { 0..4 } else { 0..60 };
        assert_eq!(kept[&player.session.to_string()], facts.collect::<Vec<u64>>());
    }
    assert_eq!(served.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_actor_that_fails_too_often_is_given_up_and_the_next_message_makes_a_new_one() {
    let data = tempfile::tempdir().unwrap();
    let environment = [("VIEWLOG_ACTORS__RESTARTS_MAX", "2")];
    let served = Served::with(data.path(), &["--chaos"], &environment);
    let player = &players(1)[0];
    assert_eq!(send(&served.url, player, 0).await, 200);
    for broken in 1..=3 {
        break_actor(&served.url, "home-0").await;
        eventually("it is noticed", async || {
            let seen = accounts(&served.url).await;
            let failures = seen["restarts"].as_u64().unwrap() + seen["given_up"].as_u64().unwrap();
            failures == broken
        })
        .await;
    }
    let seen = accounts(&served.url).await;
    assert_eq!((&seen["restarts"], &seen["given_up"]), (&json!(2), &json!(1)), "{seen}");
    assert!(seen["last_failure"].is_string(), "{seen}");
    assert_eq!(send(&served.url, player, 1).await, 200);
    assert_eq!(accounts(&served.url).await["active"], 1);
    assert_eq!(exported(data.path(), "home-0")[&player.session.to_string()], [0, 1]);
    assert!(served.said().contains("given up"), "{}", served.said());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_be_folded_is_named_to_the_operator_once() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path(), &["--chaos"]);
    let player = &players(1)[0];
    let chaos = format!("{}/v1/system/chaos", served.url);
    let body = json!({ "panic": { "session": player.session } });
    assert_eq!(
        crate::support::client().post(chaos).json(&body).send().await.unwrap().status(),
        202
    );
    let events = format!("{}/v1/accounts/{}/events", served.url, player.account);
    for seq in 0..5 {
        let refused =
            crate::support::client().post(&events).json(&player.fact(seq)).send().await.unwrap();
        assert_eq!(refused.status(), 422);
    }
    let said = served.said();
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("is parked")).collect();
    assert_eq!(lines.len(), 1, "{said}");
    let session = player.session.to_string();
    for part in ["home-0", &session, "made to fail", "viewlog verify --account"] {
        assert!(lines[0].contains(part), "{part}: {}", lines[0]);
    }
}

#[tokio::test]
async fn nobody_breaks_actors_of_a_server_that_did_not_ask_for_it() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path(), &[]);
    let chaos = format!("{}/v1/system/chaos", served.url);
    let body = json!({ "panic": { "account": "home" } });
    let answer = crate::support::client().post(chaos).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 404);
}
