//! The service without a network: facts to the account actors, acknowledged when they are durable.

use std::sync::Arc;
use std::time::Instant;

use viewlog::actors::{Accounts, Limits, Submission, System};
use viewlog::events::embedded::{EmbeddedLog, EmbeddedOptions};
use viewlog::events::{EventLog, SystemClock};
use viewlog::projections::{Freshness, MemoryViews, MemoryViewsOptions, Policy};

use crate::facts::Player;
use crate::load::{Load, Signal, Waiter, measure};

/// The actors on an embedded log in a fresh directory.
pub(crate) struct Node {
    pub(crate) system: System,
    pub(crate) log: Arc<EmbeddedLog>,
    pub(crate) data: tempfile::TempDir,
}

impl Node {
    pub(crate) fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let log = Arc::new(EmbeddedLog::open(data.path(), EmbeddedOptions::default()).unwrap());
        let system = system_on(Arc::clone(&log) as Arc<dyn EventLog>);
        Self { system, log, data }
    }
}

/// The actors on a log, with views in memory.
pub(crate) fn system_on(log: Arc<dyn EventLog>) -> System {
    let views = Arc::new(MemoryViews::new(MemoryViewsOptions::default(), Arc::new(SystemClock)));
    let shared = (Arc::new(Policy::default()), Arc::new(Freshness::default()));
    System::start(log, views, (shared.0, shared.1, Arc::new(SystemClock)), Limits::default())
}

pub(crate) fn run() {
    for in_flight in [1, 16, 64, 256, 2_048] {
        let load = actix_rt::System::new().block_on(facts(in_flight));
        load.print(&format!("facts, {in_flight} in flight, durable"));
    }
    let load = actix_rt::System::new().block_on(batches(8, 500));
    load.print("requests of 500 facts over 500 accounts, 8 at once");
}

async fn facts(in_flight: usize) -> Load {
    let node = Node::start();
    let players = Player::many(20_000);
    let chunk = players.len() / in_flight;
    let clients =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let accounts = node.system.accounts().clone();
    let load = clients.spawn(async move {
        measure(|signal| {
            let chunks = players.chunks(chunk).take(in_flight);
            chunks.map(|players| one_by_one(accounts.clone(), players.to_vec(), signal)).collect()
        })
        .await
    });
    let load = load.await.unwrap();
    let statistics = node.log.statistics();
    println!(
        "  worst commit {:?}, {} commits",
        std::time::Duration::from_micros(statistics.worst_commit_us),
        statistics.commits
    );
    clients.shutdown_background();
    node.system.stop().await;
    load
}

fn one_by_one(
    accounts: Accounts,
    mut players: Vec<Player>,
    signal: &Signal,
) -> impl Future<Output = hdrhistogram::Histogram<u64>> + Send + use<> {
    let mut waiter = Waiter::new(signal);
    async move {
        let count = players.len();
        for turn in (0..count).cycle() {
            let player = &mut players[turn];
            let submission = Submission { index: 0, event: player.next() };
            let sent = Instant::now();
            let outcome = accounts.record(vec![(player.account.clone(), vec![submission])]).await;
            if outcome.recorded == 1 {
                waiter.acknowledged(1, sent)
            } else {
                waiter.failed()
            }
            if !waiter.goes_on() {
                break;
            }
        }
        waiter.histogram()
    }
}

async fn batches(at_once: usize, size: usize) -> Load {
    let node = Node::start();
    let players = Player::many(20_000);
    let chunk = players.len() / at_once;
    let clients =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let accounts = node.system.accounts().clone();
    let load = clients.spawn(async move {
        measure(|signal| {
            let chunks = players.chunks(chunk);
            chunks
                .map(|players| by_batch(accounts.clone(), players.to_vec(), size, signal))
                .collect()
        })
        .await
    });
    let load = load.await.unwrap();
    clients.shutdown_background();
    node.system.stop().await;
    load
}

fn by_batch(
    accounts: Accounts,
    mut players: Vec<Player>,
    size: usize,
    signal: &Signal,
) -> impl Future<Output = hdrhistogram::Histogram<u64>> + Send + use<> {
    let mut waiter = Waiter::new(signal);
    async move {
        let count = players.len();
        let mut turn = 0;
        while waiter.goes_on() {
            let facts = (0..size).map(|index| {
                let player = &mut players[(turn + index) % count];
                let submission = Submission { index, event: player.next() };
                (player.account.clone(), vec![submission])
            });
            let facts = facts.collect();
            turn += size;
            let sent = Instant::now();
            let outcome = accounts.record(facts).await;
            waiter.acknowledged(outcome.recorded as u64, sent);
            if outcome.recorded < size {
                waiter.failed();
            }
        }
        waiter.histogram()
    }
}
