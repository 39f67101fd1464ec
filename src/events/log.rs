//! The log: the first of three seams. Everything else can be made again from it.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use async_trait::async_trait;
use futures_util::future::try_join;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::codec::{DecodeError, Snapshot};
use super::fold::fold;
use super::part::{Parts, parts};
use super::{
    AccountId, DirtyMark, Event, Fence, Mark, Order, SessionId, Slice, State, Week, Window,
};

/// A session and the household it belongs to; together they say where its events lie.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionKey {
    /// The household.
    pub account: AccountId,
    /// The session.
    pub session: SessionId,
}

/// One event ready to be kept: where it goes and its encoded body.
#[derive(Debug, Clone)]
pub struct EventRow {
    /// The session.
    pub session: SessionId,
    /// Its place in the session.
    pub order: Order,
    /// [`super::codec::encode_event`].
    pub body: Vec<u8>,
}

/// The state of a gapless beginning of a session, ready to be kept.
#[derive(Debug, Clone)]
pub struct SnapshotRow {
    /// The session.
    pub session: SessionId,
    /// [`super::codec::encode_snapshot`]; of no state when the session is only to be found.
    pub body: Vec<u8>,
}

/// What one account appends at once.
#[derive(Debug, Clone)]
pub struct Append {
    /// The household.
    pub account: AccountId,
    /// Weeks to register; written no later than the first event of a week.
    pub weeks: Vec<Week>,
    /// Events.
    pub events: Vec<EventRow>,
    /// Snapshots; a later one of the same session replaces an earlier one.
    pub snapshots: Vec<SnapshotRow>,
    /// What persons said.
    pub marks: Vec<Mark>,
    /// What changes; durable no later than the events. A log without a dirty index ignores it.
    pub dirty: Vec<DirtyMark>,
}

impl Append {
    /// Nothing yet, for `account`.
    pub fn new(account: AccountId) -> Self {
        let (weeks, events, snapshots, marks, dirty) = (vec![], vec![], vec![], vec![], vec![]);
        Self { account, weeks, events, snapshots, marks, dirty }
    }

    /// Whether it writes nothing but dirty marks.
    pub fn is_marks_alone(&self) -> bool {
        self.rows() == self.dirty.len()
    }

    /// How many rows it writes.
    pub fn rows(&self) -> usize {
        let Self { account: _, weeks, events, snapshots, marks, dirty } = self;
        weeks.len() + events.len() + snapshots.len() + marks.len() + dirty.len()
    }
}

/// A session as the log has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The session.
    pub session: SessionId,
    /// The newest snapshot that may be used, if any.
    pub snapshot: Option<State>,
    /// The events above that snapshot, in order; all events when there is none.
    pub events: Vec<Event>,
    /// What of this session could not be read.
    pub damage: Option<Damage>,
    /// The snapshot that was passed over for the events, with [`Depth::Facts`] or because another
    /// version of the fold made it.
    pub passed_over: Option<Snapshot>,
}

impl Stored {
    /// The session by its snapshot and the events above that, also where all events were read;
    /// `None` when it has no snapshot that may be used.
    pub fn by_snapshot(&self) -> Option<State> {
        let passed_over = self.passed_over.as_ref().and_then(Snapshot::current);
        let snapshot = passed_over.or(self.snapshot.as_ref())?;
        let above = self.events.iter().filter(|event| event.order.seq > snapshot.seq);
        fold(Some(snapshot.clone()), above)
    }

    /// Whether the snapshot that was passed over covers rows that are not here: what it says is
    /// then not to be judged by the others.
    pub fn lacks_rows(&self) -> bool {
        let snapshot = self.passed_over.as_ref().and_then(|passed_over| passed_over.state.as_ref());
        snapshot.is_some_and(|snapshot| {
            let below = self.events.iter().filter(|event| event.order.seq <= snapshot.seq);
            below.count() < snapshot.facts as usize
        })
    }

    /// The session folded; `None` when nothing of it can be read.
    pub fn state(self) -> Option<State> {
        fold(self.snapshot, &self.events)
    }
}

/// Rows that are there but cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// How many.
    pub rows: usize,
    /// What is wrong with the first.
    pub first: DecodeError,
}

/// What [`EventLog::compact`] takes away: a session's events up to `through`, leaving `snapshot`.
#[derive(Debug, Clone)]
pub struct Compacted {
    /// The session.
    pub key: SessionKey,
    /// The state that stays, covering every event up to `through`.
    pub snapshot: SnapshotRow,
    /// The last order key that the snapshot covers.
    pub through: u64,
}

/// What [`EventLog::erase`] takes away, and what it keeps of it.
#[derive(Debug, Clone)]
pub struct Erased {
    /// The household.
    pub account: AccountId,
    /// What to refuse from now on.
    pub fence: Fence,
    /// Sessions to delete whole, with their snapshots.
    pub sessions: Vec<SessionId>,
    /// Marks to delete.
    pub marks: Vec<SessionId>,
    /// Marks to replace, because they speak of something else too.
    pub rewritten: Vec<Mark>,
    /// What was there of these sessions and marks before the fence's instant was chosen.
    pub survey: Survey,
}

/// What a shared log has to erase, by [`EventLog::survey`].
#[derive(Debug, Clone, Default)]
pub struct Survey {
    pub(super) events: u64,
    pub(super) snapshots: u64,
    /// Of each session or command the latest timestamp that any of it bears, in microseconds.
    pub(super) newest_us: BTreeMap<SessionId, i64>,
}

/// What an erasure took away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone {
    /// Events of sessions; marks are not counted.
    pub events: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Whether every copy of the log has heard of it. If not, nobody reads any of it any more; a
    /// copy that was away hears of it when it is back, or by a repair.
    pub is_everywhere: bool,
}

/// A part of all accounts, cut by [`EventLog::ranges`]; only the log that cut it knows its ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccountRange {
    /// Exclusive.
    pub(super) after: i64,
    /// Inclusive.
    pub(super) to: i64,
}

impl AccountRange {
    /// Every account.
    pub const ALL: Self = Self { after: i64::MIN, to: i64::MAX };
}

/// A name for notes on a range; the same part of the accounts has the same name for ever.
impl fmt::Display for AccountRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.after, self.to)
    }
}

/// Why an append was not acknowledged; says what the caller must do.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// Nothing was written: try again later.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// It may have been written: repeat the very same rows.
    #[error("the log may or may not have written: {0}")]
    InDoubt(String),
    /// The log is damaged or cannot go on: stop writing.
    #[error("the log stopped: {0}")]
    Corrupt(String),
}

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Try again later.
    #[error("the log is unavailable: {0}")]
    Unavailable(String),
    /// What is kept cannot be read; trying again does not help.
    #[error("the log is damaged: {0}")]
    Corrupt(String),
}

/// How a log is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// `memory`, `embedded`, `cassandra`.
    pub kind: &'static str,
    /// Whether it accepts appends now; `None` is yes, otherwise why not.
    pub stopped: Option<String>,
}

/// Keeps events for ever.
///
/// - `append` is durable when it returns `Ok`, whole or not at all per partition, idempotent, and
///   safe to repeat with the same rows after any error. Rows never change once written: the same
///   event written twice is one event.
/// - A snapshot is the fold of a gapless beginning of its session. It never goes wrong, it can only
///   be behind; a reader gets it only if this version of the fold made it, or if compaction left
///   nothing else. With a snapshot come exactly the events above it.
/// - Reads see every append acknowledged before they began, on any node.
/// - Events of one session come in their order; sessions of a week by their id.
/// - What a fence covers is never read, also when it was written after the erasure; only a log that
///   one process alone writes leaves it to that process not to write it.
/// - One row that cannot be decoded is [`Damage`] of its session and does not hide its neighbours.
/// - An appended week is registered no later than its first event is readable. Where there is a
///   dirty index, a mark is durable no later than the events appended with it.
/// - Cancelling a call may leave its rows written or not, never half a row.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Makes a batch durable.
    async fn append(&self, batch: &Append) -> Result<(), AppendError> {
        self.append_all(std::slice::from_ref(batch)).await
    }

    /// Makes the batches of several accounts durable. After an error each of them may or may not
    /// be, and each may be repeated by itself.
    async fn append_all(&self, group: &[Append]) -> Result<(), AppendError>;

    /// True where batches of many accounts are cheaper together; false where each goes better by
    /// itself, because one that is slow would hold up the others.
    fn takes_groups(&self) -> bool;

    /// One session: its snapshot and the events above; `None` when the log knows nothing of it.
    async fn session(&self, key: &SessionKey) -> Result<Option<Stored>, ReadError>;

    /// The events of a session whose order key lies in `seqs`, whatever its snapshot covers.
    async fn events(
        &self,
        key: &SessionKey,
        seqs: RangeInclusive<u64>,
    ) -> Result<Vec<Event>, ReadError>;

    /// The weeks of an account that may hold events, ascending; never [`Week::PERSON`].
    async fn weeks(&self, account: &AccountId) -> Result<Vec<Week>, ReadError>;

    /// Every session of a week. With `depth` [`Depth::Facts`] snapshots are passed over wherever
    /// the facts are still there.
    async fn week(
        &self,
        account: &AccountId,
        week: Week,
        depth: Depth,
    ) -> Result<Vec<Stored>, ReadError>;

    /// What persons of the account said, by command id.
    async fn marks(&self, account: &AccountId) -> Result<Vec<Mark>, ReadError>;

    /// What was erased from the account.
    async fn fences(&self, account: &AccountId) -> Result<Vec<Fence>, ReadError>;

    /// Everything of an account: what persons said, then its weeks, the newest first; `depth` as
    /// for [`EventLog::week`].
    fn account<'a>(&'a self, account: &'a AccountId, depth: Depth) -> Parts<'a> {
        let begun = async move {
            let (marks, weeks) = try_join(self.marks(account), self.weeks(account)).await?;
            Ok(parts(marks, weeks, move |week| self.week(account, week, depth)))
        };
        stream::once(begun).try_flatten().boxed()
    }

    /// Cuts all accounts into at most `parts` ranges, and at least one, that can be read in
    /// parallel: each account is in exactly one. The same `parts` always gives the same ranges.
    fn ranges(&self, parts: usize) -> Vec<AccountRange>;

    /// Accounts of a range that have anything, in the log's own order, after `after`, at most
    /// `limit`; none when there are no more.
    async fn accounts(
        &self,
        range: &AccountRange,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountId>, ReadError>;

    /// Replaces a session's events by a snapshot that covers them. Events above `through` stay.
    async fn compact(&self, compacted: Compacted) -> Result<(), AppendError>;

    /// Looks at what is to be erased, before its instant is chosen: all of that goes, whatever
    /// clock wrote it, and of what others write meanwhile only what the fence covers. A log that
    /// one node writes to has nothing to look at.
    async fn survey(
        &self,
        _account: &AccountId,
        _sessions: &[SessionId],
        _marks: &[SessionId],
    ) -> Result<Survey, ReadError> {
        Ok(Survey::default())
    }

    /// Writes the fence and deletes; repeating it is harmless.
    async fn erase(&self, erased: Erased) -> Result<Gone, AppendError>;

    /// Takes away whatever is there of a session, or of a command, that a fence covers: a node that
    /// had not heard of the erasure wrote it. True when some of it was erased, now or before: what
    /// is derived from it may hold that and is to be made again. Repeating it is harmless. A log
    /// that one process alone writes has nothing of the kind.
    async fn purge(&self, _key: &SessionKey) -> Result<bool, AppendError> {
        Ok(false)
    }

    /// Whether it keeps dirty marks, for about ten days; without, [`EventLog::dirty`] is empty.
    fn keeps_dirty_index(&self) -> bool;

    /// Everything marked in a window of a slice, each once, by account and session.
    async fn dirty(&self, slice: Slice, window: Window) -> Result<Vec<SessionKey>, ReadError>;

    /// A small durable note under `name`, where long work remembers how far it came; `None` when
    /// never written.
    async fn note(&self, name: &str) -> Result<Option<Vec<u8>>, ReadError>;

    /// Writes the note, or with `None` removes it.
    async fn set_note(&self, name: &str, value: Option<&[u8]>) -> Result<(), AppendError>;

    /// How it is doing, without asking anyone.
    fn health(&self) -> Health;
}

/// How deep [`EventLog::week`] reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// A snapshot and the events above it.
    Snapshots,
    /// Every event that is still there.
    Facts,
}
