//! What an account's actor remembers between batches; everything in it can be read again from the
//! log.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::decide;
use super::live::Live;
use super::sessions::Sessions;
use crate::actors::Deps;
use crate::actors::erasures::Epoch;
use crate::events::{AccountId, Append, Fence, Phase, ReadError, SessionId, SessionKey, Week};

/// A session whose fold panicked this often is parked.
const FOLD_TRIES: u8 = 2;

/// How many sessions are read at once.
pub(super) const READS: usize = 16;

/// That weeks and fences were read, and as of when the fences are known; see [`Deps::epoch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Woken(Option<Epoch>);

/// Weeks, fences and the sessions of late.
#[derive(Default)]
pub(super) struct Memory {
    woken: Option<Woken>,
    /// Ascending.
    weeks: Vec<Week>,
    pub(super) fences: Vec<Fence>,
    pub(super) sessions: Sessions,
    /// How often the fold of each failing session was tried.
    parked: BTreeMap<SessionId, u8>,
    commands: Option<BTreeSet<SessionId>>,
}

impl Memory {
    /// Whether it is known what was erased, as far as that can be without reading it.
    pub(super) fn is_current(&self, account: &AccountId, deps: &Deps) -> bool {
        self.woken == Some(Woken(deps.epoch(account)))
    }

    /// Reads, once, which weeks are registered, and again what was erased whenever that may have
    /// become more.
    pub(super) async fn wake_account(
        &mut self,
        account: &AccountId,
        deps: &Deps,
    ) -> Result<(), ReadError> {
        let as_of = Woken(deps.epoch(account));
        if self.woken == Some(as_of) {
            return Ok(());
        }
        let fences = deps.log.fences(account).await?;
        if self.woken.is_none() {
            self.weeks = deps.log.weeks(account).await?;
        } else if fences != self.fences {
            self.sessions = Sessions::default();
            self.commands = None;
        }
        self.fences = fences;
        self.woken = Some(as_of);
        Ok(())
    }

    /// Reads those of these sessions that are not here, and says which; a week that holds nothing
    /// holds no session. Other nodes may have registered one since this was woken.
    pub(super) async fn wake_sessions(
        &mut self,
        account: &AccountId,
        sessions: &BTreeSet<SessionId>,
        deps: &Deps,
    ) -> Result<BTreeSet<SessionId>, ReadError> {
        let mut absent = sessions.clone();
        absent.retain(|session| self.sessions.get(*session).is_none());
        if deps.marks() && absent.iter().any(|session| !self.knows_week(session.week())) {
            self.weeks = deps.log.weeks(account).await?;
        }
        absent.retain(|session| self.knows_week(session.week()));
        let reads = stream::iter(&absent).map(|session| read(account, *session, deps));
        let read: Vec<_> = reads.buffer_unordered(READS).try_collect().await?;
        for (session, live) in read {
            self.sessions.insert(session, live);
        }
        Ok(absent)
    }

    /// Reads a session again, whatever is known of it.
    pub(super) async fn read_again(
        &mut self,
        account: &AccountId,
        session: SessionId,
        deps: &Deps,
    ) -> Result<(), ReadError> {
        let (_, mut read) = read(account, session, deps).await?;
        let live = self.sessions.of(session);
        (read.marked, read.is_awaited) = (live.marked, live.is_awaited);
        *live = read;
        Ok(())
    }

    /// True when the week is registered.
    pub(super) fn knows_week(&self, week: Week) -> bool {
        self.weeks.binary_search(&week).is_ok()
    }

    /// Remembers weeks just registered.
    pub(super) fn weeks_registered(&mut self, weeks: &[Week]) {
        for week in weeks {
            if let Err(at) = self.weeks.binary_search(week) {
                self.weeks.reserve_exact(1);
                self.weeks.insert(at, *week);
            }
        }
    }

    /// Reads, unless they are here for certain, the ids of all commands that persons of the account
    /// gave.
    pub(super) async fn wake_commands(
        &mut self,
        account: &AccountId,
        deps: &Deps,
    ) -> Result<(), ReadError> {
        // Another node may have taken one of the same id since.
        if self.commands.is_none() || deps.marks() {
            let marks = deps.log.marks(account).await?;
            self.commands = Some(marks.into_iter().map(|mark| mark.command).collect());
        }
        Ok(())
    }

    /// True when the command was given before.
    pub(super) fn knows_command(&self, command: SessionId) -> bool {
        self.commands.as_ref().is_some_and(|commands| commands.contains(&command))
    }

    /// Remembers a command just given.
    pub(super) fn command_given(&mut self, command: SessionId) {
        if let Some(commands) = &mut self.commands {
            commands.insert(command);
        }
    }

    /// Forgets sessions and commands whose append failed. Some of it may be written, its weeks too.
    pub(super) fn forget(&mut self, touched: &[SessionId]) {
        for session in touched {
            self.sessions.remove(*session);
        }
        self.commands = None;
        self.woken = None;
    }

    /// True when the session's fold failed too often.
    pub(super) fn is_parked(&self, session: SessionId) -> bool {
        self.parked.get(&session).is_some_and(|tries| *tries >= FOLD_TRIES)
    }

    /// Counts a fold that panicked and forgets its half-changed session.
    pub(super) fn fold_failed(&mut self, session: SessionId, deps: &Deps) {
        self.sessions.remove(session);
        *self.parked.entry(session).or_default() += 1;
        deps.parked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    /// Keeps at most `most` sessions: ended ones go first, then those not heard of for longest.
    pub(super) fn trim(&mut self, most: usize) {
        if self.sessions.len() <= most {
            return;
        }
        let mut by_use: Vec<_> = self
            .sessions
            .iter()
            .map(|(session, live)| {
                let state = live.state.as_ref();
                let active = state.is_some_and(|state| !matches!(state.phase, Phase::Ended(_)));
                (active, state.map(|state| state.last.received_at), session)
            })
            .collect();
        by_use.sort_unstable();
        let surplus = self.sessions.len() - most;
        for (_, _, session) in by_use.into_iter().take(surplus) {
            self.sessions.remove(session);
        }
    }

    /// The snapshots that lag, to be written before the actor goes; none where something in them
    /// may be erased by now.
    pub(super) fn farewell(&self, account: &AccountId, deps: &Deps) -> Option<Append> {
        if !self.is_current(account, deps) {
            return None;
        }
        let rows =
            self.sessions.iter().filter_map(|(session, live)| decide::farewell(session, live));
        let mut append = Append::new(account.clone());
        append.snapshots = rows.collect();
        (!append.snapshots.is_empty()).then_some(append)
    }
}

/// A session as the log has it.
async fn read(
    account: &AccountId,
    session: SessionId,
    deps: &Deps,
) -> Result<(SessionId, Live), ReadError> {
    let key = SessionKey { account: account.clone(), session };
    Ok((session, Live::woken(deps.log.session(&key).await?)))
}
