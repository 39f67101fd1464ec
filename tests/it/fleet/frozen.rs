//! A store that stands still for ten seconds under load, as in a long pause of its garbage
//! collector: no acknowledged fact is lost, memory stays bounded, all is well again by itself.

use std::time::{Duration, Instant};

use tokio::task::block_in_place;

use super::load::{Habits, Load, is_well, nothing_is_lost};
use super::{Fleet, apply_schema, asked};
use crate::binary::Served;
use crate::servers::{Cluster, OwnRedis, redis};
use crate::support::a_moment;

const STANDS_STILL: Duration = Duration::from_secs(10);
/// Facts that a node of these tests admits.
const ADMITTED_MAX: u64 = 2_000;
const ADMITS: (&str, &str) = ("VIEWLOG_ACTORS__NODE_WAITING_MAX", "2000");
/// What a node may hold more than before. Facts that wait take some hundred bytes each; the rest is
/// for connections, and for what an allocator keeps of a burst.
const GROWTH_BYTES_MAX: u64 = 64 << 20;

/// Ten seconds, in which a node admits no more than it may; the most memory that it held.
async fn stands_still(node: &Served) -> Option<u64> {
    let begun = Instant::now();
    let mut most = node.resident_bytes();
    while begun.elapsed() < STANDS_STILL {
        let system = asked(&format!("{}/v1/system", node.url)).await;
        assert!(system["admitted"].as_u64().unwrap() <= ADMITTED_MAX, "{system}");
        most = most.max(node.resident_bytes());
        a_moment().await;
    }
    most
}

fn assert_bounded(before: Option<u64>, most: Option<u64>) {
    let (Some(before), Some(most)) = (before, most) else { return };
    println!("{} KiB before, {} KiB at most", before >> 10, most >> 10);
    assert!(most < before + GROWTH_BYTES_MAX, "{before} bytes became {most}");
}

/// Players that send far more at once than a node admits.
fn crowd() -> Habits {
    Habits { players: 80, at_once: 100, ..Habits::of("crowd") }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cassandra_that_stands_still_costs_seconds_and_no_acknowledged_fact() {
    let (Some(redis), Some(cluster)) = (redis(), Cluster::one()) else { return };
    let log = cluster.url(&cluster.keyspace(), "dc1");
    apply_schema(&log, "dc1:1");
    let fleet = Fleet { log, views: redis.url() };
    let data = tempfile::tempdir().unwrap();
    let node = fleet.node_with(data.path(), &[ADMITS]);
    let load = Load::begin(&Habits::of("home"), &[&node.url]);
    load.goes_on(500).await;
    let before = node.resident_bytes();

    block_in_place(|| cluster.pause(1));
    let crowd = Load::begin(&crowd(), &[&node.url]);
    let most = stands_still(&node).await;
    let thawed = Instant::now();
    block_in_place(|| cluster.resume(1));
    load.goes_on(100).await;
    println!("facts were acknowledged {:?} after", thawed.elapsed());
    crowd.goes_on(10_000).await;

    assert_bounded(before, most.max(node.resident_bytes()));
    let (mut players, tally) = load.end().await;
    let (others, crowded) = crowd.end().await;
    tally.say("Cassandra stood still for 10 s");
    crowded.say("the crowd that came meanwhile");
    assert!(crowded.refused > 0, "the line was never full: {crowded:?}");
    players.extend(others);
    nothing_is_lost(&players, &node.url).await;
    is_well(&players, &node.url).await;
    assert_eq!(node.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_stands_still_refuses_nothing_and_loses_nothing() {
    let Some(redis) = OwnRedis::one() else { return };
    let Some(fleet) = Fleet::on(redis.url()) else { return };
    let data = tempfile::tempdir().unwrap();
    let node = fleet.node_with(data.path(), &[ADMITS]);
    let load = Load::begin(&Habits::of("home"), &[&node.url]);
    load.goes_on(500).await;
    let before = node.resident_bytes();

    block_in_place(|| redis.pause(1));
    let going_on = load.tally().acknowledged;
    let most = stands_still(&node).await;
    assert!(load.tally().acknowledged > going_on + 500, "{:?}", load.tally());
    block_in_place(|| redis.resume(1));
    load.goes_on(500).await;

    assert_bounded(before, most.max(node.resident_bytes()));
    let (players, tally) = load.end().await;
    tally.say("Redis stood still for 10 s");
    assert_eq!(tally.refused, 0, "{tally:?}");
    nothing_is_lost(&players, &node.url).await;
    is_well(&players, &node.url).await;
    assert_eq!(node.terminate(), Some(0));
}
