//! Facts through a node's account actors to Cassandra, beside the same rows by its bare driver.

use std::sync::Arc;
use std::time::Instant;

use hdrhistogram::Histogram;
use tokio::runtime::Handle;
use viewlog::actors::{Accounts, Submission, System};

use crate::cassandra::{DRIVER, Store};
use crate::facts::Player;
use crate::load::{Load, Signal, Waiter, measure};
use crate::rebuild::fill;

/// How often driver and node take turns.
const TURNS: usize = 3;
/// Whose sessions go on, others in each measurement.
const ACCOUNTS: usize = 2_000;
const IN_FLIGHT: usize = 256;

/// How many facts a second a node takes one by one; `clients` run the loops of whoever sends them.
pub(crate) async fn facts(store: &Arc<Store>, system: &System, clients: &Handle) -> f64 {
    let (mut driver, mut node) = (0.0, 0.0);
    for turn in 0..TURNS {
        let (driven, players) = (Arc::clone(store), players(TURNS + 2 + turn));
        let load = clients.spawn(async move { driven.drive(players, IN_FLIGHT).await });
        let load = load.await.unwrap();
        load.print(DRIVER);
        driver += load.facts_per_s / TURNS as f64;
        let players = begun(system, turn).await;
        let load = sent(players, (IN_FLIGHT, 1), system.accounts(), clients).await;
        load.print("facts through a node, 256 in flight");
        node += load.facts_per_s / TURNS as f64;
    }
    println!("  facts through a node : the same rows by the driver = {:.2}", node / driver);
    for (turn, facts) in [10, 25].into_iter().enumerate() {
        let players = begun(system, TURNS + turn).await;
        let load = sent(players, (64, facts), system.accounts(), clients).await;
        load.print(&format!("requests of {facts} facts of an account, 64 in flight, facts"));
        println!(
            "  facts of these : the same by the driver one by one = {:.2}",
            load.facts_per_s / driver
        );
    }
    node
}

/// Players whose sessions have begun.
async fn begun(system: &System, turn: usize) -> Vec<Player> {
    let mut players = players(turn);
    fill(system, &mut players, 1).await;
    players
}

fn players(turn: usize) -> Vec<Player> {
    let first = (turn + 10) * ACCOUNTS;
    (first..first + ACCOUNTS).map(Player::in_fleet).collect()
}

/// Requests of so many facts of one account, so many at once.
async fn sent(
    players: Vec<Player>,
    (in_flight, facts): (usize, usize),
    accounts: &Accounts,
    clients: &Handle,
) -> Load {
    let accounts = accounts.clone();
    let load = clients.spawn(async move {
        measure(|signal| {
            let chunks = players.chunks(players.len() / in_flight).take(in_flight);
            chunks
                .map(|players| sender((accounts.clone(), players.to_vec()), facts, signal))
                .collect()
        })
        .await
    });
    load.await.unwrap()
}

fn sender(
    (accounts, mut players): (Accounts, Vec<Player>),
    facts: usize,
    signal: &Signal,
) -> impl Future<Output = Histogram<u64>> + Send + use<> {
    let mut waiter = Waiter::new(signal);
    async move {
        let count = players.len();
        for turn in (0..count).cycle() {
            let player = &mut players[turn];
            let submissions =
                (0..facts).map(|index| Submission { index, event: player.next() }).collect();
            let sent = Instant::now();
            let outcome = accounts.record(vec![(player.account.clone(), submissions)]).await;
            if outcome.recorded == facts {
                waiter.acknowledged(facts as u64, sent);
            } else {
                waiter.failed();
            }
            if !waiter.goes_on() {
                break;
            }
        }
        waiter.histogram()
    }
}
