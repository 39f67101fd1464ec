//! Taking away what a node wrote that had not heard of an erasure: row by row, so that what players
//! report at the same time stays.

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};

use super::failed::{together, unread};
use super::read::in_order;
use super::store::Store;
use super::values::{self, Number};
use super::week::{self, Stretch};
use crate::events::codec::{decode_mark, encode_found};
use crate::events::erased::{Left, Leftovers, may_concern};
use crate::events::{
    AccountId, AppendError, Fence, Order, ReadError, SessionId, SessionKey, SnapshotRow, Week,
};

/// Rows that are deleted at once.
const AT_ONCE: usize = 16;

impl Store {
    /// Takes away what the fences cover of a session or a command; whether they cover any of it, or
    /// it is gone.
    pub(super) async fn purge(&self, key: &SessionKey) -> Result<bool, AppendError> {
        let fences = self.read_fences(&key.account).await.map_err(unread)?;
        if !may_concern(&fences, key.session) {
            return Ok(false);
        }
        match self.purge_session(key, &fences).await? {
            Left::NothingWas => self.purge_mark(key, &fences).await,
            Left::Nothing => Ok(true),
            Left::Facts { was_erased } => Ok(was_erased),
        }
    }

    async fn purge_session(&self, key: &SessionKey, fences: &[Fence]) -> Result<Left, AppendError> {
        let gone = self.leftovers(key, fences).await.map_err(unread)?;
        if gone.rows.is_empty() && !gone.snapshot {
            return Ok(gone.left);
        }
        let SessionKey { account, session } = key;
        let at_us = self.later_than_all_of(key, session.week()).await?;
        let deletes: Vec<_> = gone
            .rows
            .iter()
            .map(|order| self.delete_event((account, session.week()), (*session, *order), at_us))
            .collect();
        together(stream::iter(deletes).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await)?;
        if gone.left == Left::Nothing {
            let place = (account.as_str(), values::week(session.week()));
            let values = (at_us, place.0, place.1, values::session(*session));
            self.put(self.execute(&self.statements.delete.snapshot, values)).await?;
        } else if gone.snapshot {
            let found = SnapshotRow { session: *session, body: encode_found() };
            self.put_snapshot(account, &found, at_us).await?;
        }
        Ok(gone.left)
    }

    async fn leftovers(&self, key: &SessionKey, fences: &[Fence]) -> Result<Leftovers, ReadError> {
        let snapshot = self.read_snapshot(key).await?;
        let pages = self.event_pages(key, 0..=u64::MAX).await?;
        let rows = in_order(&pages)?.into_iter();
        Ok(Leftovers::of((key.session, snapshot.as_deref()), rows, fences))
    }

    async fn purge_mark(&self, key: &SessionKey, fences: &[Fence]) -> Result<bool, AppendError> {
        let SessionKey { account, session } = key;
        let pages = self.stretch_pages(account, Week::PERSON, Stretch::of(*session)).await;
        let pages = pages.map_err(unread)?;
        let rows = week::in_order(&pages).map_err(unread)?;
        let is_gone = rows.is_empty();
        let readable = rows.into_iter().filter_map(|(command, order, body)| {
            let mark = decode_mark(command, body).ok()?;
            let left = mark.clone().outside(fences);
            (left.as_ref() != Some(&mark)).then_some((order, left))
        });
        let erased: Vec<_> = readable.collect();
        if erased.is_empty() {
            return Ok(is_gone);
        }
        let at_us = self.later_than_all_of(key, Week::PERSON).await?;
        let purges = erased.into_iter().map(async |(order, left)| match left {
            Some(left) => self.put_mark(account, &left, at_us).await,
            None => self.delete_event((account, Week::PERSON), (*session, order), at_us).await,
        });
        together(join_all(purges).await)?;
        Ok(true)
    }

    async fn delete_event(
        &self,
        (account, week): (&AccountId, Week),
        (session, order): (SessionId, Order),
        at_us: i64,
    ) -> Result<(), AppendError> {
        let place = (account.as_str(), values::week(week), values::session(session));
        let (seq, fingerprint) = (Number::of(order.seq), order.fingerprint.to_be_bytes());
        let values = (at_us, place.0, place.1, place.2, seq, fingerprint);
        self.put(self.execute(&self.statements.delete.event, values)).await
    }

    /// A timestamp that is later than whatever the session or command has, also by a clock that is
    /// ahead.
    async fn later_than_all_of(&self, key: &SessionKey, week: Week) -> Result<i64, AppendError> {
        let SessionKey { account, session } = key;
        let there = self.find_events(account, week, *session).await.map_err(unread)?;
        let snapshot_us = self.snapshot_stamp(account, *session).await.map_err(unread)?;
        let newest_us = there.newest_us.max(snapshot_us.unwrap_or(0));
        Ok(self.stamp(account).await?.max(newest_us.saturating_add(1)))
    }
}
