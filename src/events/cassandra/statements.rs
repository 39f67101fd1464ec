//! Every statement the log uses once it is open, prepared. All partition keys are bound, so a
//! statement goes straight to a node that has the row; all are idempotent.

use scylla::client::session::Session;
use scylla::errors::PrepareError;
use scylla::statement::Consistency;
use scylla::statement::batch::{Batch, BatchStatement, BatchType};
use scylla::statement::prepared::PreparedStatement;

/// Rows of one partition in one batch. Some tens carry several times as many rows a second as
/// single ones (docs/benchmarks.md); more would only keep others waiting.
pub(super) const BATCH_ROWS_MAX: usize = 50;
/// Rows of one page. A row is some 200 bytes, so a page is about a megabyte.
const PAGE_ROWS: i32 = 5_000;

/// The prepared statements of an open log.
pub(super) struct Statements {
    pub(super) put: Puts,
    pub(super) delete: Deletes,
    pub(super) read: Reads,
    /// `put.event` 0, 1, 2 … times.
    put_events: Vec<Batch>,
    /// `put.event` and `put.snapshot`, of one partition.
    pub(super) put_both: Batch,
    /// `put.snapshot` and `delete.events_through`, of one partition.
    pub(super) compact: Batch,
}

/// Each takes its timestamp last.
pub(super) struct Puts {
    pub(super) event: PreparedStatement,
    pub(super) snapshot: PreparedStatement,
    pub(super) week: PreparedStatement,
    pub(super) dirty: PreparedStatement,
    pub(super) fence: PreparedStatement,
    pub(super) deletion: PreparedStatement,
    pub(super) note: PreparedStatement,
}

/// Each takes its timestamp first.
pub(super) struct Deletes {
    pub(super) events: PreparedStatement,
    pub(super) event: PreparedStatement,
    pub(super) events_through: PreparedStatement,
    pub(super) snapshot: PreparedStatement,
    pub(super) note: PreparedStatement,
}

pub(super) struct Reads {
    pub(super) snapshot: PreparedStatement,
    pub(super) snapshot_stamp: PreparedStatement,
    pub(super) events: PreparedStatement,
    pub(super) events_count: PreparedStatement,
    pub(super) week_events: PreparedStatement,
    pub(super) week_snapshots: PreparedStatement,
    pub(super) weeks: PreparedStatement,
    pub(super) fences: PreparedStatement,
    pub(super) dirty: PreparedStatement,
    pub(super) accounts: PreparedStatement,
    pub(super) note: PreparedStatement,
}

impl Statements {
    /// Prepares all of them on every node.
    pub(super) async fn prepare(session: &Session, keyspace: &str) -> Result<Self, PrepareError> {
        let prepare = Prepare { session, keyspace };
        let (put, delete) = (prepare.puts().await?, prepare.deletes().await?);
        let put_events = batches(&put.event);
        let put_both = batch(vec![put.event.clone(), put.snapshot.clone()]);
        let compact = batch(vec![put.snapshot.clone(), delete.events_through.clone()]);
        Ok(Self { put, delete, read: prepare.reads().await?, put_events, put_both, compact })
    }

    /// The batch that writes so many events of one partition, up to [`BATCH_ROWS_MAX`].
    pub(super) fn put_events(&self, rows: usize) -> Option<&Batch> {
        self.put_events.get(rows)
    }
}

struct Prepare<'a> {
    session: &'a Session,
    keyspace: &'a str,
}

impl Prepare<'_> {
    /// `KS` stands for the keyspace.
    async fn of(&self, text: &str) -> Result<PreparedStatement, PrepareError> {
        let text = text.replace("KS.", &format!("{}.", self.keyspace));
        let mut statement = self.session.prepare(text).await?;
        statement.set_is_idempotent(true);
        statement.set_page_size(PAGE_ROWS);
        Ok(statement)
    }

    async fn put(&self, into: &str) -> Result<PreparedStatement, PrepareError> {
        let values = vec!["?"; into.split(',').count()].join(", ");
        self.of(&format!("INSERT INTO KS.{into} VALUES ({values}) USING TIMESTAMP ?")).await
    }

    async fn puts(&self) -> Result<Puts, PrepareError> {
        Ok(Puts {
            event: self.put("events (account, week, session, seq, fingerprint, body)").await?,
            snapshot: self.put("snapshots (account, week, session, body)").await?,
            week: self.put("account_weeks (account, week)").await?,
            dirty: self.put("dirty (slice, window, account, session)").await?,
            fence: self.put("fences (account, scope, fenced_at)").await?,
            deletion: self.put("fences (account, scope, deleted_us)").await?,
            note: self.put("notes (name, value)").await?,
        })
    }

    async fn delete(&self, from: &str) -> Result<PreparedStatement, PrepareError> {
        let (table, of) = from.split_once(' ').unwrap_or((from, ""));
        self.of(&format!("DELETE FROM KS.{table} USING TIMESTAMP ? WHERE {of}")).await
    }

    async fn deletes(&self) -> Result<Deletes, PrepareError> {
        let through = "events account = ? AND week = ? AND session = ? AND seq <= ?";
        let one = "events account = ? AND week = ? AND session = ? AND seq = ? AND fingerprint = ?";
        Ok(Deletes {
            event: self.delete(one).await?,
            events: self.delete("events account = ? AND week = ? AND session = ?").await?,
            events_through: self.delete(through).await?,
            snapshot: self.delete("snapshots account = ? AND week = ? AND session = ?").await?,
            note: self.delete("notes name = ?").await?,
        })
    }

    async fn reads(&self) -> Result<Reads, PrepareError> {
        const SESSION: &str = "WHERE account = ? AND week = ? AND session = ?";
        let read = async |what: &str, of: &str| self.of(&format!("SELECT {what} {of}")).await;
        let events = format!("{SESSION} AND seq >= ? AND seq <= ?");
        let stretch = "WHERE account = ? AND week = ? \
             AND (session, seq) > (?, ?) AND (session, seq) < (?, ?)";
        let tokens = "WHERE token(account) >= ? AND token(account) <= ?";
        let count = "count(*), max(writetime(body)) FROM KS.events";
        let week_events = "session, seq, fingerprint, body FROM KS.events";
        let fences = "scope, fenced_at, deleted_us FROM KS.fences";
        Ok(Reads {
            snapshot: read("body FROM KS.snapshots", SESSION).await?,
            snapshot_stamp: read("writetime(body) FROM KS.snapshots", SESSION).await?,
            events: read("seq, fingerprint, body FROM KS.events", &events).await?,
            events_count: read(count, SESSION).await?,
            week_events: read(week_events, stretch).await?,
            week_snapshots: read(
                "session, body FROM KS.snapshots",
                "WHERE account = ? AND week = ?",
            )
            .await?,
            weeks: read("week FROM KS.account_weeks", "WHERE account = ?").await?,
            fences: read(fences, "WHERE account = ?").await?,
            dirty: read("account, session FROM KS.dirty", "WHERE slice = ? AND window = ?").await?,
            accounts: read("DISTINCT account FROM KS.account_weeks", tokens).await?,
            note: read("value FROM KS.notes", "WHERE name = ?").await?,
        })
    }
}

/// The same statement, to be answered only when every copy has it.
pub(super) fn everywhere(statement: &PreparedStatement) -> PreparedStatement {
    let mut statement = statement.clone();
    statement.set_consistency(Consistency::All);
    statement
}

fn batches(statement: &PreparedStatement) -> Vec<Batch> {
    (0..=BATCH_ROWS_MAX).map(|rows| batch(vec![statement.clone(); rows])).collect()
}

fn batch(statements: Vec<PreparedStatement>) -> Batch {
    let statements = statements.into_iter().map(BatchStatement::PreparedStatement).collect();
    let mut batch = Batch::new_with_statements(BatchType::Unlogged, statements);
    // Of its own: it does not come from the statements.
    batch.set_is_idempotent(true);
    batch
}
