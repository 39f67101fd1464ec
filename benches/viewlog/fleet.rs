//! A node of a fleet, on a Cassandra and a Redis of the run's own: what it takes and answers beside
//! what these two do alone.

use std::sync::Arc;
use std::time::Instant;

use actix_web::rt;
use tokio::runtime::Runtime;
use viewlog::events::EventLog;

use crate::cassandra::Store;
use crate::lag;
use crate::network::{Server as Site, no_token};
use crate::path;
use crate::reads::{ask, fill, reach_views};
use crate::rebuild;
use crate::redis::core;
use crate::relay::{follow, node};
use crate::server::{Cassandra, Server, settle};

/// Who reads at once.
const CONNECTIONS: usize = 64;
const RESUME: &str = "/v1/accounts/{}/profiles/anna/resume/title-7";
/// What is answered without looking anywhere.
const HEALTH: &str = "/healthz";
/// Plays of each account that is read.
const PLAYS: usize = 120;

pub(crate) fn run() {
    let Some(redis) = Server::start(7393) else { return };
    let Some(cassandra) = Cassandra::start() else { return };
    let runtime = Runtime::new().unwrap();
    let store = runtime.block_on(Store::make(&cassandra, "facts"));
    runtime.block_on(store.warm_up());
    rt::System::new().block_on(facts(&redis, &Arc::new(store), &runtime));
    rebuild::of_fleet(&redis, &cassandra, &runtime);
}

pub(crate) fn run_reads() {
    let Some(redis) = Server::start(7393) else { return };
    let Some(cassandra) = Cassandra::start() else { return };
    let runtime = Runtime::new().unwrap();
    let _tables = runtime.block_on(Store::make(&cassandra, "facts"));
    runtime.block_on(reads(&redis, &cassandra));
}

/// How many it takes, and after how long others see them.
async fn facts(redis: &Server, store: &Arc<Store>, runtime: &Runtime) {
    let log = Arc::clone(&store.log) as Arc<dyn EventLog>;
    let first = node(&log, redis.way(), "first");
    let facts_per_s = path::facts(store, &first.1, runtime.handle()).await;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate")]
    let half = facts_per_s as usize / 2;
    lag::to_views(first.1.accounts(), &redis.views(), half).await;
    let second = node(&log, redis.way(), "second");
    follow(&first, &second, half).await;
    first.1.stop().await;
    second.1.stop().await;
}

/// Resume points through HTTP, beside plain reads of this Redis by its own benchmark.
async fn reads(redis: &Server, cassandra: &Cassandra) {
    let log = format!("cassandra://{}/facts", cassandra.host);
    let site = Site::start_with(&["--log", &log, "--views", &redis.url]);
    fill(&site, PLAYS, &no_token).await;
    reach_views(&site, RESUME).await;
    settle();
    for _ in 0..2 {
        let begun = (Instant::now(), redis.cpu_s().await);
        let load = ask(&site, (RESUME, CONNECTIONS), &no_token).await;
        load.print(&format!("GET resume point, {CONNECTIONS} connections"));
        core(redis, begun, &load).await;
        let Some(gets) = redis.plain_gets_per_s(CONNECTIONS) else { return };
        println!("GET by redis-benchmark, {CONNECTIONS} connections: {gets:.0}/s");
        println!("  resume points : plain GETs = {:.2}", load.facts_per_s / gets);
        let health = ask(&site, (HEALTH, CONNECTIONS), &no_token).await;
        health.print(&format!("GET {HEALTH}, {CONNECTIONS} connections"));
        println!("  answers of nothing : plain GETs = {:.2}", health.facts_per_s / gets);
    }
}
