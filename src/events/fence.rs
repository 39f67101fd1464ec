//! A fence: what was erased, as a hash, and up to when.

use xxhash_rust::xxh3::xxh3_128;

use super::{ProfileId, SessionId, Timestamp, TitleId};

/// What an erasure reaches, inside one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    Account,
    /// All of one person.
    Profile(ProfileId),
    /// One title of one person.
    Title(ProfileId, TitleId),
    /// One play.
    Session(SessionId),
}

impl Scope {
    /// A 128-bit hash; all that is kept of what was erased.
    pub fn key(&self) -> u128 {
        match self {
            Self::Account => xxh3_128(b"account"),
            Self::Profile(profile) => xxh3_128(format!("profile\0{profile}").as_bytes()),
            Self::Title(profile, title) => {
                xxh3_128(format!("title\0{profile}\0{title}").as_bytes())
            }
            Self::Session(session) => xxh3_128(format!("session\0{session}").as_bytes()),
        }
    }
}

/// Facts of this scope that occurred at or before `at` are erased and are not taken again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fence {
    /// [`Scope::key`].
    pub scope: u128,
    /// Up to when, inclusive.
    pub at: Timestamp,
}
