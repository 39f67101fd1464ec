//! Where a Redis is: `redis://[user[:password]@]host[:port][/database]`, or
//! `redis-cluster://[user[:password]@]host[:port],host[:port]…` with some of a cluster's nodes.

use std::fmt;
use std::str::FromStr;

use redis::io::tcp::TcpSettings;
use redis::{ConnectionInfo, IntoConnectionInfo, RedisError};

/// Where a Redis is, and who asks it. Never shows its password.
#[derive(Clone)]
pub struct RedisUrl {
    text: String,
    pub(super) nodes: Vec<ConnectionInfo>,
    pub(super) is_cluster: bool,
}

/// Why a text names no Redis; says nothing of the text itself, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedisUrlError {
    /// Encryption is not compiled in.
    #[error(
        "redis over TLS is not compiled into this version; use redis:// or redis-cluster:// over a \
         network you trust, or a TLS tunnel on this machine"
    )]
    Tls,
    /// Databases of a cluster are not numbered.
    #[error("a redis cluster has database 0 alone; leave the number away")]
    Database,
    /// Anything else.
    #[error(
        "must be redis://[user[:password]@]host[:port][/database] or \
         redis-cluster://[user[:password]@]host[:port],host[:port]"
    )]
    Wrong,
}

impl FromStr for RedisUrl {
    type Err = RedisUrlError;

    fn from_str(text: &str) -> Result<Self, RedisUrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(RedisUrlError::Wrong)?;
        let is_cluster = match scheme {
            "redis" => false,
            "redis-cluster" => true,
            "rediss" | "rediss-cluster" => return Err(RedisUrlError::Tls),
            _ => return Err(RedisUrlError::Wrong),
        };
        let (who, place) = match rest.rsplit_once('@') {
            Some((who, place)) => (format!("{who}@"), place),
            None => (String::new(), rest),
        };
        let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
        if is_cluster && !["", "0"].contains(&database) {
            return Err(RedisUrlError::Database);
        }
        let hosts: Vec<&str> = hosts.split(',').collect();
        if hosts.iter().any(|host| host.is_empty()) || (!is_cluster && hosts.len() > 1) {
            return Err(RedisUrlError::Wrong);
        }
        // Small requests are not to wait for the answers to those before them.
        let at_once = TcpSettings::default().set_nodelay(true);
        let node = |host: &&str| {
            let info = format!("redis://{who}{host}/{database}").into_connection_info()?;
            Ok::<_, RedisError>(info.set_tcp_settings(at_once.clone()))
        };
        let nodes = hosts.iter().map(node).collect::<Result<Vec<_>, _>>();
        let nodes = nodes.map_err(|_| RedisUrlError::Wrong)?;
        Ok(Self { text: text.to_owned(), nodes, is_cluster })
    }
}

impl PartialEq for RedisUrl {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for RedisUrl {}

/// Without who asks.
impl fmt::Display for RedisUrl {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(if self.is_cluster { "redis-cluster://" } else { "redis://" })?;
        for (at, node) in self.nodes.iter().enumerate() {
            write!(to, "{}{}", if at > 0 { "," } else { "" }, node.addr())?;
        }
        match self.nodes.first().map(|node| node.redis_settings().db()) {
            Some(database) if database > 0 => write!(to, "/{database}"),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "RedisUrl({self})")
    }
}
