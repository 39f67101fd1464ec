//! What was watched: watches by pages, the one whose position last moved first.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::reader::{Beyond, Rank, Reader, Walk, rank_of};
use super::watches;
use crate::events::{Mark, ProfileId, SessionId, State, Timestamp};
use crate::projections::{AnswerError, HistoryQuery, Items, Policy, Watch};

/// A session lasts at most a day, so a play whose position moved longer before an instant was last
/// heard of before it.
const LONGEST_MS: i64 = 24 * 60 * 60 * 1000;

/// A watch at its place.
pub(super) struct Placed {
    pub(super) rank: Rank,
    pub(super) watch: Watch,
}

/// One page of a profile's history.
pub(super) async fn history(
    reader: &Reader<'_>,
    profile: &ProfileId,
    (query, cursor): (&HistoryQuery, Option<Rank>),
    policy: &Policy,
) -> Result<Items<Watch>, Beyond> {
    let mut told = reader.marks(profile).await?;
    told.retain(|mark| query.title.as_ref().is_none_or(|title| mark.kind.names(title)));
    let mut found = told.iter().filter_map(told_watch).collect::<Vec<_>>();
    found.retain(|placed| cursor.is_none_or(|cursor| placed.rank < cursor));
    if let Some(title) = &query.title {
        let plays = reader.plays_of(profile, std::slice::from_ref(title)).await?;
        found.extend(plays.iter().flat_map(|plays| placed(plays, &told, policy)));
        return Ok(page(found, query, cursor, None));
    }
    walk(reader, profile, (query, cursor, found), (&told, policy)).await
}

/// Walks the plays from the newest until a page of watches is certain.
async fn walk(
    reader: &Reader<'_>,
    profile: &ProfileId,
    (query, cursor, mut found): (&HistoryQuery, Option<Rank>, Vec<Placed>),
    (told, policy): (&[Mark], &Policy),
) -> Result<Items<Watch>, Beyond> {
    let mut seen = BTreeSet::new();
    // A watch stands where its newest play does; the place of the cursor is one of those.
    let mut walk = Walk::begin(cursor, query.limit.saturating_add(1));
    loop {
        let mut titles = walk.titles(reader, profile).await?;
        titles.retain(|title| seen.insert(title.clone()));
        for plays in reader.plays_of(profile, &titles).await? {
            found.extend(placed(&plays, told, policy));
        }
        if let Some(page) = page_if_certain(&mut found, query, cursor, walk.below) {
            return Ok(page);
        }
    }
}

fn page_if_certain(
    found: &mut Vec<Placed>,
    query: &HistoryQuery,
    cursor: Option<Rank>,
    below: Option<Rank>,
) -> Option<Items<Watch>> {
    let is_certain = |placed: &&Placed| below.is_none_or(|below| placed.rank >= below);
    let inside = |placed: &&Placed| is_inside(placed, query, cursor);
    let certain = found.iter().filter(is_certain).filter(inside).count();
    let past_from =
        below.zip(query.from).is_some_and(|(below, from)| below.0.since_ms(from) < -LONGEST_MS);
    (below.is_none() || certain > query.limit || past_from)
        .then(|| page(std::mem::take(found), query, cursor, below))
}

fn is_inside(placed: &Placed, query: &HistoryQuery, cursor: Option<Rank>) -> bool {
    let watch = &placed.watch;
    cursor.is_none_or(|cursor| placed.rank < cursor)
        && query.from.is_none_or(|from| watch.last_at >= from)
        && query.to.is_none_or(|to| watch.started_at < to)
}

fn page(
    mut found: Vec<Placed>,
    query: &HistoryQuery,
    cursor: Option<Rank>,
    below: Option<Rank>,
) -> Items<Watch> {
    found.retain(|placed| {
        is_inside(placed, query, cursor) && below.is_none_or(|below| placed.rank >= below)
    });
    found.sort_by_key(|placed| std::cmp::Reverse(placed.rank));
    let more = found.len() > query.limit;
    found.truncate(query.limit);
    let next = found.last().filter(|_| more).map(|placed| write_cursor(placed.rank));
    Items { items: found.into_iter().map(|placed| placed.watch).collect(), next }
}

/// The watches of one title that are history, at their places, as far as these marks leave them
/// finished.
pub(super) fn placed(plays: &[State], marks: &[Mark], policy: &Policy) -> Vec<Placed> {
    let title = plays.iter().find_map(|play| play.about.title.as_ref());
    let unwatched_at = title.and_then(|title| watches::unwatched_at(marks, title));
    let groups = watches::group(plays, policy);
    let kept = groups.iter().filter(|watch| watches::is_history(watch, policy));
    let placed = kept.filter_map(|watch| {
        let rank = watch.iter().map(|play| rank_of(play)).max()?;
        let counts = |play: &State| unwatched_at.is_none_or(|at| play.moved_at() > at);
        let finished = watch.iter().any(|play| policy.finished(play) && counts(play));
        Some(Placed { rank, watch: Watch { finished, ..watches::shape(watch, policy)? } })
    });
    placed.collect()
}

/// A watch that a person told of, at its place.
pub(super) fn told_watch(mark: &Mark) -> Option<Placed> {
    let watch = watches::told(mark)?;
    Some(Placed { rank: (watch.started_at, mark.command), watch })
}

fn write_cursor((at, session): Rank) -> String {
    let bytes = [at.ms().to_be_bytes().as_slice(), session.as_bytes()].concat();
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The place that a cursor stands for.
///
/// # Errors
/// [`AnswerError::Cursor`] when no answer gave it.
pub(super) fn read_cursor(text: &str) -> Result<Rank, AnswerError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| AnswerError::Cursor)?;
    let (at, session) = bytes.split_first_chunk::<8>().ok_or(AnswerError::Cursor)?;
    let session: [u8; 16] = session.try_into().map_err(|_| AnswerError::Cursor)?;
    let session = SessionId::from_bytes(session).map_err(|_| AnswerError::Cursor)?;
    Ok((Timestamp::from_ms(i64::from_be_bytes(*at)), session))
}
