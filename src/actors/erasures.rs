//! What other nodes erase, as far as it is heard here.
//!
//! An account's actor remembers what was erased and the sessions of late. It reads both again once
//! another node says that it erased something, and, while nobody can be heard, every few seconds.
//! What it recorded in between nobody reads, and a sweep takes it away.

mod silence;

use std::collections::HashSet;
use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

use self::silence::Silence;
use super::Deps;
use super::projector::Signal;
use crate::events::{AccountId, Slice, Timestamp};
use crate::projections::{DoubtCause, Heard, Relay, ViewError, Whose};

/// How long what was read is believed while nobody can be heard.
const BELIEVED_MS: i64 = 5_000;
/// When views are tried again that could not be forgotten.
const AGAIN: Duration = Duration::from_secs(1);
const SETTLE_POLL: Duration = Duration::from_millis(20);
/// More accounts than this are left to the sweep.
const FORGOTTEN_MAX: usize = 4_096;

/// As of when it is known what was erased from an account; the same while nothing was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch {
    heard: u64,
    /// While nobody is heard, which few seconds these are.
    moment: i64,
}

/// What was heard: each time has a number, and each slice that of the last one that concerns it.
pub(super) struct Erasures {
    slices: Vec<AtomicU64>,
    /// The last one that concerns all of them.
    everywhere: AtomicU64,
    last: Mutex<u64>,
    is_heard: AtomicBool,
    /// Nobody could be heard for a time.
    was_deaf: AtomicBool,
    /// What others may have erased that was never heard of.
    silence: Silence,
    /// Whose views may hold what is erased.
    to_forget: Mutex<HashSet<AccountId>>,
    is_forgetting: AtomicBool,
    wake: Notify,
}

impl Erasures {
    /// Nobody is heard yet.
    pub(super) fn new() -> Self {
        Self {
            slices: Slice::all().map(|_| AtomicU64::new(0)).collect(),
            everywhere: AtomicU64::new(0),
            last: Mutex::default(),
            is_heard: AtomicBool::new(false),
            was_deaf: AtomicBool::new(false),
            silence: Silence::default(),
            to_forget: Mutex::default(),
            is_forgetting: AtomicBool::new(false),
            wake: Notify::new(),
        }
    }

    /// As of when it is known now.
    pub(super) fn epoch(&self, account: &AccountId, now: Timestamp) -> Epoch {
        let is_heard = self.is_heard.load(Ordering::Acquire);
        let moment = if is_heard { 0 } else { now.ms().div_euclid(BELIEVED_MS) };
        let everywhere = self.everywhere.load(Ordering::Acquire);
        Epoch { heard: self.heard_of_slice(account).max(everywhere), moment }
    }

    /// How much was heard so far.
    pub(super) fn heard(&self) -> u64 {
        *self.last()
    }

    /// Whether it was heard that something was erased from an account, since so much was heard.
    pub(super) fn concern(&self, account: &AccountId, since: u64) -> bool {
        self.heard_of_slice(account) > since
    }

    /// Whether something may have been missed since so much was heard.
    pub(super) fn were_missed(&self, since: u64) -> bool {
        self.everywhere.load(Ordering::Acquire) > since
    }

    fn heard_of_slice(&self, account: &AccountId) -> u64 {
        self.of(Slice::of(account)).map_or(0, |heard| heard.load(Ordering::Acquire))
    }

    fn erased(&self, slice: Slice) {
        if let Some(heard) = self.of(slice) {
            self.count_in(heard);
        }
    }

    /// Others are heard from now on.
    fn hears(&self) {
        // First: whoever sees that they are heard knows that something was missed.
        self.count_in(&self.everywhere);
        self.is_heard.store(true, Ordering::Release);
    }

    fn cause(&self) -> DoubtCause {
        let was_deaf = self.was_deaf.load(Ordering::Acquire);
        if was_deaf { DoubtCause::Outage } else { DoubtCause::Start }
    }

    /// Nobody is heard from now on. Whether that is news.
    fn hears_nobody(&self) -> bool {
        let was_heard = self.is_heard.swap(false, Ordering::AcqRel);
        let was_deaf = self.was_deaf.swap(true, Ordering::AcqRel);
        let is_news = was_heard || !was_deaf;
        if is_news {
            self.count_in(&self.everywhere);
        }
        is_news
    }

    fn count_in(&self, heard: &AtomicU64) {
        let mut last = self.last();
        *last += 1;
        heard.store(*last, Ordering::Release);
    }

    fn last(&self) -> MutexGuard<'_, u64> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, slice: Slice) -> Option<&AtomicU64> {
        self.slices.get(usize::from(slice.number()))
    }

    /// Whether the views of some account are still to be forgotten.
    pub(super) fn owe(&self) -> bool {
        // In this order: they are taken out only once it is said that they are being forgotten.
        let is_waiting = self.silence.is_owed() || !self.lock().is_empty();
        is_waiting || self.is_forgetting.load(Ordering::Acquire)
    }

    /// Whether views may hold what was erased while nobody was heard.
    pub(super) fn owe_for_silence(&self) -> bool {
        self.silence.is_owed()
    }

    /// Waits until then for nothing to be owed, but not for what others may have erased unheard.
    pub(super) async fn settle(&self, until: Instant) {
        while self.owe() && !self.silence.is_owed() && Instant::now() < until {
            sleep(SETTLE_POLL).await;
        }
    }

    /// Whether others are not heard, where that was tried.
    pub(super) fn is_deaf(&self) -> bool {
        self.was_deaf.load(Ordering::Acquire) && !self.is_heard()
    }

    pub(super) fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::Acquire)
    }

    /// False when there is no room for it.
    fn forget(&self, account: &AccountId) -> bool {
        let mut to_forget = self.lock();
        if to_forget.len() >= FORGOTTEN_MAX {
            return false;
        }
        to_forget.insert(account.clone());
        self.wake.notify_one();
        true
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<AccountId>> {
        self.to_forget.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deps {
    /// As of when it is known what was erased from an account; `None` where this process alone
    /// erases.
    pub(super) fn epoch(&self, account: &AccountId) -> Option<Epoch> {
        self.marks().then(|| self.erasures.epoch(account, self.clock.now()))
    }

    /// Something was erased from an account, here or where a sweep found it: everybody hears of it.
    pub(crate) fn tell_erased(&self, account: &AccountId) {
        self.erasures.erased(Slice::of(account));
        self.projector.forget(|of| of == account);
        self.feeds.erased(account);
    }

    /// Something recorded goes to the views.
    pub(super) fn signal(&self, account: &AccountId, signal: Signal) {
        let is_unheard = self.marks() && !self.erasures.is_heard();
        if is_unheard {
            self.erasures.silence.add([account.clone()]);
        }
        self.projector.signal(account, signal);
        // Who hears again since may have looked before this was there.
        if is_unheard && self.erasures.is_heard() {
            self.erasures.wake.notify_one();
        }
    }

    /// Forgets the views of an account, and what is on its way to them between nodes, which may be
    /// read by one that does not run; returns how many entries there were.
    pub(super) async fn drop_views(&self, account: &AccountId) -> Result<u64, ViewError> {
        if let Some(exchange) = self.exchange.get() {
            exchange.signals().drop_of(account).await?;
        }
        self.views.forget(account).await
    }

    /// The views of an account may hold what was erased: they are made again.
    pub(super) fn distrust(&self, account: &AccountId) {
        self.projector.forget(|of| of == account);
        self.forget_views_of(account);
    }

    /// The views of an account lack something: the next read fills them from whatever the log has.
    pub(super) fn forget_views_of(&self, account: &AccountId) {
        if !self.erasures.forget(account) {
            self.projector.freshness().lost(self.clock.now());
        }
    }

    /// The same at once, as far as the store is there; whoever follows the account begins anew.
    pub(super) async fn refill_views(&self, account: &AccountId) {
        if let Err(error) = self.views.forget(account).await {
            tracing::warn!(%error, %account, "views could not be forgotten; trying again");
            self.forget_views_of(account);
        }
        self.feeds.resync(account);
    }

    /// Views may hold what others erased and could not tell them.
    pub(super) fn doubt_views(&self, cause: DoubtCause) {
        self.projector.freshness().doubt().raise(cause, self.clock.now());
    }

    /// Shares feeds and erasures with other nodes from now on; what was erased until now is not
    /// known.
    pub(super) fn join(self: &Arc<Self>, relay: Relay) {
        self.doubt_views(DoubtCause::Start);
        let deps = Arc::downgrade(self);
        self.feeds.join(relay, move |heard| {
            if let Some(deps) = deps.upgrade() {
                deps.hear(heard);
            }
        });
    }

    fn hear(&self, heard: Heard) {
        match &heard {
            Heard::Erased(Whose::Account(account)) => {
                self.erasures.erased(Slice::of(account));
                self.distrust(account);
            }
            Heard::Erased(Whose::Slice(slice)) => self.erasures.erased(*slice),
            Heard::Erased(Whose::Everyone) | Heard::Resync(Whose::Everyone) => {
                // Before anybody believes that others are heard.
                if !self.erasures.is_heard() {
                    self.doubt_views(self.erasures.cause());
                }
                self.erasures.hears();
                self.erasures.wake.notify_one();
            }
            Heard::Nothing => {
                if self.erasures.hears_nobody() {
                    self.doubt_views(DoubtCause::Outage);
                    let now = Some(self.clock.now());
                    self.erasures.silence.begin(now, self.projector.accounts());
                }
            }
            Heard::Changed(..) | Heard::Resync(_) => {}
        }
        self.feeds.hear(heard);
    }
}

/// Forgets the views of accounts that may hold what was erased, for as long as it is polled.
pub(super) async fn forget_views(deps: Arc<Deps>) {
    loop {
        deps.erasures.wake.notified().await;
        deps.erasures.is_forgetting.store(true, Ordering::Release);
        if deps.erasures.is_heard() {
            silence::make_up_for(&deps).await;
        }
        deps.projector.settle().await;
        let accounts = mem::take(&mut *deps.erasures.lock());
        for account in accounts {
            if let Err(error) = deps.drop_views(&account).await {
                tracing::warn!(%error, %account, "views could not be forgotten; trying again");
                deps.forget_views_of(&account);
                sleep(AGAIN).await;
            }
        }
        if deps.erasures.lock().is_empty() {
            deps.erasures.silence.is_made_up_for();
        }
        deps.erasures.is_forgetting.store(false, Ordering::Release);
    }
}
