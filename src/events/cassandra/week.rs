//! Reading a week of an account.
//!
//! The snapshots come first; they say how many of the week's rows are covered. The rows are then
//! read in stretches of the partition that leave out what a snapshot covers, where that is more
//! than another request costs: so neither a session of ten thousand facts nor a hundred short ones
//! are slow, and a session without a snapshot is found all the same.

use std::collections::BTreeMap;

use futures_util::future::try_join;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use scylla::response::query_result::QueryRowsResult;
use scylla::value::CqlVarintBorrowed;
use uuid::Uuid;

use super::failed::misshapen;
use super::store::Store;
use super::values::{self, Number, read_order, read_session};
use crate::events::{AccountId, Depth, Fence, Order, ReadError, SessionId, Stored, Week};

/// A request costs as much as reading some forty rows (docs/benchmarks.md), so fewer covered rows
/// than that are read and passed over.
const COVERED_ROWS_MAX: u32 = 40;
/// Requests of one read at once.
const AT_ONCE: usize = 16;

/// A stretch of a partition: after one place, before another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    after: (Uuid, Number),
    before: (Uuid, Number),
}

impl Stretch {
    /// All of it. UUIDs compare by their version first, and sessions are of version 7.
    pub(super) const WHOLE: Self =
        Self { after: (Uuid::nil(), Number::BELOW), before: (Uuid::max(), Number::BELOW) };

    /// One session's rows.
    pub(super) fn of(session: SessionId) -> Self {
        let session = values::session(session);
        let after_it = Uuid::from_u128(session.as_u128().saturating_add(1));
        Self { after: (session, Number::BELOW), before: (after_it, Number::BELOW) }
    }
}

impl Store {
    pub(super) async fn read_week(
        &self,
        account: &AccountId,
        week: Week,
        depth: Depth,
    ) -> Result<Vec<Stored>, ReadError> {
        let reading = (self.read_snapshots(account, week, depth), self.read_fences(account));
        let (sessions, fences) = try_join(reading.0, reading.1).await?;
        self.with_rows((account, week, depth), sessions, &fences).await
    }

    /// The same, of an account whose fences are known.
    pub(super) async fn read_week_outside(
        &self,
        (account, week, depth): (&AccountId, Week, Depth),
        fences: &[Fence],
    ) -> Result<Vec<Stored>, ReadError> {
        let sessions = self.read_snapshots(account, week, depth).await?;
        self.with_rows((account, week, depth), sessions, fences).await
    }

    /// Sessions by their snapshots, and the week's rows above these, less what fences cover.
    async fn with_rows(
        &self,
        (account, week, depth): (&AccountId, Week, Depth),
        mut sessions: BTreeMap<SessionId, Stored>,
        fences: &[Fence],
    ) -> Result<Vec<Stored>, ReadError> {
        sessions.values_mut().for_each(|stored| stored.drop_fenced_snapshot(fences));
        let stretches = stretches(&sessions).into_iter();
        let reads: Vec<_> =
            stretches.map(|stretch| self.stretch_pages(account, week, stretch)).collect();
        let pages: Vec<_> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        let pages: Vec<_> = pages.into_iter().flatten().collect();
        for (session, order, body) in in_order(&pages)? {
            let stored = sessions.entry(session);
            stored.or_insert_with(|| Stored::begin(session, None, depth)).add(order, body);
        }
        Ok(sessions.into_values().filter_map(|stored| stored.outside(fences)).collect())
    }

    /// The sessions that have a snapshot, before their first event.
    async fn read_snapshots(
        &self,
        account: &AccountId,
        week: Week,
        depth: Depth,
    ) -> Result<BTreeMap<SessionId, Stored>, ReadError> {
        let values = (account.as_str(), values::week(week));
        let pages = self.pages(&self.statements.read.week_snapshots, values).await?;
        let mut sessions = BTreeMap::new();
        for page in &pages {
            for row in page.rows::<(Uuid, &[u8])>().map_err(misshapen)? {
                let (session, body) = row.map_err(misshapen)?;
                let session = read_session(session)?;
                sessions.insert(session, Stored::begin(session, Some(body), depth));
            }
        }
        Ok(sessions)
    }

    /// The rows of a stretch of a partition.
    pub(super) async fn stretch_pages(
        &self,
        account: &AccountId,
        week: Week,
        stretch: Stretch,
    ) -> Result<Vec<QueryRowsResult>, ReadError> {
        let Stretch { after, before } = stretch;
        let (account, week) = (account.as_str(), values::week(week));
        let values = (account, week, after.0, after.1, before.0, before.1);
        self.pages(&self.statements.read.week_events, values).await
    }
}

/// The partition less what the snapshots cover, cut where that is worth it.
fn stretches(sessions: &BTreeMap<SessionId, Stored>) -> Vec<Stretch> {
    let mut stretches = Vec::new();
    let mut rest = Stretch::WHOLE;
    for (session, stored) in sessions {
        let Some(covered) = covered_rows(stored) else { continue };
        let session = values::session(*session);
        stretches.push(Stretch { before: (session, Number::of(0)), ..rest });
        rest.after = (session, Number::of(covered));
    }
    stretches.push(rest);
    stretches
}

/// Up to where a session's rows are not worth reading, because its snapshot covers many.
fn covered_rows(stored: &Stored) -> Option<u64> {
    let state = stored.snapshot.as_ref()?;
    // Of a compacted session there are none to pass over.
    let is_worth_it = state.compacted_through.is_none() && state.facts > COVERED_ROWS_MAX;
    is_worth_it.then_some(state.seq)
}

/// A row's session, place and body.
type Row<'p> = (SessionId, Order, &'p [u8]);

/// Rows of a partition by session, each oldest first.
pub(super) fn in_order(pages: &[QueryRowsResult]) -> Result<Vec<Row<'_>>, ReadError> {
    let mut rows = Vec::with_capacity(pages.iter().map(QueryRowsResult::rows_num).sum());
    for page in pages {
        let found = page.rows::<(Uuid, CqlVarintBorrowed<'_>, &[u8], &[u8])>();
        for row in found.map_err(misshapen)? {
            let (session, seq, fingerprint, body) = row.map_err(misshapen)?;
            rows.push((read_session(session)?, read_order(&seq, fingerprint)?, body));
        }
    }
    rows.sort_unstable_by_key(|(session, order, _)| (*session, *order));
    Ok(rows)
}
