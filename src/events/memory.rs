//! The whole contract of the log in one process' memory: for tests, simulations and trying things
//! out.
//!
//! Rows are kept encoded, so that whatever passes here passes the codec too. Dirty marks go once
//! they are ten days older than the newest. Nothing survives the process.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, RangeInclusive};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::codec::{decode_mark, encode_found, encode_mark};
use super::erased::{Left, Leftovers, may_concern};
use super::{
    AccountId, AccountRange, Append, AppendError, Compacted, Depth, Erased, Event, EventLog, Fence,
    Gone, Health, Mark, Order, ReadError, SessionId, SessionKey, Slice, Stored, Timestamp, Week,
    Window,
};

/// A log in memory.
#[derive(Debug, Default)]
pub struct MemoryLog(Mutex<Tables>);

#[derive(Debug, Default)]
struct Tables {
    accounts: BTreeMap<AccountId, Account>,
    notes: BTreeMap<String, Vec<u8>>,
    dirty: BTreeMap<(Window, Slice), Marked>,
}

type Marked = BTreeSet<(AccountId, SessionId)>;

#[derive(Debug, Default)]
struct Account {
    weeks: BTreeSet<Week>,
    partitions: BTreeMap<Week, BTreeMap<SessionId, Rows>>,
    marks: BTreeMap<SessionId, Vec<u8>>,
    fences: BTreeMap<u128, Timestamp>,
}

#[derive(Debug, Default)]
struct Rows {
    snapshot: Option<Vec<u8>>,
    events: BTreeMap<Order, Vec<u8>>,
}

impl Rows {
    fn stored(&self, session: SessionId, depth: Depth, fences: &[Fence]) -> Option<Stored> {
        let mut stored = Stored::begin(session, self.snapshot.as_deref(), depth);
        stored.drop_fenced_snapshot(fences);
        self.events.iter().for_each(|(order, body)| stored.add(*order, body));
        stored.outside(fences)
    }

    fn purge(&mut self, session: SessionId, fences: &[Fence]) -> Leftovers {
        let rows = self.events.iter().map(|(order, body)| (*order, body.as_slice()));
        let gone = Leftovers::of((session, self.snapshot.as_deref()), rows, fences);
        self.events.retain(|order, _| !gone.rows.contains(order));
        if gone.snapshot {
            self.snapshot = Some(encode_found());
        }
        gone
    }
}

impl Account {
    fn rows(&self, session: SessionId) -> Option<&Rows> {
        self.partitions.get(&session.week())?.get(&session)
    }

    fn fences(&self) -> Vec<Fence> {
        self.fences.iter().map(|(scope, at)| Fence { scope: *scope, at: *at }).collect()
    }

    fn purge(&mut self, session: SessionId) -> bool {
        let fences = self.fences();
        if !may_concern(&fences, session) {
            return false;
        }
        let rows = self.partitions.get_mut(&session.week()).and_then(|week| week.get_mut(&session));
        match rows.map_or(Left::NothingWas, |rows| rows.purge(session, &fences).left) {
            Left::NothingWas => self.purge_mark(session, &fences),
            Left::Nothing => self.take(session).is_some(),
            Left::Facts { was_erased } => was_erased,
        }
    }

    fn purge_mark(&mut self, command: SessionId, fences: &[Fence]) -> bool {
        let Some(body) = self.marks.get(&command) else { return true };
        let Ok(mark) = decode_mark(command, body) else { return false };
        let left = mark.clone().outside(fences);
        if left.as_ref() == Some(&mark) {
            return false;
        }
        self.marks.remove(&command);
        self.marks.extend(left.map(|left| (command, encode_mark(&left))));
        true
    }

    fn rows_mut(&mut self, session: SessionId) -> &mut Rows {
        self.partitions.entry(session.week()).or_default().entry(session).or_default()
    }

    fn append(&mut self, batch: &Append) {
        self.weeks.extend(&batch.weeks);
        for row in &batch.events {
            self.rows_mut(row.session).events.insert(row.order, row.body.clone());
        }
        for row in &batch.snapshots {
            self.rows_mut(row.session).snapshot = Some(row.body.clone());
        }
        self.marks.extend(batch.marks.iter().map(|mark| (mark.command, encode_mark(mark))));
    }

    fn take(&mut self, session: SessionId) -> Option<Rows> {
        self.partitions.get_mut(&session.week())?.remove(&session)
    }
}

impl Tables {
    fn mark_dirty(&mut self, batch: &Append) {
        let slice = Slice::of(&batch.account);
        for mark in &batch.dirty {
            let marked = self.dirty.entry((mark.window, slice)).or_default();
            marked.insert((batch.account.clone(), mark.session));
        }
        let newest = self.dirty.last_key_value().map_or(0, |((window, _), _)| window.number());
        let oldest = Window::from_number(newest.saturating_sub(Window::KEPT));
        while self.dirty.first_key_value().is_some_and(|((window, _), _)| *window < oldest) {
            self.dirty.pop_first();
        }
    }
}

impl MemoryLog {
    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T: Default>(&self, account: &AccountId, read: impl FnOnce(&Account) -> T) -> T {
        self.tables().accounts.get(account).map(read).unwrap_or_default()
    }

    fn write<T>(&self, account: AccountId, write: impl FnOnce(&mut Account) -> T) -> T {
        write(self.tables().accounts.entry(account).or_default())
    }
}

#[async_trait]
impl EventLog for MemoryLog {
    async fn append_all(&self, group: &[Append]) -> Result<(), AppendError> {
        for batch in group {
            self.tables().mark_dirty(batch);
            if !batch.is_marks_alone() {
                self.write(batch.account.clone(), |account| account.append(batch));
            }
        }
        Ok(())
    }

    fn takes_groups(&self) -> bool {
        true
    }

    async fn session(&self, key: &SessionKey) -> Result<Option<Stored>, ReadError> {
        Ok(self.read(&key.account, |account| {
            account.rows(key.session)?.stored(key.session, Depth::Snapshots, &account.fences())
        }))
    }

    async fn events(
        &self,
        key: &SessionKey,
        seqs: RangeInclusive<u64>,
    ) -> Result<Vec<Event>, ReadError> {
        let events = self.read(&key.account, |account| {
            let rows = account.rows(key.session)?;
            let events = rows.events.iter().map(|(order, body)| (*order, body.as_slice()));
            let whole = Stored::whole((key.session, rows.snapshot.as_deref()), events);
            Some(whole.events_outside(&account.fences()))
        });
        let events = events.into_iter().flatten();
        Ok(events.filter(|event| seqs.contains(&event.order.seq)).collect())
    }

    async fn weeks(&self, account: &AccountId) -> Result<Vec<Week>, ReadError> {
        Ok(self.read(account, |account| {
            account.weeks.iter().copied().filter(|week| *week != Week::PERSON).collect()
        }))
    }

    async fn week(
        &self,
        account: &AccountId,
        week: Week,
        depth: Depth,
    ) -> Result<Vec<Stored>, ReadError> {
        Ok(self.read(account, |account| {
            let sessions = account.partitions.get(&week).into_iter().flatten();
            let fences = account.fences();
            sessions.filter_map(|(session, rows)| rows.stored(*session, depth, &fences)).collect()
        }))
    }

    async fn marks(&self, account: &AccountId) -> Result<Vec<Mark>, ReadError> {
        Ok(self.read(account, |account| {
            let fences = account.fences();
            let marks = account.marks.iter();
            let marks = marks.filter_map(|(command, body)| decode_mark(*command, body).ok());
            marks.filter_map(|mark| mark.outside(&fences)).collect()
        }))
    }

    async fn fences(&self, account: &AccountId) -> Result<Vec<Fence>, ReadError> {
        Ok(self.read(account, Account::fences))
    }

    fn ranges(&self, _parts: usize) -> Vec<AccountRange> {
        vec![AccountRange::ALL]
    }

    async fn accounts(
        &self,
        _range: &AccountRange,
        after: Option<&AccountId>,
        limit: usize,
    ) -> Result<Vec<AccountId>, ReadError> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let tables = self.tables();
        let accounts = tables.accounts.range::<AccountId, _>((start, Bound::Unbounded));
        Ok(accounts.take(limit).map(|(account, _)| account.clone()).collect())
    }

    async fn compact(&self, compacted: Compacted) -> Result<(), AppendError> {
        let Compacted { key, snapshot, through } = compacted;
        self.write(key.account, |account| {
            let rows = account.rows_mut(key.session);
            rows.snapshot = Some(snapshot.body);
            rows.events.retain(|order, _| order.seq > through);
        });
        Ok(())
    }

    async fn erase(&self, erased: Erased) -> Result<Gone, AppendError> {
        Ok(self.write(erased.account, |account| {
            let at = account.fences.entry(erased.fence.scope).or_insert(erased.fence.at);
            *at = erased.fence.at.max(*at);
            for command in erased.marks {
                account.marks.remove(&command);
            }
            for mark in erased.rewritten {
                account.marks.insert(mark.command, encode_mark(&mark));
            }
            let gone = erased.sessions.into_iter().filter_map(|session| account.take(session));
            let none = Gone { events: 0, snapshots: 0, is_everywhere: true };
            gone.fold(none, |gone, rows| Gone {
                events: gone.events + rows.events.len() as u64,
                snapshots: gone.snapshots + u64::from(rows.snapshot.is_some()),
                ..gone
            })
        }))
    }

    async fn purge(&self, key: &SessionKey) -> Result<bool, AppendError> {
        let mut tables = self.tables();
        let account = tables.accounts.get_mut(&key.account);
        Ok(account.is_some_and(|account| account.purge(key.session)))
    }

    fn keeps_dirty_index(&self) -> bool {
        true
    }

    async fn dirty(&self, slice: Slice, window: Window) -> Result<Vec<SessionKey>, ReadError> {
        let tables = self.tables();
        let marked = tables.dirty.get(&(window, slice)).into_iter().flatten();
        let key = |(account, session): &(AccountId, SessionId)| SessionKey {
            account: account.clone(),
            session: *session,
        };
        Ok(marked.map(key).collect())
    }

    async fn note(&self, name: &str) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.tables().notes.get(name).cloned())
    }

    async fn set_note(&self, name: &str, value: Option<&[u8]>) -> Result<(), AppendError> {
        match value {
            Some(value) => self.tables().notes.insert(name.to_owned(), value.to_vec()),
            None => self.tables().notes.remove(name),
        };
        Ok(())
    }

    fn health(&self) -> Health {
        Health { kind: "memory", stopped: None }
    }
}
