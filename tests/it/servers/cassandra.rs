//! The one Cassandra node that all tests share.

use std::sync::{Arc, OnceLock};

use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::policies::host_filter::AllowListHostFilter;

use super::{Missing, Stack, authority, or_skipped};

/// Ports that nobody else has on all addresses, as a developer's own Cassandra may have its own.
pub(super) const OPTIONS: [&str; 8] =
    ["--net", "free", "--port", "29042", "--storage-port", "27000", "--jit", "quick"];

/// A single node; writes there are acknowledged after fsync.
#[derive(Debug)]
pub(crate) struct Cassandra {
    node: String,
}

/// The shared node.
pub(crate) fn cassandra() -> Option<&'static Cassandra> {
    static SHARED: OnceLock<Result<Cassandra, Missing>> = OnceLock::new();
    or_skipped(SHARED.get_or_init(Cassandra::start).as_ref().map_err(Missing::clone))
}

impl Cassandra {
    fn start() -> Result<Self, Missing> {
        let tls = authority().directory();
        let options = [&OPTIONS[..], &["--tls", tls.to_str().unwrap()]].concat();
        let nodes = Stack::shared("cassandra").start(&options, "one")?;
        Ok(Self { node: nodes[0].clone() })
    }

    /// Its address and port.
    pub(crate) fn node(&self) -> &str {
        &self.node
    }

    /// The name of a keyspace that no other test has; it is not made yet.
    pub(crate) fn keyspace(&self) -> String {
        keyspace()
    }

    /// Where a keyspace is, as viewlog is told.
    pub(crate) fn url(&self, keyspace: &str) -> String {
        format!("cassandra://{}/{keyspace}", self.node)
    }

    /// A connection past viewlog.
    pub(crate) async fn session(&self) -> Session {
        session(std::slice::from_ref(&self.node)).await
    }
}

pub(super) fn keyspace() -> String {
    format!("test_{:016x}", rand::random::<u64>())
}

pub(super) async fn session(nodes: &[String]) -> Session {
    SessionBuilder::new().known_nodes(nodes).build().await.expect("a Cassandra that answers")
}

/// A connection to one node of a cluster and no other.
pub(crate) async fn session_at(node: &str) -> Session {
    let only = AllowListHostFilter::new([node]).unwrap();
    let session = SessionBuilder::new().known_node(node).host_filter(Arc::new(only)).build().await;
    session.expect("a Cassandra that answers")
}
