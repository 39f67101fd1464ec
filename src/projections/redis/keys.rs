//! The names of keys. `shared.lua` says what is under them.

use xxhash_rust::xxh3::xxh3_64;

use super::packed::FORM;
use crate::events::{AccountId, Slice};
use crate::projections::PROJECTIONS;

/// Begins the names of all keys of one form of views.
#[derive(Debug, Clone)]
pub(super) struct Keys(String);

impl Keys {
    /// Of the views that this program makes: another program's projections, or another form of
    /// bytes, have other names, so that neither reads the other's.
    pub(super) fn new(prefix: &str) -> Self {
        let mut made_of = FORM.to_be_bytes().to_vec();
        for projection in PROJECTIONS {
            made_of.extend_from_slice(projection.view().0.as_bytes());
            made_of.extend_from_slice(&projection.version().to_be_bytes());
        }
        Self(format!("{prefix}{:04x}:", xxh3_64(&made_of) & 0xffff))
    }

    /// What the keys of a slice begin with. The number in braces keeps them on one node.
    pub(super) fn home(&self, slice: Slice) -> Vec<u8> {
        format!("{}{{{}}}", self.0, slice.number()).into_bytes()
    }

    /// A slice's generations, which every script is routed by.
    pub(super) fn generations(&self, slice: Slice) -> Vec<u8> {
        [self.home(slice), b"g".to_vec()].concat()
    }

    /// A slice's positions.
    pub(super) fn positions(&self, slice: Slice) -> Vec<u8> {
        [self.home(slice), b"p".to_vec()].concat()
    }

    /// An account's card.
    pub(super) fn card(&self, slice: Slice, account: &AccountId) -> Vec<u8> {
        format!("{}{{{}}}a{account}", self.0, slice.number()).into_bytes()
    }

    /// The key of a drawer, which is of a kind; `in_set` is its name there.
    pub(super) fn drawer(
        &self,
        slice: Slice,
        kind: char,
        account: &AccountId,
        in_set: &[u8],
    ) -> Vec<u8> {
        let mut key = format!("{}{{{}}}{kind}{account}\0", self.0, slice.number()).into_bytes();
        key.extend_from_slice(in_set);
        key
    }

    /// What finds the card of every account.
    pub(super) fn any_card(&self) -> String {
        format!("{}{{*}}a*", self.0)
    }

    /// The account of a card; `None` of any other key.
    pub(super) fn account_of(&self, card: &[u8]) -> Option<AccountId> {
        let rest = std::str::from_utf8(card).ok()?.strip_prefix(&self.0)?;
        let (_, account) = rest.strip_prefix('{')?.split_once("}a")?;
        AccountId::new(account).ok()
    }

    /// A lease; names spread over a cluster's nodes.
    pub(super) fn lease(&self, name: &str) -> String {
        format!("{}lease:{{{name}}}", self.0)
    }

    /// A notice; names spread over a cluster's nodes.
    pub(super) fn notice(&self, name: &str) -> String {
        format!("{}notice:{{{name}}}", self.0)
    }
}
