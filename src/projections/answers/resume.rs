//! Where to go on: resume points and continue watching.

use std::collections::BTreeSet;

use super::reader::{Beyond, Rank, Reader, Walk};
use super::story::{Claim, Story};
use crate::events::{Mark, ProfileId, TitleId};
use crate::projections::{Alternative, Policy, Resume};

/// How many other claims an answer offers.
const ALTERNATIVES_MAX: usize = 3;

/// The stories of titles, in their order.
pub(super) async fn stories<'a>(
    reader: &Reader<'_>,
    profile: &ProfileId,
    titles: &[TitleId],
    policy: &'a Policy,
) -> Result<Vec<Story<'a>>, Beyond> {
    let each = titles.iter().zip(reader.told_of(profile, titles).await?);
    let story =
        |(title, (plays, marks)): (&TitleId, _)| Story::of(title.clone(), plays, marks, policy);
    Ok(each.map(story).collect())
}

/// The resume point of a title; `None` when nothing claims it.
pub(super) fn resume(story: &Story<'_>, policy: &Policy) -> Option<Resume> {
    let claims = story.claims();
    let (deciding, others) = claims.split_first()?;
    let title = story.info();
    let finished = story.is_finished_by(deciding);
    let rewind_ms = policy.of(title.media).rewind_ms;
    Some(Resume {
        position_ms: deciding.position_ms,
        resume_at_ms: if finished { 0 } else { deciding.position_ms.saturating_sub(rewind_ms) },
        duration_ms: deciding.play.and_then(|play| play.duration_ms).or(story.duration_ms()),
        finished,
        times_finished: story.times_finished(),
        moved_at: deciding.rank.0,
        session: deciding.rank.1,
        device: deciding.play.and_then(|play| play.about.device.clone()),
        alternatives: others.iter().take(ALTERNATIVES_MAX).map(alternative).collect(),
        explain: None,
        title,
    })
}

fn alternative(claim: &Claim<'_>) -> Alternative {
    Alternative {
        position_ms: claim.position_ms,
        session: claim.rank.1,
        device: claim.play.and_then(|play| play.about.device.clone()),
        moved_at: claim.rank.0,
    }
}

/// What a person may want to go on with, newest first.
pub(super) async fn continue_watching(
    reader: &Reader<'_>,
    profile: &ProfileId,
    limit: usize,
    policy: &Policy,
) -> Result<Vec<Resume>, Beyond> {
    let mut seen = BTreeSet::new();
    let mut items: Vec<Resume> = Vec::new();
    let spoken_of: Vec<TitleId> = reader.marks(profile).await?.iter().flat_map(titles_of).collect();
    add(reader, profile, policy, (spoken_of, &mut seen, &mut items)).await?;
    // Some are finished, or played again.
    let mut walk = Walk::begin(None, limit.saturating_mul(2));
    loop {
        let titles = walk.titles(reader, profile).await?;
        add(reader, profile, policy, (titles, &mut seen, &mut items)).await?;
        let below = walk.below;
        items.sort_by_key(|item| std::cmp::Reverse(place(item)));
        let settled =
            items.iter().take_while(|item| below.is_none_or(|below| place(item) >= below));
        if below.is_none() || settled.count() >= limit {
            items.truncate(limit);
            return Ok(items);
        }
    }
}

async fn add(
    reader: &Reader<'_>,
    profile: &ProfileId,
    policy: &Policy,
    (mut titles, seen, items): (Vec<TitleId>, &mut BTreeSet<TitleId>, &mut Vec<Resume>),
) -> Result<(), Beyond> {
    titles.retain(|title| seen.insert(title.clone()));
    if titles.is_empty() {
        return Ok(());
    }
    for story in stories(reader, profile, &titles, policy).await? {
        let offered = policy.of(story.info().media).in_continue_watching && !story.is_hidden();
        let resume = resume(&story, policy).filter(|resume| offered && !resume.finished);
        items.extend(resume);
    }
    Ok(())
}

fn place(item: &Resume) -> Rank {
    (item.moved_at, item.session)
}

fn titles_of(mark: &Mark) -> Vec<TitleId> {
    use crate::events::MarkKind::{
        MarkedUnwatched, MarkedWatched, PositionSet, TitleHidden, TitleShown, Undone,
    };
    match &mark.kind {
        PositionSet { title, .. } => vec![title.clone()],
        Undone { titles, .. } => titles.iter().map(|restored| restored.title.clone()).collect(),
        // What these speak of is continued only if it was played, and then its plays are found.
        TitleHidden { .. } | TitleShown { .. } | MarkedWatched { .. } | MarkedUnwatched { .. } => {
            vec![]
        }
    }
}
