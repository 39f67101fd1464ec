//! What is kept, compared with what its facts say.

mod noted;
mod placed;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::TryStreamExt;
use futures_util::future::try_join_all;

use self::noted::Noted;
use super::{
    Difference, Pages, Progress, Renew, StoresError, account_ranges, count_accounts, patiently,
};
use crate::events::{
    AccountId, AccountRange, Clock, Depth, EventLog, Mark, Part, ReadError, SessionId, SessionKey,
    State, Stored, Week,
};
use crate::projections::answers::folded::fold_and_fill;
use crate::projections::{
    Entry, Found, Recorded, Target, Version, View, ViewError, ViewStore, project,
};

/// How often a difference is looked at again, since signals may be on their way.
const LOOKS: usize = 3;

/// Compares snapshots and views with the facts, of one account or of all, and mends what differs.
/// `settle` waits until what was recorded so far is merged.
///
/// # Errors
/// [`StoresError`]; run again within an hour it goes on from there, with what it had found.
pub async fn verify(
    (log, views, clock): (&dyn EventLog, &dyn ViewStore, &dyn Clock),
    renew: &Renew,
    account: Option<&AccountId>,
    progress: Arc<Progress>,
    settle: impl AsyncFn(),
) -> Result<Vec<Difference>, StoresError> {
    let check = Check { log, views, clock, renew };
    if let Some(account) = account {
        progress.set_total(1);
        let looked = patiently(|| check.account(account, &settle)).await?;
        patiently(|| check.mend(account, &looked)).await?;
        progress.account_done(looked.events);
        return Ok(looked.differences);
    }
    progress.set_total(count_accounts(check.log).await?);
    let ranges = account_ranges(check.log);
    let loops = ranges.iter().map(|range| check.range(range, &progress, &settle));
    let found = try_join_all(loops).await?.into_iter().flatten().collect();
    for range in &ranges {
        noted::forget(check.views, range).await;
    }
    Ok(found)
}

struct Check<'a> {
    log: &'a dyn EventLog,
    views: &'a dyn ViewStore,
    clock: &'a dyn Clock,
    renew: &'a Renew,
}

impl Check<'_> {
    async fn range(
        &self,
        range: &AccountRange,
        progress: &Progress,
        settle: &impl AsyncFn(),
    ) -> Result<Vec<Difference>, StoresError> {
        let mut noted = Noted::of(self.views, range).await;
        let mut pages = Pages::after(self.log, range, noted.through.clone());
        while let Some(page) = pages.next().await? {
            for account in &page {
                let looked = patiently(|| self.account(account, settle)).await?;
                if !looked.differences.is_empty() {
                    // Before it is mended, or nobody would know of it after a crash.
                    noted.add(&looked.differences);
                    noted.keep(self.views, range).await;
                    patiently(|| self.mend(account, &looked)).await?;
                }
                progress.account_done(looked.events);
            }
            noted.through = page.last().cloned();
            noted.keep(self.views, range).await;
        }
        Ok(noted.found)
    }

    /// Folds an account and says what is not as its facts say.
    async fn account(
        &self,
        account: &AccountId,
        settle: &impl AsyncFn(),
    ) -> Result<Looked, StoresError> {
        let mut folded = Folded::default();
        let mut parts = self.log.account(account, Depth::Facts);
        while let Some(part) = parts.try_next().await? {
            match part {
                Part::Marks(marks) => folded.marks = marks,
                Part::Week(week, sessions) => {
                    sessions.into_iter().for_each(|one| folded.take(week, one));
                }
            }
        }
        let Folded { states, marks, events, mut wrong, outdated } = folded;
        let by_log = wrong.len();
        match self.settled((account, (&states, &marks)), settle).await {
            Ok(Compared { lacking, unknown }) => {
                wrong.extend(lacking.iter().map(Lack::told));
                let unknown = self.not_in_the_log(account, unknown).await?;
                let told = |one| (Some(one), "in a view alone".to_owned());
                wrong.extend(unknown.into_iter().map(told));
            }
            Err(error @ ViewError::Damaged(_)) => {
                tracing::warn!(%error, %account, "verifying found views that cannot be read");
                wrong.push((None, "its views cannot be read".to_owned()));
            }
            Err(error) => return Err(error.into()),
        }
        let are_views_wrong = wrong.len() > by_log;
        let different = |(session, what)| Difference { account: account.clone(), session, what };
        let differences = wrong.into_iter().map(different).collect();
        Ok(Looked { events, differences, are_views_wrong, outdated })
    }

    /// Views that are wrong are made anew: what is there in another form, or in the wrong place,
    /// stays so beside any merge.
    async fn mend(&self, account: &AccountId, looked: &Looked) -> Result<(), StoresError> {
        for week in &looked.outdated {
            // Where that fails the next verify finds it again.
            let _ = (self.renew)(account.clone(), *week).await;
        }
        if looked.are_views_wrong {
            self.views.forget(account).await?;
            let target = (account, Target::Live, Depth::Snapshots);
            fold_and_fill(self.log, self.views, self.clock, target).await?;
        }
        Ok(())
    }

    /// What views lack, have wrong, or have beyond that; nothing where the account has no views.
    async fn settled(
        &self,
        (account, (states, marks)): (&AccountId, (&[State], &[Mark])),
        settle: &impl AsyncFn(),
    ) -> Result<Compared, ViewError> {
        let sessions = states.iter().flat_map(|state| project(&Recorded::Session(state)));
        let said = marks.iter().flat_map(|mark| project(&Recorded::Mark(mark)));
        let expected = newest(sessions.chain(said));
        let known = states.iter().map(|state| state.session);
        let known: BTreeSet<_> = known.chain(marks.iter().map(|mark| mark.command)).collect();
        let mut compared = self.compare(account, &expected, &known).await?;
        for _ in 1..LOOKS {
            if compared.lacking.is_empty() && compared.unknown.is_empty() {
                break;
            }
            settle().await;
            let before = compared.unknown;
            compared = self.compare(account, &expected, &known).await?;
            // What an erasure, or another datacentre, is about to put right is not there twice.
            compared.unknown.retain(|one| before.contains(one));
        }
        Ok(compared)
    }

    async fn compare(
        &self,
        account: &AccountId,
        expected: &[Entry],
        known: &BTreeSet<SessionId>,
    ) -> Result<Compared, ViewError> {
        let now = self.clock.now();
        let mut compared = Compared::default();
        let mut by_drawer: BTreeMap<_, Vec<&Entry>> = BTreeMap::new();
        for entry in expected {
            by_drawer.entry((entry.view, entry.scope.clone())).or_default().push(entry);
        }
        for ((view, scope), entries) in by_drawer {
            let queries = placed::queries(view, &scope, &entries);
            let Some(pages) = self.views.read(account, &queries).await? else {
                return Ok(Compared::default());
            };
            let misplaced = placed::wrong(&queries, &pages, &entries);
            compared.lacking.extend(misplaced.map(|entry| Lack::of(entry, Wrong::Misplaced)));
            let Some(page) = pages.into_iter().next() else { continue };
            let found: BTreeMap<_, Found> =
                page.entries.into_iter().map(|found| (found.key.clone(), found)).collect();
            let named = found.values().filter_map(|found| id_of(view, (&found.key, found.version)));
            compared.unknown.extend(named.filter(|id| !known.contains(id)));
            let is_kept = |entry: &&Entry| {
                entry.expires_at.is_none_or(|at| at > now)
                    && entry.rank.is_none_or(|rank| page.floor.is_none_or(|floor| rank > floor))
            };
            for entry in entries.into_iter().filter(is_kept) {
                let what = Wrong::between(entry, found.get(&entry.key));
                compared.lacking.extend(what.map(|what| Lack::of(entry, what)));
            }
        }
        Ok(compared)
    }

    /// Those of which the log has nothing, also by now: they may have been recorded meanwhile.
    async fn not_in_the_log(
        &self,
        account: &AccountId,
        mut unknown: BTreeSet<SessionId>,
    ) -> Result<BTreeSet<SessionId>, ReadError> {
        if unknown.is_empty() {
            return Ok(unknown);
        }
        for mark in self.log.marks(account).await? {
            unknown.remove(&mark.command);
        }
        let mut absent = BTreeSet::new();
        for session in unknown {
            let key = SessionKey { account: account.clone(), session };
            if self.log.session(&key).await?.is_none() {
                absent.insert(session);
            }
        }
        Ok(absent)
    }
}

/// What came of looking at an account, to be mended.
struct Looked {
    events: u64,
    differences: Vec<Difference>,
    are_views_wrong: bool,
    /// Weeks of which a snapshot is wrong.
    outdated: BTreeSet<Week>,
}

/// The views of an account beside its facts.
#[derive(Default)]
struct Compared {
    lacking: Vec<Lack>,
    /// Sessions and commands in the views that the facts did not name.
    unknown: BTreeSet<SessionId>,
}

/// An entry that is not in its view as its facts say.
struct Lack {
    session: Option<SessionId>,
    view: View,
    what: Wrong,
}

impl Lack {
    fn of(entry: &Entry, what: Wrong) -> Self {
        let session = id_of(entry.view, (&entry.key, entry.version));
        Self { session, view: entry.view, what }
    }

    fn told(&self) -> (Option<SessionId>, String) {
        (self.session, format!("{} in the view {}", self.what.words(), self.view.0))
    }
}

/// What is wrong with an entry of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Missing,
    Behind,
    Other,
    Misplaced,
}

impl Wrong {
    fn between(entry: &Entry, found: Option<&Found>) -> Option<Self> {
        match found {
            None => Some(Self::Missing),
            Some(found) if found.version < entry.version => Some(Self::Behind),
            Some(found) if found.version == entry.version && found.value != entry.value => {
                Some(Self::Other)
            }
            Some(_) => None,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Behind => "behind",
            Self::Other => "not what its facts say",
            Self::Misplaced => "not where it is looked for",
        }
    }
}

/// An account by its facts, and what of its log is wrong.
#[derive(Default)]
struct Folded {
    states: Vec<State>,
    marks: Vec<Mark>,
    events: u64,
    wrong: Vec<(Option<SessionId>, String)>,
    /// Weeks of which a snapshot is wrong.
    outdated: BTreeSet<Week>,
}

impl Folded {
    fn take(&mut self, week: Week, facts: Stored) {
        let session = Some(facts.session);
        self.events += facts.events.len() as u64;
        if let Some(damage) = &facts.damage {
            let what = format!("{} rows cannot be read: {}", damage.rows, damage.first);
            self.wrong.push((session, what));
        }
        let is_partial = facts.damage.is_some() || facts.lacks_rows();
        let by_snapshot = facts.by_snapshot();
        let state = facts.state();
        let is_other = |kept: State| state.as_ref().is_none_or(|state| !kept.is_alike(state));
        if by_snapshot.is_some_and(is_other) {
            self.wrong.push((session, "its snapshot is not what its facts say".to_owned()));
            self.outdated.extend((!is_partial).then_some(week));
        }
        self.states.extend(state);
    }
}

/// Of entries with one key the one that a merge would leave.
fn newest(entries: impl Iterator<Item = Entry>) -> Vec<Entry> {
    let mut kept: BTreeMap<_, Entry> = BTreeMap::new();
    for entry in entries {
        let key = (entry.view, entry.scope.clone(), entry.key.clone());
        match kept.get(&key) {
            Some(there) if (there.version, &there.value) >= (entry.version, &entry.value) => {}
            _ => drop(kept.insert(key, entry)),
        }
    }
    kept.into_values().collect()
}

/// The session or command that an entry is of.
fn id_of(view: View, (key, version): (&[u8], Version)) -> Option<SessionId> {
    let bytes = if view == View::MARKS { version.1.to_be_bytes() } else { key.try_into().ok()? };
    SessionId::from_bytes(bytes).ok()
}
