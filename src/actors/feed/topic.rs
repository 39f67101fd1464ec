//! One followed account: what is known of its sessions, and who is to be told.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Notify;

use super::Update;
use crate::events::{Phase, Reason, SessionId, State, Timestamp};
use crate::projections::{Playing, Policy, playing, version_text};

/// More sessions than this waiting for one follower, and it is told to look at everything again.
const PENDING_MAX: usize = 256;
/// How long it is remembered that a session is over: until nobody would take an older state of it
/// for one that plays.
const OVER_KEPT_MS: i64 = 30 * 60 * 1_000;
/// How many sessions that are over are remembered.
const OVER_MAX: usize = 256;

/// An account that somebody follows.
#[derive(Default)]
pub(super) struct Topic {
    followers: Vec<Weak<Follower>>,
    known: HashMap<SessionId, Known>,
}

/// How a session stood when it was last told of.
struct Known {
    version: String,
    /// When it will have been silent for too long; of one that is over, when that may be forgotten.
    until: Timestamp,
    is_over: bool,
}

/// One who is told.
#[derive(Default)]
pub(super) struct Follower {
    pending: Mutex<Pending>,
    pub(super) wake: Notify,
}

/// What waits for one who is told.
#[derive(Default)]
pub(super) struct Pending {
    pub(super) updates: BTreeMap<SessionId, Update>,
    pub(super) resync: Option<Resync>,
    pub(super) closed: bool,
}

/// Why everything is to be looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Resync {
    /// Too much waited, or something was erased.
    Once,
    /// Other nodes' changes may have been missed, which the views may not have yet.
    AndAgain,
}

impl Topic {
    pub(super) fn add(&mut self, follower: &Arc<Follower>) {
        self.followers.push(Arc::downgrade(follower));
    }

    /// Whether nobody is left when this one has gone.
    pub(super) fn remove(&mut self, gone: &Arc<Follower>) -> bool {
        let gone = Arc::as_ptr(gone);
        self.followers.retain(|follower| follower.as_ptr() != gone);
        self.followers.is_empty()
    }

    /// Tells how a session stands, unless something newer was told.
    pub(super) fn change(&mut self, state: &State, now: Timestamp, policy: &Policy) {
        let session = state.session;
        let version = version_text(state);
        let before = self.known.get(&session);
        if before.is_some_and(|known| known.version > version) {
            return;
        }
        let (known, update) = match (state.phase, playing(state)) {
            (Phase::Ended(_), _)
                if before.is_some_and(|known| known.is_over && known.version == version) =>
            {
                return;
            }
            (Phase::Ended(reason), _) => {
                let until = now.plus_ms(OVER_KEPT_MS);
                (Known { version, until, is_over: true }, ended(session, reason))
            }
            (_, Some(playing)) => {
                let until = policy.silent_at(&playing);
                if until <= now {
                    return;
                }
                (Known { version, until, is_over: false }, Update::Playing(playing))
            }
            (_, None) => return,
        };
        self.learn(session, known);
        self.tell(session, &update);
    }

    /// Learns what a follower was shown, so that all hear when one of these falls silent.
    pub(super) fn shown(&mut self, playing: &[Playing], policy: &Policy) {
        for one in playing {
            let is_newer = |known: &Known| known.version < one.version;
            if self.known.get(&one.session).is_none_or(is_newer) {
                let (version, until) = (one.version.clone(), policy.silent_at(one));
                self.known.insert(one.session, Known { version, until, is_over: false });
            }
        }
    }

    /// Ends what fell silent, and forgets what was over long ago.
    pub(super) fn look_through(&mut self, now: Timestamp) {
        self.known.retain(|_, known| !known.is_over || known.until > now);
        let mut silent = Vec::new();
        for (session, known) in &mut self.known {
            if !known.is_over && known.until <= now {
                known.is_over = true;
                known.until = now.plus_ms(OVER_KEPT_MS);
                silent.push(*session);
            }
        }
        if !silent.is_empty() {
            self.bound();
        }
        for session in silent {
            self.tell(session, &ended(session, Reason::Idle));
        }
    }

    /// Tells everybody to look at everything again.
    pub(super) fn resync(&mut self, resync: Resync) {
        self.known.clear();
        self.each(|follower| follower.resync(resync));
    }

    /// Ends it for everybody.
    pub(super) fn close(&mut self) {
        self.each(|follower| {
            follower.lock().closed = true;
            follower.wake.notify_one();
        });
    }

    fn learn(&mut self, session: SessionId, known: Known) {
        let is_over = known.is_over;
        self.known.insert(session, known);
        if is_over {
            self.bound();
        }
    }

    /// Forgets of the sessions that are over those that were it first, when there are too many.
    fn bound(&mut self) {
        let over = self.known.iter().filter(|(_, known)| known.is_over);
        let mut over: Vec<_> = over.map(|(session, known)| (known.until, *session)).collect();
        let Some(more) = over.len().checked_sub(OVER_MAX) else { return };
        over.sort_unstable();
        for (_, session) in over.into_iter().take(more) {
            self.known.remove(&session);
        }
    }

    fn tell(&mut self, session: SessionId, update: &Update) {
        self.each(|follower| follower.push(session, update.clone()));
    }

    fn each(&mut self, tell: impl Fn(&Follower)) {
        self.followers.retain(|follower| {
            let follower = follower.upgrade();
            follower.as_deref().map(&tell).is_some()
        });
    }
}

impl Follower {
    fn push(&self, session: SessionId, update: Update) {
        let mut pending = self.lock();
        if pending.resync.is_some() {
            return;
        }
        pending.updates.insert(session, update);
        if pending.updates.len() > PENDING_MAX {
            drop(pending);
            self.resync(Resync::Once);
        } else {
            drop(pending);
            self.wake.notify_one();
        }
    }

    fn resync(&self, resync: Resync) {
        let mut pending = self.lock();
        pending.resync = pending.resync.max(Some(resync));
        pending.updates.clear();
        drop(pending);
        self.wake.notify_one();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ended(session: SessionId, reason: Reason) -> Update {
    let reason = match reason {
        Reason::Ended => "ended",
        Reason::User => "user",
        Reason::Error => "error",
        Reason::TakenOver => "taken_over",
        Reason::Idle => "idle",
    };
    Update::Ended { session, reason }
}
