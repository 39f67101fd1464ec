//! Generations: each slice says which one is read and which one is prepared, so that both go back
//! with the slice's views when Redis goes back to an older state.
//!
//! A number never comes twice in a slice, so a generation that was dropped, or lost in part, is
//! never read again. What is left of it goes when its account is next used, or with the account.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use redis::Value;

use super::RedisViews;
use super::merge::not_understood;
use crate::events::Slice;
use crate::projections::{CLOCKS_MS, ViewError};

/// How many slices are asked at once.
const AT_ONCE: usize = 64;
/// Four of them are looked at.
const LOOK_STEP: usize = 256;

/// The generations of a slice: the one that is read, and the one that is prepared.
type Generations = (Option<u64>, Option<u64>);

impl RedisViews {
    /// The greatest generation that any of a few slices reads, as a flip reaches all of them; 0
    /// before the first fill there.
    pub(super) async fn look(&self) -> Result<u64, ViewError> {
        let few = Slice::all().step_by(LOOK_STEP).map(|slice| self.ask_slice(slice, "", 0));
        let found: Vec<_> = stream::iter(few).buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(greatest_read(&found))
    }

    /// Opens a generation in every slice, unless this one is open in all of them, but for those
    /// that a flip had reached; its number.
    pub(super) async fn open_next(&self, resumed: Option<u64>) -> Result<u64, ViewError> {
        let found = self.ask_slices("", 0).await?;
        let is_there = |(live, next): &Generations| *next == resumed || *live == resumed;
        let is_prepared = found.iter().any(|(_, next)| *next == resumed);
        if let Some(number) = resumed.filter(|_| is_prepared && found.iter().all(is_there)) {
            return Ok(number);
        }
        let greatest = found.into_iter().flat_map(|(live, next)| [live, next]).flatten().max();
        // Greater than those that are named by the time of their first fill, on whichever clock.
        let ahead = u64::try_from(self.clock.now().plus_ms(CLOCKS_MS).ms()).unwrap_or(0);
        let number = greatest.unwrap_or(0).saturating_add(1).max(ahead);
        self.ask_slices("begin", number).await?;
        Ok(number)
    }

    /// Reads from this generation from now on where it is prepared; the number of what is read.
    pub(super) async fn read_next(&self, number: u64) -> Result<u64, ViewError> {
        Ok(greatest_read(&self.ask_slices("flip", number).await?))
    }

    async fn ask_slices(&self, what: &str, number: u64) -> Result<Vec<Generations>, ViewError> {
        let asked = stream::iter(Slice::all().map(|slice| self.ask_slice(slice, what, number)));
        asked.buffer_unordered(AT_ONCE).try_collect().await
    }

    async fn ask_slice(
        &self,
        slice: Slice,
        what: &str,
        number: u64,
    ) -> Result<Generations, ViewError> {
        let key = self.keys.generations(slice);
        let asked = self.redis.script(&self.scripts.generation, &key, |command| {
            command.arg(what).arg(number);
        });
        match asked.await? {
            Value::Array(found) => {
                let mut found = found.iter().map(number_of);
                Ok((found.next().flatten(), found.next().flatten()))
            }
            answer => Err(not_understood(&answer)),
        }
    }
}

/// The greatest generation that any slice reads; 0 when none does.
fn greatest_read(found: &[Generations]) -> u64 {
    found.iter().filter_map(|(live, _)| *live).max().unwrap_or(0)
}

fn number_of(value: &Value) -> Option<u64> {
    let Value::BulkString(text) = value else { return None };
    std::str::from_utf8(text).ok()?.parse().ok()
}
