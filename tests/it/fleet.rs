//! Several nodes of the real binary on one Cassandra and one Redis.

mod degraded;
mod doctored;
mod encrypted;
mod erasing;
mod flushed;
mod frozen;
mod live;
mod load;
mod logins;
mod long_work;
mod network;
mod nodes;
mod quiet;
mod redis_cluster;
mod roles;
mod slow_node;
mod spooled;
mod streams;
mod suites;
mod three_nodes;
mod two_datacentres;

use std::path::Path;

use serde_json::{Value, json};
use viewlog::events::SessionId;

use crate::binary::{Served, finish, said, viewlog};
use crate::servers::{cassandra, redis};
use crate::support::at;

/// Where a fleet keeps everything; a keyspace and a database of the test's own.
struct Fleet {
    log: String,
    views: String,
}

impl Fleet {
    /// With its tables; `None`, and loudly so, where the servers are not to be had.
    fn begin() -> Option<Self> {
        Self::on(redis()?.url())
    }

    /// The same with views of the test's own.
    fn on(views: String) -> Option<Self> {
        let cassandra = cassandra()?;
        let log = cassandra.url(&cassandra.keyspace());
        apply_schema(&log, "dc1:1");
        Some(Self { log, views })
    }

    /// A node with a directory of its own.
    fn node(&self, data: &Path) -> Served {
        self.node_with(data, &[])
    }

    /// The same with these variables in its environment.
    fn node_with(&self, data: &Path, environment: &[(&str, &str)]) -> Served {
        Served::with(data, &["--log", &self.log, "--views", &self.views], environment)
    }
}

/// Makes the tables of a log, with so many copies.
fn apply_schema(log: &str, copies: &str) {
    let arguments = ["schema", "apply", "--log", log, "--replication", copies];
    let applied = finish(viewlog().args(arguments));
    assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
}

/// The fact with this number, the same whenever it is sent.
fn fact(session: SessionId, seq: u64) -> Value {
    json!({
        "profile": "anna", "title": "film", "session": session, "seq": seq,
        "kind": if seq == 0 { "started" } else { "progressed" },
        "at": at(i64::try_from(seq).unwrap()), "position_ms": seq * 1_000,
        "duration_ms": 7_200_000,
    })
}

/// Runs a command against a node to its good end.
fn done(url: &str, arguments: &[&str]) {
    let done = finish(viewlog().args(arguments).args(["--server", url]));
    assert_eq!(done.status.code(), Some(0), "{arguments:?}: {}", said(&done));
}

async fn asked(url: &str) -> Value {
    crate::support::get(url).await.unwrap().json().await.unwrap()
}
