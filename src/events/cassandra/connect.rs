//! Connecting: which nodes are asked, how long, and how often again.

use std::sync::Arc;
use std::time::Duration;

use scylla::client::execution_profile::ExecutionProfile;
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use scylla::policies::load_balancing::DefaultPolicy;
use scylla::policies::retry::DefaultRetryPolicy;
use scylla::policies::speculative_execution::SimpleSpeculativeExecutionPolicy;
use scylla::statement::Consistency;

use super::{CassandraOptions, OpenError};
use crate::tls::remedy;

/// How long a node may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// A node that is frozen, or behind a broken network, is given up after both of these. The driver's
/// own 30 s each would let requests run into it for a minute.
const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Further nodes that are asked while one is late.
const SPECULATIVE_MAX: usize = 2;

/// Connects, to the datacentre that is named, or to the only one; gives its name too.
pub(super) async fn connect(options: &CassandraOptions) -> Result<(Session, String), OpenError> {
    let mut builder = SessionBuilder::new()
        .known_nodes(&options.hosts)
        .default_execution_profile_handle(
            profile(options, options.datacentre.as_ref()).into_handle(),
        )
        .connection_timeout(CONNECT_TIMEOUT)
        .keepalive_interval(KEEPALIVE_EVERY)
        .keepalive_timeout(KEEPALIVE_TIMEOUT)
        .keyspaces_to_fetch([options.keyspace.as_str()]);
    if let Some(login) = &options.login {
        builder = builder.user(&login.user, &login.password);
    }
    if let Some(files) = &options.tls {
        builder = builder.tls_context(Some(Arc::new(files.client_of_cassandra()?)));
    }
    let session = builder.build().await.map_err(|error| OpenError::Unreachable {
        hosts: options.hosts.join(", "),
        reason: reason(error.to_string()),
    })?;
    let datacentre = datacentre(&session, options)?;
    // Also when it was not named: another one may be added while this runs.
    let mut handle = session.get_default_execution_profile_handle().clone();
    handle.map_to_another_profile(profile(options, Some(&datacentre)));
    Ok((session, datacentre))
}

/// Why nobody let us in, and what mends it.
fn reason(said: String) -> String {
    // The driver would have its own caller name them.
    if said.contains("Authentication is required") {
        let login = "cassandra://USER:PASSWORD@HOST/KEYSPACE";
        return format!("it asks who connects: put user and password into its address, {login}");
    }
    let remedy = remedy(&said);
    said + remedy
}

fn profile(options: &CassandraOptions, datacentre: Option<&String>) -> ExecutionProfile {
    let mut policy = DefaultPolicy::builder().token_aware(true).permit_dc_failover(false);
    if let Some(datacentre) = datacentre {
        policy = policy.prefer_datacenter(datacentre.clone());
    }
    let speculation = SimpleSpeculativeExecutionPolicy {
        max_retry_count: SPECULATIVE_MAX,
        retry_interval: options.speculative_after,
    };
    ExecutionProfile::builder()
        .consistency(Consistency::LocalQuorum)
        .request_timeout(Some(options.request_timeout))
        .load_balancing_policy(policy.build())
        .retry_policy(Arc::new(DefaultRetryPolicy::new()))
        .speculative_execution_policy(Some(Arc::new(speculation)))
        .build()
}

/// The datacentre of this node's stores; `LOCAL_QUORUM` means nothing without one.
fn datacentre(session: &Session, options: &CassandraOptions) -> Result<String, OpenError> {
    let state = session.get_cluster_state();
    let mut known: Vec<String> =
        state.get_nodes_info().iter().filter_map(|node| node.datacenter.clone()).collect();
    known.sort();
    known.dedup();
    match (&options.datacentre, known.as_slice()) {
        (Some(named), known) if known.contains(named) => Ok(named.clone()),
        (None, [only]) => Ok(only.clone()),
        (named, _) => Err(OpenError::Datacentre { named: named.clone(), known }),
    }
}
