//! Views in the memory of one process: whole accounts, the least recently used dropped when a byte
//! limit is reached, filled again from the log by the next read.
//!
//! Only what is read takes room: an account gets views with its first read, not with its first
//! fact.

mod errands;
mod generations;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use xxhash_rust::xxh3::xxh3_64;

use self::errands::Errands;
use super::shelf::Shelf;
use super::{Entry, Fill, Page, Position, Query, Standing, Target, View, ViewError, ViewStore};
use crate::events::{AccountId, Clock, ProfileId, Slice, Timestamp};

/// Locks, so that accounts do not wait for each other.
const SHARDS: usize = 16;
/// A fill that takes longer than this is given up by its filler or dead.
const FILL_MS_MAX: i64 = 120_000;

/// What bounds the views in memory.
#[derive(Debug, Clone)]
pub struct MemoryViewsOptions {
    /// About how many bytes all accounts may take.
    pub bytes_max: usize,
    /// How many plays of a profile are kept.
    pub plays_per_profile_max: usize,
}

impl Default for MemoryViewsOptions {
    fn default() -> Self {
        Self { bytes_max: 256 << 20, plays_per_profile_max: 10_000 }
    }
}

/// Views in memory.
pub struct MemoryViews {
    shards: Vec<Mutex<Shard>>,
    options: MemoryViewsOptions,
    clock: Arc<dyn Clock>,
    bytes: AtomicUsize,
    ticks: AtomicU64,
    evicted: AtomicU64,
    generation: AtomicU64,
    /// The generation that a rebuild prepares; 0 is none.
    next: AtomicU64,
    errands: Mutex<Errands>,
}

#[derive(Default)]
struct Shard {
    slots: HashMap<AccountId, Slot>,
    by_use: BTreeMap<u64, AccountId>,
}

/// An account: what is read, and what a rebuild prepares.
struct Slot {
    used: u64,
    live: Set,
    next: Option<Set>,
}

struct Set {
    shelf: Shelf,
    generation: u64,
    /// Being filled: by whom, and since when.
    filling: Option<(u64, i64)>,
}

impl Set {
    fn of_fill(&mut self, fill: &Fill) -> Option<&mut Self> {
        matches!(self.filling, Some((token, _)) if token == fill.token).then_some(self)
    }
}

impl Slot {
    fn bytes(&self) -> usize {
        self.live.shelf.bytes() + self.next.as_ref().map_or(0, |next| next.shelf.bytes())
    }

    fn set(&mut self, target: Target) -> Option<&mut Set> {
        match target {
            Target::Live => Some(&mut self.live),
            Target::Next => self.next.as_mut(),
        }
    }
}

impl MemoryViews {
    /// Empty views.
    pub fn new(options: MemoryViewsOptions, clock: Arc<dyn Clock>) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            options,
            clock,
            bytes: AtomicUsize::new(0),
            ticks: AtomicU64::new(1),
            evicted: AtomicU64::new(0),
            generation: AtomicU64::new(1),
            next: AtomicU64::new(0),
            errands: Mutex::default(),
        }
    }

    #[expect(clippy::indexing_slicing, reason = "a hash modulo the length")]
    fn shard(&self, account: &AccountId) -> MutexGuard<'_, Shard> {
        let hash = xxh3_64(account.as_str().as_bytes());
        lock(&self.shards[usize::try_from(hash % SHARDS as u64).unwrap_or(0)])
    }

    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::Relaxed)
    }

    /// Runs `change` on an account that is there, and keeps count of its bytes.
    fn change<T>(&self, account: &AccountId, change: impl FnOnce(&mut Slot) -> T) -> Option<T> {
        let mut shard = self.shard(account);
        let slot = shard.slots.get_mut(account)?;
        let before = slot.bytes();
        let changed = change(slot);
        let after = slot.bytes();
        drop(shard);
        self.bytes.fetch_add(after, Ordering::Relaxed);
        self.bytes.fetch_sub(before, Ordering::Relaxed);
        Some(changed)
    }

    fn merge_into(&self, set: &mut Set, entries: Vec<Entry>) {
        let now = self.clock.now();
        for entry in entries {
            set.shelf.merge(entry, self.options.plays_per_profile_max, now);
        }
    }

    fn remove(&self, shard: &mut Shard, account: &AccountId) -> Option<Slot> {
        let slot = shard.slots.remove(account)?;
        shard.by_use.remove(&slot.used);
        self.bytes.fetch_sub(slot.bytes(), Ordering::Relaxed);
        Some(slot)
    }

    /// Drops the least recently used accounts until the rest has room.
    fn make_room(&self) {
        while self.bytes.load(Ordering::Relaxed) > self.options.bytes_max {
            let oldest = self.shards.iter().filter_map(|shard| {
                let used = lock(shard).by_use.first_key_value().map(|(used, _)| *used);
                used.map(|used| (used, shard))
            });
            let Some((_, shard)) = oldest.min_by_key(|(used, _)| *used) else { return };
            let mut shard = lock(shard);
            let account = shard.by_use.first_key_value().map(|(_, account)| account.clone());
            if let Some(account) = account {
                self.remove(&mut shard, &account);
                self.evicted.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// The account's slot, with an empty set if it is new; used just now.
    fn slot<'s>(&self, shard: &'s mut Shard, account: &AccountId) -> &'s mut Slot {
        let used = self.tick();
        let slot = shard.slots.entry(account.clone()).or_insert_with(|| Slot {
            used,
            live: Set { shelf: Shelf::default(), generation: 0, filling: None },
            next: None,
        });
        shard.by_use.remove(&slot.used);
        slot.used = used;
        shard.by_use.insert(used, account.clone());
        slot
    }
}

fn lock<T>(shard: &Mutex<T>) -> MutexGuard<'_, T> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl ViewStore for MemoryViews {
    fn wants(&self, account: &AccountId) -> bool {
        self.shard(account).slots.contains_key(account)
    }

    async fn merge(&self, batch: Vec<(AccountId, Vec<Entry>)>) -> Result<(), ViewError> {
        for (account, entries) in batch {
            self.change(&account, |slot| {
                if let Some(next) = &mut slot.next {
                    self.merge_into(next, entries.clone());
                }
                self.merge_into(&mut slot.live, entries);
            });
        }
        self.make_room();
        Ok(())
    }

    async fn begin_fill(
        &self,
        account: &AccountId,
        target: Target,
    ) -> Result<Option<Fill>, ViewError> {
        let (now, token) = (self.clock.now().ms(), self.tick());
        let next = self.next.load(Ordering::Acquire);
        let generation = match target {
            Target::Live if next > 0 => next,
            Target::Live => self.generation.load(Ordering::Acquire),
            Target::Next => next,
        };
        let mut shard = self.shard(account);
        if target == Target::Next && (next == 0 || !shard.slots.contains_key(account)) {
            return Ok(None);
        }
        let slot = self.slot(&mut shard, account);
        let before = slot.bytes();
        let fresh = || Set { shelf: Shelf::default(), generation, filling: Some((token, now)) };
        let set = match target {
            Target::Live => &mut slot.live,
            Target::Next => slot.next.get_or_insert_with(fresh),
        };
        let is_mine = matches!(set.filling, Some((of, _)) if of == token);
        let is_complete = set.filling.is_none() && set.generation > 0;
        let is_young = |since| target == Target::Live && now - since < FILL_MS_MAX;
        let is_busy = set.filling.is_some_and(|(_, since)| is_young(since));
        if !is_mine && (is_complete || is_busy) {
            return Ok(None);
        }
        *set = fresh();
        let after = slot.bytes();
        drop(shard);
        self.bytes.fetch_add(after, Ordering::Relaxed);
        self.bytes.fetch_sub(before, Ordering::Relaxed);
        Ok(Some(Fill { account: account.clone(), target, token, parts: 0 }))
    }

    async fn fill(&self, fill: &mut Fill, entries: Vec<Entry>) -> Result<bool, ViewError> {
        let filled = self.change(&fill.account, |slot| {
            let set = slot.set(fill.target).and_then(|set| set.of_fill(fill));
            set.map(|set| self.merge_into(set, entries)).is_some()
        });
        self.make_room();
        fill.parts += 1;
        Ok(filled.unwrap_or(false))
    }

    async fn end_fill(&self, fill: Fill, complete: bool) -> Result<bool, ViewError> {
        let mut shard = self.shard(&fill.account);
        let Some(slot) = shard.slots.get_mut(&fill.account) else { return Ok(false) };
        let Some(set) = slot.set(fill.target).and_then(|set| set.of_fill(&fill)) else {
            return Ok(false);
        };
        if complete {
            set.filling = None;
        } else if fill.target == Target::Live {
            self.remove(&mut shard, &fill.account);
        } else if let Some(next) = slot.next.take() {
            self.bytes.fetch_sub(next.shelf.bytes(), Ordering::Relaxed);
        }
        Ok(complete)
    }

    async fn read(
        &self,
        account: &AccountId,
        queries: &[Query],
    ) -> Result<Option<Vec<Page>>, ViewError> {
        let now = self.clock.now();
        let mut shard = self.shard(account);
        if shard.slots.get(account).is_none_or(|slot| slot.live.filling.is_some()) {
            return Ok(None);
        }
        let shelf = &self.slot(&mut shard, account).live.shelf;
        Ok(Some(queries.iter().map(|query| shelf.find(query, now)).collect()))
    }

    async fn scopes(
        &self,
        account: &AccountId,
        view: View,
    ) -> Result<Option<Vec<ProfileId>>, ViewError> {
        let shard = self.shard(account);
        let slot = shard.slots.get(account).filter(|slot| slot.live.filling.is_none());
        Ok(slot.map(|slot| slot.live.shelf.scopes(view)))
    }

    async fn forget(&self, account: &AccountId) -> Result<u64, ViewError> {
        let mut shard = self.shard(account);
        let slot = self.remove(&mut shard, account);
        Ok(slot.map_or(0, |slot| slot.live.shelf.len() as u64))
    }

    async fn begin_generation(&self, resumed: Option<u64>) -> Result<u64, ViewError> {
        Ok(self.open_next(resumed))
    }

    async fn flip(&self, generation: u64) -> Result<u64, ViewError> {
        Ok(self.read_next(generation))
    }

    async fn position(
        &self,
        slice: Slice,
        position: Position,
    ) -> Result<Option<Timestamp>, ViewError> {
        Ok(lock(&self.errands).position(slice, position))
    }

    async fn advance(
        &self,
        slice: Slice,
        position: Position,
        to: Timestamp,
    ) -> Result<(), ViewError> {
        lock(&self.errands).advance(slice, position, to);
        Ok(())
    }

    async fn has_come(&self, _: Timestamp) -> Result<bool, ViewError> {
        Ok(true)
    }

    async fn lease(&self, name: &str, holder: &str, ttl: Duration) -> Result<bool, ViewError> {
        Ok(lock(&self.errands).lease((name, holder), ttl, self.clock.now()))
    }

    async fn holder(&self, name: &str) -> Result<Option<String>, ViewError> {
        Ok(lock(&self.errands).holder(name, self.clock.now()))
    }

    async fn release(&self, name: &str, holder: &str) -> Result<(), ViewError> {
        lock(&self.errands).release(name, holder);
        Ok(())
    }

    async fn set_notice(&self, name: &str, word: &[u8], ttl: Duration) -> Result<(), ViewError> {
        lock(&self.errands).set_notice((name, word), ttl, self.clock.now());
        Ok(())
    }

    async fn notice(&self, name: &str) -> Result<Option<Vec<u8>>, ViewError> {
        Ok(lock(&self.errands).notice(name, self.clock.now()))
    }

    async fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    fn standing(&self) -> Standing {
        Standing {
            kind: "memory",
            ok: true,
            accounts: self.shards.iter().map(|shard| lock(shard).slots.len()).sum(),
            bytes: self.bytes.load(Ordering::Relaxed),
            evicted: self.evicted.load(Ordering::Relaxed),
            failures: 0,
        }
    }
}
