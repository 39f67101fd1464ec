//! Watches: plays of one title that belong together, because the player was reloaded, the network
//! dropped, or two sources reported the same evening.

use std::collections::BTreeMap;

use super::reader::rank_of;
use crate::events::{Mark, MarkKind, State, Timestamp, TitleId};
use crate::projections::{Policy, TitleInfo, Watch};

/// The plays of one title, grouped into watches; each watch begins with its first play.
pub(super) fn group<'p>(plays: &'p [State], policy: &Policy) -> Vec<Vec<&'p State>> {
    let mut sorted: Vec<&State> = plays.iter().collect();
    sorted.sort_by_key(|play| (play.started_at(), play.session));
    let mut watches: Vec<Vec<&State>> = Vec::new();
    let mut end = None;
    for play in sorted {
        let within = i64::try_from(policy.of_play(play).join_within_ms).unwrap_or(i64::MAX);
        let joins = end.is_some_and(|end| play.started_at().since_ms(end) <= within);
        end = end.max(Some(play.last_at()));
        match watches.last_mut().filter(|_| joins) {
            Some(watch) => watch.push(play),
            None => {
                watches.push(vec![play]);
                end = Some(play.last_at());
            }
        }
    }
    watches
}

/// Content time of a watch: what the source that saw most of it saw.
pub(super) fn played_ms(watch: &[&State]) -> u64 {
    by_source(watch).into_values().map(|plays| sum(&plays)).max().unwrap_or(0)
}

/// The plays of the source that saw most of a watch.
pub(super) fn fullest<'p>(watch: &[&'p State]) -> Vec<&'p State> {
    by_source(watch).into_values().max_by_key(|plays| sum(plays)).unwrap_or_default()
}

fn by_source<'p>(watch: &[&'p State]) -> BTreeMap<Option<&'p str>, Vec<&'p State>> {
    let mut sources: BTreeMap<Option<&str>, Vec<&State>> = BTreeMap::new();
    for play in watch {
        sources.entry(play.about.source.as_deref()).or_default().push(play);
    }
    sources
}

fn sum(plays: &[&State]) -> u64 {
    plays.iter().map(|play| play.played_ms).sum()
}

/// Whether a watch is history: long enough, or finished.
pub(super) fn is_history(watch: &[&State], policy: &Policy) -> bool {
    let long_enough = |play: &&State| played_ms(watch) >= policy.of_play(play).history_min_ms;
    watch.first().is_some_and(long_enough) || watch.iter().any(|play| policy.finished(play))
}

/// A watch as answers show it; `None` when there is no play in it.
pub(super) fn shape(watch: &[&State], policy: &Policy) -> Option<Watch> {
    let newest = watch.iter().max_by_key(|play| rank_of(play))?;
    Some(Watch {
        title: TitleInfo::of(newest)?,
        sessions: watch.iter().map(|play| play.session).collect(),
        device: newest.about.device.clone(),
        source: newest.about.source.clone(),
        started_at: watch.iter().map(|play| play.started_at()).min()?,
        last_at: watch.iter().map(|play| play.last_at()).max()?,
        played_ms: played_ms(watch),
        position_ms: newest.position_ms,
        duration_ms: newest.duration_ms.or_else(|| watch.iter().find_map(|play| play.duration_ms)),
        finished: watch.iter().any(|play| policy.finished(play)),
        autoplay: watch.iter().all(|play| play.about.autoplay == Some(true)),
    })
}

/// When a person last left a title as not watched: what was played until then finished nothing.
pub(super) fn unwatched_at(marks: &[Mark], title: &TitleId) -> Option<Timestamp> {
    let resets = marks.iter().filter_map(|mark| {
        let times_finished = match &mark.kind {
            MarkKind::MarkedUnwatched { title: of } if of == title => 0,
            MarkKind::Undone { titles, .. } => {
                titles.iter().find(|restored| restored.title == *title)?.times_finished
            }
            _ => return None,
        };
        Some(((mark.at, mark.command), times_finished))
    });
    let (last, times_finished) = resets.max_by_key(|(rank, _)| *rank)?;
    (times_finished == 0).then_some(last.0)
}

/// A watch that a person told of, with its time; a bare `watched` is no history, since nobody knows
/// when it was.
pub(super) fn told(mark: &Mark) -> Option<Watch> {
    let MarkKind::MarkedWatched { title, watched_at: Some(watched_at) } = &mark.kind else {
        return None;
    };
    Some(Watch {
        title: TitleInfo::bare(title),
        sessions: vec![mark.command],
        device: None,
        source: Some("person".into()),
        started_at: *watched_at,
        last_at: *watched_at,
        played_ms: 0,
        position_ms: 0,
        duration_ms: None,
        finished: true,
        autoplay: false,
    })
}
