//! Several Cassandra nodes that a test has to itself, one such cluster at a time.

use std::fs::File;

use super::cassandra::{OPTIONS, keyspace};
use super::stack::checkout;
use super::{Missing, Stack, or_skipped};

/// A cluster; killed, with its data, with the value. Nodes are numbered from 1.
#[derive(Debug)]
pub(crate) struct Cluster {
    stack: Stack,
    nodes: Vec<String>,
    /// The turn of this cluster, among all test processes of the checkout: three nodes are 2 GB.
    _turn: File,
}

impl Cluster {
    /// A single node, in `dc1`.
    pub(crate) fn one() -> Option<Self> {
        or_skipped(Self::start("one", &[]))
    }

    /// Three nodes of datacentre `dc1`.
    pub(crate) fn three() -> Option<Self> {
        or_skipped(Self::start("three", &[]))
    }

    /// One node in `dc1`, one in `dc2`.
    pub(crate) fn two_datacentres() -> Option<Self> {
        or_skipped(Self::start("two-datacentres", &[]))
    }

    /// A single node that asks who connects. It knows `cassandra`, whose password is that too.
    pub(crate) fn of_known_users() -> Option<Self> {
        or_skipped(Self::start("one", &["--users", "known"]))
    }

    fn start(preset: &str, options: &[&str]) -> Result<Self, Missing> {
        std::fs::create_dir_all(checkout()).unwrap();
        let turn = File::create(checkout().join("cluster.turn")).unwrap();
        turn.lock().unwrap();
        let stack = Stack::own("cassandra");
        let nodes = stack.start(&[&OPTIONS, options].concat(), preset)?;
        Ok(Self { stack, nodes, _turn: turn })
    }

    /// Addresses and ports of all nodes, node 1 first.
    pub(crate) fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// The name of a keyspace; it is not made yet.
    pub(crate) fn keyspace(&self) -> String {
        keyspace()
    }

    /// Where a keyspace is, as a viewlog in this datacentre is told.
    pub(crate) fn url(&self, keyspace: &str, datacentre: &str) -> String {
        format!("cassandra://{}/{keyspace}?dc={datacentre}", self.nodes.join(","))
    }

    /// The same for who logs in.
    pub(crate) fn url_of(&self, (user, password): (&str, &str), keyspace: &str) -> String {
        format!("cassandra://{user}:{password}@{}/{keyspace}", self.nodes.join(","))
    }

    /// `kill -9`.
    pub(crate) fn kill(&self, node: usize) {
        self.stack.run(&["kill", &node.to_string()]);
    }

    /// Freezes a node; its connections stay open.
    pub(crate) fn pause(&self, node: usize) {
        self.stack.run(&["pause", &node.to_string()]);
    }

    /// Thaws it.
    pub(crate) fn resume(&self, node: usize) {
        self.stack.run(&["resume", &node.to_string()]);
    }

    /// Starts a node that was killed, with the data that it had, and waits until it answers and
    /// sees the others that run. Blocks for seconds: where something else goes on in the test,
    /// within `spawn_blocking`.
    pub(crate) fn start_again(&self, node: usize) {
        self.stack.run(&["start", &node.to_string()]);
    }

    /// What nodetool says of a node; blocks for a second.
    pub(crate) fn nodetool(&self, node: usize, arguments: &[&str]) -> String {
        let node = node.to_string();
        self.stack.run(&[&["nodetool", &node], arguments].concat())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stack.destroy();
    }
}
