//! What must not be lost when things break: the real process killed at random moments, damaged
//! files.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use viewlog::events::SessionId;

use crate::binary::{Served, run, said};
use crate::support::at;

/// Facts that were acknowledged: session and number.
type Acknowledged = Arc<Mutex<BTreeSet<(String, u64)>>>;

const ROUNDS: u128 = 8;
const PLAYERS: u128 = 24;

/// One player that reports as fast as it is answered, until the server is gone.
async fn play(url: String, account: String, session: String, acknowledged: Acknowledged) {
    let client = reqwest::Client::new();
    for seq in 0_u64.. {
        let fact = json!({
            "profile": "anna", "title": "film", "session": session, "seq": seq,
            "kind": if seq == 0 { "started" } else { "progressed" },
            "at": at(i64::try_from(seq).unwrap()), "position_ms": seq * 1_000,
        });
        let request = client.post(format!("{url}/v1/accounts/{account}/events")).json(&fact);
        let Ok(response) = request.send().await else { return };
        if response.status() == 200 && response.bytes().await.is_ok() {
            acknowledged.lock().unwrap().insert((session.clone(), seq));
        }
    }
}

async fn recorded(url: &str, account: &str) -> BTreeSet<(String, u64)> {
    let export = format!("{url}/v1/accounts/{account}/export");
    let text = reqwest::get(export).await.unwrap().text().await.unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .map(|line| (line["session"].as_str().unwrap().to_owned(), line["seq"].as_u64().unwrap()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_again_and_again_loses_no_acknowledged_fact() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let data = tempfile::tempdir().unwrap();
    let acknowledged = Acknowledged::default();
    for round in 0..ROUNDS {
        let served = Served::start(data.path(), &[]);
        let players = (0..PLAYERS).map(|player| {
            let session = SessionId::derived(at(0), round * PLAYERS + player).to_string();
            let account = format!("home-{}", player % 4);
            tokio::spawn(play(served.url.clone(), account, session, Arc::clone(&acknowledged)))
        });
        let players: Vec<_> = players.collect();
        // The moment of the kill is what varies here; nothing waits for it.
        tokio::time::sleep(Duration::from_millis(random.random_range(20..900))).await;
        served.kill();
        for player in players {
            player.await.unwrap();
        }
    }
    let served = Served::start(data.path(), &[]);
    let mut kept = BTreeSet::new();
    for account in 0..4 {
        kept.extend(recorded(&served.url, &format!("home-{account}")).await);
    }
    let acknowledged = acknowledged.lock().unwrap().clone();
    let lost: Vec<_> = acknowledged.difference(&kept).collect();
    assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), acknowledged.len());
    assert!(acknowledged.len() > 500, "only {} facts were acknowledged", acknowledged.len());
    assert_eq!(served.terminate(), Some(0));
    let verified = run(data.path(), &["verify"]);
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_asked_to_stop_answers_what_is_in_flight_and_exits_cleanly() {
    let data = tempfile::tempdir().unwrap();
    let acknowledged = Acknowledged::default();
    let served = Served::start(data.path(), &[]);
    let players = (0..PLAYERS).map(|player| {
        let session = SessionId::derived(at(0), player).to_string();
        tokio::spawn(play(
            served.url.clone(),
            "home".to_owned(),
            session,
            Arc::clone(&acknowledged),
        ))
    });
    let players: Vec<_> = players.collect();
    crate::support::eventually("facts are acknowledged", async || {
        acknowledged.lock().unwrap().len() > 200
    })
    .await;
    assert_eq!(served.terminate(), Some(0));
    for player in players {
        player.await.unwrap();
    }
    let served = Served::start(data.path(), &[]);
    let kept = recorded(&served.url, "home").await;
    let acknowledged = acknowledged.lock().unwrap().clone();
    assert_eq!(acknowledged.difference(&kept).count(), 0);
}
