//! Small reads without a script, since running one is most of what such a read costs Redis.
//!
//! A script said where an account's pages are: under which generation and token. From then on plain
//! commands do: some ask which entries the labels list, and then one transaction asks for these
//! entries, and for all that has to be true for them to be the answer. The generation is still
//! read, the set still complete, the labels list the same entries, and no key is gone that the card
//! says there must be. Of whatever is not as expected nothing is believed: the script is asked.

use redis::{Pipeline, Value};

use super::keys::Keys;
use super::read::Asked;
use crate::events::Timestamp;

/// A script looks after the keys of an account that was not used for this part of its idle time.
const TENDED: u64 = 32;

/// Where the pages of an account are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) generation: u64,
    pub(super) token: u64,
}

impl Place {
    /// As a script says it.
    pub(super) fn of(generation: &Value, token: &Value) -> Option<Self> {
        Some(Self { generation: number(generation)?, token: number(token)? })
    }
}

/// A read that is to be proved.
pub(super) struct Proof<'a> {
    asked: &'a Asked,
    place: Place,
    /// What the label of each query was found to list.
    lists: Vec<Value>,
}

impl<'a> Proof<'a> {
    pub(super) fn new(asked: &'a Asked, place: Place) -> Self {
        Self { asked, place, lists: Vec::new() }
    }

    /// Asks which entries the labels list.
    pub(super) fn ask_lists(&self, keys: &Keys, commands: &mut Pipeline) {
        for (drawer, label) in self.asked.labels() {
            commands.cmd("HGET").arg(self.key(keys, 'l', drawer)).arg(label.as_ref());
        }
    }

    /// Takes the answers to that.
    pub(super) fn take_lists(&mut self, answers: &mut impl Iterator<Item = Value>) {
        self.lists = answers.by_ref().take(self.asked.labels().count()).collect();
    }

    /// Asks for the entries, and for what proves them.
    pub(super) fn ask_pages(&self, keys: &Keys, commands: &mut Pipeline) {
        let Asked { slice, account, drawers, .. } = self.asked;
        commands.cmd("GET").arg(keys.generations(*slice));
        commands.cmd("HMGET").arg(keys.card(*slice, account)).arg("u").arg(self.place.generation);
        for drawer in drawers {
            commands.arg(self.in_set(drawer));
        }
        self.ask_lists(keys, commands);
        for ((drawer, _), list) in self.asked.labels().zip(&self.lists) {
            let entries = self.key(keys, 'h', drawer);
            match list {
                Value::BulkString(list) => {
                    // The floor is under the empty key.
                    commands.cmd("HMGET").arg(entries).arg("");
                    for key in listed(list) {
                        commands.arg(key);
                    }
                }
                _ => {
                    commands.cmd("EXISTS").arg(entries).arg(self.key(keys, 'l', drawer));
                }
            }
        }
    }

    /// A page for each query, keys and bytes in turn, from the answers to that at this time of
    /// Redis's; `None` when they do not prove it.
    pub(super) fn take_pages(
        &self,
        answers: &mut impl Iterator<Item = Value>,
        now: Timestamp,
        idle_ms: u64,
    ) -> Option<Vec<Value>> {
        // All answers are taken, whatever the first ones say.
        let (live, card) = (answers.next()?, answers.next()?);
        let lists: Vec<_> = answers.by_ref().take(self.lists.len()).collect();
        let found: Vec<_> = answers.by_ref().take(self.lists.len()).collect();
        let Value::Array(card) = card else { return None };
        let [used, said, kinds @ ..] = card.as_slice() else { return None };
        let is_read = live_in(&live)? == self.place.generation;
        let is_complete =
            bytes(said)?.strip_prefix(b"c").and_then(digits) == Some(self.place.token);
        let unused_ms = now.since_ms(Timestamp::from_ms(i64::try_from(number(used)?).ok()?));
        let is_tended = unused_ms < i64::try_from(idle_ms / TENDED).ok()?;
        if !is_read || !is_complete || !is_tended || lists != self.lists {
            return None;
        }
        let queries = self.asked.numbers().zip(lists).zip(found);
        queries.map(|((drawer, list), found)| page(kinds.get(drawer)?, list, found)).collect()
    }

    /// The name of a drawer in the set.
    fn in_set(&self, drawer: &[u8]) -> Vec<u8> {
        [self.place.token.to_string().as_bytes(), b"\0", drawer].concat()
    }

    fn key(&self, keys: &Keys, kind: char, drawer: &[u8]) -> Vec<u8> {
        let Asked { slice, account, .. } = self.asked;
        keys.drawer(*slice, kind, account, &self.in_set(drawer))
    }
}

/// A page from what its label lists and what was found of it, in a drawer that has these kinds of
/// keys.
fn page(kinds: &Value, list: Value, found: Value) -> Option<Value> {
    match (list, found) {
        (Value::BulkString(list), Value::Array(found)) => {
            let mut found = found.into_iter();
            let floor = found.next()?;
            let mut page = Vec::with_capacity(2 * found.len() + 2);
            for (key, entry) in listed(&list).zip(found) {
                page.extend([Value::BulkString(key.to_vec()), is_there(entry)?]);
            }
            if let Some(floor) = is_there(floor) {
                page.extend([Value::BulkString(Vec::new()), floor]);
            }
            Some(Value::Array(page))
        }
        (Value::Nil, Value::Int(there)) => {
            let kinds = bytes(kinds).unwrap_or_default();
            let expected = kinds.iter().filter(|kind| b"hl".contains(kind)).count();
            (usize::try_from(there) == Ok(expected)).then(|| Value::Array(Vec::new()))
        }
        _ => None,
    }
}

/// The keys of a label: each as two bytes of its length, and itself.
fn listed(mut list: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = list.split_first_chunk()?;
        let (key, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        list = rest;
        Some(key)
    })
}

/// The instant that `TIME` answers.
pub(super) fn time_in(answer: &Value) -> Option<Timestamp> {
    let Value::Array(time) = answer else { return None };
    let [seconds, micros] = time.as_slice() else { return None };
    let ms = number(seconds)?.checked_mul(1_000)?.checked_add(number(micros)? / 1_000)?;
    Some(Timestamp::from_ms(i64::try_from(ms).ok()?))
}

/// The generation that is read, of those of a slice.
fn live_in(kept: &Value) -> Option<u64> {
    digits(bytes(kept)?.split(|byte| *byte == b',').next()?)
}

fn is_there(value: Value) -> Option<Value> {
    (value != Value::Nil).then_some(value)
}

fn number(value: &Value) -> Option<u64> {
    digits(bytes(value)?)
}

fn bytes(value: &Value) -> Option<&[u8]> {
    let Value::BulkString(bytes) = value else { return None };
    Some(bytes)
}

fn digits(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}
