//! Facts that wait on this node until the log they are meant for is back: the store of an embedded
//! log, of which one table is used.
//!
//! What is kept is durable, whole (the fact, when it was received, its place) and in the order of
//! accounts, sessions and numbers. A fact is in here once, however often it is kept. Nothing here
//! knows the log, or decides what may be kept.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fjall::{Readable, Slice};
use tokio::sync::Mutex as Turn;

use super::read::failed;
use super::tables::{Rows, Table};
use super::writer::Job;
use super::{EmbeddedLog, EmbeddedOptions, OpenError, keys};
use crate::events::codec::{DecodeError, decode_event, encode_event};
use crate::events::{AccountId, AppendError, Event, ReadError, Scope, SessionId, Timestamp};

/// How many rows are removed at once.
const REMOVED_AT_ONCE: usize = 1_000;

/// A spool in a directory of its own, which one process holds.
pub struct Spool {
    store: EmbeddedLog,
    bytes_max: u64,
    counts: Mutex<Counts>,
    /// Whoever removes: a row is counted out once.
    removing: Turn<()>,
}

/// What became of a fact that was to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is kept from now on.
    New,
    /// It was in here.
    Before,
    /// There is no room for it.
    NoRoom,
}

/// A fact that waits.
#[derive(Debug)]
pub struct Waiting {
    /// The household.
    pub account: AccountId,
    /// The session.
    pub session: SessionId,
    /// The fact as it was received, unless its row is damaged.
    pub event: Result<Event, DecodeError>,
    /// Where the next page begins after this one.
    place: Slice,
    bytes: u64,
}

/// How much waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpoolStanding {
    /// Facts.
    pub facts: u64,
    /// Their bytes, keys included.
    pub bytes: u64,
    /// There is no room past so many.
    pub bytes_max: u64,
    /// When the oldest of them was received, to the second.
    pub oldest_at: Option<Timestamp>,
}

/// A row that was counted before it is written: its key, its bytes, when it was received.
type Counted = (Vec<u8>, u64, Timestamp);

/// Facts on their way into the spool.
#[derive(Default)]
struct Keeping {
    rows: Rows,
    new: Vec<Counted>,
    kept: Vec<Kept>,
}

#[derive(Default)]
struct Counts {
    facts: u64,
    bytes: u64,
    /// How many facts were received in each second.
    seconds: BTreeMap<i64, u64>,
    /// Rows on their way to the disk.
    on_their_way: HashSet<Vec<u8>>,
}

impl Counts {
    fn add(&mut self, bytes: u64, received_at: Option<Timestamp>) {
        self.facts += 1;
        self.bytes += bytes;
        *self.seconds.entry(second_of(received_at)).or_default() += 1;
    }

    fn take(&mut self, bytes: u64, received_at: Option<Timestamp>) {
        self.facts = self.facts.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        let second = second_of(received_at);
        if let Some(count) = self.seconds.get_mut(&second) {
            *count -= 1;
            if *count == 0 {
                self.seconds.remove(&second);
            }
        }
    }
}

/// Those that cannot be read are as old as can be.
fn second_of(received_at: Option<Timestamp>) -> i64 {
    received_at.map_or(0, |at| at.ms().div_euclid(1_000))
}

impl Spool {
    /// Opens the spool in `dir`, making it if there is none, and counts what waits in it.
    ///
    /// # Errors
    /// [`OpenError`], as of a log; also when another process has it open.
    pub fn open(dir: &Path, bytes_max: u64, options: EmbeddedOptions) -> Result<Self, OpenError> {
        let store = EmbeddedLog::open(dir, options)?;
        let spool = Self { store, bytes_max, counts: Mutex::default(), removing: Turn::new(()) };
        let counted = spool
            .count()
            .map_err(|error| OpenError::Store { dir: dir.to_owned(), reason: error.to_string() });
        counted.map(|()| spool)
    }

    fn count(&self) -> Result<(), ReadError> {
        let mut counts = self.counts();
        for row in self.store.tables.db.snapshot().range(&self.store.tables.events, &[][..]..) {
            let waiting = Waiting::of(row.into_inner().map_err(failed)?)?;
            counts.add(waiting.bytes, waiting.received_at());
        }
        Ok(())
    }

    /// Makes facts durable here, and says of each whether it is new. Those for which there is no
    /// room are not kept; the others are.
    ///
    /// # Errors
    /// As of [`crate::events::EventLog::append`]; any of them may be kept then.
    pub async fn keep(
        self: &Arc<Self>,
        facts: &[(&AccountId, &Event)],
    ) -> Result<Vec<Kept>, AppendError> {
        let mut keeping = Keeping::default();
        if let Err(error) = self.set_out(facts, &mut keeping) {
            self.settle(keeping.new, false);
            return Err(error);
        }
        let Keeping { rows, new, kept } = keeping;
        if rows.count() == 0 {
            return Ok(kept);
        }
        // Who hangs up leaves nothing half counted.
        let spool = Arc::clone(self);
        let writing = tokio::spawn(async move {
            let written = spool.store.ask(|done| Job::Write(rows, done)).await;
            spool.settle(new, written.is_ok());
            written
        });
        let gone = |error| Err(AppendError::InDoubt(format!("writing was cut short: {error}")));
        writing.await.unwrap_or_else(gone).map(|()| kept)
    }

    /// Counts facts as kept; what is to be written for that.
    fn set_out(
        &self,
        facts: &[(&AccountId, &Event)],
        Keeping { rows, new, kept }: &mut Keeping,
    ) -> Result<(), AppendError> {
        let mut counts = self.counts();
        for (account, event) in facts {
            let key = keys::event(account, event.fact.session, event.order);
            let body = encode_event(event);
            let bytes = size_of(key.as_ref(), &body);
            kept.push(if self.holds_row(key.as_ref())? {
                Kept::Before
            } else if counts.on_their_way.contains(key.as_ref()) {
                // Whoever asked first may fail, so it is written once more.
                rows.put(Table::Events, key, &body);
                Kept::Before
            } else if counts.bytes + bytes > self.bytes_max {
                Kept::NoRoom
            } else {
                counts.add(bytes, Some(event.received_at));
                counts.on_their_way.insert(key.as_ref().to_vec());
                new.push((key.as_ref().to_vec(), bytes, event.received_at));
                rows.put(Table::Events, key, &body);
                Kept::New
            });
        }
        Ok(())
    }

    /// What was on its way is written, or is not.
    fn settle(&self, new: Vec<Counted>, is_written: bool) {
        let mut counts = self.counts();
        for (key, bytes, received_at) in new {
            counts.on_their_way.remove(&key);
            if !is_written {
                counts.take(bytes, Some(received_at));
            }
        }
    }

    fn holds_row(&self, key: &[u8]) -> Result<bool, AppendError> {
        let found = self.store.tables.events.contains_key(key);
        found.map_err(|error| AppendError::Unavailable(error.to_string()))
    }

    /// Whether any fact of the session waits.
    pub fn holds(&self, account: &AccountId, session: SessionId) -> bool {
        let prefix = keys::session(account, session);
        self.store.tables.db.snapshot().prefix(&self.store.tables.events, prefix).next().is_some()
    }

    /// Whether a fact of the same session waits before this one.
    pub fn holds_before(&self, waiting: &Waiting) -> bool {
        let from = keys::session(&waiting.account, waiting.session);
        let range = from.as_ref()..&*waiting.place;
        self.store.tables.db.snapshot().range(&self.store.tables.events, range).next().is_some()
    }

    /// At most `limit` facts after this one, in order; none when there are no more.
    ///
    /// # Errors
    /// [`ReadError`] when the store does not answer.
    pub fn page(&self, after: Option<&Page>, limit: usize) -> Result<Vec<Waiting>, ReadError> {
        let mut from = after.map_or_else(Vec::new, |page| page.0.to_vec());
        if after.is_some() {
            from.push(0);
        }
        let now = self.store.tables.db.snapshot();
        let rows = now.range(&self.store.tables.events, from..).take(limit);
        rows.map(|row| Waiting::of(row.into_inner().map_err(failed)?)).collect()
    }

    /// Takes facts out.
    ///
    /// # Errors
    /// As of [`crate::events::EventLog::append`]; they may wait all the same then.
    pub async fn remove(&self, facts: &[Waiting]) -> Result<u64, AppendError> {
        let _turn = self.removing.lock().await;
        let mut removed = 0;
        for facts in facts.chunks(REMOVED_AT_ONCE) {
            let mut rows = Rows::default();
            let mut there = Vec::with_capacity(facts.len());
            for fact in facts {
                if self.holds_row(&fact.place)? {
                    rows.delete(Table::Events, &fact.place);
                    there.push((fact.bytes, fact.received_at()));
                }
            }
            if there.is_empty() {
                continue;
            }
            self.store.ask(|done| Job::Write(rows, done)).await?;
            let mut counts = self.counts();
            removed += there.len() as u64;
            there.into_iter().for_each(|(bytes, received_at)| counts.take(bytes, received_at));
        }
        Ok(removed)
    }

    /// Takes out what an erasure reaches, and says how many facts that were. Facts that do not say
    /// whose they are, and whose session does not say it here either, stay: the fence is for them.
    ///
    /// # Errors
    /// As of [`crate::events::EventLog::append`]: erase again.
    pub async fn erase(&self, account: &AccountId, scope: &Scope) -> Result<u64, AppendError> {
        let unread = |error: ReadError| AppendError::Unavailable(error.to_string());
        let mut waiting = self.of_account(account).map_err(unread)?;
        let reached: HashSet<SessionId> =
            waiting.iter().filter(|one| one.is_in(scope)).map(|one| one.session).collect();
        waiting.retain(|one| reached.contains(&one.session));
        self.remove(&waiting).await
    }

    fn of_account(&self, account: &AccountId) -> Result<Vec<Waiting>, ReadError> {
        let now = self.store.tables.db.snapshot();
        let rows = now.prefix(&self.store.tables.events, keys::account(account));
        rows.map(|row| Waiting::of(row.into_inner().map_err(failed)?)).collect()
    }

    /// How much waits.
    pub fn standing(&self) -> SpoolStanding {
        let counts = self.counts();
        let oldest = counts.seconds.first_key_value().map(|(second, _)| *second);
        SpoolStanding {
            facts: counts.facts,
            bytes: counts.bytes,
            bytes_max: self.bytes_max,
            oldest_at: oldest.map(|second| Timestamp::from_ms(second * 1_000)),
        }
    }

    /// Gives the room on disk back that removed facts took. Blocks its thread.
    ///
    /// # Errors
    /// When the store fails.
    pub fn tidy_up(&self) -> Result<(), AppendError> {
        self.store.compact_storage()
    }

    /// What the directory takes on disk, in bytes.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn disk_bytes(&self) -> io::Result<u64> {
        self.store.disk_bytes()
    }

    /// Closes the store in order.
    ///
    /// # Errors
    /// Says why it was not in order; what was kept is durable all the same.
    pub fn close(&self) -> Result<(), AppendError> {
        self.store.close()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a page ended.
#[derive(Debug, Clone)]
pub struct Page(Slice);

impl Waiting {
    fn of((key, body): (Slice, Slice)) -> Result<Self, ReadError> {
        let strange = || ReadError::Corrupt("a key of the spool has an unknown shape".to_owned());
        let account = keys::read_account(&key).ok_or_else(strange)?;
        let (session, order) = keys::read_event(&key).ok_or_else(strange)?;
        let event = decode_event(session, order, &body);
        Ok(Self { account, session, event, bytes: size_of(&key, &body), place: key })
    }

    /// The page that ends with this fact.
    pub fn page(&self) -> Page {
        Page(self.place.clone())
    }

    fn received_at(&self) -> Option<Timestamp> {
        self.event.as_ref().ok().map(|event| event.received_at)
    }

    fn is_in(&self, scope: &Scope) -> bool {
        let event = self.event.as_ref().ok();
        scope.reaches(self.session, event.and_then(|event| event.fact.about.as_deref()))
    }
}

fn size_of(key: &[u8], body: &[u8]) -> u64 {
    (key.len() + body.len()) as u64
}
