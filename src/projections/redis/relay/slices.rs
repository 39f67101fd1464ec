//! A set of slices, in 128 bytes.

use crate::events::Slice;

const WORDS: usize = 16;
const WORD_BITS: u16 = 64;

/// Some of all slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Slices([u64; WORDS]);

impl Slices {
    pub(super) fn insert(&mut self, slice: Slice) {
        let (word, bit) = place(slice);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    pub(super) fn remove(&mut self, slice: Slice) {
        let (word, bit) = place(slice);
        if let Some(word) = self.0.get_mut(word) {
            *word &= !bit;
        }
    }

    pub(super) fn contains(&self, slice: Slice) -> bool {
        let (word, bit) = place(slice);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn add(&mut self, others: &Self) {
        for (word, other) in self.0.iter_mut().zip(others.0) {
            *word |= other;
        }
    }

    /// Those that are not among `others`.
    pub(super) fn without(mut self, others: &Self) -> Self {
        for (word, other) in self.0.iter_mut().zip(others.0) {
            *word &= !other;
        }
        self
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Slice> + '_ {
        Slice::all().filter(|slice| self.contains(*slice))
    }

    pub(super) fn to_bytes(self) -> Vec<u8> {
        self.0.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// The set in these bytes; `None` when they are none.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let words: [[u8; 8]; WORDS] = words.try_into().ok()?;
        rest.is_empty().then_some(Self(words.map(u64::from_le_bytes)))
    }
}

fn place(slice: Slice) -> (usize, u64) {
    let number = slice.number();
    (usize::from(number / WORD_BITS), 1 << (number % WORD_BITS))
}
