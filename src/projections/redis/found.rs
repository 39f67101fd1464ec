//! What there is to know of a Redis for whoever runs it: each of its servers, asked by itself.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, ConnectionInfo, InfoDict, RedisError, Value, cmd,
};

use super::watch::instant;
use super::{RedisOptions, RedisUrl};
use crate::events::{Clock, ahead_ms};
use crate::tls::remedy;

/// All slots of a cluster.
const SLOTS: u32 = 16_384;
/// Servers of a cluster that are asked; it can have no more of them.
const SERVERS_MAX: usize = 1_000;
/// Nobody waits behind whoever asks here.
const PATIENCE: Duration = Duration::from_secs(3);

/// A Redis as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisFound {
    /// Whether the address says that it is a cluster.
    pub is_cluster: bool,
    /// Those of the address first, then those that a cluster has beside them.
    pub servers: Vec<RedisServer>,
    /// Slots of a cluster that nobody serves; `None` where it is none, or no server says.
    pub slots_missing: Option<u32>,
}

/// One of its servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisServer {
    /// Where it is.
    pub address: String,
    /// What it says of itself, or the driver's words for why it does not.
    pub answer: Result<RedisAnswer, String>,
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisAnswer {
    /// Its version.
    pub version: String,
    /// What becomes of keys when it is full, such as `noeviction`.
    pub when_full: String,
    /// How much memory it takes.
    pub memory_bytes: u64,
    /// How much it may take; 0 is all there is.
    pub memory_bytes_max: u64,
    /// Whether it writes an append-only file.
    pub is_appending: bool,
    /// Whether it is one of a cluster's.
    pub is_of_a_cluster: bool,
    /// Whether it takes writes only from a primary.
    pub is_replica: bool,
    /// By how much this machine's clock is ahead of its, negative when behind.
    pub ahead_ms: i64,
    /// A name that no other server has.
    id: String,
}

impl RedisFound {
    /// Asks every server of the address, and of the cluster if it is one.
    pub async fn look(url: &RedisUrl, options: &RedisOptions, clock: &dyn Clock) -> Self {
        let is_cluster = url.is_cluster;
        let url = match url.with(&options.tls) {
            Ok(url) => url,
            Err(error) => {
                let (address, answer) = (url.to_string(), Err(error.to_string()));
                let servers = vec![RedisServer { address, answer }];
                return Self { is_cluster, servers, slots_missing: None };
            }
        };
        let asked = url.nodes.iter().map(|node| ask(node, options, clock));
        let mut servers: Vec<RedisServer> = join_all(asked).await;
        let mut slots_missing = None;
        if url.is_cluster
            && let Some(cluster) = cluster(&url, options, &servers).await
        {
            slots_missing = Some(cluster.slots_missing);
            let known: Vec<String> = servers.iter().map(|server| server.address.clone()).collect();
            let others =
                cluster.nodes.iter().filter(|node| !known.contains(&node.addr().to_string()));
            let others = others.take(SERVERS_MAX).map(|node| ask(node, options, clock));
            servers.extend(join_all(others).await);
        }
        let mut ids = BTreeSet::new();
        // The address may give one by a name and the cluster by a number.
        servers.retain(|server| {
            server.answer.as_ref().map_or(true, |answer| ids.insert(answer.id.clone()))
        });
        Self { is_cluster, servers, slots_missing }
    }
}

async fn ask(node: &ConnectionInfo, options: &RedisOptions, clock: &dyn Clock) -> RedisServer {
    let answer = answer(node, options, clock).await.map_err(|error| {
        let said = error.to_string();
        let remedy = remedy(&said);
        said + remedy
    });
    RedisServer { address: node.addr().to_string(), answer }
}

async fn answer(
    node: &ConnectionInfo,
    options: &RedisOptions,
    clock: &dyn Clock,
) -> Result<RedisAnswer, RedisError> {
    let mut connection = connect(node, options).await?;
    let info: InfoDict = cmd("INFO").query_async(&mut connection).await?;
    let asked_at = clock.now();
    let theirs = instant(cmd("TIME").query_async(&mut connection).await?);
    let text = |name: &str| info.get::<String>(name).unwrap_or_default();
    let is_set = |name: &str| text(name) == "1";
    Ok(RedisAnswer {
        version: text("redis_version"),
        when_full: text("maxmemory_policy"),
        memory_bytes: info.get("used_memory").unwrap_or(0),
        memory_bytes_max: info.get("maxmemory").unwrap_or(0),
        is_appending: is_set("aof_enabled"),
        is_of_a_cluster: is_set("cluster_enabled"),
        is_replica: text("role") == "slave",
        ahead_ms: ahead_ms(theirs, (asked_at, clock.now())),
        id: text("run_id"),
    })
}

async fn connect(
    node: &ConnectionInfo,
    options: &RedisOptions,
) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(options.connect_timeout.max(PATIENCE)))
        .set_response_timeout(Some(options.response_timeout.max(PATIENCE)));
    Client::open(node.clone())?.get_multiplexed_async_connection_with_config(&config).await
}

struct Cluster {
    slots_missing: u32,
    nodes: Vec<ConnectionInfo>,
}

/// What the first says of the cluster that says anything.
async fn cluster(
    url: &RedisUrl,
    options: &RedisOptions,
    servers: &[RedisServer],
) -> Option<Cluster> {
    for (node, server) in url.nodes.iter().zip(servers) {
        if server.answer.is_ok()
            && let Ok(cluster) = cluster_of(node, options).await
        {
            return Some(cluster);
        }
    }
    None
}

async fn cluster_of(node: &ConnectionInfo, options: &RedisOptions) -> Result<Cluster, RedisError> {
    let mut connection = connect(node, options).await?;
    let info: InfoDict = cmd("CLUSTER").arg("INFO").query_async(&mut connection).await?;
    let slots_ok: u32 = info.get("cluster_slots_ok").unwrap_or(0);
    let ranges: Vec<Value> = cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await?;
    let mut nodes: Vec<ConnectionInfo> = Vec::new();
    for range in &ranges {
        let Value::Array(range) = range else { continue };
        // After the first and the last slot come those that serve them.
        for other in range.iter().skip(2).filter_map(|value| moved(node, value)) {
            let is_known =
                |known: &ConnectionInfo| known.addr().to_string() == other.addr().to_string();
            if !nodes.iter().any(is_known) {
                nodes.push(other);
            }
        }
    }
    Ok(Cluster { slots_missing: SLOTS.saturating_sub(slots_ok), nodes })
}

/// The same way to another server of the cluster, as it is given there: host, port and more.
fn moved(node: &ConnectionInfo, value: &Value) -> Option<ConnectionInfo> {
    let Value::Array(parts) = value else { return None };
    let (Some(Value::BulkString(host)), Some(Value::Int(port))) = (parts.first(), parts.get(1))
    else {
        return None;
    };
    let host = String::from_utf8(host.clone()).ok().filter(|host| !host.is_empty())?;
    let mut to = node.addr().clone();
    let new_port = u16::try_from(*port).ok()?;
    match &mut to {
        ConnectionAddr::Tcp(old, port) | ConnectionAddr::TcpTls { host: old, port, .. } => {
            *old = host;
            *port = new_port;
        }
        _ => return None,
    }
    Some(node.clone().set_addr(to))
}
