//! Appending: weeks are registered and sessions marked as dirty first. Once that is done, the
//! events of a week go in single-partition batches, all in parallel, and then the snapshots row by
//! row; one event and its snapshot are one batch.

use std::ptr;

use futures_util::future::join_all;
use scylla::errors::ExecutionError;
use uuid::Uuid;

use super::failed::{append_error, together, unread};
use super::statements::BATCH_ROWS_MAX;
use super::store::Store;
use super::values::{self, Number};
use crate::events::codec::encode_mark;
use crate::events::{
    AccountId, Append, AppendError, DirtyMark, EventRow, Mark, Order, Slice, SnapshotRow, Week,
};

/// Bytes of one batch, well below the 50 KiB at which a server refuses a batch of several
/// partitions; one of a single partition it takes up to 16 MiB, but blocks others for as long.
const BATCH_BYTES_MAX: usize = 32 * 1024;
/// What a row has besides its body and its account: its keys, its timestamp, their lengths.
const ROW_BYTES: usize = 80;

/// Account, week, session, seq, fingerprint, body, timestamp.
type EventValues<'a> = (&'a str, i32, Uuid, Number, [u8; 8], &'a [u8], i64);

/// Account, week, session, body, timestamp.
type SnapshotValues<'a> = (&'a str, i32, Uuid, &'a [u8], i64);

/// What came of each request; none where there was nothing to write.
type Puts = Vec<Result<(), AppendError>>;

/// Every command of a person is a session of one event, which has this place.
const MARK_ORDER: Order = Order { seq: 0, fingerprint: 0 };

impl Store {
    pub(super) async fn append_all(&self, group: &[Append]) -> Result<(), AppendError> {
        together(join_all(group.iter().map(|batch| self.append(batch))).await)
    }

    pub(super) async fn append(&self, batch: &Append) -> Result<(), AppendError> {
        if batch.rows() == 0 {
            return Ok(());
        }
        let at_us = self.stamp(&batch.account).await?;
        // Week 0 is registered too: it is how an account with nothing but marks is found.
        let person = (!batch.marks.is_empty()).then_some(Week::PERSON);
        let weeks: Vec<Week> = batch.weeks.iter().copied().chain(person).collect();
        if !(weeks.is_empty() && batch.dirty.is_empty()) {
            let registering = self.register(&batch.account, &weeks, at_us);
            // Whoever sends the same again is told that it is there, and marks nothing.
            tokio::try_join!(registering, self.put_dirty(batch, at_us))?;
        }
        together(self.put_rows(batch, at_us).await)
    }

    /// A timestamp later than every deletion of the account.
    pub(super) async fn stamp(&self, account: &AccountId) -> Result<i64, AppendError> {
        if let Some(at_us) = self.stamps.of(account) {
            return Ok(at_us);
        }
        self.read_fences(account).await.map_err(unread)?;
        Ok(self.stamps.of(account).unwrap_or_else(|| self.stamps.next()))
    }

    /// Registers weeks; until that is done nothing may be written to them.
    pub(super) async fn register(
        &self,
        account: &AccountId,
        weeks: &[Week],
        at_us: i64,
    ) -> Result<(), AppendError> {
        let statement = &self.statements.put.week;
        let puts = weeks.iter().map(|week| {
            let values = (account.as_str(), values::week(*week), at_us);
            self.put(self.execute(statement, values))
        });
        together(join_all(puts).await)
    }

    /// Events, and then snapshots, which say that they are there. One of each, in the same week,
    /// are of one partition: one request takes both.
    async fn put_rows(&self, batch: &Append, at_us: i64) -> Puts {
        let of_one = (batch.events.as_slice(), batch.snapshots.as_slice(), batch.marks.as_slice());
        if let ([event], [snapshot], []) = of_one
            && event.session.week() == snapshot.session.week()
        {
            let event = event_values(&batch.account, event, at_us);
            let snapshot = snapshot_values(&batch.account, snapshot, at_us);
            let both = self.execute_batch(&self.statements.put_both, (event, snapshot));
            return vec![self.put(both).await];
        }
        let mut puts = self.put_events(batch, at_us).await;
        if puts.iter().all(Result::is_ok) {
            puts.extend(self.put_snapshots(batch, at_us).await);
        }
        puts
    }

    async fn put_events(&self, batch: &Append, at_us: i64) -> Puts {
        let bodies: Vec<Vec<u8>> = batch.marks.iter().map(encode_mark).collect();
        let events = batch.events.iter().map(|row| event_values(&batch.account, row, at_us));
        let marks = batch.marks.iter().zip(&bodies);
        let marks = marks.map(|(mark, body)| mark_values(&batch.account, mark, body, at_us));
        let mut rows: Vec<EventValues<'_>> = events.chain(marks).collect();
        // Mostly of one week already; the order within a week stays.
        rows.sort_by_key(|(_, week, ..)| *week);
        let chunks = rows.chunk_by(|(_, one, ..), (_, other, ..)| one == other).flat_map(bounded);
        join_all(chunks.map(|chunk| self.put_chunk(chunk))).await
    }

    async fn put_chunk(&self, rows: &[EventValues<'_>]) -> Result<(), AppendError> {
        if let [row] = rows {
            return self.put(self.execute(&self.statements.put.event, row)).await;
        }
        let Some(batch) = self.statements.put_events(rows.len()) else {
            return Err(AppendError::Corrupt(format!("a batch of {} rows", rows.len())));
        };
        self.put(self.execute_batch(batch, rows)).await
    }

    async fn put_snapshots(&self, batch: &Append, at_us: i64) -> Puts {
        // Of several of one session the last counts, and of equal timestamps the store takes any.
        let is_last = |row: &SnapshotRow| {
            let last = batch.snapshots.iter().rfind(|other| other.session == row.session);
            last.is_some_and(|last| ptr::eq(last, row))
        };
        let rows = batch.snapshots.iter().filter(|row| is_last(row));
        join_all(rows.map(|row| self.put_snapshot(&batch.account, row, at_us))).await
    }

    pub(super) async fn put_snapshot(
        &self,
        account: &AccountId,
        row: &SnapshotRow,
        at_us: i64,
    ) -> Result<(), AppendError> {
        let values = snapshot_values(account, row, at_us);
        self.put(self.execute(&self.statements.put.snapshot, values)).await
    }

    async fn put_dirty(&self, batch: &Append, at_us: i64) -> Result<(), AppendError> {
        let slice = i32::from(Slice::of(&batch.account).number());
        let puts = batch.dirty.iter().map(|DirtyMark { window, session }| {
            let window = window.number().cast_signed();
            let session = values::session(*session);
            let values = (slice, window, batch.account.as_str(), session, at_us);
            self.put(self.execute(&self.statements.put.dirty, values))
        });
        together(join_all(puts).await)
    }

    pub(super) async fn put_mark(
        &self,
        account: &AccountId,
        mark: &Mark,
        at_us: i64,
    ) -> Result<(), AppendError> {
        let body = encode_mark(mark);
        let values = mark_values(account, mark, &body, at_us);
        self.put(self.execute(&self.statements.put.event, values)).await
    }

    pub(super) async fn set_note(
        &self,
        name: &str,
        value: Option<&[u8]>,
    ) -> Result<(), AppendError> {
        let at_us = self.stamps.next();
        match value {
            Some(value) => {
                self.put(self.execute(&self.statements.put.note, (name, value, at_us))).await
            }
            None => self.put(self.execute(&self.statements.delete.note, (at_us, name))).await,
        }
    }

    /// What a write comes to.
    pub(super) async fn put<T>(
        &self,
        write: impl Future<Output = Result<T, ExecutionError>>,
    ) -> Result<(), AppendError> {
        write.await.map(drop).map_err(|error| append_error(&error))
    }
}

fn event_values<'a>(account: &'a AccountId, row: &'a EventRow, at_us: i64) -> EventValues<'a> {
    let EventRow { session, order, body } = row;
    (
        account.as_str(),
        values::week(session.week()),
        values::session(*session),
        Number::of(order.seq),
        order.fingerprint.to_be_bytes(),
        body,
        at_us,
    )
}

pub(super) fn snapshot_values<'a>(
    account: &'a AccountId,
    row: &'a SnapshotRow,
    at_us: i64,
) -> SnapshotValues<'a> {
    let (week, session) = (values::week(row.session.week()), values::session(row.session));
    (account.as_str(), week, session, row.body.as_slice(), at_us)
}

fn mark_values<'a>(
    account: &'a AccountId,
    mark: &Mark,
    body: &'a [u8],
    at_us: i64,
) -> EventValues<'a> {
    (
        account.as_str(),
        values::week(Week::PERSON),
        values::session(mark.command),
        Number::of(MARK_ORDER.seq),
        MARK_ORDER.fingerprint.to_be_bytes(),
        body,
        at_us,
    )
}

/// Cuts the rows of a partition into batches of bounded rows and bytes; a row that is larger goes
/// alone.
fn bounded<'r, 'a>(rows: &'r [EventValues<'a>]) -> impl Iterator<Item = &'r [EventValues<'a>]> {
    let mut rest = rows;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = rest.iter().take(BATCH_ROWS_MAX).take_while(|(account, .., body, _)| {
            bytes += account.len() + body.len() + ROW_BYTES;
            bytes <= BATCH_BYTES_MAX
        });
        let rows = fitting.count().max(1).min(rest.len());
        let (batch, after) = rest.split_at_checked(rows)?;
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}
