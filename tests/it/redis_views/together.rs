//! A cluster of three, which the contract suite runs on too.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use viewlog::events::Slice;
use viewlog::projections::{Position, Redis, RedisUrl, ViewStore};

use super::server::{Server, patient};
use super::{clock, clustered};
use crate::support::{at, id};

/// The way to the cluster that tests share.
pub(super) fn redis() -> Option<&'static Redis> {
    static CLUSTER: OnceLock<Option<(Vec<Server>, Redis)>> = OnceLock::new();
    let cluster = CLUSTER.get_or_init(|| {
        let nodes = (0..3).map(|_| Server::start(&["--cluster-enabled", "yes"]));
        let nodes: Vec<Server> = nodes.collect::<Option<_>>()?;
        join(&nodes);
        let redis = Redis::new(&url(&nodes), patient()).unwrap();
        Some((nodes, redis))
    });
    cluster.as_ref().map(|(_, redis)| redis)
}

fn join(nodes: &[Server]) {
    let addresses: Vec<String> =
        nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
    let mut create = vec!["--cluster", "create"];
    create.extend(addresses.iter().map(String::as_str));
    create.push("--cluster-yes");
    let said = nodes[0].cli(&create);
    let begun = Instant::now();
    while !nodes.iter().all(|node| node.cli(&["cluster", "info"]).contains("cluster_state:ok")) {
        assert!(begun.elapsed() < Duration::from_secs(30), "no cluster: {said}");
        std::thread::yield_now();
    }
}

fn url(nodes: &[Server]) -> RedisUrl {
    let hosts: Vec<String> = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
    // Any of them leads to all.
    format!("redis-cluster://{}", hosts[..2].join(",")).parse().unwrap()
}

#[tokio::test]
async fn slices_live_on_all_nodes_of_a_cluster() {
    let Some(store) = clustered(10, &clock()) else { return };
    for slice in Slice::all() {
        store.advance(slice, Position::Swept, at(1)).await.unwrap();
    }
    for slice in Slice::all() {
        assert_eq!(store.position(slice, Position::Swept).await.unwrap(), Some(at(1)));
    }
    // One batch over many slices is a call for each.
    let accounts = (0..200).map(|number| (id(&format!("account-{number}")), vec![]));
    store.merge(accounts.collect()).await.unwrap();
}
