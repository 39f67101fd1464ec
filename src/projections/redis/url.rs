//! Where a Redis is: `redis://[user[:password]@]host[:port][/database]`, or
//! `redis-cluster://[user[:password]@]host[:port],host[:port]…` with some of a cluster's nodes.
//! `rediss://` and `rediss-cluster://` encrypt.

use std::fmt;
use std::str::FromStr;

use redis::io::tcp::TcpSettings;
use redis::{
    Client, ClientTlsConfig, ConnectionInfo, IntoConnectionInfo, RedisError, TlsCertificates,
};

use crate::tls::{Pem, TlsError, TlsFiles};

/// Where a Redis is, and who asks it. Never shows its password.
#[derive(Clone)]
pub struct RedisUrl {
    text: String,
    pub(super) nodes: Vec<ConnectionInfo>,
    pub(super) is_cluster: bool,
    is_encrypted: bool,
    /// Whom to believe in a cluster, of whose nodes only some are named.
    pub(super) certificates: Option<TlsCertificates>,
}

/// Why a text names no Redis; says nothing of the text itself, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedisUrlError {
    /// There is no encryption without knowing with whom.
    #[error("a certificate is always checked: tls.ca_file says whom to believe; leave the # away")]
    Insecure,
    /// Databases of a cluster are not numbered.
    #[error("a redis cluster has database 0 alone; leave the number away")]
    Database,
    /// Anything else.
    #[error(
        "must be redis://[user[:password]@]host[:port][/database] or \
         redis-cluster://[user[:password]@]host[:port],host[:port], or rediss:// and \
         rediss-cluster:// with TLS"
    )]
    Wrong,
}

impl FromStr for RedisUrl {
    type Err = RedisUrlError;

    fn from_str(text: &str) -> Result<Self, RedisUrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(RedisUrlError::Wrong)?;
        let (is_cluster, is_encrypted) = match scheme {
            "redis" => (false, false),
            "rediss" => (false, true),
            "redis-cluster" => (true, false),
            "rediss-cluster" => (true, true),
            _ => return Err(RedisUrlError::Wrong),
        };
        if rest.contains('#') {
            return Err(RedisUrlError::Insecure);
        }
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
            let scheme = if is_encrypted { "rediss" } else { "redis" };
            let info = format!("{scheme}://{who}{host}/{database}").into_connection_info()?;
            Ok::<_, RedisError>(info.set_tcp_settings(at_once.clone()))
        };
        let nodes = hosts.iter().map(node).collect::<Result<Vec<_>, _>>();
        let nodes = nodes.map_err(|_| RedisUrlError::Wrong)?;
        let text = text.to_owned();
        Ok(Self { text, nodes, is_cluster, is_encrypted, certificates: None })
    }
}

impl RedisUrl {
    /// The same with whom to believe, where connections are encrypted.
    pub(super) fn with(&self, files: &TlsFiles) -> Result<Self, TlsError> {
        if !self.is_encrypted {
            return Ok(self.clone());
        }
        let Pem { authorities, identity } = files.pem()?;
        let client_tls =
            identity.map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key });
        let certificates = TlsCertificates { client_tls, root_cert: authorities };
        let node = |node: &ConnectionInfo| {
            let client = Client::build_with_tls(node.clone(), certificates.clone())?;
            Ok(client.get_connection_info().clone())
        };
        let nodes = self.nodes.iter().map(node).collect::<Result<_, RedisError>>();
        let nodes = nodes.map_err(|error| TlsError::Refused(error.to_string()))?;
        Ok(Self { nodes, certificates: Some(certificates), ..self.clone() })
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
        to.write_str(match (self.is_cluster, self.is_encrypted) {
            (false, false) => "redis://",
            (false, true) => "rediss://",
            (true, false) => "redis-cluster://",
            (true, true) => "rediss-cluster://",
        })?;
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
