//! The one thread that writes: it takes what waits, never waits for more, writes it as one batch,
//! syncs once and then answers everybody. Deletions go through it too, so everything happens in the
//! order it was asked.

use std::iter::Peekable;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;
use std::vec::Drain;

use tokio::sync::oneshot;

use super::high_water::{HighWater, Level};
use super::keys;
use super::queue::Queue;
use super::space::Space;
use super::tables::{Rows, Table, Tables};
use crate::events::codec::encode_mark;
use crate::events::{AppendError, Compacted, Erased, ReadError, Week};

/// Past some 2,000 rows only the wait grows, not the throughput; an append that is larger goes
/// alone.
const COMMIT_ROWS_MAX: usize = 2_000;

/// Answers whoever asked; nobody may be listening any more.
pub(super) type Done<T> = oneshot::Sender<Result<T, AppendError>>;

pub(super) enum Job {
    Write(Rows, Done<()>),
    Compact(Box<Compacted>, Done<()>),
    Erase(Box<Erased>, Done<(u64, u64)>),
}

/// What the thread shares with everybody else.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) space: Space,
    pub(super) commits: AtomicU64,
    pub(super) rows: AtomicU64,
    pub(super) worst_commit_us: AtomicU64,
    stopped: Mutex<Option<String>>,
}

impl Shared {
    pub(super) fn new(space: Space) -> Self {
        Self {
            space,
            commits: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            worst_commit_us: AtomicU64::new(0),
            stopped: Mutex::new(None),
        }
    }

    /// Why nothing is written any more.
    pub(super) fn stopped(&self) -> Option<String> {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first reason is the one that matters.
    fn stop(&self, reason: &str) {
        let mut stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        if stopped.is_none() {
            tracing::error!(reason, "the log accepts nothing more; reads go on");
            *stopped = Some(reason.to_owned());
        }
    }
}

pub(super) struct Writer {
    pub(super) tables: Tables,
    pub(super) shared: Arc<Shared>,
    pub(super) high_water: HighWater,
    pub(super) level: Level,
    pub(super) queue: Arc<Queue>,
}

impl Drop for Writer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.shared.stop("the writer failed");
        }
        self.queue.close();
        self.queue.take(&mut Vec::new());
    }
}

impl Writer {
    /// Works until the log closes; true when everything written is durable and the mark too.
    pub(super) fn run(mut self) -> bool {
        let mut jobs = Vec::new();
        loop {
            self.queue.take(&mut jobs);
            if jobs.is_empty() {
                break;
            }
            self.work(jobs.drain(..).peekable());
        }
        self.shared.stopped().is_none()
            && self.tables.db.persist(fjall::PersistMode::SyncAll).is_ok()
            && self.high_water.sync().is_ok()
    }

    fn work(&mut self, mut jobs: Peekable<Drain<'_, Job>>) {
        while let Some(job) = jobs.next() {
            match job {
                Job::Write(rows, done) => self.write((rows, done), &mut jobs),
                Job::Compact(compacted, done) => {
                    self.queue.give_room(1);
                    let _ = done.send(self.compact(*compacted));
                }
                Job::Erase(erased, done) => {
                    self.queue.give_room(1);
                    let _ = done.send(self.erase(*erased));
                }
            }
        }
    }

    /// Writes the first rows and those of the jobs behind them that fit in.
    fn write(&mut self, first: (Rows, Done<()>), jobs: &mut Peekable<Drain<'_, Job>>) {
        let mut count = first.0.count();
        let (mut all, mut waiting) = (vec![first.0], vec![first.1]);
        let fits = |count: usize, next: &Job| match next {
            Job::Write(rows, _) => count + rows.count() <= COMMIT_ROWS_MAX,
            Job::Compact(..) | Job::Erase(..) => false,
        };
        while let Some(Job::Write(rows, done)) = jobs.next_if(|next| fits(count, next)) {
            count += rows.count();
            all.push(rows);
            waiting.push(done);
        }
        self.queue.give_room(all.len());
        let outcome = self.commit(&all);
        for done in waiting {
            let _ = done.send(match &outcome {
                Ok(()) => Ok(()),
                Err(error) => Err(error.clone()),
            });
        }
    }

    fn commit(&mut self, all: &[Rows]) -> Result<(), AppendError> {
        if let Some(reason) = self.shared.stopped() {
            return Err(AppendError::Corrupt(reason));
        }
        let bytes: usize = all.iter().map(Rows::bytes).sum();
        if let Some(reason) = self.shared.space.refusal(bytes as u64) {
            return Err(AppendError::Unavailable(reason));
        }
        // Neighbours in the table are neighbours in memory; of equal keys the last one counts.
        let mut rows = Vec::with_capacity(all.iter().map(Rows::count).sum());
        rows.extend(all.iter().flat_map(Rows::iter));
        rows.sort_by_key(|row| (row.table, row.key));
        rows.dedup_by(|later, earlier| {
            let same = later.table == earlier.table && later.key == earlier.key;
            if same {
                mem::swap(later, earlier);
            }
            same
        });
        let written = rows.len() as u64;
        let began = Instant::now();
        let number = self.level.number + 1;
        self.tables.commit(&rows, number).map_err(|error| self.failed(&error))?;
        self.level.number = number;
        if let Err(error) = self.high_water.write(self.level) {
            let reason = format!("the mark cannot be written: {error}");
            self.shared.stop(&reason);
            return Err(AppendError::InDoubt(reason));
        }
        let us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.shared.worst_commit_us.fetch_max(us, Ordering::Relaxed);
        self.shared.commits.fetch_add(1, Ordering::Relaxed);
        self.shared.rows.fetch_add(written, Ordering::Relaxed);
        Ok(())
    }

    /// The store refuses everything after a failed write or sync; only a restart finds out what is
    /// there.
    fn failed(&self, error: &fjall::Error) -> AppendError {
        let (certain, reason) = match error {
            fjall::Error::Poisoned => {
                (true, "an earlier write in the background failed".to_owned())
            }
            fjall::Error::Io(error) => (false, format!("writing failed: {error}")),
            other => (false, format!("writing failed: {other}")),
        };
        let reason = format!("{reason}; restart to read what is there");
        self.shared.stop(&reason);
        if certain { AppendError::Corrupt(reason) } else { AppendError::InDoubt(reason) }
    }

    fn compact(&mut self, compacted: Compacted) -> Result<(), AppendError> {
        let Compacted { key, snapshot, through } = compacted;
        let events = self.tables.event_keys(&key.account, key.session, through).map_err(unread)?;
        let mut rows = Rows::default();
        for event in events {
            rows.delete(Table::Events, event);
        }
        let key = keys::session(&key.account, key.session);
        rows.put(Table::Snapshots, key, &snapshot.body);
        self.commit(&[rows])
    }

    fn erase(&mut self, erased: Erased) -> Result<(u64, u64), AppendError> {
        let Erased { account, fence, sessions, marks, rewritten, survey: _ } = erased;
        let fenced = self.tables.fenced_at(&account, fence.scope).map_err(unread)?;
        let at = fenced.map_or(fence.at, |fenced| fenced.max(fence.at));
        let week = keys::week(&account, Week::PERSON);
        let mut rows = Rows::default();
        rows.put(Table::Weeks, week, &[]);
        rows.put(Table::Fences, keys::fence(&account, fence.scope), &at.ms().to_be_bytes());
        let mut gone = (0, 0);
        for session in sessions {
            let events = self.tables.event_keys(&account, session, u64::MAX).map_err(unread)?;
            gone.0 += events.len() as u64;
            for event in events {
                rows.delete(Table::Events, event);
            }
            let key = keys::session(&account, session);
            let snapshot = self.tables.snapshots.contains_key(key.as_ref());
            if snapshot.map_err(|error| unread(super::read::failed(error)))? {
                gone.1 += 1;
                rows.delete(Table::Snapshots, key);
            }
        }
        for mark in marks {
            rows.delete(Table::Marks, keys::mark(&account, mark));
        }
        for mark in rewritten {
            rows.put(Table::Marks, keys::mark(&account, mark.command), &encode_mark(&mark));
        }
        self.commit(&[rows])?;
        Ok(gone)
    }
}

fn unread(error: ReadError) -> AppendError {
    AppendError::Unavailable(error.to_string())
}
