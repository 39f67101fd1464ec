//! The view store: the second of three seams. A refillable cache of merges.

use async_trait::async_trait;

use crate::events::{AccountId, ProfileId, Timestamp};

/// A kind of read model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    /// What is playing; scoped to the account.
    Now,
    /// One entry per session; scoped to a profile.
    Plays,
    /// One entry per word of a person on a title; scoped to a profile.
    Marks,
}

/// Made only of what players and persons sent; of two entries with one key the greater version wins.
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
    pub key: Vec<u8>,
    /// The greater wins; equal versions are decided by the greater value bytes.
    pub version: Version,
    /// Orders entries numerically; only ranked entries are capped.
    pub rank: Option<i64>,
    /// Orders entries by bytes, for looking up by prefix.
    pub label: Option<Vec<u8>>,
    /// The encoded play, mark or playing session.
    pub value: Vec<u8>,
    /// When the entry stops being of interest.
    pub expires_at: Option<Timestamp>,
}

/// Why views cannot be read or written; the log still can.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// Try again later.
    #[error("the view store is unavailable: {0}")]
    Unavailable(String),
}

/// The contract is written here by its first implementation.
#[async_trait]
pub trait ViewStore: Send + Sync + 'static {
    /// x
    fn wants(&self, account: &AccountId) -> bool;
    /// x
    async fn merge(&self, batch: Vec<(AccountId, Vec<Entry>)>) -> Result<(), ViewError>;
    /// x
    async fn forget(&self, account: &AccountId) -> Result<u64, ViewError>;
}
/// x
#[derive(Default)]
pub struct Freshness;
impl Freshness {
    /// x
    pub fn signalled(&self, _now: Timestamp) {}
    /// x
    pub fn merged_through(&self, _now: Timestamp) {}
}
/// x
pub enum Recorded<'a> {
    /// x
    Session(&'a crate::events::State),
    /// x
    Mark(&'a crate::events::Mark),
}
/// x
pub fn project(_r: &Recorded<'_>) -> Vec<Entry> {
    vec![]
}
/// x
pub fn playing(_s: &crate::events::State) -> Option<super::Playing> {
    None
}
impl super::Policy {
    /// x
    pub fn silent_at(&self, playing: &super::Playing) -> Timestamp {
        playing.last_at
    }
}

/// x
#[derive(Default)]
pub struct MemoryViewsOptions;
/// x
pub struct MemoryViews;
impl MemoryViews {
    /// x
    pub fn new(_o: MemoryViewsOptions) -> Self {
        Self
    }
}
#[async_trait]
impl ViewStore for MemoryViews {
    fn wants(&self, _account: &AccountId) -> bool {
        true
    }
    async fn merge(&self, _batch: Vec<(AccountId, Vec<Entry>)>) -> Result<(), ViewError> {
        Ok(())
    }
    async fn forget(&self, _account: &AccountId) -> Result<u64, ViewError> {
        Ok(0)
    }
}
