//! `kill -9` of the real process at random moments, again and again, on one directory.

use std::path::Path;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::sync::watch::Receiver;

use super::players::{Heard, Player, back, lost, play, players};
use super::{Numbers, exported, numbers};
use crate::binary::{Served, run, said};
use crate::support::eventually;

const ROUNDS: usize = 8;
const PLAYERS: u128 = 24;

fn seeded(test: &str) -> StdRng {
    let seed: u64 = rand::random();
    println!("{test}: seed {seed}");
    StdRng::seed_from_u64(seed)
}

async fn kept(served: &Served) -> Numbers {
    let mut kept = Numbers::new();
    for account in 0..4 {
        let url = format!("{}/v1/accounts/home-{account}/export", served.url);
        kept.extend(numbers(&crate::support::get(url).await.unwrap().text().await.unwrap()));
    }
    kept
}

fn verify(data: &Path) {
    let verified = run(data, &["verify"]);
    assert_eq!(verified.status.code(), Some(0), "{}", said(&verified));
}

/// Kills it in the middle of its work, once so much was heard of it.
async fn kill_when(served: Served, all: Receiver<Heard>, enough: impl Fn(&Heard) -> bool) {
    eventually("enough is acknowledged", async || enough(&all.borrow())).await;
    kill_after(served, 0).await;
}

async fn kill_after(served: Served, moment_ms: u64) {
    let kill = move || served.kill_after(Duration::from_millis(moment_ms));
    tokio::task::spawn_blocking(kill).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_again_and_again_loses_nothing_it_acknowledged() {
    let mut random = seeded("killed again and again");
    let data = tempfile::tempdir().unwrap();
    let mut all = players(PLAYERS);
    for round in 0..ROUNDS {
        if random.random_bool(0.3) {
            // It may die before it has opened the log, too.
            let moment_ms = random.random_range(0..250);
            kill_after(Served::begin(data.path(), &[], &[]), moment_ms).await;
        }
        let served = Served::start(data.path(), &[]);
        let heard = all[0].heard.subscribe();
        let facts = heard.borrow().facts + random.random_range(0..500);
        let everyone = if round + 1 == ROUNDS { PLAYERS } else { 0 };
        let playing = play(all, &served.url);
        kill_when(served, heard, |heard| heard.facts >= facts && heard.players >= everyone).await;
        all = back(playing).await;
        let served = Served::start(data.path(), &[]);
        let lost = lost(&all, &kept(&served).await);
        assert!(lost.is_empty(), "round {round}: {} facts lost: {lost:?}", lost.len());
        verify(data.path());
        served.kill();
    }
    let facts: u64 = all.iter().map(|player| player.acknowledged).sum();
    println!("{facts} facts acknowledged in {ROUNDS} rounds");
    assert!(all.iter().all(|player| player.acknowledged > 0), "{all:?}");
    let served = Served::start(data.path(), &[]);
    for player in &all {
        let Player { account, session, .. } = player;
        let url = format!("{}/v1/accounts/{account}/sessions/{session}", served.url);
        let state: Value = crate::support::get(url).await.unwrap().json().await.unwrap();
        assert_eq!((&state["missing"], &state["conflict"]), (&json!([]), &json!(false)), "{state}");
    }
    assert_eq!(served.terminate(), Some(0));
    verify(data.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn long_work_that_is_killed_costs_nothing_and_can_be_done_again() {
    let mut random = seeded("killed at work");
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path(), &[]);
    let all = players(8);
    let heard = all[0].heard.subscribe();
    let playing = play(all, &served.url);
    kill_when(served, heard, |heard| heard.facts >= 500 && heard.players == 8).await;
    let all = back(playing).await;
    let served = Served::start(data.path(), &[]);
    let before = kept(&served).await;
    served.kill();
    for work in ["rebuild", "compact?older_than_days=9999", "verify"] {
        let served = Served::start(data.path(), &[]);
        let url = format!("{}/v1/system/{work}", served.url);
        let started = crate::support::client().post(url).send().await.unwrap();
        assert_eq!(started.status(), 202);
        kill_after(served, random.random_range(0..60)).await;
        let served = Served::start(data.path(), &[]);
        assert_eq!(kept(&served).await, before, "{work}");
        served.kill();
    }
    let rebuilt = run(data.path(), &["rebuild"]);
    assert_eq!(rebuilt.status.code(), Some(0), "{}", said(&rebuilt));
    verify(data.path());
    assert_eq!(lost(&all, &before), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_as_erased_does_not_come_back() {
    let data = tempfile::tempdir().unwrap();
    let served = Served::start(data.path(), &[]);
    let playing = play(players(8), &served.url);
    let erase = format!("{}/v1/accounts/home-1/profiles/anna", served.url);
    eventually("facts are recorded", async || {
        let seen = format!("{}/v1/accounts/home-1/profiles", served.url);
        crate::support::get(seen).await.unwrap().text().await.unwrap().contains("anna")
    })
    .await;
    let erased = crate::support::client().delete(erase).send().await.unwrap();
    assert_eq!(erased.status(), 202);
    served.kill();
    for player in playing {
        // Those whose play was erased are told so, and stop.
        let _ = player.await;
    }
    assert_eq!(exported(data.path(), "home-1"), Numbers::new());
    assert_ne!(exported(data.path(), "home-2"), Numbers::new());
    verify(data.path());
}
