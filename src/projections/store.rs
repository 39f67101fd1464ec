//! The view store: the second of three seams. A refillable cache of merges; nothing in it is the
//! truth.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::events::{AccountId, ProfileId, Slice, Timestamp};

/// By how much the clocks of a fleet may differ.
pub const CLOCKS_MS: i64 = 60_000;

/// A read model, by the name of its [projection](super::Projection).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct View(pub &'static str);

impl View {
    /// What is playing; scoped to the account.
    pub const NOW: Self = Self("now");
    /// One entry per session; scoped to a profile, ranked by when its position last moved.
    pub const PLAYS: Self = Self("plays");
    /// One entry per word of a person on a title; scoped to a profile.
    pub const MARKS: Self = Self("marks");
}

/// Made only of what players and persons sent; of two entries with one key the greater version
/// wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version(pub u64, pub u128);

/// One register of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The view.
    pub view: View,
    /// The profile; none in views of the account.
    pub scope: Option<ProfileId>,
    /// Unique in the view and scope.
    pub key: Bytes,
    /// The greater wins; equal versions are decided by the greater value bytes.
    pub version: Version,
    /// Orders entries numerically, within ±2^53; only ranked entries are capped.
    pub rank: Option<i64>,
    /// Entries with one label are found together; those without one by other ways alone.
    pub label: Bytes,
    /// What the answers read; see the view's own file.
    pub value: Bytes,
    /// From when on the entry is of no interest and may be dropped.
    pub expires_at: Option<Timestamp>,
}

/// What a read asks of one view and scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The view.
    pub view: View,
    /// The profile; none in views of the account.
    pub scope: Option<ProfileId>,
    /// Which entries.
    pub select: Select,
}

/// Which entries of a view and scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Select {
    /// Every entry, by key.
    All,
    /// At most `limit` entries below a rank and key, the greatest first.
    Ranked {
        /// Where the last page ended; none begins with the greatest.
        below: Option<(i64, Bytes)>,
        /// How many.
        limit: usize,
    },
    /// Entries with this label, by key.
    Labelled(Bytes),
}

/// An entry as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Unique in the view and scope.
    pub key: Bytes,
    /// Its version.
    pub version: Version,
    /// Its rank; 0 where the view has none.
    pub rank: i64,
    /// Its label; empty where the view has none.
    pub label: Bytes,
    /// Its value.
    pub value: Bytes,
}

/// What was found for one query.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Found>,
    /// The greatest rank that was ever dropped for want of room: at or below it the log knows more.
    pub floor: Option<i64>,
}

/// Which set of views a fill goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The one that is read.
    Live,
    /// The one that a rebuild prepares.
    Next,
}

/// The right to fill one account's views once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// The household.
    pub account: AccountId,
    /// Where to.
    pub target: Target,
    /// Tells this fill from every other.
    pub token: u64,
    /// How often entries were merged: a store that forgot some of them notices.
    pub parts: u64,
}

/// How far something came in a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Position {
    /// What was marked as dirty until then was looked at and is merged.
    Swept,
    /// It was looked at a second time, for what other regions and slow nodes wrote late.
    SweptAgain,
}

/// Why views cannot be read or written; the log still can.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ViewError {
    /// Try again later.
    #[error("the view store is unavailable: {0}")]
    Unavailable(String),
    /// Something is kept that is not of this program; the views are to be made anew.
    #[error("views cannot be read: {0}")]
    Damaged(String),
}

/// How full a view store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// `memory`, `redis`.
    pub kind: &'static str,
    /// Whether it answers; where it does not, the log does.
    pub ok: bool,
    /// Accounts with views; 0 where only the store itself knows.
    pub accounts: usize,
    /// About how many bytes they take; 0 where only the store itself knows.
    pub bytes: usize,
    /// Accounts dropped for want of room since the start.
    pub evicted: u64,
    /// Calls that the store did not answer since the start.
    pub failures: u64,
}

/// Keeps entries by account, view, scope and key until it has no room for them.
///
/// - An account has no views, or they are being filled, or they are complete. Only complete ones
///   are read; whatever else happens, a reader is told to ask the log.
/// - `merge` keeps, of two entries with one key, the one with the greater version (equal: the
///   greater value), so it may be repeated and reordered. It reaches accounts that are complete or
///   being filled, in every generation, and passes over the others: their fill will find it in the
///   log. So it must be called only with what the log has.
/// - `begin_fill` comes before the log is read; what is recorded after that is merged. A fill that
///   was overtaken (`forget`, eviction, another fill) merges and completes nothing.
/// - A ranked view keeps the greatest ranks of each scope up to a limit and remembers as its floor
///   the greatest rank it ever dropped; entries at or below the floor are not taken.
/// - An entry past its `expires_at` is not found.
/// - `forget` leaves nothing of an account in any generation, and ends its fills.
/// - `begin_generation` opens a second set of views that fills with [`Target::Next`] go to;
///   `flip` makes it the one that is read, at once for every account. Until then readers see the
///   old one. Named by its number, one that was opened and not flipped is gone on with.
/// - Everything may be lost at any moment, an account at a time, never a part of one. A store that
///   goes back to an older state of itself goes back whole slices at a time, and their positions
///   with them.
/// - `advance` never moves a position back, but from one that has not come: there is none as long.
///   A lease is one holder's until it is released or its time is over; it steers who does what, and
///   nothing that is done twice may hurt. A notice is read by whoever shares the store.
#[async_trait]
pub trait ViewStore: Send + Sync + 'static {
    /// False when merging into this account would be passed over anyway; a hint, without waiting.
    /// A store that others share does not know, and says true.
    fn wants(&self, account: &AccountId) -> bool;

    /// Merges entries.
    async fn merge(&self, batch: Vec<(AccountId, Vec<Entry>)>) -> Result<(), ViewError>;

    /// Begins to fill an account; `None` when someone else is at it, or it is complete already.
    async fn begin_fill(
        &self,
        account: &AccountId,
        target: Target,
    ) -> Result<Option<Fill>, ViewError>;

    /// Merges what a fill found in the log; false when it was overtaken. After an error the fill
    /// can only be given up.
    async fn fill(&self, fill: &mut Fill, entries: Vec<Entry>) -> Result<bool, ViewError>;

    /// Ends a fill; with `complete` the account is read from now on, without it nothing is left.
    async fn end_fill(&self, fill: Fill, complete: bool) -> Result<bool, ViewError>;

    /// Pages of one account, of one instant; `None` when it is not complete.
    async fn read(
        &self,
        account: &AccountId,
        queries: &[Query],
    ) -> Result<Option<Vec<Page>>, ViewError>;

    /// The scopes of a view that have entries; `None` when the account is not complete.
    async fn scopes(
        &self,
        account: &AccountId,
        view: View,
    ) -> Result<Option<Vec<ProfileId>>, ViewError>;

    /// Drops an account; returns how many entries it had.
    async fn forget(&self, account: &AccountId) -> Result<u64, ViewError>;

    /// Opens the next generation, in place of one that was opened before and not flipped, unless
    /// that is `resumed` and whole; its number.
    async fn begin_generation(&self, resumed: Option<u64>) -> Result<u64, ViewError>;

    /// Reads from the next generation from now on, if it is this one; the number of what is read.
    async fn flip(&self, generation: u64) -> Result<u64, ViewError>;

    /// How far something came in a slice; `None` when never said, or lost.
    async fn position(
        &self,
        slice: Slice,
        position: Position,
    ) -> Result<Option<Timestamp>, ViewError>;

    /// Moves a position forward.
    async fn advance(
        &self,
        slice: Slice,
        position: Position,
        to: Timestamp,
    ) -> Result<(), ViewError>;

    /// Whether an instant has come, where the store has a clock of its own; one of which several
    /// nodes may ask before they do what none of them undoes.
    async fn has_come(&self, at: Timestamp) -> Result<bool, ViewError>;

    /// Takes a lease, or renews it; false while another holds it.
    async fn lease(&self, name: &str, holder: &str, ttl: Duration) -> Result<bool, ViewError>;

    /// Whose a lease is.
    async fn holder(&self, name: &str) -> Result<Option<String>, ViewError>;

    /// Gives up a lease, if it is this holder's.
    async fn release(&self, name: &str, holder: &str) -> Result<(), ViewError>;

    /// Leaves word, in place of what was left under the name, until its time is over.
    async fn set_notice(&self, name: &str, word: &[u8], ttl: Duration) -> Result<(), ViewError>;

    /// The word that was left under a name.
    async fn notice(&self, name: &str) -> Result<Option<Vec<u8>>, ViewError>;

    /// Which generation is read by now; the last that is known where nobody can be asked.
    async fn generation(&self) -> u64;

    /// How full it is, without asking anyone.
    fn standing(&self) -> Standing;
}
