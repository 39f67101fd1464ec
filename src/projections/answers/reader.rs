//! Where an answer is read: the views, or an account folded from the log for this one question.
//!
//! The questions are the same for both, and so is every answer.

use bytes::Bytes;

use super::folded::Folded;
use crate::events::{AccountId, Mark, ProfileId, SessionId, State, Timestamp, TitleId};
use crate::projections::projection::{title_label, title_of};
use crate::projections::{Found, Page, Query, Select, View, ViewError, ViewStore, marks, now};

/// Why views do not answer; the log does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beyond {
    /// They do not reach so far, or are away.
    Reach,
    /// Something in them cannot be read: they are to be made anew.
    Damaged,
}

pub(super) enum Reader<'a> {
    Views(&'a dyn ViewStore, &'a AccountId),
    Folded(&'a Folded, Timestamp),
}

/// The fewest and the most plays that one step of a walk looks at.
const STEP_MIN: usize = 16;
const STEP_MAX: usize = 128;

/// A walk down the plays in the order of (`moved_at`, session), the greatest first, that learns
/// nothing but their titles.
pub(super) struct Walk {
    /// Where the next step begins; none before the first and after the last.
    pub(super) below: Option<Rank>,
    step: usize,
}

impl Walk {
    /// Begins below a place. Looks at as many plays as are `wanted` at first, then at ever more.
    pub(super) fn begin(below: Option<Rank>, wanted: usize) -> Self {
        Self { below, step: wanted.clamp(STEP_MIN, STEP_MAX) }
    }

    /// The titles of the next plays.
    pub(super) async fn titles(
        &mut self,
        reader: &Reader<'_>,
        profile: &ProfileId,
    ) -> Result<Vec<TitleId>, Beyond> {
        let page = reader.ranked(profile, self.below, self.step).await?;
        let is_last = page.entries.len() < self.step;
        if is_last {
            complete(&page)?;
        }
        self.below = page.entries.last().filter(|_| !is_last).map(place).transpose()?;
        self.step = (2 * self.step).min(STEP_MAX);
        let titles = page.entries.iter().map(|found| title_of(&found.label));
        titles.map(|title| title.ok_or(Beyond::Damaged)).collect()
    }
}

/// A place in the order of plays.
pub(super) type Rank = (Timestamp, SessionId);

/// The place of a play.
pub(super) fn rank_of(play: &State) -> Rank {
    (play.moved_at(), play.session)
}

impl Reader<'_> {
    pub(super) async fn now(&self) -> Result<Vec<State>, Beyond> {
        let page = self.page(View::NOW, None, Select::All).await?;
        states(&page.entries)
    }

    pub(super) async fn profiles(&self) -> Result<Vec<ProfileId>, Beyond> {
        let mut profiles = self.scopes(View::PLAYS).await?;
        profiles.extend(self.scopes(View::MARKS).await?);
        profiles.sort();
        profiles.dedup();
        Ok(profiles)
    }

    pub(super) async fn marks(&self, profile: &ProfileId) -> Result<Vec<Mark>, Beyond> {
        let page = self.page(View::MARKS, Some(profile), Select::All).await?;
        marks(&page.entries)
    }

    /// All plays of a profile, in no order.
    pub(super) async fn plays(&self, profile: &ProfileId) -> Result<Vec<State>, Beyond> {
        let page = self.page(View::PLAYS, Some(profile), Select::All).await?;
        complete(&page)?;
        states(&page.entries)
    }

    /// All plays of each title, in no order.
    pub(super) async fn plays_of(
        &self,
        profile: &ProfileId,
        titles: &[TitleId],
    ) -> Result<Vec<Vec<State>>, Beyond> {
        if titles.is_empty() {
            return Ok(vec![]);
        }
        let queries: Vec<Query> = of_titles(View::PLAYS, profile, titles).collect();
        let pages = self.pages(&queries).await?;
        pages.iter().map(|page| complete(page).and_then(|()| states(&page.entries))).collect()
    }

    /// All plays and all marks of each title, of one instant.
    pub(super) async fn told_of(
        &self,
        profile: &ProfileId,
        titles: &[TitleId],
    ) -> Result<Vec<(Vec<State>, Vec<Mark>)>, Beyond> {
        let plays = of_titles(View::PLAYS, profile, titles);
        let queries: Vec<Query> = plays.chain(of_titles(View::MARKS, profile, titles)).collect();
        let pages = self.pages(&queries).await?;
        let (plays, marks) = pages.split_at(titles.len().min(pages.len()));
        let each = plays.iter().zip(marks).map(|(plays, marks)| {
            complete(plays)?;
            Ok((states(&plays.entries)?, self::marks(&marks.entries)?))
        });
        each.collect()
    }

    /// The play whose position moved last.
    pub(super) async fn newest(&self, profile: &ProfileId) -> Result<Option<State>, Beyond> {
        let page = self.ranked(profile, None, 1).await?;
        if page.entries.is_empty() {
            complete(&page)?;
        }
        Ok(states(&page.entries)?.pop())
    }

    /// The newest plays below a place.
    async fn ranked(
        &self,
        profile: &ProfileId,
        below: Option<Rank>,
        limit: usize,
    ) -> Result<Page, Beyond> {
        let below =
            below.map(|(at, session)| (at.ms(), Bytes::copy_from_slice(session.as_bytes())));
        self.page(View::PLAYS, Some(profile), Select::Ranked { below, limit }).await
    }

    async fn page(
        &self,
        view: View,
        profile: Option<&ProfileId>,
        select: Select,
    ) -> Result<Page, Beyond> {
        let pages = self.pages(&[query(view, profile, select)]).await?;
        Ok(pages.into_iter().next().unwrap_or_default())
    }

    async fn pages(&self, queries: &[Query]) -> Result<Vec<Page>, Beyond> {
        match self {
            Self::Views(views, account) => found(views.read(account, queries).await),
            Self::Folded(folded, now) => {
                Ok(queries.iter().map(|query| folded.shelf.find(query, *now)).collect())
            }
        }
    }

    async fn scopes(&self, view: View) -> Result<Vec<ProfileId>, Beyond> {
        match self {
            Self::Views(views, account) => found(views.scopes(account, view).await),
            Self::Folded(folded, _) => Ok(folded.shelf.scopes(view)),
        }
    }
}

/// A view store that does not answer is no reason not to: the log does.
fn found<T>(read: Result<Option<T>, ViewError>) -> Result<T, Beyond> {
    match read {
        Ok(found) => found.ok_or(Beyond::Reach),
        Err(ViewError::Damaged(_)) => Err(Beyond::Damaged),
        Err(error) => {
            tracing::debug!(%error, "views could not be read; the log is asked");
            Err(Beyond::Reach)
        }
    }
}

/// Whatever was dropped for want of room is in the log.
fn complete(page: &Page) -> Result<(), Beyond> {
    page.floor.map_or(Ok(()), |_| Err(Beyond::Reach))
}

/// Everything of each title.
fn of_titles(view: View, profile: &ProfileId, titles: &[TitleId]) -> impl Iterator<Item = Query> {
    let of_title = move |title| query(view, Some(profile), Select::Labelled(title_label(title)));
    titles.iter().map(of_title)
}

fn query(view: View, profile: Option<&ProfileId>, select: Select) -> Query {
    Query { view, scope: profile.cloned(), select }
}

fn states(entries: &[Found]) -> Result<Vec<State>, Beyond> {
    let states = entries.iter().map(|found| now::state_of(&found.key, &found.value));
    states.map(|state| state.ok_or(Beyond::Damaged)).collect()
}

/// As [`rank_of`] the play in it.
fn place(found: &Found) -> Result<Rank, Beyond> {
    let session =
        found.key.as_ref().try_into().ok().and_then(|key| SessionId::from_bytes(key).ok());
    Ok((Timestamp::from_ms(found.rank), session.ok_or(Beyond::Damaged)?))
}

fn marks(entries: &[Found]) -> Result<Vec<Mark>, Beyond> {
    let marks = entries.iter().map(|found| marks::mark_of(found.version, &found.value));
    marks.map(|mark| mark.ok_or(Beyond::Damaged)).collect()
}
