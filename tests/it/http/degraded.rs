//! A node whose clock is far from those of the stores that it shares, or whose log is slow.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use viewlog::actors::Limits;
use viewlog::config::Config;
use viewlog::events::cassandra::{CassandraLog, Schema};
use viewlog::events::{Clock, EventLog, ManualClock, Skew, SystemClock, ahead_ms};
use viewlog::http::{Clocks, Settings};

use super::site::{EVENTS, Site, fact};
use crate::redis_views::way;
use crate::servers::{cassandra, redis};
use crate::support::{FlakyLog, at, eventually};

type Sites = (Site, Arc<ManualClock>);

/// A node whose clock stands in the past, beside a store that keeps comparing.
async fn beside(store: impl AsyncFnOnce(Arc<dyn Clock>) -> Arc<Skew>) -> Sites {
    let clock = Arc::new(ManualClock::new(at(0)));
    let mut clocks = Clocks::default();
    clocks.add(store(Arc::clone(&clock) as Arc<dyn Clock>).await);
    let of = (Arc::clone(&clock), clocks);
    (Site::beside(Site::memory(), of, (Limits::default(), Settings::default())).await, clock)
}

/// Not ready while it stands there, and ready once it shows the time.
async fn is_ready_with_the_right_time_alone((site, clock): Sites, store: &str) {
    eventually("clocks are compared", async || site.call("GET", "/readyz").await.status == 503)
        .await;
    let unready = site.call("GET", "/readyz").await;
    let detail = unready.problem(503, "store_unavailable");
    assert!(detail.starts_with("this node's clock is "), "{detail}");
    assert!(detail.ends_with(&format!(" s behind that of the store of its {store}; set it")));
    let system = site.call("GET", "/v1/system").await.json;
    assert_eq!(system["degraded"][0]["what"], "clock", "{system}");
    assert_eq!(system["degraded"][0]["detail"], detail);
    assert!(system[store]["clock_ahead_ms"].as_i64().unwrap() < -30_000, "{system}");
    eventually("a clock that was set is noticed", async || {
        clock.set(SystemClock.now());
        site.call("GET", "/readyz").await.status == 200
    })
    .await;
    let system = site.call("GET", "/v1/system").await.json;
    assert_eq!(system["degraded"], json!([]), "{system}");
}

#[actix_web::test]
async fn a_clock_far_from_that_of_redis_makes_a_node_unready_until_it_is_set() {
    let Some(server) = redis() else { return };
    let redis = way(&server.url());
    let sites = beside(async |clock| redis.watch(clock)).await;
    is_ready_with_the_right_time_alone(sites, "views").await;
}

#[actix_web::test]
async fn a_clock_far_from_that_of_cassandra_makes_a_node_unready_until_it_is_set() {
    let Some(server) = cassandra() else { return };
    let url = server.url(&server.keyspace()).parse().unwrap();
    let options = Config::default().cassandra_options(&url);
    let schema = Schema::connect(&options).await.unwrap();
    schema.apply(&schema.default_replication()).await.unwrap();
    let mut log = None;
    let sites =
        beside(async |clock| log.insert(CassandraLog::open(&options, clock).await.unwrap()).skew())
            .await;
    is_ready_with_the_right_time_alone(sites, "log").await;
}

#[test]
fn clocks_differ_by_what_the_time_of_asking_does_not_explain() {
    let asked = (at(10), at(12));
    for (theirs, ahead_s) in [(10, 0), (11, 0), (12, 0), (13, -1), (72, -60), (9, 1), (0, 10)] {
        assert_eq!(ahead_ms(at(theirs), asked), ahead_s * 1_000, "{theirs}");
    }
}

#[test]
fn one_server_of_a_store_whose_clock_is_wrong_is_outvoted_by_another() {
    let skew = Skew::new("log");
    assert_eq!(skew.ahead_ms(), None);
    let compare = |theirs: i64| skew.compare(at(theirs), (at(0), at(0)));
    compare(100);
    assert_eq!(skew.ahead_ms(), Some(-100_000));
    compare(-2);
    (0..7).for_each(|_| compare(100));
    assert_eq!(skew.ahead_ms(), Some(2_000));
    compare(100);
    assert_eq!(skew.ahead_ms(), Some(-100_000), "the other has not been heard for long");
}

#[actix_web::test]
async fn a_log_that_answers_late_is_called_slow() {
    let log = Arc::new(FlakyLog::default());
    let as_log = Arc::clone(&log) as Arc<dyn EventLog>;
    let site = Site::on(as_log, Limits::default(), Settings::default()).await;
    let held = log.hold().await;
    let late = async {
        eventually("it is asked", async || log.appends() == 1).await;
        let begun = Instant::now();
        let is_late = async || begun.elapsed() > Duration::from_millis(700);
        eventually("it is late", is_late).await;
        drop(held);
    };
    let fact = fact(1, 0, "started", 0);
    let (answer, ()) = tokio::join!(site.post(EVENTS, &fact), late);
    assert_eq!(answer.recorded(), 1);
    let system = site.call("GET", "/v1/system").await.json;
    assert_eq!(system["degraded"][0]["what"], "slow", "{system}");
    let detail = "the log took more than half a second for 1 of the last 1 appends";
    assert_eq!(system["degraded"][0]["detail"], detail);
    assert_eq!(site.call("GET", "/readyz").await.status, 200);
}
