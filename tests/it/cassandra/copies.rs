//! Three copies of every row, one of which is away or frozen.

use std::time::Instant;

use viewlog::events::cassandra::{NodeFound, Schema, hosts_away};
use viewlog::events::{Erased, Fence, Scope, Survey};

use super::keyspace::{log_with, options};
use super::requests::go_where_their_rows_are;
use super::*;
use crate::servers::Cluster;
use crate::support::erase;
use crate::support::eventually;

async fn log_on(cluster: &Cluster) -> Arc<CassandraLog> {
    let options = options(cluster.nodes().to_vec(), cluster.keyspace());
    // Not the default: a node that was just started may know fewer than three.
    Arc::new(log_with(&options, "dc1:3").await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_away_hardly_shows_and_an_erasure_says_that_it_was() {
    let Some(cluster) = Cluster::three() else { return };
    go_where_their_rows_are(&cluster).await;
    let log = log_on(&cluster).await;
    let account = account("copies");
    fill(&log, &account, 1, 50).await;

    // Frozen, it still has its connections: another copy answers in its place.
    cluster.pause(3);
    let refused = append_one_by_one(&log, &account, 2).await;
    // A loaded machine may be late by itself; without the others a third would be refused.
    assert!(refused < 20, "{refused} of 200");
    cluster.resume(3);

    cluster.kill(3);
    the_dead_node_is_named(&cluster).await;
    let refused = append_one_by_one(&log, &account, 3).await;
    assert!(refused < 20, "{refused} of 200");
    let erased = Erased {
        account: account.clone(),
        fence: Fence { scope: Scope::Session(session(1)).key(), at: SystemClock.now() },
        sessions: vec![session(1), session(2)],
        marks: vec![],
        rewritten: vec![],
        survey: Survey::default(),
    };
    let gone = erase(log.as_ref(), erased.clone()).await.unwrap();
    assert_eq!((gone.events, gone.is_everywhere), (250, false));
    assert_eq!(log.session(&key(&account, session(1))).await.unwrap(), None);

    let (cluster, started) = tokio::task::spawn_blocking(move || {
        cluster.start_again(3);
        (cluster, Instant::now())
    })
    .await
    .unwrap();
    eventually("the copy that was away has heard of it", async || {
        erase(log.as_ref(), erased.clone()).await.unwrap().is_everywhere
    })
    .await;
    println!("everywhere {:?} after the copy was back", started.elapsed());
    for id in [1, 2] {
        assert_eq!(log.session(&key(&account, session(id))).await.unwrap(), None);
    }
    let stored = log.session(&key(&account, session(3))).await.unwrap().unwrap();
    assert_eq!(stored.events.len(), 200);
    drop(cluster);
}

/// By whoever looks at the nodes, and by who tries the hosts of an address.
async fn the_dead_node_is_named(cluster: &Cluster) {
    let hosts = cluster.nodes();
    let schema = Schema::connect(&options(hosts.to_vec(), "viewlog".to_owned())).await.unwrap();
    let found = schema.nodes(&SystemClock).await;
    assert_eq!(found.len(), 3, "{found:?}");
    let dead: Vec<_> = found.iter().filter_map(NodeFound::difference).collect();
    assert_eq!(dead.len(), 1, "{dead:?}");
    let what = format!("node {} does not answer", hosts[2]);
    assert!(dead[0].what.starts_with(&what), "{dead:?}");
    assert_eq!(schema.default_replication().to_string(), "dc1:3");
    let away = hosts_away(hosts).await;
    assert_eq!(away.len(), 1, "{away:?}");
    assert_eq!(away[0].0, hosts[2]);
}

/// Two hundred appends, each repeated until it is durable; how often that was needed.
async fn append_one_by_one(log: &CassandraLog, account: &AccountId, id: u128) -> usize {
    let mut refused = 0;
    for seq in 0..200 {
        let next = append(account, &[event(session(id), seq)]);
        eventually("it is durable", async || match log.append(&next).await {
            Ok(()) => true,
            Err(error) => {
                println!("append {seq} of session {id}: {error}");
                refused += 1;
                false
            }
        })
        .await;
    }
    refused
}
