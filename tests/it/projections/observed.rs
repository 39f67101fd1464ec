//! Views in memory whose merges are watched and fail on demand.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, MutexGuard};
use viewlog::events::{AccountId, ManualClock, ProfileId, Slice, Timestamp};
use viewlog::projections::{
    Entry, Fill, MemoryViews, MemoryViewsOptions, Page, Position, Query, Standing, Target, View,
    ViewError, ViewStore,
};

/// Views that remember whose entries each merge brought, and can be held up or deaf.
pub(super) struct ObservedViews {
    inner: MemoryViews,
    is_deaf: AtomicBool,
    turn: Mutex<()>,
    merges: std::sync::Mutex<Vec<Vec<AccountId>>>,
}

impl ObservedViews {
    pub(super) fn new(clock: Arc<ManualClock>) -> Arc<Self> {
        let inner = MemoryViews::new(MemoryViewsOptions::default(), clock);
        Arc::new(Self {
            inner,
            is_deaf: AtomicBool::default(),
            turn: Mutex::default(),
            merges: std::sync::Mutex::default(),
        })
    }

    /// No merge goes on while this is held.
    pub(super) async fn hold(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Whose entries each merge brought since this was asked last.
    pub(super) fn merges(&self) -> Vec<Vec<AccountId>> {
        std::mem::take(&mut self.merges.lock().unwrap())
    }

    /// What is merged from now on is missed, as after a signal that was lost.
    pub(super) fn deaf(&self, is_deaf: bool) {
        self.is_deaf.store(is_deaf, Ordering::SeqCst);
    }
}

#[async_trait]
impl ViewStore for ObservedViews {
    fn wants(&self, account: &AccountId) -> bool {
        self.inner.wants(account)
    }

    async fn merge(&self, batch: Vec<(AccountId, Vec<Entry>)>) -> Result<(), ViewError> {
        let of = batch.iter().map(|(account, _)| account.clone()).collect();
        self.merges.lock().unwrap().push(of);
        let _turn = self.turn.lock().await;
        if self.is_deaf.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.inner.merge(batch).await
    }

    async fn begin_fill(
        &self,
        account: &AccountId,
        target: Target,
    ) -> Result<Option<Fill>, ViewError> {
        self.inner.begin_fill(account, target).await
    }

    async fn fill(&self, fill: &mut Fill, entries: Vec<Entry>) -> Result<bool, ViewError> {
        self.inner.fill(fill, entries).await
    }

    async fn end_fill(&self, fill: Fill, complete: bool) -> Result<bool, ViewError> {
        self.inner.end_fill(fill, complete).await
    }

    async fn read(
        &self,
        account: &AccountId,
        queries: &[Query],
    ) -> Result<Option<Vec<Page>>, ViewError> {
        self.inner.read(account, queries).await
    }

    async fn scopes(
        &self,
        account: &AccountId,
        view: View,
    ) -> Result<Option<Vec<ProfileId>>, ViewError> {
        self.inner.scopes(account, view).await
    }

    async fn forget(&self, account: &AccountId) -> Result<u64, ViewError> {
        if self.is_deaf.load(Ordering::SeqCst) {
            return Ok(0);
        }
        self.inner.forget(account).await
    }

    async fn begin_generation(&self, resumed: Option<u64>) -> Result<u64, ViewError> {
        self.inner.begin_generation(resumed).await
    }

    async fn flip(&self, generation: u64) -> Result<u64, ViewError> {
        self.inner.flip(generation).await
    }

    async fn position(
        &self,
        slice: Slice,
        position: Position,
    ) -> Result<Option<Timestamp>, ViewError> {
        self.inner.position(slice, position).await
    }

    async fn advance(
        &self,
        slice: Slice,
        position: Position,
        to: Timestamp,
    ) -> Result<(), ViewError> {
        self.inner.advance(slice, position, to).await
    }

    async fn has_come(&self, at: Timestamp) -> Result<bool, ViewError> {
        self.inner.has_come(at).await
    }

    async fn lease(&self, name: &str, holder: &str, ttl: Duration) -> Result<bool, ViewError> {
        self.inner.lease(name, holder, ttl).await
    }

    async fn holder(&self, name: &str) -> Result<Option<String>, ViewError> {
        self.inner.holder(name).await
    }

    async fn release(&self, name: &str, holder: &str) -> Result<(), ViewError> {
        self.inner.release(name, holder).await
    }

    async fn set_notice(&self, name: &str, word: &[u8], ttl: Duration) -> Result<(), ViewError> {
        self.inner.set_notice(name, word, ttl).await
    }

    async fn notice(&self, name: &str) -> Result<Option<Vec<u8>>, ViewError> {
        self.inner.notice(name).await
    }

    async fn generation(&self) -> u64 {
        self.inner.generation().await
    }

    fn standing(&self) -> Standing {
        self.inner.standing()
    }
}
