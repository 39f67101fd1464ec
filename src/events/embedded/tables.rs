//! The store's tables and one row on its way into them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use fjall::{
    Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Readable, Slice,
};

use super::{EmbeddedOptions, keys};

/// Which table a row belongs to; in this order they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    Weeks,
    Fences,
    Marks,
    Snapshots,
    Events,
    Notes,
}

/// One row to write, or without a value to delete.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) table: Table,
    pub(super) key: Slice,
    pub(super) value: Option<Slice>,
}

impl Row {
    pub(super) fn put(table: Table, key: impl Into<Slice>, value: impl Into<Slice>) -> Self {
        Self { table, key: key.into(), value: Some(value.into()) }
    }

    pub(super) fn delete(table: Table, key: impl Into<Slice>) -> Self {
        Self { table, key: key.into(), value: None }
    }

    pub(super) fn bytes(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, |value| value.len())
    }
}

/// The open store. Cheap to clone.
#[derive(Clone)]
pub(super) struct Tables {
    pub(super) db: Database,
    pub(super) weeks: Keyspace,
    pub(super) fences: Keyspace,
    pub(super) marks: Keyspace,
    pub(super) snapshots: Keyspace,
    pub(super) events: Keyspace,
    pub(super) notes: Keyspace,
    meta: Keyspace,
}

impl Tables {
    /// Opens or creates the store in `dir`; a panic inside it is an error like any other.
    pub(super) fn open(dir: &Path, options: &EmbeddedOptions) -> Result<Self, String> {
        catch_unwind(AssertUnwindSafe(|| Self::try_open(dir, options)))
            .map_err(|_| "the store failed while opening".to_owned())?
            .map_err(|error| error.to_string())
    }

    fn try_open(dir: &Path, options: &EmbeddedOptions) -> fjall::Result<Self> {
        let db = Database::builder(dir)
            .cache_size(options.cache_bytes)
            // One is enough for what one writer thread makes, and leaves the other cores alone.
            .worker_threads(1)
            .manual_journal_persist(true)
            .open()?;
        let table = |name| {
            db.keyspace(name, || {
                KeyspaceCreateOptions::default().max_memtable_size(options.memtable_bytes)
            })
        };
        Ok(Self {
            weeks: table("weeks")?,
            fences: table("fences")?,
            marks: table("marks")?,
            snapshots: table("snapshots")?,
            events: table("events")?,
            notes: table("notes")?,
            meta: table("meta")?,
            db,
        })
    }

    /// Every table that has rows.
    pub(super) fn all(&self) -> [&Keyspace; 7] {
        let Self { weeks, fences, marks, snapshots, events, notes, meta, .. } = self;
        [weeks, fences, marks, snapshots, events, notes, meta]
    }

    fn keyspace(&self, table: Table) -> &Keyspace {
        match table {
            Table::Weeks => &self.weeks,
            Table::Fences => &self.fences,
            Table::Marks => &self.marks,
            Table::Snapshots => &self.snapshots,
            Table::Events => &self.events,
            Table::Notes => &self.notes,
        }
    }

    /// Writes `rows` and the commit's number as one, and syncs; takes the rows out.
    pub(super) fn commit(&self, rows: &mut Vec<Row>, number: u64) -> fjall::Result<()> {
        let batch = OwnedWriteBatch::with_capacity(self.db.clone(), rows.len() + 1);
        let mut batch = batch.durability(Some(PersistMode::SyncData));
        for row in rows.drain(..) {
            let keyspace = self.keyspace(row.table);
            match row.value {
                Some(value) => batch.insert(keyspace, row.key, value),
                None => batch.remove(keyspace, row.key),
            }
        }
        batch.insert(&self.meta, keys::COMMIT, number.to_be_bytes());
        batch.commit()
    }

    /// The number of the last commit that is there; 0 when none is.
    pub(super) fn number(&self) -> Result<u64, String> {
        let stored = self.db.snapshot().get(&self.meta, keys::COMMIT);
        let Some(bytes) = stored.map_err(|error| error.to_string())? else { return Ok(0) };
        let bytes = <[u8; 8]>::try_from(&*bytes).map_err(|_| "the commit number is damaged")?;
        Ok(u64::from_be_bytes(bytes))
    }
}
