//! What counts as what: applied when reading and nowhere else, so that a change answers the past
//! anew at once.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Playing;
use crate::events::{Media, State, Timestamp};

/// The thresholds of one media class.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// A play that played this long claims the resume point.
    pub claim_after_ms: u64,
    /// Finished when playing reached this share of the title.
    pub finished_share: f64,
    /// In longer titles also when no more than this is left.
    pub finished_left_ms: u64,
    /// How long a title is, for the former to count.
    pub finished_left_from_ms: u64,
    /// A watch shorter than this is not history.
    pub history_min_ms: u64,
    /// A player silent for so long while playing is gone.
    pub idle_playing_ms: u64,
    /// A player silent for so long while paused is gone.
    pub idle_paused_ms: u64,
    /// Plays of a title no further apart than this are one watch.
    pub join_within_ms: u64,
    /// How much earlier to resume.
    pub rewind_ms: u64,
    /// Whether such titles are offered to be continued.
    pub in_continue_watching: bool,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            claim_after_ms: 10_000,
            finished_share: 0.9,
            finished_left_ms: 180_000,
            finished_left_from_ms: 1_800_000,
            history_min_ms: 60_000,
            idle_playing_ms: 90_000,
            idle_paused_ms: 1_800_000,
            join_within_ms: 1_800_000,
            rewind_ms: 5_000,
            in_continue_watching: true,
        }
    }
}

/// The thresholds of every media class.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Of titles whose class is unknown or not named in `by_media`.
    pub otherwise: Thresholds,
    /// Of the classes that differ.
    pub by_media: BTreeMap<Media, Thresholds>,
}

impl Default for Policy {
    fn default() -> Self {
        let passing = Thresholds { in_continue_watching: false, ..Thresholds::default() };
        let passing_media = [Media::Trailer, Media::Clip, Media::Live];
        Self {
            otherwise: Thresholds::default(),
            by_media: passing_media.map(|media| (media, passing.clone())).into(),
        }
    }
}

impl Policy {
    /// The thresholds of a media class.
    pub fn of(&self, media: Option<Media>) -> &Thresholds {
        media.and_then(|media| self.by_media.get(&media)).unwrap_or(&self.otherwise)
    }

    /// The instant at which a session counts as gone if nothing more is heard of it.
    pub fn silent_at(&self, playing: &Playing) -> Timestamp {
        let of = self.of(playing.title.media);
        let ms = if playing.phase == "paused" { of.idle_paused_ms } else { of.idle_playing_ms };
        playing.last_at.plus_ms(i64::try_from(ms).unwrap_or(i64::MAX))
    }

    pub(super) fn of_play(&self, play: &State) -> &Thresholds {
        self.of(play.about.media)
    }

    /// Whether a play may decide where its title is resumed.
    pub(super) fn claims(&self, play: &State) -> bool {
        play.played_ms >= self.of_play(play).claim_after_ms
            || play.seeked
            || play.about.bookmark == Some(true)
    }

    /// Whether a play finished its title.
    pub(super) fn finished(&self, play: &State) -> bool {
        let of = self.of_play(play);
        play.completed
            || play.duration_ms.filter(|ms| *ms > 0).is_some_and(|duration_ms| {
                let is_long = duration_ms > of.finished_left_from_ms;
                reached_share(play.furthest_ms, duration_ms, of.finished_share)
                    || (is_long && play.furthest_ms + of.finished_left_ms >= duration_ms)
            })
    }

    /// Whether a play is going on, as far as anyone can tell.
    pub(super) fn is_active(&self, play: &State, now: Timestamp) -> bool {
        super::playing(play).is_some_and(|playing| self.silent_at(&playing) > now)
    }
}

#[expect(clippy::cast_precision_loss, reason = "positions are at most 2^53")]
fn reached_share(position_ms: u64, duration_ms: u64, share: f64) -> bool {
    position_ms as f64 >= duration_ms as f64 * share
}
