//! Answers every question: from the views, or from the log where the views do not reach.
//!
//! Policy is applied here, when reading, and nowhere else. An answer from the log fills the views
//! for the next one.

mod explain;
pub(crate) mod folded;
mod history;
mod reader;
mod resume;
mod story;
mod title;
mod undo;
mod unheard;
mod watch_time;
mod watches;

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::folded::{Folded, fold_and_fill, fold_as_of};
use self::reader::{Beyond, Reader};
use super::shapes::{
    Now, Playing, ProfileSeen, Resume, SessionAnswer, TitleAnswer, Watch, WatchTime,
};
use super::{
    Answer, AnswerError, Freshness, HistoryQuery, Items, Person, Policy, Recorded, Source, Target,
    ViewStore, WatchTimeQuery, When, playing, project,
};
use crate::events::{
    AccountId, Clock, Depth, EventLog, Mark, ProfileId, Restored, SessionId, SessionKey, State,
    Timestamp, TitleId,
};

/// How many answers may wait for their turn to be folded from the log, for each that is.
const WAITING_PER_READ: usize = 32;

/// Answers every question; cheap to clone.
#[derive(Clone)]
pub struct Answers {
    log: Arc<dyn EventLog>,
    views: Arc<dyn ViewStore>,
    policy: Arc<Policy>,
    freshness: Arc<Freshness>,
    clock: Arc<dyn Clock>,
    reads: Reads,
}

/// Bounds what is folded from the log at once, and what waits for it.
#[derive(Clone)]
struct Reads {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
}

impl Reads {
    /// To be held while an account is folded.
    async fn admit(&self) -> Result<[OwnedSemaphorePermit; 2], AnswerError> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned();
        let admitted = admitted.map_err(|_| AnswerError::TooManyReads)?;
        let running = Arc::clone(&self.running).acquire_owned().await;
        Ok([admitted, running.map_err(|_| AnswerError::TooManyReads)?])
    }
}

impl Answers {
    /// Answers from these stores, at most `log_reads_max` from the log at once.
    pub fn new(
        (log, views): (Arc<dyn EventLog>, Arc<dyn ViewStore>),
        policy: Arc<Policy>,
        (freshness, clock): (Arc<Freshness>, Arc<dyn Clock>),
        log_reads_max: usize,
    ) -> Self {
        let running = log_reads_max.max(1);
        let reads = Reads {
            running: Arc::new(Semaphore::new(running)),
            admitted: Arc::new(Semaphore::new(running * (1 + WAITING_PER_READ))),
        };
        Self { log, views, policy, freshness, clock, reads }
    }

    /// What is playing on an account, the session heard of last first.
    pub async fn now(&self, account: &AccountId, when: When) -> Result<Answer<Now>, AnswerError> {
        let now = when.as_of.unwrap_or_else(|| self.clock.now());
        self.ask(account, when, async |reader| {
            let sessions = reader.now().await?;
            let active = sessions.iter().filter(|state| self.policy.is_active(state, now));
            let mut playing: Vec<Playing> = active.filter_map(playing).collect();
            playing.sort_by_key(|one| std::cmp::Reverse((one.last_at, one.session)));
            Ok(Now { playing })
        })
        .await
    }

    /// Where to go on with each of these titles; those without a resume point are left out.
    pub async fn resume(
        &self,
        person: &Person,
        titles: &[TitleId],
        (when, explain): (When, bool),
    ) -> Result<Answer<Items<Resume>>, AnswerError> {
        let mut answer = self
            .ask(&person.account, when, async |reader| {
                let stories =
                    resume::stories(reader, &person.profile, titles, &self.policy).await?;
                let each = stories.iter().filter_map(|story| {
                    let mut found = resume::resume(story, &self.policy)?;
                    found.explain = explain.then(|| explain::explain(story)).flatten();
                    Some(found)
                });
                Ok(Items { items: each.collect(), next: None })
            })
            .await?;
        for found in answer.body.items.iter_mut().filter_map(|item| item.explain.as_mut()) {
            explain::find_event(self.log.as_ref(), &person.account, &mut found.decided_by).await?;
        }
        Ok(answer)
    }

    /// What a person may want to go on with, newest first; finished and hidden titles left out.
    pub async fn continue_watching(
        &self,
        person: &Person,
        limit: usize,
        when: When,
    ) -> Result<Answer<Items<Resume>>, AnswerError> {
        self.ask(&person.account, when, async |reader| {
            let items =
                resume::continue_watching(reader, &person.profile, limit, &self.policy).await?;
            Ok(Items { items, next: None })
        })
        .await
    }

    /// What was watched, last played first.
    pub async fn history(
        &self,
        person: &Person,
        query: &HistoryQuery,
        when: When,
    ) -> Result<Answer<Items<Watch>>, AnswerError> {
        let cursor = query.cursor.as_deref().map(history::read_cursor).transpose()?;
        self.ask(&person.account, when, async |reader| {
            history::history(reader, &person.profile, (query, cursor), &self.policy).await
        })
        .await
    }

    /// Everything about one title; `None` when it was never played, nor told of as if it had been.
    pub async fn title(
        &self,
        person: &Person,
        title: &TitleId,
        when: When,
    ) -> Result<Option<Answer<TitleAnswer>>, AnswerError> {
        let titles = std::slice::from_ref(title);
        let answer = self
            .ask(&person.account, when, async |reader| {
                let stories =
                    resume::stories(reader, &person.profile, titles, &self.policy).await?;
                Ok(stories.first().and_then(|story| title::title(story, &self.policy)))
            })
            .await?;
        known(answer)
    }

    /// How much was watched in each day, week or month.
    pub async fn watch_time(
        &self,
        person: &Person,
        query: &WatchTimeQuery,
        when: When,
    ) -> Result<Answer<Items<WatchTime>>, AnswerError> {
        self.ask(&person.account, when, async |reader| {
            let plays = reader.plays(&person.profile).await?;
            let items = watch_time::watch_time(plays, query, &self.policy);
            Ok(Items { items, next: None })
        })
        .await
    }

    /// The profiles of an account, the one heard of last first.
    pub async fn profiles(
        &self,
        account: &AccountId,
        when: When,
    ) -> Result<Answer<Items<ProfileSeen>>, AnswerError> {
        self.ask(account, when, async |reader| {
            let mut items = Vec::new();
            for profile in reader.profiles().await? {
                let played = reader.newest(&profile).await?;
                let played = played.iter().map(State::last_at);
                let said = reader.marks(&profile).await?;
                // An import of today may bring what was said years ago.
                let said = said.into_iter().map(|mark| mark.at.min(mark.received_at));
                let last_at = played.chain(said).max().unwrap_or_default();
                items.push(ProfileSeen { profile, last_at });
            }
            items.sort_by_key(|seen| std::cmp::Reverse(seen.last_at));
            Ok(Items { items, next: None })
        })
        .await
    }

    /// One session as the log has it; `None` when it has none, or one of nobody.
    pub async fn session(
        &self,
        key: &SessionKey,
    ) -> Result<Option<Answer<SessionAnswer>>, AnswerError> {
        let as_of = self.clock.now();
        let Some(stored) = self.log.session(key).await? else { return Ok(None) };
        let complete = stored.damage.is_none();
        let body = stored.state().as_ref().and_then(SessionAnswer::of);
        known(Answer { body, as_of, stale: false, source: Source::Log, complete })
    }

    /// The profile whose session or command it is; `None` when the log has no such.
    pub async fn owner(&self, key: &SessionKey) -> Result<Option<ProfileId>, AnswerError> {
        if let Some(found) = self.session(key).await? {
            return Ok(Some(found.body.profile));
        }
        let marks = self.log.marks(&key.account).await?;
        let mark = marks.into_iter().find(|mark| mark.command == key.session);
        Ok(mark.map(|mark| mark.profile))
    }

    /// When a person last moved any of these titles or said something of one; a command comes after
    /// that.
    pub async fn newest_moved_at(
        &self,
        person: &Person,
        titles: &[TitleId],
    ) -> Result<Option<Timestamp>, AnswerError> {
        let newest = self
            .ask(&person.account, When::default(), async |reader| {
                let stories =
                    resume::stories(reader, &person.profile, titles, &self.policy).await?;
                Ok(stories.iter().filter_map(story::Story::newest).max().map(|rank| rank.0))
            })
            .await?;
        Ok(newest.body)
    }

    /// How titles stood at an instant: those that changed since, or the one asked for.
    pub async fn restored(
        &self,
        person: &Person,
        since: Timestamp,
        title: Option<&TitleId>,
    ) -> Result<Vec<Restored>, AnswerError> {
        let changed = self
            .ask(&person.account, When::default(), async |reader| {
                undo::changed_since(reader, &person.profile, since).await
            })
            .await?;
        let mut titles: Vec<TitleId> = changed.body.into_iter().collect();
        titles.retain(|changed| title.is_none_or(|title| title == changed));
        if titles.is_empty() {
            return Ok(vec![]);
        }
        let folded = self.folded(&person.account, Some(since)).await?;
        let reader = Reader::Folded(&folded, since);
        undo::standing(&reader, &person.profile, &titles, &self.policy).await
    }

    /// Merges a person's word before its command is answered, so that the next read knows of it.
    pub async fn said(&self, account: &AccountId, mark: &Mark) {
        self.merged(account, &Recorded::Mark(mark)).await;
    }

    /// Whether the views, if they are read, have this.
    async fn merged(&self, account: &AccountId, recorded: &Recorded<'_>) -> bool {
        let entries = project(recorded);
        let merged = self.views.merge(vec![(account.clone(), entries)]).await;
        merged.inspect_err(|error| tracing::debug!(%error, "merged later")).is_ok()
    }

    /// Asks the views, and where they do not reach, the log.
    async fn ask<T>(
        &self,
        account: &AccountId,
        when: When,
        question: impl AsyncFn(&Reader<'_>) -> Result<T, Beyond>,
    ) -> Result<Answer<T>, AnswerError> {
        let is_included = match when.after {
            Some((session, seq)) => self.include(account, session, seq).await?,
            None => true,
        };
        if when.as_of.is_none()
            && is_included
            && let Ok(answer) = self.ask_views(account, &question).await
        {
            return Ok(answer);
        }
        let now = self.clock.now();
        let folded = self.folded(account, when.as_of).await?;
        let body = question(&Reader::Folded(&folded, when.as_of.unwrap_or(now))).await;
        Ok(Answer {
            body: body.map_err(|_: Beyond| AnswerError::Partial)?,
            as_of: when.as_of.map_or(now, |as_of| as_of.min(now)),
            stale: false,
            source: Source::Log,
            complete: folded.complete,
        })
    }

    async fn ask_views<T>(
        &self,
        account: &AccountId,
        question: &impl AsyncFn(&Reader<'_>) -> Result<T, Beyond>,
    ) -> Result<Answer<T>, Beyond> {
        let now = self.clock.now();
        let as_of = self.freshness.as_of(now);
        let body = question(&Reader::Views(self.views.as_ref(), account)).await;
        if matches!(body, Err(Beyond::Damaged)) {
            tracing::warn!(%account, "views that cannot be read are made anew");
            let forgotten = self.views.forget(account).await;
            drop(forgotten.inspect_err(|error| tracing::debug!(%error, "not yet")));
        }
        let body = body?;
        // Only now: they may have been away and come back while they were read.
        if self.may_hold_erased(account).await {
            return Err(Beyond::Reach);
        }
        let stale = Freshness::is_stale(as_of, now);
        Ok(Answer { body, as_of, stale, source: Source::Views, complete: true })
    }

    /// Folds an account from the log. Who hangs up does not stop the fill that others wait for.
    async fn folded(
        &self,
        account: &AccountId,
        as_of: Option<Timestamp>,
    ) -> Result<Arc<Folded>, AnswerError> {
        let admission = self.reads.admit().await?;
        let (this, account) = (self.clone(), account.clone());
        let folding = tokio::spawn(async move {
            let _admission = admission;
            let (log, clock) = (this.log.as_ref(), this.clock.as_ref());
            match as_of {
                Some(as_of) => fold_as_of(log, clock, &account, as_of).await,
                None => {
                    let target = (&account, Target::Live, Depth::Snapshots);
                    fold_and_fill(log, this.views.as_ref(), clock, target).await
                }
            }
        });
        let folded = folding.await.map_err(|_| AnswerError::Partial)?;
        Ok(Arc::new(folded?))
    }

    /// Makes sure that the views have a fact, one session read and merged; false when they may not.
    async fn include(
        &self,
        account: &AccountId,
        session: SessionId,
        seq: u64,
    ) -> Result<bool, AnswerError> {
        let key = SessionKey { account: account.clone(), session };
        let Some(stored) = self.log.session(&key).await? else {
            return self.include_command(account, session).await;
        };
        let state = stored.state().ok_or(AnswerError::After)?;
        if state.seq < seq || state.missing.contains(seq) {
            return Err(AnswerError::After);
        }
        Ok(self.merged(account, &Recorded::Session(&state)).await)
    }
}

impl Answers {
    /// A command is a session of one event.
    async fn include_command(
        &self,
        account: &AccountId,
        command: SessionId,
    ) -> Result<bool, AnswerError> {
        let marks = self.log.marks(account).await?;
        let mark = marks.iter().find(|mark| mark.command == command).ok_or(AnswerError::After)?;
        Ok(self.merged(account, &Recorded::Mark(mark)).await)
    }
}

/// What was not found in a part is not thereby unknown.
fn known<T>(answer: Answer<Option<T>>) -> Result<Option<Answer<T>>, AnswerError> {
    let Answer { body, as_of, stale, source, complete } = answer;
    match body {
        Some(body) => Ok(Some(Answer { body, as_of, stale, source, complete })),
        None if complete => Ok(None),
        None => Err(AnswerError::Partial),
    }
}
