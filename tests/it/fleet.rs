//! Several nodes of the real binary on one Cassandra and one Redis.

mod live;
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
        Self::on(redis()?.url())
    }

    /// With its views on this Redis.
    fn on(views: String) -> Option<Self> {
        let cassandra = cassandra()?;
        let fleet = Self { log: cassandra.url(&cassandra.keyspace()), views };
        let applied = finish(viewlog().args(["schema", "apply", "--log", &fleet.log]));
        assert_eq!(applied.status.code(), Some(0), "{}", said(&applied));
        Some(fleet)
    }

    /// A node with a directory of its own.
    fn node(&self, data: &Path) -> Served {
        self.node_with(data, &[])
    }

    /// The same with these variables in its environment.
    fn node_with(&self, data: &Path, environment: &[(&str, &str)]) -> Served {
        Served::with(data, &["--log", &self.log, "--views", &self.views], environment)
    }
}
