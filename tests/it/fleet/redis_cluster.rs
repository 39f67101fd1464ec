//! Views in a cluster of Redis, one of whose masters is killed under load and comes back.

use serde_json::Value;

use super::load::{Habits, Load, is_well, nothing_is_lost};
use super::{Fleet, asked};
use crate::servers::OwnRedis;
use crate::support::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn a_master_of_a_cluster_killed_under_load_refuses_nothing_and_is_filled_again() {
    let Some(redis) = OwnRedis::cluster() else { return };
    let Some(fleet) = Fleet::on(redis.url()) else { return };
    let data = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let nodes = [fleet.node(data[0].path()), fleet.node(data[1].path())];
    let load = Load::begin(&Habits::of("home"), &[&nodes[0].url, &nodes[1].url]);
    load.goes_on(500).await;

    redis.kill(2);
    let views_ok = async || {
        let system: Value = asked(&format!("{}/v1/system", nodes[0].url)).await;
        system["views"]["ok"] == true
    };
    eventually("it is noticed", async || !views_ok().await).await;
    load.goes_on(1_000).await;
    redis.start_again(2);
    eventually("the whole cluster serves again", views_ok).await;
    load.goes_on(500).await;

    let (players, tally) = load.end().await;
    tally.say("one of three masters of Redis killed and started again");
    assert_eq!(tally.refused, 0, "{tally:?}");
    for node in nodes {
        nothing_is_lost(&players, &node.url).await;
        is_well(&players, &node.url).await;
        assert_eq!(node.terminate(), Some(0));
    }
}
