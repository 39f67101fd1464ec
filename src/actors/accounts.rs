//! The way to the account actors: admission, the shards, and the actor of each active account.
//!
//! An account hashes to one shard, a shard lives on one arbiter, and everything of a request that
//! concerns a shard crosses threads as one message. Admission bounds what waits on the whole node.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use actix::Addr;
use actix_rt::Arbiter;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout, timeout_at};
use xxhash_rust::xxh3::xxh3_64;

use super::account::{Answer, Errand, Item, Part, What};
use super::gather::{Admission, Gather, Indexes, Reply};
use super::shard::{Deliver, Forward, PassivateAll, Shard};
use super::spooling::Spooling;
use super::{Compaction, Deps, Outcome, Receipt, Refusal, Submission};
use crate::events::{AccountId, Event, Mark, Record, Scope, Timestamp, Week};

/// How much longer than an append's deadline a request waits for its actors.
pub(super) const GRACE: Duration = Duration::from_secs(5);
const RETRY_AFTER_MS: u64 = 500;

/// The account actors of a node; cheap to clone, used from any thread.
#[derive(Clone)]
pub struct Accounts {
    shards: Arc<[Addr<Shard>]>,
    deps: Arc<Deps>,
    admitted: Arc<AtomicUsize>,
}

impl Accounts {
    /// Starts a shard on each arbiter.
    pub(super) fn start(arbiters: &[Arbiter], deps: &Arc<Deps>) -> Self {
        let shards = arbiters.iter().map(|arbiter| Shard::start(&arbiter.handle(), deps)).collect();
        Self { shards, deps: Arc::clone(deps), admitted: Arc::default() }
    }

    /// Records facts; every submission is in the outcome exactly once. What is not refused is
    /// durable.
    ///
    /// Dropping the future does not undo anything.
    pub async fn record(&self, facts: Vec<(AccountId, Vec<Submission>)>) -> Outcome {
        match self.spooling() {
            None => self.deliver(facts).await,
            Some(spooling) => {
                let mut outcomes = self.record_or_spool(spooling, vec![facts]).await;
                outcomes.pop().unwrap_or_default()
            }
        }
    }

    /// Records several requests at once, each answered for itself, in their order.
    ///
    /// Dropping the future does not undo anything.
    pub async fn record_each(
        &self,
        requests: Vec<Vec<(AccountId, Vec<Submission>)>>,
    ) -> Vec<Outcome> {
        match self.spooling() {
            None => self.deliver_each(requests).await,
            Some(spooling) => self.record_or_spool(spooling, requests).await,
        }
    }

    /// Where facts go that the log does not take, if anywhere.
    fn spooling(&self) -> Option<&Spooling> {
        self.deps.spooling.get().map(Arc::as_ref).filter(|spooling| spooling.takes())
    }

    /// Records facts, or refuses them.
    pub(super) async fn deliver(&self, facts: Vec<(AccountId, Vec<Submission>)>) -> Outcome {
        self.take(items_of(facts)).await
    }

    /// The same for several requests, each answered for itself.
    pub(super) async fn deliver_each(
        &self,
        requests: Vec<Vec<(AccountId, Vec<Submission>)>>,
    ) -> Vec<Outcome> {
        let mut parts = Vec::with_capacity(requests.len());
        let begun: Vec<_> =
            requests.into_iter().map(|facts| self.begin(items_of(facts), &mut parts)).collect();
        self.send(parts);
        let until = self.patience();
        let mut outcomes = Vec::with_capacity(begun.len());
        for begun in begun {
            outcomes.push(finish(begun, until).await);
        }
        outcomes
    }

    /// Records what an import read; places are echoed in refusals.
    pub async fn import(&self, account: AccountId, records: Vec<(usize, Record)>) -> Outcome {
        let now = self.deps.clock.now();
        let items = records.into_iter().map(|(index, record)| {
            let what = match record {
                Record::Fact(fact) => What::Event(Event::new(fact, now, None)),
                Record::Event(event) => What::Kept(event),
                Record::Mark(mark) => What::Mark(mark),
                Record::Snapshot(state) => What::Snapshot(Box::new(state)),
            };
            Item { index, what }
        });
        let items = items.collect();
        self.take(vec![(account, items)]).await
    }

    /// Records a person's word; false when the very command was recorded before.
    ///
    /// # Errors
    /// The refusal, when it is not recorded.
    pub async fn mark(&self, account: AccountId, mark: Mark) -> Result<bool, Refusal> {
        let item = Item { index: 0, what: What::Mark(mark) };
        let outcome = self.take(vec![(account, vec![item])]).await;
        match outcome.refused.into_iter().next() {
            Some(refused) => Err(refused.refusal),
            None => Ok(outcome.recorded > 0),
        }
    }

    /// Erases a play, a title, a profile or the account.
    ///
    /// # Errors
    /// [`Refusal::StoreUnavailable`] when the log did not answer: ask again.
    pub async fn erase(&self, account: AccountId, scope: Scope) -> Result<Receipt, Refusal> {
        let of = account.clone();
        let spooled = scope.clone();
        let mut receipt = self.ask(account, |answer| Errand::Erase(scope, answer)).await?;
        if let Some(spooling) = self.deps.spooling.get() {
            receipt.spool = spooling.erase(&of, &spooled).await?;
        }
        Ok(receipt)
    }

    /// Leaves of sessions in weeks that closed before an instant their snapshots alone.
    ///
    /// # Errors
    /// [`Refusal::StoreUnavailable`] when the log did not answer: ask again.
    pub async fn compact(
        &self,
        account: AccountId,
        before: Timestamp,
    ) -> Result<Compaction, Refusal> {
        self.ask(account, |answer| Errand::Compact(before, answer)).await
    }

    /// Makes the snapshots of a week again from its facts; returns how many.
    ///
    /// # Errors
    /// [`Refusal::StoreUnavailable`] when the log did not answer: ask again.
    pub async fn renew(&self, account: AccountId, week: Week) -> Result<usize, Refusal> {
        self.ask(account, |answer| Errand::Renew(week, answer)).await
    }

    /// Makes an account's actor panic, to show what happens then.
    pub fn panic(&self, account: &AccountId) {
        let errand = Forward { account: account.clone(), what: Errand::Panic };
        self.shard(account).do_send(errand);
    }

    /// Writes what lags of every account and lets its actor go; what still waits is done first.
    pub async fn passivate(&self) {
        for shard in self.shards.iter() {
            let (done, receiver) = oneshot::channel();
            shard.do_send(PassivateAll { done });
            let _ = receiver.await;
        }
        let all_gone = async {
            while self.deps.kinds.account.active() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        // Whoever does not come to an end loses only a snapshot that lags.
        let _ = timeout(self.deps.limits.append_deadline, all_gone).await;
    }

    /// How many facts are admitted and not answered yet.
    pub fn admitted(&self) -> usize {
        self.admitted.load(Ordering::Relaxed)
    }

    async fn ask<T>(
        &self,
        account: AccountId,
        errand: impl FnOnce(Answer<T>) -> Errand,
    ) -> Result<T, Refusal> {
        let (answer, receiver) = oneshot::channel();
        self.shard(&account).do_send(Forward { account, what: errand(answer) });
        receiver.await.unwrap_or_else(|_| Err(failed()))
    }

    async fn take(&self, accounts: Vec<(AccountId, Vec<Item>)>) -> Outcome {
        let mut parts = Vec::with_capacity(accounts.len());
        let begun = self.begin(accounts, &mut parts);
        self.send(parts);
        finish(begun, self.patience()).await
    }

    /// A place in the line of the node for so many facts, if there is one.
    pub(super) fn admission(&self, count: usize) -> Option<Admission> {
        Admission::of(&self.admitted, count, self.deps.limits.node_waiting_max)
    }

    /// Until when whoever asks now waits for its actors.
    fn patience(&self) -> Instant {
        Instant::now() + self.deps.limits.append_deadline + GRACE
    }

    /// Admits a request and adds its parts to what is to be sent.
    fn begin(&self, mut accounts: Vec<(AccountId, Vec<Item>)>, parts: &mut Vec<Sent>) -> Begun {
        accounts.retain(|(_, items)| !items.is_empty());
        let count: usize = accounts.iter().map(|(_, items)| items.len()).sum();
        let items = accounts.iter().flat_map(|(_, items)| items);
        let indexes: Indexes = items.map(|item| item.index).collect();
        let Some(admission) = self.admission(count) else {
            let full = Refusal::TooManyRequests { retry_after_ms: RETRY_AFTER_MS };
            return Begun::Answered(indexes.refused(&full));
        };
        if accounts.is_empty() {
            return Begun::Answered(Outcome::default());
        }
        let (gather, outcome) = Gather::new(accounts.len(), admission);
        parts.extend(accounts.into_iter().map(|(account, items)| {
            let indexes = items.iter().map(|item| item.index).collect();
            let reply = Reply::new(Arc::clone(&gather), indexes);
            (account, Part { items, reply })
        }));
        Begun::Sent(indexes, outcome)
    }

    fn send(&self, parts: Vec<Sent>) {
        let Some((first, others)) = parts.split_first() else { return };
        if others.iter().all(|(account, _)| *account == first.0) {
            return self.shard(&first.0).do_send(Deliver { parts });
        }
        let mut by_shard: Vec<Vec<Sent>> = self.shards.iter().map(|_| vec![]).collect();
        for part in parts {
            if let Some(parts) = by_shard.get_mut(self.shard_of(&part.0)) {
                parts.push(part);
            }
        }
        for (shard, parts) in self.shards.iter().zip(by_shard) {
            if !parts.is_empty() {
                shard.do_send(Deliver { parts });
            }
        }
    }

    fn shard_of(&self, account: &AccountId) -> usize {
        let hash = xxh3_64(account.as_str().as_bytes());
        usize::try_from(hash % self.shards.len().max(1) as u64).unwrap_or(0)
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "a hash modulo the length, and there is always a shard"
    )]
    fn shard(&self, account: &AccountId) -> &Addr<Shard> {
        &self.shards[self.shard_of(account)]
    }
}

/// A part on its way to its account's actor.
type Sent = (AccountId, Part);

/// A request that is answered, or on its way.
enum Begun {
    Answered(Outcome),
    Sent(Indexes, oneshot::Receiver<Outcome>),
}

async fn finish(begun: Begun, until: Instant) -> Outcome {
    match begun {
        Begun::Answered(outcome) => outcome,
        Begun::Sent(indexes, outcome) => match timeout_at(until, outcome).await {
            Ok(Ok(outcome)) => outcome,
            _ => indexes.refused(&unanswered()),
        },
    }
}

fn items_of(facts: Vec<(AccountId, Vec<Submission>)>) -> Vec<(AccountId, Vec<Item>)> {
    let item = |s: Submission| Item { index: s.index, what: What::Event(s.event) };
    facts
        .into_iter()
        .map(|(account, submissions)| (account, submissions.into_iter().map(item).collect()))
        .collect()
}

fn failed() -> Refusal {
    Refusal::ActorFailed {
        detail: "the account's actor failed; ask again".to_owned(),
        retry_after_ms: RETRY_AFTER_MS,
    }
}

fn unanswered() -> Refusal {
    Refusal::StoreUnavailable {
        detail: "the account's actor did not answer in time; send the same again".to_owned(),
        retry_after_ms: RETRY_AFTER_MS,
    }
}
