//! How requests go to Cassandra, by what it counted itself: to which node, and how many at once.

use std::collections::BTreeMap;
use std::time::Duration;

use viewlog::events::cassandra::CassandraOptions;

use super::keyspace::{Keyspace, log_with, make, options};
use super::*;
use crate::proxy::{Proxy, Way};
use crate::servers::{Cluster, session_at};
use crate::support::eventually;

const PATIENT: Duration = Duration::from_secs(30);

/// Of rows with one copy, each node is asked for those alone that it has.
pub(super) async fn go_where_their_rows_are(cluster: &Cluster) {
    const ACCOUNTS: i64 = 60;
    let options = CassandraOptions {
        speculative_after: PATIENT,
        ..options(cluster.nodes().to_vec(), cluster.keyspace())
    };
    let log = log_with(&options, "dc1:1").await;
    for number in 0..ACCOUNTS {
        let account = account(&format!("routed-{number}"));
        let [one, other, third] = [0, 1, 2].map(|seq| event(session(1), seq));
        log.append(&append(&account, &[one])).await.unwrap();
        log.append(&append(&account, &[other, third])).await.unwrap();
        log.session(&key(&account, session(1))).await.unwrap().unwrap();
    }
    let mut written = 0;
    for node in cluster.nodes() {
        let counted = async |which: &str| counted(node, which, &options.keyspace).await;
        let asked = counted("coordinator_write").await;
        assert_eq!(asked, counted("local_write").await, "{node}");
        assert_eq!(counted("coordinator_read").await, counted("local_read").await, "{node}");
        assert!(asked["events"] > 0, "{node} has some: {asked:?}");
        written += asked["events"];
    }
    assert_eq!(written, 2 * ACCOUNTS);
}

/// What a node counted of each table: requests that it was asked, or those of its own disk.
async fn counted(node: &str, which: &str, keyspace: &str) -> BTreeMap<String, i64> {
    let select = format!(
        "SELECT table_name, count FROM system_views.{which}_latency \
         WHERE keyspace_name = '{keyspace}' ALLOW FILTERING"
    );
    let rows = session_at(node).await.query_unpaged(select, ()).await.unwrap();
    let rows = rows.into_rows_result().unwrap();
    rows.rows::<(String, i64)>().unwrap().map(Result::unwrap).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_are_under_way_than_may_be_and_the_others_wait_for_room() {
    const ASKED: i64 = 20;
    let Some(keyspace) = Keyspace::unmade() else { return };
    make(&keyspace.options).await;
    let node = &keyspace.options.hosts[0];
    let proxy = Proxy::to(node).await;
    let options = CassandraOptions {
        hosts: vec![proxy.address().to_string()],
        request_timeout: PATIENT,
        in_flight_max: 2,
        ..keyspace.options.clone()
    };
    let log = Arc::new(CassandraLog::open(&options, Arc::new(SystemClock)).await.unwrap());
    let arrived =
        async || counted(node, "coordinator_read", keyspace.name()).await["account_weeks"];
    let before = arrived().await;
    // The store is asked; nobody hears what it says.
    proxy.silence(Way::ToClient);
    let asked: Vec<_> = (0..ASKED)
        .map(|_| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { log.weeks(&account("bounded")).await })
        })
        .collect();
    eventually("some arrive", async || arrived().await - before == 2).await;
    let past = CassandraLog::open(&keyspace.options, Arc::new(SystemClock)).await.unwrap();
    past.weeks(&account("bounded")).await.unwrap();
    assert_eq!(arrived().await - before, 3, "two that are not answered, and the one of another");
    proxy.heal().await;
    for asked in asked {
        asked.await.unwrap().unwrap();
    }
    assert_eq!(arrived().await - before, ASKED + 1);
}
