//! Three Cassandra nodes with a copy each: under load one is killed and comes back, and then it has
//! to answer for another that stands still.

use std::time::{Duration, Instant};

use tokio::task::block_in_place;

use super::load::{Habits, Load, is_well, nothing_is_lost};
use super::{Fleet, apply_schema};
use crate::servers::{Cluster, redis};
use crate::support::eventually;

/// They leave some of the machine to a Cassandra that starts: beside players who report as fast as
/// they are answered it took minutes, and stood still in its gossip.
fn patient() -> Habits {
    Habits { every: Duration::from_millis(800), ..Habits::of("copies") }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_three_nodes_killed_under_load_costs_no_fact_and_errors_for_seconds() {
    let (Some(redis), Some(cluster)) = (redis(), Cluster::three()) else { return };
    let keyspace = cluster.keyspace();
    let log = cluster.url(&keyspace, "dc1");
    apply_schema(&log, "dc1:3");
    let ring = block_in_place(|| cluster.nodetool(1, &["status", &keyspace]));
    assert_eq!(ring.matches("100.0%").count(), 3, "each has a copy of all: {ring}");
    let fleet = Fleet { log, views: redis.url() };
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let nodes = [fleet.node(data[0].path()), fleet.node(data[1].path())];
    let load = Load::begin(&patient(), &[&nodes[0].url, &nodes[1].url]);
    load.goes_on(150).await;
    load.tally().say("three nodes, before");

    block_in_place(|| cluster.kill(2));
    let killed = Instant::now();
    // Errors end while it is still away.
    load.goes_on_unrefused(150).await;
    println!("150 facts in a row were acknowledged within {:?} of the kill", killed.elapsed());
    let started = Instant::now();
    block_in_place(|| cluster.start_again(2));
    println!("it was back {:?} after its start", started.elapsed());
    load.goes_on_unrefused(150).await;
    block_in_place(|| cluster.pause(3));
    load.goes_on_unrefused(150).await;
    block_in_place(|| cluster.resume(3));
    eventually("the node that was away sees all three up", async || {
        let ring = block_in_place(|| cluster.nodetool(2, &["status", &keyspace]));
        ring.matches("\nUN ").count() == 3
    })
    .await;
    let (players, tally) = load.end().await;
    tally.say("three nodes, one killed and started again, another frozen for a while");
    nothing_is_lost(&players, &nodes[0].url).await;

    // Nor when the one that was away has to answer for another.
    block_in_place(|| cluster.kill(1));
    nothing_is_lost(&players, &nodes[1].url).await;
    for node in nodes {
        is_well(&players, &node.url).await;
        assert_eq!(node.terminate(), Some(0));
    }
}
