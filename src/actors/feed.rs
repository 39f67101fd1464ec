//! The live feed: who follows an account hears of every change, newest first to matter.
//!
//! Updates conflate by session: a slow follower gets fewer, newer ones, and nothing queues without
//! bound. What other nodes record comes by way of a relay, if there is one, in any order and not
//! for certain; an older state never follows a newer one.

mod topic;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use self::topic::{Follower, Resync, Topic};
use crate::events::{AccountId, Clock, SessionId, Slice, State};
use crate::projections::{Heard, Playing, Policy, Relay, RelayStanding, Whose};

/// How often followed sessions are looked through for those that fell silent.
const IDLE_ROUND: Duration = Duration::from_secs(1);
/// When whoever began to follow, or may have missed something, is to look again: by then the other
/// nodes know that they are followed here, and the views have what was recorded before.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(1_500);

/// What a follower hears.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// A session plays, or changed.
    Playing(Playing),
    /// A session is over.
    Ended {
        /// The session.
        session: SessionId,
        /// Why: a [`crate::events::Reason`] by its wire name.
        reason: &'static str,
    },
    /// Too much was missed or erased: ask again what is playing.
    Resync,
}

/// All followed accounts of a node.
pub struct Feeds {
    topics: Mutex<HashMap<AccountId, Topic>>,
    followers: AtomicUsize,
    policy: Arc<Policy>,
    clock: Arc<dyn Clock>,
    relay: OnceLock<Relay>,
    is_closed: AtomicBool,
    closing: Notify,
}

/// One follower of an account; dropping it ends it.
pub struct Subscription {
    account: AccountId,
    follower: Arc<Follower>,
    feeds: Arc<Feeds>,
    look_again_at: Option<Instant>,
}

impl Feeds {
    /// No followers yet.
    pub fn new(policy: Arc<Policy>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self {
            topics: Mutex::default(),
            followers: AtomicUsize::new(0),
            policy,
            clock,
            relay: OnceLock::new(),
            is_closed: AtomicBool::new(false),
            closing: Notify::new(),
        })
    }

    /// Tells other nodes what changes here from now on. What changes there is for `hear`, and to be
    /// handed to [`Feeds::hear`] from there.
    pub(super) fn join(&self, relay: Relay, hear: impl Fn(Heard) + Send + Sync + 'static) {
        self.relay.get_or_init(|| relay).listen(hear);
    }

    /// Follows an account from now on.
    pub fn subscribe(self: &Arc<Self>, account: &AccountId) -> Subscription {
        let follower = Arc::<Follower>::default();
        let relay = self.relay.get();
        let mut topics = self.topics();
        let topic = topics.entry(account.clone()).or_insert_with(|| {
            relay.inspect(|relay| relay.follow(Slice::of(account)));
            Topic::default()
        });
        topic.add(&follower);
        drop(topics);
        self.followers.fetch_add(1, Ordering::AcqRel);
        Subscription {
            account: account.clone(),
            follower,
            feeds: Arc::clone(self),
            look_again_at: relay.map(|_| Instant::now() + LOOK_AGAIN_AFTER),
        }
    }

    /// How many follow anything.
    pub fn followers(&self) -> usize {
        self.followers.load(Ordering::Relaxed)
    }

    /// How the way to other nodes is doing, if there is one.
    pub fn relay(&self) -> Option<RelayStanding> {
        self.relay.get().map(Relay::standing)
    }

    /// Whether anybody is to hear of an account, here or elsewhere.
    pub(super) fn want(&self, account: &AccountId) -> bool {
        self.followers() > 0 || self.relay.get().is_some_and(|relay| relay.wants(account))
    }

    /// Tells the followers of an account how a session stands.
    pub(super) fn publish(&self, account: &AccountId, state: &State) {
        self.change(account, state);
        if let Some(relay) = self.relay.get() {
            relay.tell(account, state);
        }
    }

    /// Tells the followers of an account to look again.
    pub(super) fn resync(&self, account: &AccountId) {
        self.look_again(account);
        if let Some(relay) = self.relay.get() {
            relay.resync(account);
        }
    }

    /// Something was erased from an account: its followers look again, and every node hears of it.
    pub(super) fn erased(&self, account: &AccountId) {
        self.look_again(account);
        if let Some(relay) = self.relay.get() {
            relay.erased(account);
        }
    }

    /// Ends every subscription, for shutdown.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.closing.notify_waiters();
        for (_, mut topic) in self.topics().drain() {
            topic.close();
        }
    }

    /// Leaves the other nodes, once they were told everything.
    pub(super) async fn leave(&self) {
        if let Some(relay) = self.relay.get() {
            relay.leave().await;
        }
    }

    /// Ends when every subscription does.
    pub async fn closed(&self) {
        let closing = self.closing.notified();
        if !self.is_closed.load(Ordering::Acquire) {
            closing.await;
        }
    }

    /// Ends sessions that fell silent, for as long as the future is polled.
    pub async fn watch_for_silence(self: Arc<Self>) {
        let mut round = tokio::time::interval(IDLE_ROUND);
        loop {
            round.tick().await;
            let now = self.clock.now();
            for topic in self.topics().values_mut() {
                topic.look_through(now);
            }
        }
    }

    /// Takes what came from another node.
    pub(super) fn hear(&self, heard: Heard) {
        let resync = |topic: &mut Topic| topic.resync(Resync::AndAgain);
        match heard {
            Heard::Changed(account, state) => self.change(&account, &state),
            Heard::Nothing => {}
            Heard::Resync(Whose::Account(account)) | Heard::Erased(Whose::Account(account)) => {
                self.topics().get_mut(&account).map(resync).unwrap_or_default();
            }
            Heard::Resync(Whose::Slice(slice)) | Heard::Erased(Whose::Slice(slice)) => {
                let mut topics = self.topics();
                let of_slice = topics.iter_mut().filter(|(of, _)| Slice::of(of) == slice);
                of_slice.for_each(|(_, topic)| resync(topic));
            }
            Heard::Resync(Whose::Everyone) | Heard::Erased(Whose::Everyone) => {
                self.topics().values_mut().for_each(resync)
            }
        }
    }

    /// Whoever follows it here is to look again.
    fn look_again(&self, account: &AccountId) {
        if let Some(topic) = self.topics().get_mut(account) {
            topic.resync(Resync::Once);
        }
    }

    fn change(&self, account: &AccountId, state: &State) {
        if let Some(topic) = self.topics().get_mut(account) {
            topic.change(state, self.clock.now(), &self.policy);
        }
    }

    fn topics(&self) -> MutexGuard<'_, HashMap<AccountId, Topic>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    /// The next change; `None` once the node shuts down. Nothing is lost when the future is
    /// dropped.
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            {
                let mut pending = self.follower.lock();
                if let Some(resync) = pending.resync.take() {
                    if resync == Resync::AndAgain {
                        self.look_again_at = Some(Instant::now() + LOOK_AGAIN_AFTER);
                    }
                    return Some(Update::Resync);
                }
                if let Some((_, update)) = pending.updates.pop_first() {
                    return Some(update);
                }
                if pending.closed {
                    return None;
                }
            }
            let look_again_at = self.look_again_at;
            let look_again = sleep_until(look_again_at.unwrap_or_else(Instant::now));
            tokio::select! {
                () = self.follower.wake.notified() => {}
                () = look_again, if look_again_at.is_some() => {
                    self.look_again_at = None;
                    return Some(Update::Resync);
                }
            }
        }
    }

    /// What the follower was shown lags: it is to look again in a moment.
    pub fn look_again(&mut self) {
        self.look_again_at = Some(Instant::now() + LOOK_AGAIN_AFTER);
    }

    /// Says what the follower was shown, so that it hears when one of these falls silent.
    pub fn shown(&self, playing: &[Playing]) {
        if let Some(topic) = self.feeds.topics().get_mut(&self.account) {
            topic.shown(playing, &self.feeds.policy);
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.feeds.followers.fetch_sub(1, Ordering::AcqRel);
        let mut topics = self.feeds.topics();
        let Some(topic) = topics.get_mut(&self.account) else { return };
        if topic.remove(&self.follower) {
            topics.remove(&self.account);
            if let Some(relay) = self.feeds.relay.get() {
                relay.unfollow(Slice::of(&self.account));
            }
        }
    }
}
