//! Merging: what waits is cut into calls of a bounded size, each with entries of many accounts.

use std::collections::BTreeMap;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use redis::{Cmd, Value};

use super::packed::{drawer, pack};
use super::{RedisViews, add_head, integer};
use crate::events::{AccountId, Slice, Timestamp};
use crate::projections::{Entry, Fill, ViewError};

/// How many entries one call merges: some milliseconds in which the server does nothing else.
const ENTRIES_MAX: usize = 256;
/// How many calls of one batch are on their way at once.
const CALLS_MAX: usize = 64;

/// Entries of one account in one call.
struct Part {
    slice: Slice,
    account: AccountId,
    entries: Vec<Entry>,
}

impl RedisViews {
    pub(super) async fn merge_batch(
        &self,
        batch: Vec<(AccountId, Vec<Entry>)>,
    ) -> Result<(), ViewError> {
        let now = self.clock.now();
        let calls = calls(batch, now, self.redis.is_cluster());
        let merging =
            stream::iter(calls).map(|parts| async move { self.call(&parts, None, now).await });
        merging.buffer_unordered(CALLS_MAX).try_for_each(|_| async { Ok(()) }).await
    }

    /// Merges what a fill found, a part at a time; false when it was overtaken.
    pub(super) async fn merge_fill(
        &self,
        fill: &mut Fill,
        entries: Vec<Entry>,
    ) -> Result<bool, ViewError> {
        let now = self.clock.now();
        for parts in calls(vec![(fill.account.clone(), entries)], now, true) {
            if self.call(&parts, Some(fill), now).await? == 0 {
                return Ok(false);
            }
            fill.parts += 1;
        }
        Ok(true)
    }

    /// Returns how many sets took what was theirs.
    async fn call(
        &self,
        parts: &[Part],
        fill: Option<&Fill>,
        now: Timestamp,
    ) -> Result<i64, ViewError> {
        let Some(first) = parts.first() else { return Ok(0) };
        let key = self.keys.generations(first.slice);
        let merged = self.redis.script(&self.scripts.merge, &key, |command| {
            add_head(command, &self.options, now);
            for part in parts {
                self.add_part(command, part, fill);
            }
        });
        integer(&merged.await?)
    }

    fn add_part(&self, command: &mut Cmd, part: &Part, fill: Option<&Fill>) {
        command.arg(self.keys.home(part.slice)).arg(part.account.as_str());
        match fill {
            Some(fill) => command.arg(fill.token).arg(fill.parts),
            None => command.arg("").arg(""),
        };
        command.arg(part.entries.len());
        for entry in &part.entries {
            command.arg(drawer(entry.view, entry.scope.as_ref())).arg(entry.key.as_ref());
            match entry.rank {
                Some(rank) => command.arg(rank),
                None => command.arg(""),
            };
            command.arg(pack(entry));
        }
    }
}

/// Cuts a batch into calls: each of one slice where slices may live apart.
fn calls(batch: Vec<(AccountId, Vec<Entry>)>, now: Timestamp, is_apart: bool) -> Vec<Vec<Part>> {
    let mut by_account: BTreeMap<(Slice, AccountId), Vec<Entry>> = BTreeMap::new();
    for (account, entries) in batch {
        let alive = entries.into_iter().filter(|entry| entry.expires_at.is_none_or(|at| at > now));
        by_account.entry((Slice::of(&account), account)).or_default().extend(alive);
    }
    let (mut calls, mut call, mut size) = (Vec::new(), Vec::<Part>::new(), 0);
    for ((slice, account), mut entries) in by_account {
        loop {
            let is_other = is_apart && call.last().is_some_and(|last| last.slice != slice);
            if size >= ENTRIES_MAX || is_other {
                calls.push(std::mem::take(&mut call));
                size = 0;
            }
            let rest = entries.split_off(entries.len().min(ENTRIES_MAX - size));
            size += entries.len();
            call.push(Part { slice, account: account.clone(), entries });
            if rest.is_empty() {
                break;
            }
            entries = rest;
        }
    }
    calls.push(call);
    calls
}

/// So that no one reads a number where something else was answered.
pub(super) fn not_understood(answer: &Value) -> ViewError {
    let what = match answer {
        Value::Nil => "nothing",
        Value::Int(_) => "a number",
        Value::BulkString(_) | Value::SimpleString(_) => "a text",
        Value::Array(_) => "a list",
        _ => "something else",
    };
    ViewError::Damaged(format!("redis: a script answered {what}"))
}
