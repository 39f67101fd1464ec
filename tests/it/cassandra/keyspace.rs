//! A keyspace of the tests' own on the server that they share.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;
use viewlog::events::SystemClock;
use viewlog::events::cassandra::{CassandraLog, CassandraOptions, Schema};

use crate::servers::{Cassandra, cassandra};

/// A keyspace, and how it is reached.
#[derive(Clone)]
pub(super) struct Keyspace {
    pub(super) options: CassandraOptions,
    server: &'static Cassandra,
}

impl Keyspace {
    /// The one that most tests of this run share.
    pub(super) async fn shared() -> Option<Self> {
        static SHARED: OnceCell<Option<Keyspace>> = OnceCell::const_new();
        let made = SHARED.get_or_init(async || {
            let keyspace = Self::unmade()?;
            make(&keyspace.options).await;
            Some(keyspace)
        });
        made.await.clone()
    }

    /// A name that nothing has yet.
    pub(super) fn unmade() -> Option<Self> {
        let server = cassandra()?;
        let options = options(vec![server.node().to_owned()], server.keyspace());
        Some(Self { options, server })
    }

    pub(super) fn name(&self) -> &str {
        &self.options.keyspace
    }

    pub(super) fn url(&self) -> String {
        self.server.url(self.name())
    }

    /// Runs CQL in which `KS` stands for the keyspace.
    pub(super) async fn run(&self, cql: &str) {
        let cql = cql.replace("KS", self.name());
        self.server.session().await.query_unpaged(cql, ()).await.unwrap();
    }
}

/// Makes the keyspace, with every table.
pub(super) async fn make(options: &CassandraOptions) {
    let schema = Schema::connect(options).await.unwrap();
    schema.apply(&schema.default_replication()).await.unwrap();
}

pub(super) fn options(hosts: Vec<String>, keyspace: String) -> CassandraOptions {
    CassandraOptions {
        hosts,
        keyspace,
        datacentre: None,
        login: None,
        tls: None,
        request_timeout: Duration::from_secs(10),
        speculative_after: Duration::from_millis(100),
        in_flight_max: 256,
    }
}

/// A log on a keyspace that is made with so many copies.
pub(super) async fn log_with(options: &CassandraOptions, copies: &str) -> CassandraLog {
    let schema = Schema::connect(options).await.unwrap();
    schema.apply(&copies.parse().unwrap()).await.unwrap();
    CassandraLog::open(options, Arc::new(SystemClock)).await.unwrap()
}
