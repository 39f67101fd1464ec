//! Thresholds as they are configured; what they mean is the matter of the projections.

use std::collections::HashMap;

use serde::Deserialize;
use toml::{Table, Value};

use crate::events::Media;

/// The media that may have thresholds of their own, by the names that facts use.
pub(super) const MEDIA: [&str; 6] = ["movie", "episode", "live", "trailer", "clip", "audio"];

/// Thresholds, and those of each media that has some of its own.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "Table")]
pub struct PolicyConfig {
    /// For titles without a media, and for media that are not below.
    pub default: Thresholds,
    /// Complete: what a media does not say of its own is as above.
    pub by_media: HashMap<Media, Thresholds>,
}

/// What counts as what.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thresholds {
    /// Played so long, a play claims its position.
    pub claim_after_ms: u64,
    /// Finished once this share of the title was reached…
    pub finished_share: f64,
    /// …or with no more than this left…
    pub finished_left_ms: u64,
    /// …in titles longer than this.
    pub finished_left_from_ms: u64,
    /// Played so long, a watch shows in the history.
    pub history_min_ms: u64,
    /// Silent so long while playing, a player is gone.
    pub idle_playing_ms: u64,
    /// Silent so long while paused, a player is gone.
    pub idle_paused_ms: u64,
    /// Plays of one title no further apart are one watch.
    pub join_within_ms: u64,
    /// Resuming starts so much earlier.
    pub rewind_ms: u64,
    /// Unfinished titles are offered to go on with.
    pub in_continue_watching: bool,
}

impl PolicyConfig {
    /// The thresholds of a media.
    pub fn of(&self, media: Option<Media>) -> &Thresholds {
        media.and_then(|media| self.by_media.get(&media)).unwrap_or(&self.default)
    }
}

impl TryFrom<Table> for PolicyConfig {
    type Error = toml::de::Error;

    fn try_from(written: Table) -> Result<Self, toml::de::Error> {
        let (tables, common): (Table, Table) =
            written.into_iter().partition(|(_, value)| value.is_table());
        let mut by_media = HashMap::new();
        for (name, own) in tables {
            let Value::Table(own) = own else { continue };
            let mut all = common.clone();
            all.extend(own);
            by_media.insert(Value::String(name).try_into()?, all.try_into()?);
        }
        Ok(Self { default: common.try_into()?, by_media })
    }
}
