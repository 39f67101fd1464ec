//! A log that keeps nothing, so that what is measured is everything but the log.

use std::ops::RangeInclusive;

use async_trait::async_trait;
use viewlog::events::{
    AccountId, AccountRange, Append, AppendError, Compacted, Depth, Erased, Event, EventLog, Fence,
    Gone, Health, Mark, ReadError, SessionKey, Slice, Stored, Week, Window,
};

pub(crate) struct NowhereLog;

#[async_trait]
impl EventLog for NowhereLog {
    async fn append_all(&self, _: &[Append]) -> Result<(), AppendError> {
        Ok(())
    }

    fn takes_groups(&self) -> bool {
        true
    }

    async fn session(&self, _: &SessionKey) -> Result<Option<Stored>, ReadError> {
        Ok(None)
    }

    async fn events(
        &self,
        _: &SessionKey,
        _: RangeInclusive<u64>,
    ) -> Result<Vec<Event>, ReadError> {
        Ok(vec![])
    }

    async fn weeks(&self, _: &AccountId) -> Result<Vec<Week>, ReadError> {
        Ok(vec![])
    }

    async fn week(&self, _: &AccountId, _: Week, _: Depth) -> Result<Vec<Stored>, ReadError> {
        Ok(vec![])
    }

    async fn marks(&self, _: &AccountId) -> Result<Vec<Mark>, ReadError> {
        Ok(vec![])
    }

    async fn fences(&self, _: &AccountId) -> Result<Vec<Fence>, ReadError> {
        Ok(vec![])
    }

    fn ranges(&self, _: usize) -> Vec<AccountRange> {
        vec![AccountRange::ALL]
    }

    async fn accounts(
        &self,
        _: &AccountRange,
        _: Option<&AccountId>,
        _: usize,
    ) -> Result<Vec<AccountId>, ReadError> {
        Ok(vec![])
    }

    async fn compact(&self, _: Compacted) -> Result<(), AppendError> {
        Ok(())
    }

    async fn erase(&self, _: Erased) -> Result<Gone, AppendError> {
        Ok(Gone { events: 0, snapshots: 0, is_everywhere: true })
    }

    fn keeps_dirty_index(&self) -> bool {
        false
    }

    async fn dirty(&self, _: Slice, _: Window) -> Result<Vec<SessionKey>, ReadError> {
        Ok(vec![])
    }

    async fn note(&self, _: &str) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(None)
    }

    async fn set_note(&self, _: &str, _: Option<&[u8]>) -> Result<(), AppendError> {
        Ok(())
    }

    fn health(&self) -> Health {
        Health { kind: "nowhere", stopped: None }
    }
}
