//! Where signals go on a node that does not process: into the streams between nodes. It is
//! remembered how far these reached at which instant, so that the node knows when others have
//! merged what it told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::queue::Batch;
use crate::actors::exchange::Exchange;
use crate::events::Timestamp;
use crate::projections::{Seen, Through, ViewError};

/// How many signals go at once.
const BATCH_MAX: usize = 2_000;
/// So many instants are remembered; one comes each second, and goes when its signals are merged.
const INSTANTS_MAX: usize = 64;

/// The way into the streams.
pub(super) struct Outlet {
    exchange: Arc<Exchange>,
    sent: Mutex<Sent>,
}

#[derive(Default)]
struct Sent {
    through: Through,
    /// Whatever was signalled before an instant is in the streams so far.
    instants: VecDeque<(Timestamp, Through)>,
}

impl Outlet {
    pub(super) fn new(exchange: Arc<Exchange>) -> Self {
        Self { exchange, sent: Mutex::default() }
    }

    /// Puts signals into the streams.
    pub(super) async fn take(&self, batch: &Batch) -> Result<(), ViewError> {
        let mut each = batch.each().peekable();
        while each.peek().is_some() {
            let through = self.exchange.signals().publish(each.by_ref().take(BATCH_MAX)).await?;
            let mut sent = self.sent();
            sent.through = sent.through.and(through);
        }
        Ok(())
    }

    /// Whatever was signalled before `now` is in the streams.
    pub(super) fn sent_through(&self, now: Timestamp) {
        let mut sent = self.sent();
        if sent.instants.len() >= INSTANTS_MAX {
            sent.instants.pop_back();
        }
        let through = sent.through;
        sent.instants.push_back((now, through));
    }

    /// How many instants there are, to be asked before it is looked how the streams stand.
    pub(super) fn instants(&self) -> usize {
        self.sent().instants.len()
    }

    /// The last of the first `count` instants whose signals are all merged, as the streams stood.
    pub(super) fn merged_through(&self, seen: &Seen, count: usize) -> Option<Timestamp> {
        let mut sent = self.sent();
        let mut merged = None;
        for _ in 0..count {
            let Some((at, through)) = sent.instants.front() else { break };
            if !seen.is_merged(through) {
                break;
            }
            merged = Some(*at);
            sent.instants.pop_front();
        }
        merged
    }

    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
