//! Taking away: an erasure, which no copy may survive, and a compaction, whose snapshot must.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use scylla::serialize::row::SerializeRow;
use scylla::statement::prepared::PreparedStatement;
use scylla::value::CqlTimestamp;

use super::failed::{misshapen, together, unread};
use super::statements::everywhere;
use super::store::Store;
use super::values::{self, Number};
use crate::events::{
    AccountId, AppendError, Compacted, Erased, Gone, Mark, ReadError, SessionId, SnapshotRow, Week,
};

/// Sessions that are looked at or deleted at once.
const AT_ONCE: usize = 16;

/// What there is to erase.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found {
    events: u64,
    snapshots: u64,
    /// The latest timestamp that any of it bears, in microseconds.
    pub(super) newest_us: i64,
}

impl Found {
    fn and(self, other: Self) -> Self {
        Self {
            events: self.events + other.events,
            snapshots: self.snapshots + other.snapshots,
            newest_us: self.newest_us.max(other.newest_us),
        }
    }
}

impl Store {
    /// Counts, then writes the fence, then deletes: every deletion bears the fence's instant, or,
    /// where a clock that is ahead wrote later than that, the timestamp of what it wrote. The fence
    /// keeps that timestamp, for whoever writes next.
    pub(super) async fn erase(&self, erased: &Erased) -> Result<Gone, AppendError> {
        let Erased { account, fence, sessions, marks, rewritten } = erased;
        let found = self.find(account, sessions, marks).await.map_err(unread)?;
        let fenced_us = fence.at.ms().saturating_mul(1_000);
        let deleted_us = found.newest_us.max(fenced_us.saturating_add(999));
        let at_us = self.stamp(account).await?;
        self.register(account, &[Week::PERSON], at_us).await?;
        // While it still shows what they speak of, or whoever tries again would find nothing.
        self.rewrite(account, rewritten, at_us).await?;
        let deletion = Deletion { store: self, account, at_us: deleted_us, is_whole: true.into() };
        let scope = fence.scope.to_be_bytes();
        let fence = (account.as_str(), scope, CqlTimestamp(fence.at.ms()), fenced_us);
        deletion.write(&self.statements.put.fence, fence).await?;
        let own = (account.as_str(), scope, deleted_us, deleted_us);
        deletion.write(&self.statements.put.deletion, own).await?;
        self.stamps.learn(account, deleted_us);
        let of_sessions = sessions.iter().map(|session| (session.week(), *session));
        let of_marks = marks.iter().map(|mark| (Week::PERSON, *mark));
        let deletes: Vec<_> =
            of_sessions.chain(of_marks).map(|place| deletion.delete(place)).collect();
        let deletes = stream::iter(deletes).buffer_unordered(AT_ONCE);
        together(deletes.collect::<Vec<_>>().await)?;
        // Once more, later than what a clock that is ahead wrote.
        self.rewrite(account, rewritten, self.stamp(account).await?).await?;
        let is_everywhere = deletion.is_whole.into_inner();
        Ok(Gone { events: found.events, snapshots: found.snapshots, is_everywhere })
    }

    async fn rewrite(
        &self,
        account: &AccountId,
        marks: &[Mark],
        at_us: i64,
    ) -> Result<(), AppendError> {
        together(join_all(marks.iter().map(|mark| self.put_mark(account, mark, at_us))).await)
    }

    async fn find(
        &self,
        account: &AccountId,
        sessions: &[SessionId],
        marks: &[SessionId],
    ) -> Result<Found, ReadError> {
        let of_sessions: Vec<_> =
            sessions.iter().map(|session| self.find_session(account, *session)).collect();
        let looks = stream::iter(of_sessions).buffer_unordered(AT_ONCE);
        let found = looks.try_fold(Found::default(), async |sum, found| Ok(sum.and(found))).await?;
        let of_marks: Vec<_> =
            marks.iter().map(|mark| self.find_events(account, Week::PERSON, *mark)).collect();
        let looks = stream::iter(of_marks).buffer_unordered(AT_ONCE);
        // A mark is no event of a session: only its timestamp counts.
        let found_too =
            looks.try_fold(0, async |newest_us: i64, found| Ok(newest_us.max(found.newest_us)));
        let newest_us = found.newest_us.max(found_too.await?);
        Ok(Found { newest_us, ..found })
    }

    async fn find_session(
        &self,
        account: &AccountId,
        session: SessionId,
    ) -> Result<Found, ReadError> {
        let events = self.find_events(account, session.week(), session).await?;
        let snapshot_us = self.snapshot_stamp(account, session).await?;
        let snapshots = u64::from(snapshot_us.is_some());
        let snapshot = Found { events: 0, snapshots, newest_us: snapshot_us.unwrap_or(0) };
        Ok(events.and(snapshot))
    }

    pub(super) async fn find_events(
        &self,
        account: &AccountId,
        week: Week,
        session: SessionId,
    ) -> Result<Found, ReadError> {
        let values = (account.as_str(), values::week(week), values::session(session));
        let answer = self.rows(&self.statements.read.events_count, values).await?;
        let (events, newest_us) = answer.first_row::<(i64, Option<i64>)>().map_err(misshapen)?;
        let events = u64::try_from(events).unwrap_or(0);
        Ok(Found { events, snapshots: 0, newest_us: newest_us.unwrap_or(0) })
    }

    /// The timestamp of a session's snapshot, if it has one.
    pub(super) async fn snapshot_stamp(
        &self,
        account: &AccountId,
        session: SessionId,
    ) -> Result<Option<i64>, ReadError> {
        let values = (account.as_str(), values::week(session.week()), values::session(session));
        let answer = self.rows(&self.statements.read.snapshot_stamp, values).await?;
        let row = answer.maybe_first_row::<(Option<i64>,)>().map_err(misshapen)?;
        Ok(row.and_then(|(stamp,)| stamp))
    }

    /// The snapshot first, and so that it wins over the one that is there, even if that bears the
    /// time of a clock that is ahead: it is all that is left afterwards. What is written again of
    /// the rows taken away lies below it, and is passed over.
    pub(super) async fn compact(&self, compacted: &Compacted) -> Result<(), AppendError> {
        let Compacted { key, snapshot, through } = compacted;
        let SnapshotRow { session, .. } = snapshot;
        let there_us = self.snapshot_stamp(&key.account, *session).await.map_err(unread)?;
        let now_us = self.stamp(&key.account).await?;
        let at_us = there_us.map_or(now_us, |there_us| now_us.max(there_us.saturating_add(1)));
        self.put_snapshot(&key.account, snapshot, at_us).await?;
        let (account, week) = (key.account.as_str(), values::week(key.session.week()));
        let through = Number::of(*through);
        let values = (at_us, account, week, values::session(key.session), through);
        self.put(self.execute(&self.statements.delete.events_through, values)).await
    }
}

/// Deletions of one erasure.
struct Deletion<'s> {
    store: &'s Store,
    account: &'s AccountId,
    at_us: i64,
    /// Every copy has answered so far.
    is_whole: AtomicBool,
}

impl Deletion<'_> {
    async fn delete(&self, (week, session): (Week, SessionId)) -> Result<(), AppendError> {
        let session = values::session(session);
        let values = (self.at_us, self.account.as_str(), values::week(week), session);
        let statements = &self.store.statements;
        let events = self.write(&statements.delete.events, values).await;
        if week == Week::PERSON {
            return events;
        }
        together([events, self.write(&statements.delete.snapshot, values).await])
    }

    /// Asks every copy; where one is away, as many as have to have it. Once one was, the others are
    /// not kept waiting for it again.
    async fn write(
        &self,
        statement: &PreparedStatement,
        values: impl SerializeRow,
    ) -> Result<(), AppendError> {
        if self.is_whole.load(Ordering::Relaxed) {
            match self.store.execute(&everywhere(statement), &values).await {
                Ok(_) => return Ok(()),
                Err(error) => {
                    tracing::warn!(%error, "not every copy of the log could be told of an erasure");
                    self.is_whole.store(false, Ordering::Relaxed);
                }
            }
        }
        self.store.put(self.store.execute(statement, &values)).await
    }
}
