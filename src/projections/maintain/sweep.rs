//! The sweep: what was marked as dirty in a window is read again from the log and merged.
//!
//! Where views outlive the process that fills them, a signal may be lost with a process or a
//! connection; the mark is as durable as the event. A window is swept once soon after it closed,
//! and once again hours later, for what other regions and slow nodes wrote late. Merges commute, so
//! two that sweep the same window waste work and nothing else.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::sync::Mutex;

use super::{Progress, StoresError, patiently};
use crate::events::{
    AccountId, Clock, EventLog, Mark, MarkKind, ReadError, SessionKey, Slice, State, Stored,
    Timestamp, Window, fold,
};
use crate::projections::store::CLOCKS_MS;
use crate::projections::{Entry, Position, Recorded, ViewError, ViewStore, project};

/// When a window is looked at for the second time: late hints and other regions have arrived.
const AGAIN_MS: i64 = 4 * 60 * 60 * 1_000;
/// A slice without a position has lost its views too, or never had any: what was filled since then
/// was filled from the log. This far back it is swept all the same.
const UNKNOWN_MS: i64 = 2 * 60 * 60 * 1_000;
/// How many sessions are read at once.
const READS: usize = 16;
/// How many sessions one merge takes.
const MERGE_MAX: usize = 256;
/// How many slices are swept at once.
const SLICES: usize = 16;
/// How long a slice is one sweeper's own.
const LEASE: Duration = Duration::from_secs(60);
/// When a slice is looked at again that another sweeper has, or that is due by this clock alone.
const LATER_MS: i64 = 60_000;

/// Which of its two sweeps a window is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pass {
    /// Soon after it closed: snapshots, and the rows above them.
    First,
    /// Hours later: every row.
    Second,
}

/// What sweeping came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Windows looked at.
    pub windows: u64,
    /// Sessions and commands read and merged.
    pub sessions: u64,
}

/// What is left to sweep of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    /// When the first window began that is not swept.
    pub since: Timestamp,
    /// When to look at the slice again.
    pub look_at: Timestamp,
}

/// What a sweep works on.
pub struct Sweep {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// The views.
    pub views: Arc<dyn ViewStore>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// This sweeper's name among others.
    pub holder: String,
    /// After so long an append is durable or given up.
    pub append_deadline: Duration,
    /// Is told of accounts from which something was erased, perhaps where nobody here heard of it.
    pub tell_erased: TellErased,
}

/// Takes the word that something was erased from an account; must not wait.
pub type TellErased = Box<dyn Fn(&AccountId) + Send + Sync>;

impl Pass {
    /// Both, in their order.
    pub const ALL: [Self; 2] = [Self::First, Self::Second];

    fn position(self) -> Position {
        match self {
            Self::First => Position::Swept,
            Self::Second => Position::SweptAgain,
        }
    }
}

impl Sweep {
    /// When a window of a slice may be swept: what began in it is durable by then, or given up.
    pub fn due_at(&self, pass: Pass, slice: Slice, window: Window) -> Timestamp {
        window.ends_at(slice).plus_ms(self.delay_ms(pass))
    }

    fn delay_ms(&self, pass: Pass) -> i64 {
        match pass {
            Pass::First => {
                let deadline_ms = i64::try_from(self.append_deadline.as_millis());
                CLOCKS_MS.saturating_add(deadline_ms.unwrap_or(CLOCKS_MS))
            }
            Pass::Second => AGAIN_MS,
        }
    }

    /// Sweeps every window of a slice that is due. Nothing is done while another sweeper has the
    /// slice, nor ahead of the clock that sweepers share.
    ///
    /// # Errors
    /// [`StoresError`]; what was swept until then need not be done again.
    pub async fn slice(&self, slice: Slice, pass: Pass) -> Result<(Swept, Rest), StoresError> {
        let mut swept = Swept::default();
        let mut window = self.next_window(slice, pass).await?;
        let name = format!("sweep:{}:{pass:?}", slice.number());
        while self.due_at(pass, slice, window) <= self.clock.now() {
            if !self.may_sweep(&name, self.due_at(pass, slice, window)).await? {
                let look_at = self.clock.now().plus_ms(LATER_MS);
                return Ok((swept, Rest { since: window.begins_at(slice), look_at }));
            }
            swept.sessions += self.window(slice, window, pass).await?;
            swept.windows += 1;
            self.views.advance(slice, pass.position(), window.ends_at(slice)).await?;
            window = window.next();
        }
        if swept.windows > 0 {
            self.views.release(&name, &self.holder).await?;
        }
        let look_at = self.due_at(pass, slice, window);
        Ok((swept, Rest { since: window.begins_at(slice), look_at }))
    }

    /// False while another sweeper has the slice, or only this node's clock says that it is due.
    async fn may_sweep(&self, lease: &str, due_at: Timestamp) -> Result<bool, ViewError> {
        Ok(self.views.has_come(due_at).await?
            && self.views.lease(lease, &self.holder, LEASE).await?)
    }

    /// Sweeps every window of a slice from an instant on, whatever was swept before and also what
    /// is still open, by any node's clock; positions stay.
    ///
    /// # Errors
    /// [`StoresError`].
    pub async fn since(
        &self,
        slice: Slice,
        from: Timestamp,
        pass: Pass,
    ) -> Result<Swept, StoresError> {
        let mut swept = Swept::default();
        let until = self.clock.now().plus_ms(CLOCKS_MS);
        let (mut window, last) = (Window::at(slice, from), Window::at(slice, until));
        while window <= last {
            swept.sessions += self.window(slice, window, pass).await?;
            swept.windows += 1;
            window = window.next();
        }
        Ok(swept)
    }

    /// Sweeps every slice like that. `progress` hears of each of them, and how much it had.
    ///
    /// # Errors
    /// [`StoresError`]; stores that are away for a moment are waited for.
    pub async fn all_since(
        &self,
        from: Timestamp,
        pass: Pass,
        progress: &Progress,
    ) -> Result<(), StoresError> {
        let swept = stream::iter(Slice::all())
            .map(|slice| patiently(move || self.since(slice, from, pass)))
            .buffer_unordered(SLICES);
        swept
            .try_for_each(|swept| async move {
                progress.account_done(swept.sessions);
                Ok(())
            })
            .await
    }

    async fn next_window(&self, slice: Slice, pass: Pass) -> Result<Window, ViewError> {
        let position = self.views.position(slice, pass.position()).await?;
        let unknown = || self.clock.now().plus_ms(-self.delay_ms(pass) - UNKNOWN_MS);
        Ok(Window::at(slice, position.unwrap_or_else(unknown)))
    }

    async fn window(&self, slice: Slice, window: Window, pass: Pass) -> Result<u64, StoresError> {
        let marked = self.log.dirty(slice, window).await?;
        let known = Known::default();
        let mut swept = 0;
        for some in marked.chunks(MERGE_MAX) {
            let read = stream::iter(some)
                .map(|key| self.entries(key, pass, &known))
                .buffer_unordered(READS);
            let batch: Vec<(AccountId, Vec<Entry>)> = read.try_collect().await?;
            swept += batch.len() as u64;
            self.views.merge(batch).await?;
        }
        Ok(swept)
    }

    async fn entries(
        &self,
        key: &SessionKey,
        pass: Pass,
        known: &Known,
    ) -> Result<(AccountId, Vec<Entry>), StoresError> {
        let account = key.account.clone();
        let is_fenced = known.is_fenced(self.log.as_ref(), &account).await?;
        if is_fenced && self.log.purge(key).await? {
            self.make_again(&account, known).await?;
            return Ok((account, vec![]));
        }
        if let Some(stored) = self.log.session(key).await? {
            let state = self.state(key, stored, pass).await?;
            return Ok((account, state.iter().flat_map(entries_of).collect()));
        }
        let mark = known.command(self.log.as_ref(), key).await?;
        // Of an undo a part may be gone, whose entries stay beside any merge.
        let is_whole = |mark: &Mark| !(is_fenced && matches!(mark.kind, MarkKind::Undone { .. }));
        if let Some(mark) = mark.filter(is_whole) {
            return Ok((account, project(&Recorded::Mark(&mark))));
        }
        // Marked and gone, in part or all of it, or never written.
        self.make_again(&account, known).await?;
        Ok((account, vec![]))
    }

    /// Whatever is derived of what was erased goes, once a window; a read fills the rest again.
    async fn make_again(&self, account: &AccountId, known: &Known) -> Result<(), ViewError> {
        if known.is_first_gone(account).await {
            (self.tell_erased)(account);
            self.views.forget(account).await?;
        }
        Ok(())
    }

    async fn state(
        &self,
        key: &SessionKey,
        stored: Stored,
        pass: Pass,
    ) -> Result<Option<State>, StoresError> {
        if let Some(damage) = &stored.damage {
            let SessionKey { account, session } = key;
            let (rows, first) = (damage.rows, &damage.first);
            tracing::error!(%account, %session, rows, %first, "a session is damaged");
        }
        let has_all = match &stored.snapshot {
            Some(state) => state.compacted_through.is_some(),
            None => true,
        };
        if pass == Pass::First || has_all {
            return Ok(stored.state());
        }
        let events = self.log.events(key, 0..=u64::MAX).await?;
        if events.first().is_none_or(|first| first.order.seq > 0) {
            // Compacted, and its snapshot does not say so any more.
            return Ok(stored.state());
        }
        Ok(fold(None, &events))
    }
}

fn entries_of(state: &State) -> Vec<Entry> {
    project(&Recorded::Session(state))
}

/// What is read or done once for each account of a window.
#[derive(Default)]
struct Known {
    /// What persons said.
    commands: Mutex<HashMap<AccountId, Vec<Mark>>>,
    /// Whether anything of it was ever erased.
    fenced: Mutex<HashMap<AccountId, bool>>,
    /// Whose views are forgotten.
    forgotten: Mutex<HashSet<AccountId>>,
}

impl Known {
    /// Whether nothing of the account was found to be gone before.
    async fn is_first_gone(&self, account: &AccountId) -> bool {
        self.forgotten.lock().await.insert(account.clone())
    }

    async fn is_fenced(&self, log: &dyn EventLog, account: &AccountId) -> Result<bool, ReadError> {
        if let Some(is_fenced) = self.fenced.lock().await.get(account) {
            return Ok(*is_fenced);
        }
        let is_fenced = !log.fences(account).await?.is_empty();
        self.fenced.lock().await.insert(account.clone(), is_fenced);
        Ok(is_fenced)
    }

    async fn command(
        &self,
        log: &dyn EventLog,
        key: &SessionKey,
    ) -> Result<Option<Mark>, ReadError> {
        let mut known = self.commands.lock().await;
        if !known.contains_key(&key.account) {
            let marks = log.marks(&key.account).await?;
            known.insert(key.account.clone(), marks);
        }
        let marks = known.get(&key.account).into_iter().flatten();
        Ok(marks.into_iter().find(|mark| mark.command == key.session).cloned())
    }
}
