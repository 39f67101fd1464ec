//! The views that are read, and those that are prepared.

use std::sync::atomic::Ordering;

use super::{MemoryViews, Shard, lock};
use crate::events::AccountId;

impl MemoryViews {
    /// Opens the next generation, unless it is this one already; its number.
    pub(super) fn open_next(&self, resumed: Option<u64>) -> u64 {
        let open = self.next.load(Ordering::Acquire);
        if open > 0 && Some(open) == resumed {
            return open;
        }
        // Of one that died with its process nothing is left to be filled: it has that number again.
        let greatest = self.generation.load(Ordering::Acquire).max(open);
        let next = (greatest + 1).max(resumed.unwrap_or(0));
        self.next.store(next, Ordering::Release);
        for shard in &self.shards {
            for slot in lock(shard).slots.values_mut() {
                if let Some(old) = slot.next.take() {
                    self.bytes.fetch_sub(old.shelf.bytes(), Ordering::Relaxed);
                }
            }
        }
        next
    }

    /// Reads from the prepared generation from now on, if it is this one; the number of what is
    /// read.
    pub(super) fn read_next(&self, next: u64) -> u64 {
        let is_prepared = next > 0
            && self.next.compare_exchange(next, 0, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if !is_prepared {
            return self.generation.load(Ordering::Acquire);
        }
        self.generation.store(next, Ordering::Release);
        for shard in &self.shards {
            let mut shard = lock(shard);
            let accounts: Vec<AccountId> = shard.slots.keys().cloned().collect();
            for account in accounts {
                self.flip_slot(&mut shard, &account, next);
            }
        }
        next
    }

    /// What the new generation lacks of an account, the next read fills.
    fn flip_slot(&self, shard: &mut Shard, account: &AccountId, generation: u64) {
        let Some(slot) = shard.slots.get_mut(account) else { return };
        if slot.live.generation == generation {
            return;
        }
        match slot.next.take().filter(|next| next.filling.is_none()) {
            Some(next) => {
                self.bytes.fetch_sub(slot.live.shelf.bytes(), Ordering::Relaxed);
                slot.live = next;
            }
            None => {
                self.remove(shard, account);
            }
        }
    }
}
