//! From node to node: a fact acknowledged by one, until a WebSocket of another has its frame. Two
//! nodes of this process on one Redis and one log in memory, with everything else as it is served.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web::Data;
use actix_web::{App, HttpServer, rt};
use futures_util::StreamExt;
use hdrhistogram::Histogram;
use tokio_tungstenite::connect_async;
use viewlog::actors::{Accounts, Limits, Submission, System};
use viewlog::events::memory::MemoryLog;
use viewlog::events::{Clock, EventLog, SystemClock};
use viewlog::http::{self, Clocks, Jobs, Node, Settings, Sockets};
use viewlog::projections::{
    Answers, Freshness, Policy, Redis, RedisViews, RedisViewsOptions, Relay,
};

use crate::facts::Player;
use crate::network::Http;
use crate::server::Server;

/// Facts that are awaited one by one.
const FACTS: usize = 2_000;
/// Every so often one, so that none waits behind another.
const PAUSE: Duration = Duration::from_millis(1);
/// Facts a second of players that nobody follows, beside them.
const OTHERS: [usize; 2] = [0, 2_000];
/// How often some of them report.
const ROUNDS_A_SECOND: usize = 200;
const ROUND: Duration = Duration::from_millis(1_000 / ROUNDS_A_SECOND as u64);

pub(crate) fn run() {
    rt::System::new().block_on(async {
        let Some(server) = Server::start(7392) else { return };
        let log: Arc<dyn EventLog> = Arc::new(MemoryLog::default());
        let (first, second) =
            (node(&log, server.way(), "first"), node(&log, server.way(), "second"));
        for others in OTHERS {
            follow(&first, &second, others).await;
        }
    });
}

/// A node; where it answers, and its actors.
pub(crate) fn node(log: &Arc<dyn EventLog>, redis: Redis, name: &str) -> (String, Arc<System>) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let options = RedisViewsOptions::default();
    let views = Arc::new(RedisViews::new(redis.clone(), options, Arc::clone(&clock)));
    let (policy, freshness) = (Arc::new(Policy::default()), Arc::new(Freshness::default()));
    let system = System::start(
        Arc::clone(log),
        Arc::clone(&views) as _,
        (Arc::clone(&policy), Arc::clone(&freshness), Arc::clone(&clock)),
        // As where views outlive the process; a log without an index of them takes no marks.
        Limits { marks: true, ..Limits::default() },
    );
    system.join(Relay::new(&redis, "vl", name));
    let system = Arc::new(system);
    let answers = Answers::new(
        (Arc::clone(log), Arc::clone(&views) as _),
        policy,
        (Arc::clone(&freshness), Arc::clone(&clock)),
        8,
    );
    let node = Data::new(Node {
        system: Arc::clone(&system),
        answers,
        log: Arc::clone(log),
        views,
        freshness,
        started_at: clock.now(),
        clock,
        clocks: Clocks::default(),
        jobs: Arc::new(Jobs::new(Arc::new(SystemClock), None)),
        sockets: Sockets::default(),
        metrics: None,
        tokens: None,
        settings: Settings::default(),
    });
    let serving = HttpServer::new(move || {
        let settings = Settings::default();
        App::new().app_data(node.clone()).configure(|routes| http::routes(routes, &settings))
    });
    let serving = serving.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let address = serving.addrs()[0].to_string();
    rt::spawn(serving.run());
    (address, system)
}

/// Follows a player on the second node who reports to the first, beside `others` facts a second.
pub(crate) async fn follow(
    first: &(String, Arc<System>),
    second: &(String, Arc<System>),
    others: usize,
) {
    let mut player = Player::new(1_000_000 + others);
    let url = format!("ws://{}/v1/accounts/{}/live", second.0, player.account);
    let (mut socket, _) = connect_async(url).await.unwrap();
    socket.next().await.unwrap().unwrap();
    let path = format!("/v1/accounts/{}/events", player.account);
    let mut http = Http::connect(&first.0).await;
    // By then everybody knows who follows what, and the follower has looked again.
    for _ in 0..100 {
        http.post(&path, "application/json", &player.next_json()).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let load = rt::spawn(unfollowed(first.1.accounts().clone(), Player::many(5_000), others));
    let mut us = Histogram::<u64>::new(3).unwrap();
    let mut early = 0_u32;
    for _ in 0..FACTS {
        let awaited = format!("\"position_ms\":{},", u64::from(player.seq) * 1_000);
        let body = player.next_json();
        let acknowledged = async {
            assert_eq!(http.post(&path, "application/json", &body).await, 200);
            Instant::now()
        };
        let framed = async {
            loop {
                let frame = socket.next().await.unwrap().unwrap();
                if frame.to_text().unwrap().contains(&awaited) {
                    return Instant::now();
                }
            }
        };
        let (acknowledged, framed) = tokio::join!(acknowledged, framed);
        let lag = framed.saturating_duration_since(acknowledged);
        early += u32::from(framed < acknowledged);
        us.record(u64::try_from(lag.as_micros()).unwrap()).unwrap();
        tokio::time::sleep(PAUSE).await;
    }
    load.abort();
    let ms = |quantile: f64| us.value_at_quantile(quantile) as f64 / 1_000.0;
    println!(
        "acknowledged on one node until framed on another, {others} other facts/s: p50 {:.2} ms, \
         p99 {:.2} ms, most {:.2} ms; framed before acknowledged {:.0} %",
        ms(0.5),
        ms(0.99),
        us.max() as f64 / 1_000.0,
        f64::from(early) * 100.0 / FACTS as f64,
    );
    println!("  first {:?}", first.1.observe().relay.unwrap());
    println!("  second {:?}", second.1.observe().relay.unwrap());
}

/// What players whom nobody follows report meanwhile, each fact a request of its own.
pub(crate) async fn unfollowed(accounts: Accounts, mut players: Vec<Player>, a_second: usize) {
    let mut round = tokio::time::interval(ROUND);
    let (count, mut turn) = (players.len(), 0);
    loop {
        round.tick().await;
        for _ in 0..a_second / ROUNDS_A_SECOND {
            let player = &mut players[turn % count];
            turn += 1;
            let submission = Submission { index: 0, event: player.next() };
            let fact = vec![(player.account.clone(), vec![submission])];
            let accounts = accounts.clone();
            rt::spawn(async move { assert_eq!(accounts.record(fact).await.recorded, 1) });
        }
    }
}
