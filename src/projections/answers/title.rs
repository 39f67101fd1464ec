//! Everything about one title of one person.

use super::history::{placed, told_watch};
use super::story::Story;
use crate::events::Intervals;
use crate::projections::{Policy, TitleAnswer};

/// The title's page; `None` when it was never played, nor told of as if it had been.
pub(super) fn title(story: &Story<'_>, policy: &Policy) -> Option<TitleAnswer> {
    let times_finished = story.times_finished();
    if story.plays.is_empty() && story.claims().is_empty() && times_finished == 0 {
        return None;
    }
    let duration_ms = story.duration_ms();
    let stretches = story.plays.iter().flat_map(|play| play.watched.as_slice().iter().copied());
    let watched: Intervals = stretches.collect();
    let furthest_ms = story.plays.iter().map(|play| play.furthest_ms).max().unwrap_or(0);
    let skipped = watched.gaps(duration_ms.unwrap_or(furthest_ms));
    let mut watches = placed(&story.plays, &story.marks, policy);
    watches.extend(story.marks.iter().filter_map(told_watch));
    watches.sort_by_key(|placed| std::cmp::Reverse(placed.rank));
    Some(TitleAnswer {
        title: story.info(),
        finished: times_finished > 0,
        times_finished,
        position_ms: story.claims().first().map_or(0, |claim| claim.position_ms),
        duration_ms,
        share_seen: duration_ms.filter(|ms| *ms > 0).map(|ms| share(watched.total(), ms)),
        skipped: skipped.as_slice().to_vec(),
        watched: watched.as_slice().to_vec(),
        approximate: story.plays.iter().any(|play| play.approximate),
        hidden: story.is_hidden(),
        watches: watches.into_iter().map(|placed| placed.watch).collect(),
    })
}

#[expect(clippy::cast_precision_loss, reason = "positions are at most 2^53")]
fn share(seen_ms: u64, duration_ms: u64) -> f64 {
    (seen_ms as f64 / duration_ms as f64).min(1.0)
}
