//! What bounds the stores that the nodes of a fleet share.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::{CassandraUrl, Config};
use crate::events::cassandra::CassandraOptions;
use crate::events::embedded::EmbeddedOptions;
use crate::projections::{RedisOptions, RedisViewsOptions, SignalsOptions};

const SPOOL_CACHE_BYTES: u64 = 8 * 1024 * 1024;
const SPOOL_MEMTABLE_BYTES: u64 = 16 * 1024 * 1024;

/// Bounds on views in Redis.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViewsRedis {
    /// Plays kept of one profile.
    pub plays_per_profile_max: usize,
    /// How long an account is kept that nobody uses.
    pub idle_days: u32,
    /// How long an answer may take.
    pub response_timeout_ms: u64,
    /// How long a connection may take to be made.
    pub connect_timeout_ms: u64,
    /// How long nobody asks after a failure.
    pub pause_ms: u64,
    /// Calls on their way at once.
    pub in_flight_max: usize,
    /// What the names of all keys begin with.
    pub key_prefix: String,
}

/// Bounds on signals from nodes that collect to nodes that process.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signals {
    /// Entries that one stream keeps.
    pub stream_max: usize,
    /// How long one who read an entry may take for it.
    pub reclaim_after_ms: u64,
}

/// A log on Cassandra.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cassandra {
    /// How long one request may take.
    pub request_timeout_ms: u64,
    /// When another copy is asked beside one that is late.
    pub speculative_after_ms: u64,
    /// Requests on their way.
    pub in_flight_max: usize,
}

/// Facts that wait on this node for the log.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spool {
    /// Whether facts are taken while the log is away.
    pub enabled: bool,
    /// How much may wait.
    pub bytes_max: u64,
}

impl Config {
    /// Where facts wait for the log.
    pub fn spool_dir(&self) -> PathBuf {
        self.data.join("spool")
    }

    /// How the store of the spool behaves: it holds little for long, and is seldom read.
    pub fn spool_options(&self) -> EmbeddedOptions {
        EmbeddedOptions {
            cache_bytes: SPOOL_CACHE_BYTES,
            memtable_bytes: SPOOL_MEMTABLE_BYTES,
            ..self.embedded_options()
        }
    }

    /// How a log on Cassandra behaves.
    pub fn cassandra_options(&self, url: &CassandraUrl) -> CassandraOptions {
        CassandraOptions {
            hosts: url.hosts.clone(),
            keyspace: url.keyspace.clone(),
            datacentre: url.datacentre.clone(),
            login: url.login.clone(),
            tls: url.tls.then(|| self.tls_files()),
            request_timeout: Duration::from_millis(self.cassandra.request_timeout_ms),
            speculative_after: Duration::from_millis(self.cassandra.speculative_after_ms),
            in_flight_max: self.cassandra.in_flight_max,
        }
    }

    /// How calls to Redis are bounded.
    pub fn redis_options(&self) -> RedisOptions {
        let redis = &self.views_redis;
        RedisOptions {
            response_timeout: Duration::from_millis(redis.response_timeout_ms),
            connect_timeout: Duration::from_millis(redis.connect_timeout_ms),
            pause: Duration::from_millis(redis.pause_ms),
            in_flight_max: redis.in_flight_max,
            tls: self.tls_files(),
        }
    }

    /// How signals by way of Redis are bounded.
    pub fn signals_options(&self) -> SignalsOptions {
        SignalsOptions {
            prefix: self.views_redis.key_prefix.clone(),
            stream_max: self.signals.stream_max,
            reclaim_after: Duration::from_millis(self.signals.reclaim_after_ms),
        }
    }

    /// How views in Redis are bounded.
    pub fn redis_views_options(&self) -> RedisViewsOptions {
        let redis = &self.views_redis;
        RedisViewsOptions {
            prefix: redis.key_prefix.clone(),
            plays_per_profile_max: redis.plays_per_profile_max,
            idle: Duration::from_secs(u64::from(redis.idle_days) * 24 * 60 * 60),
        }
    }
}
