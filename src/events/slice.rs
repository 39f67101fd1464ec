//! Slices: the accounts of a fleet cut into a fixed number of parts, the units of sweeping and of
//! freshness.

use xxhash_rust::xxh3::xxh3_64;

use super::AccountId;

/// One of [`Slice::COUNT`] parts of all accounts; which one is a function of the account alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slice(u16);

impl Slice {
    /// How many there are. Frozen: stored positions and dirty marks go by it.
    pub const COUNT: u16 = 1024;

    /// The slice of an account.
    pub fn of(account: &AccountId) -> Self {
        let hash = xxh3_64(account.as_str().as_bytes());
        Self(u16::try_from(hash % u64::from(Self::COUNT)).unwrap_or(0))
    }

    /// Every slice.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT).map(Self)
    }

    /// Its number, below [`Slice::COUNT`].
    pub fn number(self) -> u16 {
        self.0
    }
}
