//! What was read of the streams.

use std::collections::{HashMap, HashSet};

use redis::Value;

use super::entry;
use super::streams::{COUNT, Streams};
use crate::events::{AccountId, SessionId, State, Timestamp};
use crate::projections::now::version;
use crate::projections::redis::merge::not_understood;
use crate::projections::{Recorded, Subject, ViewError};

/// Signals that were read, of each session the newest alone, and the entries that they came in.
#[derive(Debug, Default)]
pub struct Delivered {
    sessions: HashMap<(AccountId, SessionId), State>,
    others: Vec<(AccountId, Subject)>,
    places: [Vec<Vec<u8>>; COUNT],
    count: usize,
    damaged: usize,
    oldest_ms: Option<i64>,
}

impl Delivered {
    /// Whether there is nothing to acknowledge.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many entries there were.
    pub fn len(&self) -> usize {
        self.count
    }

    /// How many of them tell nothing that can be read, or were cut off before they were.
    pub fn damaged(&self) -> usize {
        self.damaged
    }

    /// When the first of them was recorded, or put there, whichever was first.
    pub fn oldest_at(&self) -> Option<Timestamp> {
        self.oldest_ms.map(Timestamp::from_ms)
    }

    /// What they tell.
    pub fn each(&self) -> impl Iterator<Item = (&AccountId, Recorded<'_>)> {
        let sessions =
            self.sessions.iter().map(|((account, _), state)| (account, Recorded::Session(state)));
        sessions.chain(self.others.iter().map(|(account, what)| (account, what.recorded())))
    }

    /// Whom they concern.
    pub fn accounts(&self) -> HashSet<&AccountId> {
        self.each().map(|(account, _)| account).collect()
    }

    /// Where they are: each stream's number and ids.
    pub(super) fn places(&self) -> impl Iterator<Item = (usize, &[Vec<u8>])> {
        self.places.iter().map(Vec::as_slice).enumerate()
    }

    /// Takes what a command answered that reads streams by their names.
    pub(super) fn take_streams(
        &mut self,
        answer: &Value,
        streams: &Streams,
    ) -> Result<(), ViewError> {
        let read = match answer {
            Value::Nil => return Ok(()),
            Value::Array(read) => read,
            answer => return Err(not_understood(answer)),
        };
        for one in read {
            let Value::Array(named) = one else { return Err(not_understood(one)) };
            let [Value::BulkString(name), entries] = named.as_slice() else {
                return Err(not_understood(one));
            };
            let number = streams.number_of(name).ok_or_else(|| not_understood(one))?;
            self.take_entries(number, entries)?;
        }
        Ok(())
    }

    /// Takes what a command answered that claims: where to go on, entries, and the ids of those
    /// that were cut off and are owed no longer.
    pub(super) fn take_claimed(&mut self, number: usize, answer: &Value) -> Result<(), ViewError> {
        let Value::Array(parts) = answer else { return Err(not_understood(answer)) };
        match parts.get(1) {
            Some(entries) => self.take_entries(number, entries),
            None => Err(not_understood(answer)),
        }
    }

    fn take_entries(&mut self, number: usize, entries: &Value) -> Result<(), ViewError> {
        let Value::Array(entries) = entries else { return Err(not_understood(entries)) };
        for one in entries {
            let Some(Entry { id, told }) = Entry::of(one)? else { continue };
            if let Some(places) = self.places.get_mut(number) {
                places.push(id.to_vec());
            }
            self.count += 1;
            self.is_of(ms_in(id));
            match told {
                Some(told) => self.take(told),
                None => self.damaged += 1,
            }
        }
        Ok(())
    }

    fn is_of(&mut self, ms: Option<i64>) {
        self.oldest_ms = self.oldest_ms.into_iter().chain(ms).min();
    }

    fn take(&mut self, told: &[u8]) {
        match entry::decode(told) {
            Ok((account, Subject::Session(state))) => {
                self.is_of(Some(state.last.received_at.ms()));
                self.keep(account, state);
            }
            Ok((account, Subject::Mark(mark))) => {
                self.is_of(Some(mark.received_at.ms()));
                self.others.push((account, Subject::Mark(mark)));
            }
            Err(error) => {
                tracing::warn!(%error, "a signal of another node cannot be read");
                self.damaged += 1;
            }
        }
    }

    fn keep(&mut self, account: AccountId, state: State) {
        let key = (account, state.session);
        let is_newer = |known: &State| version(known) <= version(&state);
        if self.sessions.get(&key).is_none_or(is_newer) {
            self.sessions.insert(key, state);
        }
    }
}

/// Of a page of a stream, the entries of one account, and the last of all.
pub(super) struct IdsOf {
    pub(super) found: Vec<Vec<u8>>,
    pub(super) last: Option<String>,
}

/// Which entries of a page are of an account.
pub(super) fn ids_of(account: &AccountId, page: &Value) -> Result<IdsOf, ViewError> {
    let Value::Array(entries) = page else { return Err(not_understood(page)) };
    let mut ids = IdsOf { found: vec![], last: None };
    for one in entries {
        let Some(Entry { id, told }) = Entry::of(one)? else { continue };
        ids.last = String::from_utf8(id.to_vec()).ok();
        let of = told.and_then(|told| entry::decode(told).ok()).map(|(of, _)| of);
        if of.as_ref() == Some(account) {
            ids.found.push(id.to_vec());
        }
    }
    Ok(ids)
}

/// One entry as a command answers it.
struct Entry<'v> {
    id: &'v [u8],
    /// Nothing where it was cut off while somebody owed it, or is none of ours.
    told: Option<&'v [u8]>,
}

impl<'v> Entry<'v> {
    fn of(entry: &'v Value) -> Result<Option<Self>, ViewError> {
        let parts = match entry {
            Value::Array(parts) => parts.as_slice(),
            // An older server's word for one that was cut off.
            Value::Nil => return Ok(None),
            other => return Err(not_understood(other)),
        };
        let [Value::BulkString(id), fields] = parts else { return Err(not_understood(entry)) };
        let told = match fields {
            Value::Array(fields) => match fields.as_slice() {
                [_, Value::BulkString(told), ..] => Some(told.as_slice()),
                _ => None,
            },
            _ => None,
        };
        Ok(Some(Self { id, told }))
    }
}

/// The instant in an entry's id.
pub(super) fn ms_of(id: &Value) -> Option<i64> {
    let Value::BulkString(id) = id else { return None };
    ms_in(id)
}

fn ms_in(id: &[u8]) -> Option<i64> {
    std::str::from_utf8(id).ok()?.split('-').next()?.parse().ok()
}
