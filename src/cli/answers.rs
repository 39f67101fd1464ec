//! The answers of a server, as far as tables show them. API contract, sections 2 and 3.

use serde::Deserialize;

use crate::events::{DeviceId, Media, SessionId, Timestamp, TitleId};
use crate::projections;

/// A list, and where it goes on.
#[derive(Debug, Deserialize)]
pub(super) struct Items<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<String>,
}

/// A title and what to call it.
#[derive(Debug, Deserialize)]
pub(super) struct Title {
    pub(super) title: TitleId,
    pub(super) name: Option<Box<str>>,
    pub(super) series: Option<Box<str>>,
    pub(super) season: Option<u32>,
    pub(super) episode: Option<u32>,
    pub(super) media: Option<Media>,
}

/// What is playing on an account.
#[derive(Debug, Deserialize)]
pub(super) struct Now {
    pub(super) playing: Vec<Playing>,
}

/// An active session.
#[derive(Debug, Deserialize)]
pub(super) struct Playing {
    pub(super) session: String,
    pub(super) profile: String,
    #[serde(flatten)]
    pub(super) title: Title,
    pub(super) device: Option<String>,
    pub(super) phase: String,
    pub(super) position_ms: u64,
    pub(super) duration_ms: Option<u64>,
    pub(super) last_at: Timestamp,
    #[serde(default)]
    pub(super) version: String,
}

/// Where to go on with a title.
#[derive(Debug, Deserialize)]
pub(super) struct Resume {
    #[serde(flatten)]
    pub(super) title: Title,
    pub(super) position_ms: u64,
    pub(super) resume_at_ms: u64,
    pub(super) duration_ms: Option<u64>,
    pub(super) finished: bool,
    pub(super) times_finished: u32,
    pub(super) moved_at: Timestamp,
    pub(super) session: String,
    pub(super) device: Option<String>,
    #[serde(default)]
    pub(super) alternatives: Vec<Alternative>,
    pub(super) explain: Option<Explain>,
}

/// Another place to go on.
#[derive(Debug, Deserialize)]
pub(super) struct Alternative {
    pub(super) position_ms: u64,
    pub(super) session: String,
    pub(super) device: Option<String>,
    pub(super) moved_at: Timestamp,
}

/// Why a resume point is where it is.
#[derive(Debug, Deserialize)]
pub(super) struct Explain {
    pub(super) decided_by: DecidedBy,
    #[serde(default)]
    pub(super) others: Vec<Candidate>,
}

/// The event that set the position.
#[derive(Debug, Deserialize)]
pub(super) struct DecidedBy {
    pub(super) session: String,
    pub(super) seq: u64,
    pub(super) kind: String,
    pub(super) at: Timestamp,
}

/// A play that did not decide.
#[derive(Debug, Deserialize)]
pub(super) struct Candidate {
    pub(super) session: String,
    pub(super) position_ms: u64,
    pub(super) moved_at: Timestamp,
    pub(super) reason: String,
}

/// One watch of a title.
#[derive(Debug, Deserialize)]
pub(super) struct Watch {
    #[serde(flatten)]
    pub(super) title: Title,
    pub(super) sessions: Vec<SessionId>,
    pub(super) device: Option<DeviceId>,
    pub(super) source: Option<Box<str>>,
    pub(super) started_at: Timestamp,
    pub(super) last_at: Timestamp,
    pub(super) played_ms: u64,
    pub(super) position_ms: u64,
    pub(super) duration_ms: Option<u64>,
    pub(super) finished: bool,
    pub(super) autoplay: bool,
}

impl From<Watch> for projections::Watch {
    fn from(watch: Watch) -> Self {
        let title = watch.title;
        Self {
            title: projections::TitleInfo {
                title: title.title,
                name: title.name,
                series: title.series,
                season: title.season,
                episode: title.episode,
                media: title.media,
            },
            sessions: watch.sessions,
            device: watch.device,
            source: watch.source,
            started_at: watch.started_at,
            last_at: watch.last_at,
            played_ms: watch.played_ms,
            position_ms: watch.position_ms,
            duration_ms: watch.duration_ms,
            finished: watch.finished,
            autoplay: watch.autoplay,
        }
    }
}

/// Everything about one title of one profile.
#[derive(Debug, Deserialize)]
pub(super) struct TitlePage {
    #[serde(flatten)]
    pub(super) title: Title,
    pub(super) finished: bool,
    pub(super) times_finished: u32,
    pub(super) position_ms: u64,
    pub(super) duration_ms: Option<u64>,
    pub(super) share_seen: Option<f64>,
    #[serde(default)]
    pub(super) watched: Vec<(u64, u64)>,
    #[serde(default)]
    pub(super) skipped: Vec<(u64, u64)>,
    #[serde(default)]
    pub(super) approximate: bool,
    pub(super) hidden: bool,
    pub(super) watches: Vec<Watch>,
}

/// Content time played in a day, week or month.
#[derive(Debug, Deserialize)]
pub(super) struct WatchTime {
    pub(super) from: Timestamp,
    pub(super) played_ms: u64,
}

/// A profile that has been seen.
#[derive(Debug, Deserialize)]
pub(super) struct Profile {
    pub(super) profile: String,
    pub(super) last_at: Timestamp,
}

/// What came of a person's command.
#[derive(Debug, Deserialize)]
pub(super) struct Recorded {
    pub(super) recorded: u64,
}

/// What came of an erasure.
#[derive(Debug, Deserialize)]
pub(super) struct Receipt {
    pub(super) receipt: String,
    pub(super) url: Option<String>,
    pub(super) fenced_at: Timestamp,
    pub(super) status: String,
    #[serde(default)]
    pub(super) deleted: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    pub(super) remaining: Vec<serde_json::Value>,
}
