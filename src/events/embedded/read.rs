//! Reading. Every read sees one instant of the store, so a session is never seen half compacted.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use fjall::{Iter, Readable, Slice, Snapshot};

use super::keys::{self, Key};
use super::tables::Tables;
use crate::events::codec::{decode_event, decode_mark};
use crate::events::{
    AccountId, Depth, Event, Fence, Mark, ReadError, SessionId, SessionKey, Stored, Timestamp, Week,
};

impl Tables {
    pub(super) fn read_session(&self, key: &SessionKey) -> Result<Option<Stored>, ReadError> {
        let SessionKey { account, session } = key;
        let now = self.db.snapshot();
        let snapshot =
            now.get(&self.snapshots, keys::session(account, *session)).map_err(failed)?;
        let mut stored = Stored::begin(*session, snapshot.as_deref(), Depth::Snapshots);
        let mut found = snapshot.is_some();
        let from = stored.covered().map_or(0, |covered| covered.saturating_add(1));
        let range =
            keys::event_from(account, *session, from)..=keys::event_to(account, *session, u64::MAX);
        for row in rows(now.range(&self.events, range)) {
            let (key, body) = row?;
            let (_, order) = keys::read_event(&key).ok_or_else(strange)?;
            found = true;
            stored.add(order, &body);
        }
        stored.settle();
        Ok(found.then_some(stored))
    }

    pub(super) fn read_events(
        &self,
        key: &SessionKey,
        seqs: RangeInclusive<u64>,
    ) -> Result<Vec<Event>, ReadError> {
        if seqs.is_empty() {
            return Ok(vec![]);
        }
        let SessionKey { account, session } = key;
        let range = keys::event_from(account, *session, *seqs.start())
            ..=keys::event_to(account, *session, *seqs.end());
        let mut events = Vec::new();
        for row in rows(self.db.snapshot().range(&self.events, range)) {
            let (key, body) = row?;
            let (_, order) = keys::read_event(&key).ok_or_else(strange)?;
            events.extend(decode_event(*session, order, &body));
        }
        Ok(events)
    }

    pub(super) fn read_weeks(&self, account: &AccountId) -> Result<Vec<Week>, ReadError> {
        let mut weeks = Vec::new();
        for row in rows(self.db.snapshot().prefix(&self.weeks, keys::account(account))) {
            let week = keys::read_week(&row?.0).ok_or_else(strange)?;
            weeks.extend((week != Week::PERSON).then_some(week));
        }
        Ok(weeks)
    }

    /// One pass over the week's events; where a snapshot covers some of them the pass jumps over
    /// them.
    pub(super) fn read_week(
        &self,
        account: &AccountId,
        week: Week,
        depth: Depth,
    ) -> Result<Vec<Stored>, ReadError> {
        let now = self.db.snapshot();
        let prefix = keys::week(account, week);
        let mut snapshots = self.week_snapshots(&now, prefix.as_ref())?;
        let end = keys::last_event_of(prefix.clone());
        let mut sessions: BTreeMap<SessionId, Stored> = BTreeMap::new();
        let mut events = now.range(&self.events, prefix..=end.clone());
        while let Some(row) = events.next() {
            let (key, body) = row.into_inner().map_err(failed)?;
            let (session, order) = keys::read_event(&key).ok_or_else(strange)?;
            let stored = sessions.entry(session).or_insert_with(|| {
                let snapshot = snapshots.remove(&session);
                Stored::begin(session, snapshot.as_deref(), depth)
            });
            match stored.covered() {
                Some(covered) if order.seq < covered => {
                    let from = keys::event_from(account, session, covered);
                    events = now.range(&self.events, from..=end.clone());
                }
                _ => stored.add(order, &body),
            }
        }
        for (session, body) in snapshots {
            sessions.insert(session, Stored::begin(session, Some(&body), depth));
        }
        let mut sessions: Vec<_> = sessions.into_values().collect();
        sessions.iter_mut().for_each(Stored::settle);
        Ok(sessions)
    }

    fn week_snapshots(
        &self,
        now: &Snapshot,
        week: &[u8],
    ) -> Result<BTreeMap<SessionId, Slice>, ReadError> {
        let snapshots = rows(now.prefix(&self.snapshots, week));
        snapshots
            .map(|row| {
                let (key, body) = row?;
                Ok((keys::read_session(&key).ok_or_else(strange)?, body))
            })
            .collect()
    }

    pub(super) fn read_marks(&self, account: &AccountId) -> Result<Vec<Mark>, ReadError> {
        let mut marks = Vec::new();
        for row in rows(self.db.snapshot().prefix(&self.marks, keys::account(account))) {
            let (key, body) = row?;
            let command = keys::read_session(&key).ok_or_else(strange)?;
            match decode_mark(command, &body) {
                Ok(mark) => marks.push(mark),
                Err(error) => tracing::warn!(%account, %command, %error, "a mark cannot be read"),
            }
        }
        Ok(marks)
    }

    pub(super) fn read_fences(&self, account: &AccountId) -> Result<Vec<Fence>, ReadError> {
        let mut fences = Vec::new();
        for row in rows(self.db.snapshot().prefix(&self.fences, keys::account(account))) {
            let (key, at) = row?;
            let scope = keys::read_scope(&key).ok_or_else(strange)?;
            fences.push(Fence { scope, at: read_instant(&at)? });
        }
        Ok(fences)
    }

    pub(super) fn read_accounts(
        &self,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountId>, ReadError> {
        let now = self.db.snapshot();
        let mut accounts = Vec::new();
        let mut past = after.map(keys::past_account);
        while accounts.len() < limit {
            let from = past.as_ref().map_or(&[][..], Key::as_ref);
            let Some(row) = now.range(&self.weeks, from..).next() else { break };
            let key = row.key().map_err(failed)?;
            let account = keys::read_account(&key).ok_or_else(strange)?;
            past = Some(keys::past_account(&account));
            accounts.push(account);
        }
        Ok(accounts)
    }

    pub(super) fn read_note(&self, name: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let note = self.db.snapshot().get(&self.notes, keys::note(name)).map_err(failed)?;
        Ok(note.map(|note| note.to_vec()))
    }

    /// Keys of the events of a session up to `through`.
    pub(super) fn event_keys(
        &self,
        account: &AccountId,
        session: SessionId,
        through: u64,
    ) -> Result<Vec<Slice>, ReadError> {
        let range =
            keys::event_from(account, session, 0)..=keys::event_to(account, session, through);
        let now = self.db.snapshot();
        now.range(&self.events, range).map(|row| row.key().map_err(failed)).collect()
    }

    /// Up to when a scope is fenced already.
    pub(super) fn fenced_at(
        &self,
        account: &AccountId,
        scope: u128,
    ) -> Result<Option<Timestamp>, ReadError> {
        let at = self.db.snapshot().get(&self.fences, keys::fence(account, scope));
        at.map_err(failed)?.map(|at| read_instant(&at)).transpose()
    }
}

fn rows(rows: Iter) -> impl Iterator<Item = Result<(Slice, Slice), ReadError>> {
    rows.map(|row| row.into_inner().map_err(failed))
}

fn read_instant(bytes: &[u8]) -> Result<Timestamp, ReadError> {
    let bytes = <[u8; 8]>::try_from(bytes).map_err(|_| strange())?;
    Ok(Timestamp::from_ms(i64::from_be_bytes(bytes)))
}

fn strange() -> ReadError {
    ReadError::Corrupt("a row has a key or value of an unknown shape".to_owned())
}

pub(super) fn failed(error: fjall::Error) -> ReadError {
    match error {
        fjall::Error::Io(error) => ReadError::Unavailable(error.to_string()),
        other => ReadError::Corrupt(other.to_string()),
    }
}
