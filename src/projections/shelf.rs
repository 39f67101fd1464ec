//! One account's entries: what the memory store keeps for each account, and what an answer from the
//! log is read from. Pure: merging, caps and selection, without locks, fills or generations.

use std::collections::btree_map::Entry as Place;
use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::{Entry, Found, Page, Query, Select, Version, View};
use crate::events::{ProfileId, Timestamp};

/// What an entry takes besides its own bytes: four tree nodes and their pointers, measured.
const ENTRY_BYTES: usize = 240;

/// The entries of an account, by view and scope.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    drawers: BTreeMap<(View, Option<ProfileId>), Drawer>,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Drawer {
    entries: BTreeMap<Bytes, Kept>,
    ranked: BTreeSet<(i64, Bytes)>,
    labelled: BTreeSet<(Bytes, Bytes)>,
    expiring: BTreeSet<(Timestamp, Bytes)>,
    floor: Option<i64>,
}

#[derive(Debug)]
struct Kept {
    version: Version,
    rank: Option<i64>,
    label: Bytes,
    value: Bytes,
    expires_at: Option<Timestamp>,
}

impl Shelf {
    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many entries it has.
    pub(super) fn len(&self) -> usize {
        self.drawers.values().map(|drawer| drawer.entries.len()).sum()
    }

    /// Takes an entry in, unless a greater one is there, it is past its time, or below the floor.
    pub(super) fn merge(&mut self, entry: Entry, ranked_max: usize, now: Timestamp) {
        if entry.expires_at.is_some_and(|at| at <= now) {
            return;
        }
        let drawer = self.drawers.entry((entry.view, entry.scope.clone())).or_default();
        let before = self.bytes;
        let (gone, come) = drawer.merge(entry, ranked_max, now);
        self.bytes = (before + come).saturating_sub(gone);
    }

    /// What a query finds.
    pub(super) fn find(&self, query: &Query, now: Timestamp) -> Page {
        let drawer = self.drawers.get(&(query.view, query.scope.clone()));
        drawer.map(|drawer| drawer.find(&query.select, now)).unwrap_or_default()
    }

    /// The profiles that have entries in a view.
    pub(super) fn scopes(&self, view: View) -> Vec<ProfileId> {
        let filled = self.drawers.iter().filter(|(_, drawer)| !drawer.is_empty());
        filled
            .filter(|((of, _), _)| *of == view)
            .filter_map(|((_, scope), _)| scope.clone())
            .collect()
    }
}

impl Drawer {
    /// Capped and emptied is not empty: the log knows more.
    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.floor.is_none()
    }

    /// Returns how many bytes went and how many came.
    fn merge(&mut self, entry: Entry, ranked_max: usize, now: Timestamp) -> (usize, usize) {
        let mut gone = self.drop_expired(now);
        let kept = self.entries.get(&entry.key);
        if kept.is_some_and(|kept| (kept.version, &kept.value) >= (entry.version, &entry.value)) {
            return (gone, 0);
        }
        gone += self.remove(&entry.key);
        if entry.rank.is_some_and(|rank| self.floor.is_some_and(|floor| rank <= floor)) {
            return (gone, 0);
        }
        let come = self.insert(entry);
        if self.ranked.len() > ranked_max {
            gone += self.drop_lowest();
        }
        (gone, come)
    }

    fn insert(&mut self, entry: Entry) -> usize {
        let Entry { key, version, rank, label, value, expires_at, .. } = entry;
        let bytes = bytes_of(&key, &label, &value);
        if let Some(rank) = rank {
            self.ranked.insert((rank, key.clone()));
        }
        if !label.is_empty() {
            self.labelled.insert((label.clone(), key.clone()));
        }
        if let Some(at) = expires_at {
            self.expiring.insert((at, key.clone()));
        }
        self.entries.insert(key, Kept { version, rank, label, value, expires_at });
        bytes
    }

    fn remove(&mut self, key: &Bytes) -> usize {
        let Place::Occupied(place) = self.entries.entry(key.clone()) else { return 0 };
        let (key, kept) = place.remove_entry();
        let bytes = bytes_of(&key, &kept.label, &kept.value);
        self.labelled.remove(&(kept.label, key.clone()));
        if let Some(at) = kept.expires_at {
            self.expiring.remove(&(at, key.clone()));
        }
        if let Some(rank) = kept.rank {
            self.ranked.remove(&(rank, key));
        }
        bytes
    }

    /// Raises the floor to the lowest rank, and takes out whatever is not above it.
    fn drop_lowest(&mut self) -> usize {
        let Some((floor, _)) = self.ranked.first().cloned() else { return 0 };
        self.floor = Some(floor);
        let below: Vec<Bytes> = self
            .ranked
            .iter()
            .take_while(|(rank, _)| *rank <= floor)
            .map(|(_, key)| key.clone())
            .collect();
        below.iter().map(|key| self.remove(key)).sum()
    }

    fn drop_expired(&mut self, now: Timestamp) -> usize {
        let mut gone = 0;
        while let Some((at, key)) = self.expiring.first().cloned()
            && at <= now
        {
            gone += self.remove(&key);
        }
        gone
    }

    fn find(&self, select: &Select, now: Timestamp) -> Page {
        let found = |key: &Bytes| self.found(key, now);
        let entries = match select {
            Select::All => self.entries.keys().filter_map(found).collect(),
            Select::Ranked { below, limit } => {
                let keys: Box<dyn Iterator<Item = &(i64, Bytes)>> = match below {
                    Some(below) => Box::new(self.ranked.range(..below.clone()).rev()),
                    None => Box::new(self.ranked.iter().rev()),
                };
                keys.filter_map(|(_, key)| found(key)).take(*limit).collect()
            }
            Select::Labelled(label) => {
                let from = self.labelled.range((label.clone(), Bytes::new())..);
                let those = from.take_while(|(of, _)| of == label);
                those.filter_map(|(_, key)| found(key)).collect()
            }
        };
        Page { entries, floor: self.floor }
    }

    fn found(&self, key: &Bytes, now: Timestamp) -> Option<Found> {
        let kept = self.entries.get(key).filter(|kept| !kept.is_expired(now))?;
        Some(Found {
            key: key.clone(),
            version: kept.version,
            rank: kept.rank.unwrap_or(0),
            label: kept.label.clone(),
            value: kept.value.clone(),
        })
    }
}

impl Kept {
    fn is_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|at| at <= now)
    }
}

fn bytes_of(key: &Bytes, label: &Bytes, value: &Bytes) -> usize {
    ENTRY_BYTES + key.len() + label.len() + value.len()
}
