//! How a fleet finds what changed: accounts fall into slices, time into windows, and a dirty mark
//! says that a session changed in a window of its account's slice. Pure.

use xxhash_rust::xxh3::xxh3_64;

use super::{AccountId, SessionId, Timestamp};

/// A part of all accounts: each account is in exactly one, for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slice(u16);

impl Slice {
    /// How many there are. Stored keys depend on it, so it never changes.
    pub const COUNT: u16 = 1_024;

    /// The slice of an account; any node derives the same.
    pub fn of(account: &AccountId) -> Self {
        let hash = xxh3_64(account.as_str().as_bytes());
        Self(u16::try_from(hash % u64::from(Self::COUNT)).unwrap_or_default())
    }

    /// The slice with this number; `None` from [`Slice::COUNT`] on.
    pub fn from_number(number: u16) -> Option<Self> {
        (number < Self::COUNT).then_some(Self(number))
    }

    /// Its number, from 0.
    pub fn number(self) -> u16 {
        self.0
    }

    /// All of them, ascending.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }

    /// How long after a multiple of ten minutes this slice's windows begin: spread evenly, so that
    /// not all slices close at once.
    fn stagger_ms(self) -> u64 {
        u64::from(self.0) * Window::LENGTH_MS / u64::from(Self::COUNT)
    }
}

/// Ten minutes of a slice, numbered on and on. The same number is another stretch of time in
/// another slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window(u64);

impl Window {
    /// How long it is, in milliseconds.
    pub const LENGTH_MS: u64 = 10 * 60 * 1_000;
    /// Marks of a window are kept for so many windows after it: ten days.
    pub const KEPT: u64 = 10 * 24 * 6;

    /// The window of a slice in which an instant lies.
    pub fn at(slice: Slice, at: Timestamp) -> Self {
        let ms = u64::try_from(at.ms()).unwrap_or_default();
        Self((ms + Self::LENGTH_MS - slice.stagger_ms()) / Self::LENGTH_MS)
    }

    /// A window as a log kept it.
    pub fn from_number(number: u64) -> Self {
        Self(number)
    }

    /// The number that logs keep.
    pub fn number(self) -> u64 {
        self.0
    }

    /// Its first instant.
    pub fn begins_at(self, slice: Slice) -> Timestamp {
        Self(self.0.saturating_sub(1)).ends_at(slice)
    }

    /// The first instant after it.
    pub fn ends_at(self, slice: Slice) -> Timestamp {
        let ms = self.0.saturating_mul(Self::LENGTH_MS).saturating_add(slice.stagger_ms());
        Timestamp::from_ms(i64::try_from(ms).unwrap_or(i64::MAX))
    }

    /// The one after it.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// A session changes in a window; the slice follows from its account. A person's command counts as
/// a session of its own id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DirtyMark {
    /// When, as the writer saw it.
    pub window: Window,
    /// What.
    pub session: SessionId,
}
