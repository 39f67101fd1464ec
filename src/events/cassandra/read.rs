//! Reading one session, and what belongs to an account or to nobody.
//!
//! A session's snapshot is read before its rows. A compaction takes away rows only when the
//! snapshot that it found covered all of them, so whatever snapshot is read first, the rows above
//! it are there; those that it covers may be gone, where they are asked for all the same.

use std::ops::RangeInclusive;

use futures_util::future::try_join;
use scylla::response::query_result::QueryRowsResult;
use scylla::value::{CqlTimestamp, CqlVarintBorrowed};
use uuid::Uuid;

use super::failed::misshapen;
use super::store::Store;
use super::values::{self, Number, read_order, strange};
use super::week::{self, Stretch};
use crate::events::codec::decode_mark;
use crate::events::erased::may_concern;
use crate::events::{
    AccountId, Depth, Event, Fence, Mark, Order, ReadError, SessionKey, Slice, Stored, Timestamp,
    Week, Window,
};

impl Store {
    pub(super) async fn read_session(&self, key: &SessionKey) -> Result<Option<Stored>, ReadError> {
        let reading = (self.read_snapshot(key), self.read_fences(&key.account));
        let (snapshot, fences) = try_join(reading.0, reading.1).await?;
        let mut stored = Stored::begin(key.session, snapshot.as_deref(), Depth::Snapshots);
        stored.drop_fenced_snapshot(&fences);
        let mut is_found = snapshot.is_some();
        let from = stored.covered().map_or(0, |covered| covered.saturating_add(1));
        let pages = self.event_pages(key, from..=u64::MAX).await?;
        for (order, body) in in_order(&pages)? {
            is_found = true;
            stored.add(order, body);
        }
        Ok(stored.outside(&fences).filter(|_| is_found))
    }

    /// The body of a session's snapshot.
    pub(super) async fn read_snapshot(
        &self,
        SessionKey { account, session }: &SessionKey,
    ) -> Result<Option<Vec<u8>>, ReadError> {
        let values = (account.as_str(), values::week(session.week()), values::session(*session));
        let answer = self.rows(&self.statements.read.snapshot, values).await?;
        let row = answer.maybe_first_row::<(Vec<u8>,)>().map_err(misshapen)?;
        Ok(row.map(|(body,)| body))
    }

    pub(super) async fn read_events(
        &self,
        key: &SessionKey,
        seqs: RangeInclusive<u64>,
    ) -> Result<Vec<Event>, ReadError> {
        if seqs.is_empty() {
            return Ok(vec![]);
        }
        let fences = self.read_fences(&key.account).await?;
        if !may_concern(&fences, key.session) {
            let pages = self.event_pages(key, seqs).await?;
            return Ok(Stored::whole((key.session, None), in_order(&pages)?.into_iter()).events);
        }
        // What was erased of a session, its snapshot and all of its rows say together.
        let reading = (self.read_snapshot(key), self.event_pages(key, 0..=u64::MAX));
        let (snapshot, pages) = try_join(reading.0, reading.1).await?;
        let rows = in_order(&pages)?.into_iter();
        let whole = Stored::whole((key.session, snapshot.as_deref()), rows);
        let events = whole.events_outside(&fences).into_iter();
        Ok(events.filter(|event| seqs.contains(&event.order.seq)).collect())
    }

    pub(super) async fn event_pages(
        &self,
        key: &SessionKey,
        seqs: RangeInclusive<u64>,
    ) -> Result<Vec<QueryRowsResult>, ReadError> {
        let (account, week) = (key.account.as_str(), values::week(key.session.week()));
        let (from, to) = (Number::of(*seqs.start()), Number::of(*seqs.end()));
        let values = (account, week, values::session(key.session), from, to);
        self.pages(&self.statements.read.events, values).await
    }

    pub(super) async fn read_weeks(&self, account: &AccountId) -> Result<Vec<Week>, ReadError> {
        let mut weeks = self.read_all_weeks(account).await?;
        weeks.retain(|week| *week != Week::PERSON);
        Ok(weeks)
    }

    /// The weeks, and that of what persons said where they said something.
    pub(super) async fn read_all_weeks(&self, account: &AccountId) -> Result<Vec<Week>, ReadError> {
        let pages = self.pages(&self.statements.read.weeks, (account.as_str(),)).await?;
        let mut weeks = Vec::new();
        for page in &pages {
            for row in page.rows::<(i32,)>().map_err(misshapen)? {
                weeks.push(values::read_week(row.map_err(misshapen)?.0));
            }
        }
        Ok(weeks)
    }

    pub(super) async fn read_marks(&self, account: &AccountId) -> Result<Vec<Mark>, ReadError> {
        let pages = self.stretch_pages(account, Week::PERSON, Stretch::WHOLE);
        let (pages, fences) = try_join(pages, self.read_fences(account)).await?;
        marks_outside(account, &pages, &fences)
    }

    /// Reads an account's fences, and learns what its next timestamps must be later than.
    pub(super) async fn read_fences(&self, account: &AccountId) -> Result<Vec<Fence>, ReadError> {
        let pages = self.pages(&self.statements.read.fences, (account.as_str(),)).await?;
        let (mut fences, mut floor_us) = (Vec::new(), 0);
        for page in &pages {
            let rows = page.rows::<(&[u8], Option<CqlTimestamp>, Option<i64>)>();
            for row in rows.map_err(misshapen)? {
                let (scope, fenced_at, deleted_us) = row.map_err(misshapen)?;
                floor_us = floor_us.max(deleted_us.unwrap_or(0));
                let scope = <[u8; 16]>::try_from(scope).map_err(|_| strange())?;
                let scope = u128::from_be_bytes(scope);
                let at = fenced_at.map(|CqlTimestamp(ms)| Timestamp::from_ms(ms));
                fences.extend(at.map(|at| Fence { scope, at }));
            }
        }
        self.stamps.learn(account, floor_us);
        Ok(fences)
    }

    pub(super) async fn read_dirty(
        &self,
        slice: Slice,
        window: Window,
    ) -> Result<Vec<SessionKey>, ReadError> {
        let values = (i32::from(slice.number()), window.number().cast_signed());
        let pages = self.pages(&self.statements.read.dirty, values).await?;
        let mut marked = Vec::new();
        for page in &pages {
            for row in page.rows::<(&str, Uuid)>().map_err(misshapen)? {
                let (account, session) = row.map_err(misshapen)?;
                let account = AccountId::new(account).map_err(|_| strange())?;
                marked.push(SessionKey { account, session: values::read_session(session)? });
            }
        }
        Ok(marked)
    }

    pub(super) async fn read_note(&self, name: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let answer = self.rows(&self.statements.read.note, (name,)).await?;
        let note = answer.maybe_first_row::<(Vec<u8>,)>().map_err(misshapen)?;
        Ok(note.map(|(value,)| value))
    }
}

/// What persons said that these fences do not cover.
pub(super) fn marks_outside(
    account: &AccountId,
    pages: &[QueryRowsResult],
    fences: &[Fence],
) -> Result<Vec<Mark>, ReadError> {
    let mut marks = Vec::new();
    for (command, _, body) in week::in_order(pages)? {
        match decode_mark(command, body) {
            Ok(mark) => marks.extend(mark.outside(fences)),
            Err(error) => tracing::warn!(%account, %command, %error, "a mark cannot be read"),
        }
    }
    Ok(marks)
}

/// A row's place and body.
type Row<'p> = (Order, &'p [u8]);

/// The rows of a session, oldest first.
pub(super) fn in_order(pages: &[QueryRowsResult]) -> Result<Vec<Row<'_>>, ReadError> {
    let mut rows = Vec::with_capacity(pages.iter().map(QueryRowsResult::rows_num).sum());
    for page in pages {
        for row in page.rows::<(CqlVarintBorrowed<'_>, &[u8], &[u8])>().map_err(misshapen)? {
            let (seq, fingerprint, body) = row.map_err(misshapen)?;
            rows.push((read_order(&seq, fingerprint)?, body));
        }
    }
    rows.sort_unstable_by_key(|(order, _)| *order);
    Ok(rows)
}
