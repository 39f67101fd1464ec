//! The log of a single node: one directory, no server, everything acknowledged survives a crash.
//!
//! One thread writes and syncs, many appends at once; reads run where they are asked. After a stop
//! that was not orderly the journals are checked against what was acknowledged, and what is missing
//! is refused by name instead of being passed over. One process holds the directory. The store
//! under it is fjall, which is named nowhere else.

mod high_water;
mod janitor;
mod journal;
mod keys;
mod queue;
mod read;
mod recovery;
mod space;
mod spool;
mod tables;
mod writer;

use std::fs::File;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use async_trait::async_trait;
use tokio::sync::oneshot;

use self::janitor::{Janitor, Swept};
use self::queue::Queue;
use self::space::{Space, bytes_in};
use self::tables::{Rows, Table, Tables};
use self::writer::{Done, Job, Shared, Writer};
use super::codec::encode_mark;
use super::{
    AccountId, AccountRange, Append, AppendError, Compacted, Depth, Erased, Event, EventLog, Fence,
    Gone, Health, Mark, ReadError, SessionKey, Slice, Stored, Week, Window,
};

pub use self::spool::{Kept, Page, Spool, SpoolStanding, Waiting};

/// How an embedded log behaves.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    /// With less free space than this, in bytes, appends are refused until there is more: a store
    /// that runs into a full disk stops for good. Room for one memtable on its way to disk.
    pub free_bytes_min: u64,
    /// Opens a damaged log with what is readable, and keeps copies of what it was.
    pub accept_damage: bool,
    /// Memory for blocks read from disk, in bytes; the system's page cache lies behind it.
    pub cache_bytes: u64,
    /// How many bytes of a table are gathered in memory before they go to its files. Smaller ones
    /// are written more often: 16 MiB cost half as much writing again. Counts when the directory is
    /// made.
    pub memtable_bytes: u64,
    /// How many appends may wait; further ones wait outside.
    pub queue_appends_max: usize,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            free_bytes_min: 64 * 1024 * 1024,
            accept_damage: false,
            cache_bytes: 64 * 1024 * 1024,
            memtable_bytes: 64 * 1024 * 1024,
            queue_appends_max: 4_096,
        }
    }
}

/// Why a directory cannot be opened as a log.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{} is in use by another process", dir.display())]
    InUse {
        /// The directory.
        dir: PathBuf,
    },
    /// It holds something else, or a log of another version.
    #[error("{} holds {found:?}, which this version does not know", dir.display())]
    Format {
        /// The directory.
        dir: PathBuf,
        /// What its format file says.
        found: String,
    },
    /// Acknowledged events are missing.
    #[error("the log is damaged: {what}; its journals are in {}", copies.display())]
    Damaged {
        /// What is missing.
        what: String,
        /// Where the journals lie as they were found.
        copies: PathBuf,
    },
    /// The store refuses to open.
    #[error("the log in {} cannot be opened: {reason}", dir.display())]
    Store {
        /// The directory.
        dir: PathBuf,
        /// The store's own words.
        reason: String,
    },
    /// The file system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What an embedded log has done since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Statistics {
    /// Batches written and synced.
    pub commits: u64,
    /// Rows in them.
    pub rows: u64,
    /// The longest of them, in microseconds, sync included.
    pub worst_commit_us: u64,
    /// Memtables that were full.
    pub memtables_retired: u64,
    /// How many of those have been freed.
    pub memtables_freed: u64,
}

/// A log in a directory of its own.
///
/// Dropping it closes it; [`EmbeddedLog::close`] says whether that went well.
pub struct EmbeddedLog {
    queue: Arc<Queue>,
    shared: Arc<Shared>,
    swept: Arc<Swept>,
    writer: Mutex<Option<JoinHandle<bool>>>,
    janitor: Mutex<Option<Janitor>>,
    tables: Tables,
    dir: PathBuf,
    /// Last, so that the directory is free only when the store is closed.
    _lock: File,
}

impl EmbeddedLog {
    /// Opens the log in `dir`, making it if there is none. Reads all journals, at most some 512
    /// MiB.
    ///
    /// # Errors
    /// [`OpenError`]; damage is an error unless the options accept it.
    pub fn open(dir: &Path, options: EmbeddedOptions) -> Result<Self, OpenError> {
        let opened = recovery::open(dir, &options)?;
        let shared = Arc::new(Shared::new(Space::new(dir.to_owned(), options.free_bytes_min)));
        let swept = Arc::new(Swept::default());
        let queue = Arc::new(Queue::new(options.queue_appends_max));
        let body = Writer {
            tables: opened.tables.clone(),
            shared: Arc::clone(&shared),
            high_water: opened.high_water,
            level: opened.level,
            queue: Arc::clone(&queue),
        };
        let io = |source| OpenError::Io { path: dir.to_owned(), source };
        let writer = thread::Builder::new().name("log-writer".to_owned());
        let janitor = Janitor::start(opened.tables.clone(), Arc::clone(&swept)).map_err(io)?;
        let writer = writer.spawn(move || body.run()).map_err(io)?;
        Ok(Self {
            queue,
            shared,
            swept,
            writer: Mutex::new(Some(writer)),
            janitor: Mutex::new(Some(janitor)),
            tables: opened.tables,
            dir: dir.to_owned(),
            _lock: opened.lock,
        })
    }

    /// Writes what waits, syncs, and leaves word of an orderly stop. Appends are refused from then
    /// on, reads go on until the log is dropped. A second call does nothing.
    ///
    /// # Errors
    /// Says why the stop was not orderly; what was acknowledged is durable all the same.
    pub fn close(&self) -> Result<(), AppendError> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(writer) = writer else { return Ok(()) };
        self.queue.close();
        let is_durable = writer.join().unwrap_or(false);
        self.janitor.lock().unwrap_or_else(PoisonError::into_inner).take();
        if !is_durable {
            let reason = self.shared.stopped();
            let reason = reason.unwrap_or_else(|| "the last sync failed".to_owned());
            return Err(AppendError::Corrupt(reason));
        }
        recovery::write_clean(&self.dir)
            .map_err(|error| AppendError::Unavailable(error.to_string()))
    }

    /// What it has done since it was opened.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            commits: self.shared.commits.load(Ordering::Relaxed),
            rows: self.shared.rows.load(Ordering::Relaxed),
            worst_commit_us: self.shared.worst_commit_us.load(Ordering::Relaxed),
            memtables_retired: self.swept.retired.load(Ordering::Relaxed),
            memtables_freed: self.swept.freed.load(Ordering::Relaxed),
        }
    }

    /// Changes [`EmbeddedOptions::free_bytes_min`] while it runs.
    pub fn set_free_bytes_min(&self, bytes: u64) {
        self.shared.space.set_bytes_min(bytes);
    }

    /// What the directory takes on disk, in bytes; asks for every file, some hundreds.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn disk_bytes(&self) -> io::Result<u64> {
        bytes_in(&self.dir)
    }

    /// Writes everything from memory to files and merges them: smallest on disk, fastest to read.
    /// Takes long and about as much free space again; blocks its thread.
    ///
    /// # Errors
    /// When the log has stopped or the store fails.
    pub fn compact_storage(&self) -> Result<(), AppendError> {
        if let Some(reason) = self.shared.stopped() {
            return Err(AppendError::Corrupt(reason));
        }
        let failed = |error: fjall::Error| AppendError::Unavailable(error.to_string());
        for keyspace in self.tables.all() {
            keyspace.rotate_memtable_and_wait().map_err(failed)?;
            keyspace.major_compact().map_err(failed)?;
        }
        Ok(())
    }

    async fn ask<T>(&self, job: impl FnOnce(Done<T>) -> Job) -> Result<T, AppendError> {
        let (done, answer) = oneshot::channel();
        if self.queue.put(|| job(done)).await.is_err() {
            let closed = || AppendError::Unavailable("the log is closed".to_owned());
            return Err(self.shared.stopped().map_or_else(closed, AppendError::Corrupt));
        }
        let gone = || AppendError::InDoubt("the log closed before it answered".to_owned());
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(%error, "the log was not closed in order");
        }
    }
}

#[async_trait]
impl EventLog for EmbeddedLog {
    async fn append_all(&self, group: &[Append]) -> Result<(), AppendError> {
        if group.iter().all(Append::is_marks_alone) {
            return Ok(());
        }
        let rows = rows_of(group);
        self.ask(|done| Job::Write(rows, done)).await
    }

    fn takes_groups(&self) -> bool {
        true
    }

    async fn session(&self, key: &SessionKey) -> Result<Option<Stored>, ReadError> {
        self.tables.read_session(key)
    }

    async fn events(
        &self,
        key: &SessionKey,
        seqs: RangeInclusive<u64>,
    ) -> Result<Vec<Event>, ReadError> {
        self.tables.read_events(key, seqs)
    }

    async fn weeks(&self, account: &AccountId) -> Result<Vec<Week>, ReadError> {
        self.tables.read_weeks(account)
    }

    async fn week(
        &self,
        account: &AccountId,
        week: Week,
        depth: Depth,
    ) -> Result<Vec<Stored>, ReadError> {
        self.tables.read_week(account, week, depth)
    }

    async fn marks(&self, account: &AccountId) -> Result<Vec<Mark>, ReadError> {
        self.tables.read_marks(account)
    }

    async fn fences(&self, account: &AccountId) -> Result<Vec<Fence>, ReadError> {
        self.tables.read_fences(account)
    }

    fn ranges(&self, _parts: usize) -> Vec<AccountRange> {
        vec![AccountRange::ALL]
    }

    async fn accounts(
        &self,
        _range: &AccountRange,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountId>, ReadError> {
        self.tables.read_accounts(after, limit)
    }

    async fn compact(&self, compacted: Compacted) -> Result<(), AppendError> {
        self.ask(|done| Job::Compact(Box::new(compacted), done)).await
    }

    async fn erase(&self, erased: Erased) -> Result<Gone, AppendError> {
        let (events, snapshots) = self.ask(|done| Job::Erase(Box::new(erased), done)).await?;
        Ok(Gone { events, snapshots, is_everywhere: true })
    }

    fn keeps_dirty_index(&self) -> bool {
        false
    }

    async fn dirty(&self, _slice: Slice, _window: Window) -> Result<Vec<SessionKey>, ReadError> {
        Ok(vec![])
    }

    async fn note(&self, name: &str) -> Result<Option<Vec<u8>>, ReadError> {
        self.tables.read_note(name)
    }

    async fn set_note(&self, name: &str, value: Option<&[u8]>) -> Result<(), AppendError> {
        let key = keys::note(name);
        let mut rows = Rows::default();
        match value {
            Some(value) => rows.put(Table::Notes, key, value),
            None => rows.delete(Table::Notes, key),
        }
        self.ask(|done| Job::Write(rows, done)).await
    }

    fn health(&self) -> Health {
        let stopped = self.shared.stopped().or_else(|| self.shared.space.still_full());
        Health { kind: "embedded", stopped }
    }
}

/// The rows of a group, encoded by the caller's thread so that the writer only has to sort them.
fn rows_of(group: &[Append]) -> Rows {
    let (count, bytes) = group.iter().map(size_of).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    let mut rows = Rows::with_capacity(count, bytes);
    for Append { account, weeks, events, snapshots, marks, dirty: _ } in group {
        // Week 0 is registered too: it is how an account with nothing but marks is found.
        let person = (!marks.is_empty()).then_some(Week::PERSON);
        for week in weeks.iter().copied().chain(person) {
            rows.put(Table::Weeks, keys::week(account, week), &[]);
        }
        for row in events {
            rows.put(Table::Events, keys::event(account, row.session, row.order), &row.body);
        }
        for row in snapshots {
            rows.put(Table::Snapshots, keys::session(account, row.session), &row.body);
        }
        for mark in marks {
            rows.put(Table::Marks, keys::mark(account, mark.command), &encode_mark(mark));
        }
    }
    rows
}

/// About how many rows and bytes a batch comes to.
fn size_of(batch: &Append) -> (usize, usize) {
    let rows = batch.rows() + usize::from(!batch.marks.is_empty());
    let events = batch.events.iter().map(|row| row.body.len());
    let snapshots = batch.snapshots.iter().map(|row| row.body.len());
    (rows, events.chain(snapshots).sum::<usize>() + rows * keys::bytes_max(&batch.account))
}
