//! How titles stood at an instant, for a person who wants to go back there.

use std::collections::BTreeSet;

use super::reader::{Beyond, Reader};
use super::resume::{resume, stories};
use crate::events::{ProfileId, Restored, Timestamp, TitleId};
use crate::projections::{AnswerError, Policy};

/// The titles of which anything was played or said after an instant.
pub(super) async fn changed_since(
    reader: &Reader<'_>,
    profile: &ProfileId,
    since: Timestamp,
) -> Result<BTreeSet<TitleId>, Beyond> {
    let plays = reader.plays(profile).await?;
    let later = plays.iter().filter(|play| play.moved_at() > since);
    let mut titles: BTreeSet<_> = later.filter_map(|play| play.about.title.clone()).collect();
    for mark in reader.marks(profile).await?.into_iter().filter(|mark| mark.at > since) {
        use crate::events::MarkKind::{
            MarkedUnwatched, MarkedWatched, PositionSet, TitleHidden, TitleShown, Undone,
        };
        match mark.kind {
            TitleHidden { title }
            | TitleShown { title }
            | MarkedWatched { title, .. }
            | MarkedUnwatched { title }
            | PositionSet { title, .. } => titles.extend([title]),
            Undone { titles: restored, .. } => {
                titles.extend(restored.into_iter().map(|restored| restored.title));
            }
        }
    }
    Ok(titles)
}

/// How each of these titles stands for this reader.
pub(super) async fn standing(
    reader: &Reader<'_>,
    profile: &ProfileId,
    titles: &[TitleId],
    policy: &Policy,
) -> Result<Vec<Restored>, AnswerError> {
    let stories = stories(reader, profile, titles, policy).await;
    let stories = stories.map_err(|_: Beyond| AnswerError::Partial)?;
    let each = stories.iter().map(|story| {
        let resume = resume(story, policy);
        Restored {
            title: story.title.clone(),
            finished: resume.as_ref().is_some_and(|resume| resume.finished),
            position_ms: resume.map(|resume| resume.position_ms),
            times_finished: story.times_finished(),
            hidden: story.is_hidden(),
        }
    });
    Ok(each.collect())
}
