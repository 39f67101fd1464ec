//! The live feed: who follows an account hears of every change, newest first to matter.
//!
//! Updates conflate by session: a slow follower gets fewer, newer ones, and nothing queues without
//! bound.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;

use crate::events::{AccountId, Clock, Phase, Reason, SessionId, State, Timestamp};
use crate::projections::{Playing, Policy, playing};

/// More sessions than this waiting for one follower, and it is told to look at everything again.
const PENDING_MAX: usize = 256;
/// How often followed sessions are looked through for those that fell silent.
const IDLE_ROUND: Duration = Duration::from_secs(1);

/// What a follower hears.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// A session plays, or changed.
    Playing(Playing),
    /// A session is over.
    Ended {
        /// The session.
        session: SessionId,
        /// Why: a [`Reason`] by its wire name.
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
}

#[derive(Default)]
struct Topic {
    followers: Vec<Weak<Follower>>,
    /// When each active session will have been silent for too long.
    active: HashMap<SessionId, Timestamp>,
}

struct Follower {
    pending: Mutex<Pending>,
    wake: Notify,
}

#[derive(Default)]
struct Pending {
    updates: BTreeMap<SessionId, Update>,
    resync: bool,
    closed: bool,
}

/// One follower of an account; dropping it ends it.
pub struct Subscription {
    account: AccountId,
    follower: Arc<Follower>,
    feeds: Arc<Feeds>,
}

impl Feeds {
    /// No followers yet.
    pub fn new(policy: Arc<Policy>, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { topics: Mutex::default(), followers: AtomicUsize::new(0), policy, clock })
    }

    /// Follows an account from now on.
    pub fn subscribe(self: &Arc<Self>, account: &AccountId) -> Subscription {
        let follower = Arc::new(Follower { pending: Mutex::default(), wake: Notify::new() });
        self.topics().entry(account.clone()).or_default().followers.push(Arc::downgrade(&follower));
        self.followers.fetch_add(1, Ordering::AcqRel);
        Subscription { account: account.clone(), follower, feeds: Arc::clone(self) }
    }

    /// How many follow anything.
    pub fn followers(&self) -> usize {
        self.followers.load(Ordering::Relaxed)
    }

    /// Tells the followers of an account how a session stands.
    pub(super) fn publish(&self, account: &AccountId, state: &State) {
        let mut topics = self.topics();
        let Some(topic) = topics.get_mut(account) else { return };
        let now = self.clock.now();
        let update = match (state.phase, playing(state)) {
            (Phase::Ended(reason), _) => {
                topic.active.remove(&state.session);
                Update::Ended { session: state.session, reason: reason_name(reason) }
            }
            (_, Some(playing)) => {
                let silent_at = self.policy.silent_at(&playing);
                if silent_at <= now {
                    return;
                }
                topic.active.insert(state.session, silent_at);
                Update::Playing(playing)
            }
            (_, None) => return,
        };
        topic.tell(state.session, &update);
    }

    /// Tells the followers of an account to look again.
    pub(super) fn resync(&self, account: &AccountId) {
        if let Some(topic) = self.topics().get_mut(account) {
            topic.active.clear();
            topic.each(|follower| follower.push(None));
        }
    }

    /// Ends every subscription, for shutdown.
    pub fn close(&self) {
        for (_, mut topic) in self.topics().drain() {
            topic.each(|follower| {
                follower.lock().closed = true;
                follower.wake.notify_one();
            });
        }
    }

    /// Ends sessions that fell silent, for as long as the future is polled.
    pub async fn watch_for_silence(self: Arc<Self>) {
        let mut round = tokio::time::interval(IDLE_ROUND);
        loop {
            round.tick().await;
            let now = self.clock.now();
            for topic in self.topics().values_mut() {
                let silent: Vec<_> = topic
                    .active
                    .extract_if(|_, at| *at <= now)
                    .map(|(session, _)| session)
                    .collect();
                for session in silent {
                    topic.tell(
                        session,
                        &Update::Ended { session, reason: reason_name(Reason::Idle) },
                    );
                }
            }
        }
    }

    fn topics(&self) -> MutexGuard<'_, HashMap<AccountId, Topic>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Topic {
    fn tell(&mut self, session: SessionId, update: &Update) {
        self.each(|follower| follower.push(Some((session, update.clone()))));
    }

    fn each(&mut self, tell: impl Fn(&Follower)) {
        self.followers.retain(|follower| {
            let follower = follower.upgrade();
            follower.as_deref().map(&tell).is_some()
        });
    }
}

impl Follower {
    fn push(&self, update: Option<(SessionId, Update)>) {
        let mut pending = self.lock();
        match update {
            Some((session, update)) if !pending.resync => {
                pending.updates.insert(session, update);
                if pending.updates.len() > PENDING_MAX {
                    pending.resync = true;
                }
            }
            Some(_) => {}
            None => pending.resync = true,
        }
        if pending.resync {
            pending.updates.clear();
        }
        drop(pending);
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscription {
    /// The next change; `None` once the node shuts down. Nothing is lost when the future is
    /// dropped.
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            {
                let mut pending = self.follower.lock();
                if std::mem::take(&mut pending.resync) {
                    return Some(Update::Resync);
                }
                if let Some((_, update)) = pending.updates.pop_first() {
                    return Some(update);
                }
                if pending.closed {
                    return None;
                }
            }
            self.follower.wake.notified().await;
        }
    }

    /// Says what the follower was shown, so that it hears when one of these falls silent.
    pub fn shown(&self, playing: &[Playing]) {
        if let Some(topic) = self.feeds.topics().get_mut(&self.account) {
            for one in playing {
                let silent_at = self.feeds.policy.silent_at(one);
                topic.active.entry(one.session).or_insert(silent_at);
            }
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.feeds.followers.fetch_sub(1, Ordering::AcqRel);
        let mut topics = self.feeds.topics();
        if let Some(topic) = topics.get_mut(&self.account) {
            let this = Arc::as_ptr(&self.follower);
            topic.followers.retain(|follower| follower.as_ptr() != this);
            if topic.followers.is_empty() {
                topics.remove(&self.account);
            }
        }
    }
}

fn reason_name(reason: Reason) -> &'static str {
    match reason {
        Reason::Ended => "ended",
        Reason::User => "user",
        Reason::Error => "error",
        Reason::TakenOver => "taken_over",
        Reason::Idle => "idle",
    }
}
