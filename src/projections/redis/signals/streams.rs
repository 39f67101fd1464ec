//! Which streams there are, what they are called, and how far they reach.

use crate::events::{AccountId, Slice};

/// How many. Each is a key of its own, so that a cluster spreads them.
pub(super) const COUNT: usize = 16;

/// The number of the stream that holds an account's signals.
pub(super) fn of(account: &AccountId) -> usize {
    usize::from(Slice::of(account).number()) % COUNT
}

/// The names of all.
pub(super) struct Streams(Vec<Names>);

/// The names of one; both live on one node of a cluster.
pub(super) struct Names {
    pub(super) stream: String,
    /// Under which it is counted what became of entries.
    pub(super) counts: String,
}

impl Streams {
    pub(super) fn new(prefix: &str) -> Self {
        let names = (0..COUNT).map(|number| {
            let stream = format!("{prefix}signals:{{{number}}}");
            Names { counts: format!("{stream}:counts"), stream }
        });
        Self(names.collect())
    }

    pub(super) fn names(&self, number: usize) -> Option<&Names> {
        self.0.get(number)
    }

    pub(super) fn each(&self) -> impl Iterator<Item = &Names> {
        self.0.iter()
    }

    /// The number of the stream with this name.
    pub(super) fn number_of(&self, name: &[u8]) -> Option<usize> {
        self.0.iter().position(|names| names.stream.as_bytes() == name)
    }
}

/// How far the streams reach: of each all entries up to an instant of its own server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Through([i64; COUNT]);

impl Through {
    /// The same, and one stream at least so far.
    pub(super) fn reaching(mut self, number: usize, ms: i64) -> Self {
        if let Some(through) = self.0.get_mut(number) {
            *through = ms.max(*through);
        }
        self
    }

    /// As far as either.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        other.each().fold(self, |both, (number, ms)| both.reaching(number, ms))
    }

    /// Each stream's number and instant.
    pub(super) fn each(self) -> impl Iterator<Item = (usize, i64)> {
        self.0.into_iter().enumerate()
    }
}
