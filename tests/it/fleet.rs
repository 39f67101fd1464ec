//! Several nodes of the real binary on one Cassandra and one Redis.

mod nodes;

use std::path::Path;

use crate::binary::{Served, finish, said, viewlog};
use crate::servers::{cassandra, redis};

/// Where a fleet keeps everything; a keyspace and a database of the test's own.
struct Fleet {
    log: String,
    views: String,
}

impl Fleet {
    /// With its tables; `None`, and loudly so, where the servers are not to be had.
    fn begin() -> Option<Self> {
        let (cassandra, redis) = (cassandra()?, redis()?);
        let fleet = Self { log: cassandra.url(&cassandra.keyspace()), views: redis.url() };
        let applied = finish(viewlog().args(["schema", "apply", "--log", &fleet.log]));
        assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
        Some(fleet)
    }

    /// A node with a directory of its own.
    fn node(&self, data: &Path) -> Served {
        Served::start(data, &["--log", &self.log, "--views", &self.views])
    }
}
