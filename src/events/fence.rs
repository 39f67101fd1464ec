//! A fence: what was erased, as a hash, and up to when.

use xxhash_rust::xxh3::xxh3_128;

use super::{About, Mark, ProfileId, SessionId, Timestamp, TitleId};

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
    /// Every scope that a session lies in.
    pub fn around_session(session: SessionId, profile: &ProfileId, title: &TitleId) -> [Self; 4] {
        [
            Self::Account,
            Self::Profile(profile.clone()),
            Self::Title(profile.clone(), title.clone()),
            Self::Session(session),
        ]
    }

    /// Every scope that a person's word lies in, but for its own; one that speaks of many titles is
    /// of none.
    pub fn around_mark(mark: &Mark) -> Vec<Self> {
        let profile = mark.profile.clone();
        let mut scopes = vec![Self::Account, Self::Profile(profile.clone())];
        scopes.extend(mark.kind.title().map(|title| Self::Title(profile, title.clone())));
        scopes
    }

    /// Whether it reaches a session of which so much is known.
    pub fn reaches(&self, session: SessionId, about: Option<&About>) -> bool {
        let profile = about.and_then(|about| about.profile.as_ref());
        let title = about.and_then(|about| about.title.as_ref());
        match self {
            Self::Account => true,
            Self::Session(this) => *this == session,
            Self::Profile(of) => profile == Some(of),
            Self::Title(of, this) => profile == Some(of) && title == Some(this),
        }
    }

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

impl Fence {
    /// Up to when the last of these fences erased any of these scopes.
    pub fn through(fences: &[Self], scopes: &[Scope]) -> Option<Timestamp> {
        if fences.is_empty() {
            return None;
        }
        let keys: Vec<u128> = scopes.iter().map(Scope::key).collect();
        fences.iter().filter(|fence| keys.contains(&fence.scope)).map(|fence| fence.at).max()
    }
}
