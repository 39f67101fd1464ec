//! Which server the tests ask, and a keyspace of theirs on it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use tokio::sync::OnceCell;
use viewlog::events::cassandra::{CassandraOptions, Schema};

/// A keyspace, and how it is reached.
#[derive(Clone)]
pub(super) struct Keyspace {
    pub(super) options: CassandraOptions,
}

impl Keyspace {
    /// The one that most tests of this run share.
    pub(super) async fn shared() -> Option<Self> {
        static SHARED: OnceCell<Option<Keyspace>> = OnceCell::const_new();
        let made = SHARED.get_or_init(async || {
            let keyspace = Self::unmade("shared")?;
            keyspace.make().await;
            Some(keyspace)
        });
        made.await.clone()
    }

    /// A name that nothing has yet.
    pub(super) fn unmade(name: &str) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let host = host()?;
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let keyspace = format!("test_{name}_{}_{number}", std::process::id());
        Some(Self { options: options(host, keyspace) })
    }

    /// Makes it, with every table.
    pub(super) async fn make(&self) {
        let schema = Schema::connect(&self.options).await.unwrap();
        schema.apply(&schema.default_replication()).await.unwrap();
    }

    pub(super) fn name(&self) -> &str {
        &self.options.keyspace
    }

    pub(super) fn url(&self) -> String {
        format!("cassandra://{}/{}", self.options.hosts[0], self.options.keyspace)
    }

    /// Runs CQL in which `KS` stands for the keyspace.
    pub(super) async fn run(&self, cql: &str) {
        let session: Session =
            SessionBuilder::new().known_node(&self.options.hosts[0]).build().await.unwrap();
        let cql = cql.replace("KS", &self.options.keyspace);
        session.query_unpaged(cql, ()).await.unwrap();
    }
}

pub(super) fn options(host: String, keyspace: String) -> CassandraOptions {
    CassandraOptions {
        hosts: vec![host],
        keyspace,
        datacentre: None,
        login: None,
        request_timeout: Duration::from_secs(10),
        speculative_after: Duration::from_millis(100),
        in_flight_max: 256,
    }
}

fn host() -> Option<String> {
    let host = std::env::var("VIEWLOG_TEST_CASSANDRA").ok();
    if host.is_none() {
        println!("SKIPPED: no Cassandra; VIEWLOG_TEST_CASSANDRA names none");
    }
    host
}
