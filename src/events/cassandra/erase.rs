//! Taking away: an erasure, which no copy may survive, and a compaction, whose snapshot must.

use std::pin::pin;
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
use super::write::snapshot_values;
use crate::events::{
    AccountId, AppendError, Compacted, Erased, Gone, Mark, ReadError, SessionId, SessionKey,
    Survey, Week,
};

/// Sessions that are looked at or deleted at once.
const AT_ONCE: usize = 16;

/// What there is of a session or a command.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Found {
    events: u64,
    snapshots: u64,
    /// The latest timestamp that any of it bears, in microseconds.
    pub(super) newest_us: i64,
}

impl Store {
    /// Writes the fence, then deletes: every deletion bears the fence's instant, or, where a clock
    /// that is ahead had written later than that, the timestamp of what it wrote. The fence keeps
    /// that timestamp, for whoever writes next.
    pub(super) async fn erase(&self, erased: &Erased) -> Result<Gone, AppendError> {
        let Erased { account, fence, sessions, marks, rewritten, survey } = erased;
        let fenced_us = fence.at.ms().saturating_mul(1_000);
        let usual_us = fenced_us.saturating_add(999);
        let deleted_us = survey.newest_us.values().copied().fold(usual_us, i64::max);
        let at_us = self.stamp(account).await?;
        self.register(account, &[Week::PERSON], at_us).await?;
        // While it still shows what they speak of, or whoever tries again would find nothing.
        self.rewrite(account, rewritten, at_us).await?;
        let deletion = Deletion { store: self, account, is_whole: true.into() };
        let scope = fence.scope.to_be_bytes();
        let fence = (account.as_str(), scope, CqlTimestamp(fence.at.ms()), fenced_us);
        deletion.write(&self.statements.put.fence, fence).await?;
        let own = (account.as_str(), scope, deleted_us, deleted_us);
        deletion.write(&self.statements.put.deletion, own).await?;
        self.stamps.learn(account, deleted_us);
        let of_sessions = sessions.iter().map(|session| (session.week(), *session));
        let of_marks = marks.iter().map(|mark| (Week::PERSON, *mark));
        let deletes = of_sessions.chain(of_marks).map(|(week, session)| {
            let newest_us = survey.newest_us.get(&session).copied();
            deletion.delete((week, session), newest_us.map_or(usual_us, |us| us.max(usual_us)))
        });
        let deletes = stream::iter(deletes.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
        together(deletes.collect::<Vec<_>>().await)?;
        // Once more, later than what a clock that is ahead wrote.
        self.rewrite(account, rewritten, self.stamp(account).await?).await?;
        let is_everywhere = deletion.is_whole.into_inner();
        Ok(Gone { events: survey.events, snapshots: survey.snapshots, is_everywhere })
    }

    async fn rewrite(
        &self,
        account: &AccountId,
        marks: &[Mark],
        at_us: i64,
    ) -> Result<(), AppendError> {
        together(join_all(marks.iter().map(|mark| self.put_mark(account, mark, at_us))).await)
    }

    /// What there is of sessions and marks.
    pub(super) async fn survey(
        &self,
        account: &AccountId,
        sessions: &[SessionId],
        marks: &[SessionId],
    ) -> Result<Survey, ReadError> {
        let of_sessions = sessions.iter().map(async |session| {
            Ok::<_, ReadError>((*session, self.find_session(account, *session).await?))
        });
        // A mark is no event of a session: only its timestamp counts.
        let of_marks = marks.iter().map(async |mark| {
            let found = self.find_events(account, Week::PERSON, *mark).await?;
            Ok((*mark, Found { events: 0, ..found }))
        });
        let (of_sessions, of_marks) =
            (of_sessions.collect::<Vec<_>>(), of_marks.collect::<Vec<_>>());
        let of_sessions = stream::iter(of_sessions).buffer_unordered(AT_ONCE);
        let of_marks = stream::iter(of_marks).buffer_unordered(AT_ONCE);
        let mut found = pin!(of_sessions.chain(of_marks));
        let mut survey = Survey::default();
        while let Some((session, found)) = found.try_next().await? {
            survey.events += found.events;
            survey.snapshots += found.snapshots;
            survey.newest_us.insert(session, found.newest_us);
        }
        Ok(survey)
    }

    async fn find_session(
        &self,
        account: &AccountId,
        session: SessionId,
    ) -> Result<Found, ReadError> {
        let events = self.find_events(account, session.week(), session).await?;
        let snapshot_us = self.snapshot_stamp(account, session).await?;
        let snapshots = u64::from(snapshot_us.is_some());
        let newest_us = events.newest_us.max(snapshot_us.unwrap_or(0));
        Ok(Found { snapshots, newest_us, ..events })
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

    /// The snapshot goes in together with what it stands for going out, which one partition does
    /// in one piece: it is all that is left afterwards. So it wins over the one that is there, even
    /// if that bears the time of a clock that is ahead. What is written again of the rows taken
    /// away lies below it, and is passed over.
    pub(super) async fn compact(&self, compacted: &Compacted) -> Result<(), AppendError> {
        let Compacted { key: SessionKey { account, session }, snapshot, through } = compacted;
        let there_us = self.snapshot_stamp(account, *session).await.map_err(unread)?;
        let now_us = self.stamp(account).await?;
        let at_us = there_us.map_or(now_us, |there_us| now_us.max(there_us.saturating_add(1)));
        let (week, id) = (values::week(session.week()), values::session(*session));
        let events = (at_us, account.as_str(), week, id, Number::of(*through));
        let both = (snapshot_values(account, snapshot, at_us), events);
        self.put(self.execute_batch(&self.statements.compact, both)).await
    }
}

/// Deletions of one erasure.
struct Deletion<'s> {
    store: &'s Store,
    account: &'s AccountId,
    /// Every copy has answered so far.
    is_whole: AtomicBool,
}

impl Deletion<'_> {
    async fn delete(
        &self,
        (week, session): (Week, SessionId),
        at_us: i64,
    ) -> Result<(), AppendError> {
        let session = values::session(session);
        let values = (at_us, self.account.as_str(), values::week(week), session);
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
