//! The store's tables and one row on its way into them.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode, Readable};

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
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'r> {
    pub(super) table: Table,
    pub(super) key: &'r [u8],
    pub(super) value: Option<&'r [u8]>,
}

/// Rows on their way to the writer, back to back in one buffer.
///
/// The writer's thread makes what the store keeps, so an append crosses in two allocations and not
/// in two for each row.
#[derive(Debug, Default)]
pub(super) struct Rows {
    bytes: Vec<u8>,
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    table: Table,
    key: Range<usize>,
    value: Option<Range<usize>>,
}

impl Rows {
    pub(super) fn with_capacity(rows: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), places: Vec::with_capacity(rows) }
    }

    pub(super) fn put(&mut self, table: Table, key: impl AsRef<[u8]>, value: &[u8]) {
        let key = self.add(key.as_ref());
        let value = Some(self.add(value));
        self.places.push(Place { table, key, value });
    }

    pub(super) fn delete(&mut self, table: Table, key: impl AsRef<[u8]>) {
        let key = self.add(key.as_ref());
        self.places.push(Place { table, key, value: None });
    }

    fn add(&mut self, part: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(part);
        start..self.bytes.len()
    }

    pub(super) fn count(&self) -> usize {
        self.places.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        let part = |range: &Range<usize>| self.bytes.get(range.clone()).unwrap_or_default();
        self.places.iter().map(move |place| Row {
            table: place.table,
            key: part(&place.key),
            value: place.value.as_ref().map(part),
        })
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

    /// Writes `rows` and the commit's number as one, and syncs.
    pub(super) fn commit(&self, rows: &[Row<'_>], number: u64) -> fjall::Result<()> {
        let batch = OwnedWriteBatch::with_capacity(self.db.clone(), rows.len() + 1);
        let mut batch = batch.durability(Some(PersistMode::SyncData));
        for row in rows {
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
