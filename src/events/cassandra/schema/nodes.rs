//! The nodes of a cluster, each asked by itself: whether it answers, when it acknowledges a write,
//! and what its clock says.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use scylla::client::session::Session;
use scylla::cluster::Node;
use scylla::errors::ExecutionError;
use scylla::policies::load_balancing::{NodeIdentifier, SingleTargetLoadBalancingPolicy};
use scylla::response::query_result::QueryRowsResult;
use scylla::statement::Statement;
use scylla::value::CqlTimestamp;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Difference, Schema, is_scylla};
use crate::events::{Clock, SystemClock, Timestamp, ahead_ms};

/// How long a host may take to let anybody connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const SYNC: &str = "commitlog_sync";
const SYNC_PERIOD: &str = "commitlog_sync_period";
const TIME: &str = "SELECT toTimestamp(now()) FROM system.local WHERE key = 'local'";

/// A node as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeFound {
    /// Where it is.
    pub address: String,
    /// What it answers, or the driver's words for why it does not.
    pub answer: Result<NodeAnswer, String>,
}

/// What a node says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeAnswer {
    /// When it acknowledges a write.
    pub acknowledges: Acknowledges,
    /// By how much this machine's clock is ahead of the node's, negative when behind.
    pub ahead_ms: i64,
}

/// When a node acknowledges a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acknowledges {
    /// Once it is on its disk.
    Synced,
    /// Before, by up to this long in its own words, such as `10000ms`.
    Early(String),
    /// It does not say.
    Unknown,
}

impl NodeFound {
    /// What is not as it should be, of what `schema check` looks at.
    pub fn difference(&self) -> Option<Difference> {
        let Self { address, answer } = self;
        let (what, remedy) = match answer {
            Ok(NodeAnswer { acknowledges: Acknowledges::Early(period), .. }) => (
                format!(
                    "node {address} acknowledges writes up to {period} before they are on disk \
                     (commitlog_sync: periodic); if all copies lose their power at once, what was \
                     acknowledged then is lost"
                ),
                "set commitlog_sync: group, commitlog_sync_group_window: 2ms and \
                 concurrent_writes: 128 in its cassandra.yaml"
                    .to_owned(),
            ),
            Ok(_) => return None,
            Err(error) => (
                format!("node {address} does not answer: {error}"),
                "start it, or take it out of its cluster".to_owned(),
            ),
        };
        Some(Difference { what, remedy })
    }
}

impl Schema {
    /// Every node that the cluster has, whether it answers or not, its clock beside this one.
    pub async fn nodes(&self, clock: &dyn Clock) -> Vec<NodeFound> {
        let state = self.session.get_cluster_state();
        let nodes = state.get_nodes_info().iter().map(|node| async {
            let answer = self.ask(node, clock).await.map_err(|error| error.to_string());
            NodeFound { address: node.address.to_string(), answer }
        });
        join_all(nodes).await
    }

    /// The nodes that do not answer, and those that acknowledge a write before it is on disk.
    pub async fn check_nodes(&self) -> Vec<Difference> {
        self.nodes(&SystemClock).await.iter().filter_map(NodeFound::difference).collect()
    }

    async fn ask(&self, node: &Arc<Node>, clock: &dyn Clock) -> Result<NodeAnswer, ExecutionError> {
        let asked_at = clock.now();
        let rows = one(&self.session, node, TIME, ()).await?;
        let answered_at = clock.now();
        let theirs = match rows.as_ref().map(QueryRowsResult::single_row) {
            Some(Ok((CqlTimestamp(ms),))) => Timestamp::from_ms(ms),
            _ => answered_at,
        };
        let acknowledges = match self.setting(node, SYNC).await {
            Some(sync) if sync == "periodic" => {
                let period = self.setting(node, SYNC_PERIOD).await;
                Acknowledges::Early(period.unwrap_or_else(|| "some seconds".to_owned()))
            }
            Some(_) => Acknowledges::Synced,
            None => Acknowledges::Unknown,
        };
        Ok(NodeAnswer { acknowledges, ahead_ms: ahead_ms(theirs, (asked_at, answered_at)) })
    }

    /// `None` where the store has no such table, or does not let us see it.
    async fn setting(&self, node: &Arc<Node>, name: &str) -> Option<String> {
        if is_scylla(&self.session) {
            return None;
        }
        let query = "SELECT value FROM system_views.settings WHERE name = ?";
        let rows = one(&self.session, node, query, (name,)).await.ok()??;
        rows.maybe_first_row::<(Option<String>,)>().ok()??.0
    }
}

/// Asks this node and no other.
async fn one(
    session: &Session,
    node: &Arc<Node>,
    query: &str,
    values: impl scylla::serialize::row::SerializeRow,
) -> Result<Option<QueryRowsResult>, ExecutionError> {
    let mut statement = Statement::new(query);
    let target = NodeIdentifier::Node(Arc::clone(node));
    let policy = SingleTargetLoadBalancingPolicy::new(target, None);
    statement.set_load_balancing_policy(Some(policy));
    let answer = session.query_unpaged(statement, values).await?;
    Ok(answer.into_rows_result().ok())
}

/// Which of these hosts, each with its port, let nobody connect, and why.
pub async fn hosts_away(hosts: &[String]) -> Vec<(String, String)> {
    let tried = hosts.iter().map(|host| async move {
        let why = match timeout(CONNECT_TIMEOUT, TcpStream::connect(host)).await {
            Ok(Ok(_)) => return None,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it does not answer".to_owned(),
        };
        Some((host.clone(), why))
    });
    join_all(tried).await.into_iter().flatten().collect()
}
