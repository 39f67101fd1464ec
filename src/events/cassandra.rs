//! The log of a fleet: Apache Cassandra 5 or ScyllaDB, shared by any number of nodes.
//!
//! Where this differs from a log of one process:
//! - An append is durable when `LOCAL_QUORUM` has it. Its weeks are registered first; everything
//!   else goes in parallel, events of one week in single-partition batches.
//! - Rows bear this node's own timestamps, later than every erasure of the account that it knows
//!   of: it reads an account's fences before its first write, and learns of an erasure by another
//!   node when they are read again. Until then, with a clock behind that node's, what it writes to
//!   a session that was erased there may be taken for erased too, for as long as its clock lags.
//! - An erasure asks every copy. While one is away it deletes wherever a quorum is, so that nobody
//!   reads any of it, and says that it is not everywhere; hints bring it to a copy that is back
//!   within hours, an operator's repair to one that was away for longer.
//! - The order of accounts is that of their tokens.
//!
//! The driver is named nowhere else. It lives on the runtime on which the log was opened, which
//! must outlive it and have threads of its own; calls may come from any runtime.

mod account;
mod answering;
mod connect;
mod erase;
mod failed;
mod purge;
mod read;
mod scan;
mod schema;
mod stamps;
mod statements;
mod store;
mod tables;
mod values;
mod week;
mod write;

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use self::store::Store;
use super::{
    AccountId, AccountRange, Append, AppendError, Clock, Compacted, Depth, Erased, Event, EventLog,
    Fence, Gone, Health, Mark, Parts, ReadError, SessionId, SessionKey, Skew, Slice, Stored,
    Survey, Week, Window,
};
use crate::tls::{TlsError, TlsFiles};

pub use self::schema::{
    Acknowledges, Difference, NodeAnswer, NodeFound, Replication, Schema, SchemaError, hosts_away,
    schema_text,
};

/// Where the store is, and how it is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CassandraOptions {
    /// `host:port`; any that answers is enough, the others are found.
    pub hosts: Vec<String>,
    /// The keyspace.
    pub keyspace: String,
    /// The datacentre of this node; may be left out where there is only one.
    pub datacentre: Option<String>,
    /// Who asks, where the store wants to know.
    pub login: Option<Login>,
    /// Whom to believe, where connections are encrypted.
    pub tls: Option<TlsFiles>,
    /// How long one request may take, with everything that is tried for it.
    pub request_timeout: Duration,
    /// When another copy is asked because the first is late.
    pub speculative_after: Duration,
    /// Requests on their way at once; further ones wait.
    pub in_flight_max: usize,
}

/// A name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The name.
    pub user: String,
    /// Shown nowhere.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Why the store cannot be used as a log. What the driver says is in here, for operators.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No host that was named lets us in.
    #[error("the log's store at {hosts} cannot be reached: {reason}")]
    Unreachable {
        /// Those that were tried.
        hosts: String,
        /// The driver's words.
        reason: String,
    },
    /// Connections cannot be encrypted as it is asked for.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// There is no such datacentre, or there are several and none is named.
    #[error("{}", wrong_datacentre(named.as_deref(), known))]
    Datacentre {
        /// The one that was named.
        named: Option<String>,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The tables are not as they should be.
    #[error("keyspace {keyspace} is not as it should be: {}", differences.join("; "))]
    Schema {
        /// The keyspace.
        keyspace: String,
        /// What differs, and what puts it right.
        differences: Vec<String>,
    },
    /// The store answers, but not to this.
    #[error("the log's store cannot be asked: {0}")]
    Refused(String),
}

fn wrong_datacentre(named: Option<&str>, known: &[String]) -> String {
    let known = known.join(", ");
    match named {
        Some(named) => format!("there is no datacentre {named}; there is {known}"),
        None => format!("name this node's datacentre with ?dc=NAME; there are {known}"),
    }
}

/// A log in Cassandra.
pub struct CassandraLog {
    store: Store,
}

impl CassandraLog {
    /// Connects, checks the schema and prepares every statement. Needs a runtime with threads of
    /// its own, which must outlive the log.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(
        options: &CassandraOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenError> {
        Ok(Self { store: Store::open(options, clock).await? })
    }

    /// How far this node's clock is off the store's; compared every second.
    pub fn skew(&self) -> Arc<Skew> {
        Arc::clone(self.store.skew())
    }
}

#[async_trait]
impl EventLog for CassandraLog {
    async fn append(&self, batch: &Append) -> Result<(), AppendError> {
        self.store.append(batch).await
    }

    async fn append_all(&self, group: &[Append]) -> Result<(), AppendError> {
        self.store.append_all(group).await
    }

    fn takes_groups(&self) -> bool {
        false
    }

    async fn session(&self, key: &SessionKey) -> Result<Option<Stored>, ReadError> {
        self.store.read_session(key).await
    }

    async fn events(
        &self,
        key: &SessionKey,
        seqs: RangeInclusive<u64>,
    ) -> Result<Vec<Event>, ReadError> {
        self.store.read_events(key, seqs).await
    }

    async fn weeks(&self, account: &AccountId) -> Result<Vec<Week>, ReadError> {
        self.store.read_weeks(account).await
    }

    async fn week(
        &self,
        account: &AccountId,
        week: Week,
        depth: Depth,
    ) -> Result<Vec<Stored>, ReadError> {
        self.store.read_week(account, week, depth).await
    }

    async fn marks(&self, account: &AccountId) -> Result<Vec<Mark>, ReadError> {
        self.store.read_marks(account).await
    }

    async fn fences(&self, account: &AccountId) -> Result<Vec<Fence>, ReadError> {
        self.store.read_fences(account).await
    }

    fn account<'a>(&'a self, account: &'a AccountId, depth: Depth) -> Parts<'a> {
        self.store.read_account(account, depth)
    }

    fn ranges(&self, parts: usize) -> Vec<AccountRange> {
        scan::ranges(parts)
    }

    async fn accounts(
        &self,
        range: &AccountRange,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountId>, ReadError> {
        self.store.read_accounts(range, after, limit).await
    }

    async fn compact(&self, compacted: Compacted) -> Result<(), AppendError> {
        self.store.compact(&compacted).await
    }

    async fn survey(
        &self,
        account: &AccountId,
        sessions: &[SessionId],
        marks: &[SessionId],
    ) -> Result<Survey, ReadError> {
        self.store.survey(account, sessions, marks).await
    }

    async fn erase(&self, erased: Erased) -> Result<Gone, AppendError> {
        self.store.erase(&erased).await
    }

    async fn purge(&self, key: &SessionKey) -> Result<bool, AppendError> {
        self.store.purge(key).await
    }

    fn keeps_dirty_index(&self) -> bool {
        true
    }

    async fn dirty(&self, slice: Slice, window: Window) -> Result<Vec<SessionKey>, ReadError> {
        self.store.read_dirty(slice, window).await
    }

    async fn note(&self, name: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.store.read_note(name).await
    }

    async fn set_note(&self, name: &str, value: Option<&[u8]>) -> Result<(), AppendError> {
        self.store.set_note(name, value).await
    }

    fn health(&self) -> Health {
        let away = || "no node of its store answers".to_owned();
        Health { kind: "cassandra", stopped: self.store.is_away().then(away) }
    }
}
