//! The URLs of stores, and which of them go together.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;

use super::{CassandraUrl, CassandraUrlError};
use crate::projections::{RedisUrl, RedisUrlError};

/// Where events are kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum LogStore {
    /// In this directory, by this process alone.
    Embedded(PathBuf),
    /// In memory, until the process ends.
    Memory,
    /// On Cassandra or ScyllaDB, shared with other nodes.
    Cassandra(CassandraUrl),
}

/// Where views are kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum ViewsStore {
    /// In memory, filled from the log as they are read.
    Memory,
    /// In a Redis that all nodes share.
    Redis(RedisUrl),
}

/// Why a store cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It is meant to be on Cassandra, but cannot be.
    #[error(transparent)]
    Cassandra(#[from] CassandraUrlError),
    /// It names no Redis.
    #[error(transparent)]
    Redis(#[from] RedisUrlError),
    /// Nothing of the kind is known.
    #[error("must be {right}")]
    Unknown {
        /// What can be used.
        right: &'static str,
    },
}

const LOGS: &str = "embedded:DIR, memory: or cassandra://HOST/KEYSPACE";
const VIEWS: &str = "memory:, redis://HOST or redis-cluster://HOST,HOST (with TLS rediss:// and \
                     rediss-cluster://)";

impl LogStore {
    /// Why these views will not do for this log; `None` when they will.
    pub(super) fn refuses(&self, views: &ViewsStore) -> Option<&'static str> {
        match (self, views) {
            (Self::Embedded(_) | Self::Memory, ViewsStore::Redis(_)) => Some(
                "views in redis outlive this process, and a log of one process marks nothing for \
                 the sweeps that would mend them; use memory: with this log, or a log that nodes \
                 share",
            ),
            (Self::Cassandra(_), ViewsStore::Memory) => Some(
                "memory: does not go with a log that other nodes share: what they record would \
                 not show; use redis://HOST",
            ),
            (Self::Embedded(_) | Self::Memory, ViewsStore::Memory)
            | (Self::Cassandra(_), ViewsStore::Redis(_)) => None,
        }
    }

    /// Whether other nodes use the same log.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Cassandra(_))
    }

    /// Gives a log without a directory one inside `data`.
    pub(super) fn settle(&mut self, data: &Path) {
        if let Self::Embedded(dir) = self
            && dir.as_os_str().is_empty()
        {
            *dir = data.join("log");
        }
    }
}

impl ViewsStore {
    /// Whether other nodes use the same views, which outlive this one.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Redis(_))
    }
}

impl FromStr for LogStore {
    type Err = StoreError;

    /// `embedded:` without a directory stays so until it is settled.
    fn from_str(text: &str) -> Result<Self, StoreError> {
        match text.split_once(':') {
            Some(("embedded", dir)) => Ok(Self::Embedded(PathBuf::from(dir))),
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("cassandra", _)) => Ok(Self::Cassandra(text.parse()?)),
            _ => Err(StoreError::Unknown { right: LOGS }),
        }
    }
}

impl FromStr for ViewsStore {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        match text.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("redis" | "rediss" | "redis-cluster" | "rediss-cluster", _)) => {
                Ok(Self::Redis(text.parse()?))
            }
            _ => Err(StoreError::Unknown { right: VIEWS }),
        }
    }
}

impl TryFrom<String> for LogStore {
    type Error = StoreError;

    fn try_from(text: String) -> Result<Self, StoreError> {
        text.parse()
    }
}

impl TryFrom<String> for ViewsStore {
    type Error = StoreError;

    fn try_from(text: String) -> Result<Self, StoreError> {
        text.parse()
    }
}
