//! The shapes of the answers, as they go over the wire; `docs` and `/openapi.json` are made of
//! them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::events::{
    DeviceId, Media, Phase, ProfileId, Reason, SessionId, State, Timestamp, TitleId,
};

/// What is playing on an account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Now {
    /// Active sessions, the one heard of last first.
    pub playing: Vec<Playing>,
}

/// A title and what to call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct TitleInfo {
    /// The title's id.
    #[schema(value_type = String)]
    pub title: TitleId,
    /// For display.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Box<str>>,
    /// For display.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub series: Option<Box<str>>,
    /// Season number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub season: Option<u32>,
    /// Episode number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub episode: Option<u32>,
    /// What sort of thing it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub media: Option<Media>,
}

impl TitleInfo {
    /// What a session says of its title; `None` when it names none.
    pub(super) fn of(state: &State) -> Option<Self> {
        let about = &state.about;
        Some(Self {
            title: about.title.clone()?,
            name: about.name.clone(),
            series: about.series.clone(),
            season: about.season,
            episode: about.episode,
            media: about.media,
        })
    }

    /// A title of which nothing but its id is known.
    pub(super) fn bare(title: &TitleId) -> Self {
        Self {
            title: title.clone(),
            name: None,
            series: None,
            season: None,
            episode: None,
            media: None,
        }
    }
}

/// An active session.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Playing {
    /// The session.
    #[schema(value_type = String)]
    pub session: SessionId,
    /// Who is watching.
    #[schema(value_type = String)]
    pub profile: ProfileId,
    /// What.
    #[serde(flatten)]
    pub title: TitleInfo,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub device: Option<DeviceId>,
    /// `playing`, `paused` or `stalled`.
    pub phase: &'static str,
    /// Where the playhead was at `last_at`.
    pub position_ms: u64,
    /// How long the title is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// How fast it plays.
    pub rate: f64,
    /// When the position last moved.
    #[schema(value_type = String, format = DateTime)]
    pub moved_at: Timestamp,
    /// When the player was last heard of.
    #[schema(value_type = String, format = DateTime)]
    pub last_at: Timestamp,
    /// Opaque; of two answers about one session the one with the greater version (as text) is
    /// newer.
    pub version: String,
}

/// Where to go on with a title.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Resume {
    /// The title.
    #[serde(flatten)]
    pub title: TitleInfo,
    /// Where it stopped.
    pub position_ms: u64,
    /// Where to start again: a little earlier; 0 when finished.
    pub resume_at_ms: u64,
    /// How long the title is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Whether this play finished it.
    pub finished: bool,
    /// How many plays and marks finished it.
    pub times_finished: u32,
    /// When the position last moved.
    #[schema(value_type = String, format = DateTime)]
    pub moved_at: Timestamp,
    /// The play that decided, or the command that set the position.
    #[schema(value_type = String)]
    pub session: SessionId,
    /// The device of that play.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub device: Option<DeviceId>,
    /// Up to three other claims, newest first.
    pub alternatives: Vec<Alternative>,
    /// Why, when it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explain: Option<Explain>,
}

/// Another place where the viewer may want to go on.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Alternative {
    /// Where.
    pub position_ms: u64,
    /// The play.
    #[schema(value_type = String)]
    pub session: SessionId,
    /// Its device.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub device: Option<DeviceId>,
    /// When its position last moved.
    #[schema(value_type = String, format = DateTime)]
    pub moved_at: Timestamp,
}

/// Why a resume point is where it is.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Explain {
    /// The event that set the position.
    pub decided_by: DecidedBy,
    /// Every play and mark that lost, newest first.
    pub others: Vec<Candidate>,
}

/// The event that set the position.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct DecidedBy {
    /// The session, or the command.
    #[schema(value_type = String)]
    pub session: SessionId,
    /// Its last order key that moved the position; 0 for a command.
    pub seq: u64,
    /// The event's kind.
    pub kind: String,
    /// When it occurred.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A play that did not decide.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Candidate {
    /// The play.
    #[schema(value_type = String)]
    pub session: SessionId,
    /// Where it stopped.
    pub position_ms: u64,
    /// When its position last moved.
    #[schema(value_type = String, format = DateTime)]
    pub moved_at: Timestamp,
    /// Why it lost.
    pub reason: Lost,
}

/// Why a play did not decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lost {
    /// Its position moved before the deciding play's did.
    Older,
    /// It was too short to claim.
    DidNotClaim,
    /// A person's word overrules it.
    Marked,
    /// It was erased.
    Erased,
}

/// One watch: plays of a title that belong together.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Watch {
    /// The title.
    #[serde(flatten)]
    pub title: TitleInfo,
    /// Its plays, oldest first.
    #[schema(value_type = Vec<String>)]
    pub sessions: Vec<SessionId>,
    /// The device of the newest play.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub device: Option<DeviceId>,
    /// Where the newest play was reported from, if not by a player.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Box<str>>,
    /// When the first play began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When the last play was last heard of.
    #[schema(value_type = String, format = DateTime)]
    pub last_at: Timestamp,
    /// Content time played.
    pub played_ms: u64,
    /// Where the newest play stopped.
    pub position_ms: u64,
    /// How long the title is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Whether it was finished.
    pub finished: bool,
    /// Nobody pressed play.
    pub autoplay: bool,
}

/// Everything about one title of one profile.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct TitleAnswer {
    /// The title.
    #[serde(flatten)]
    pub title: TitleInfo,
    /// Finished once is finished.
    pub finished: bool,
    /// How many plays and marks finished it.
    pub times_finished: u32,
    /// The resume point; 0 when there is none.
    pub position_ms: u64,
    /// How long it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// How much of it was seen, 0 to 1; absent while its length is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_seen: Option<f64>,
    /// Stretches seen, in content time.
    pub watched: Vec<(u64, u64)>,
    /// Stretches not seen, up to its length or the furthest position reached.
    pub skipped: Vec<(u64, u64)>,
    /// True when stretches were joined to stay within the limit.
    pub approximate: bool,
    /// Out of continue watching.
    pub hidden: bool,
    /// Every watch, last played first.
    pub watches: Vec<Watch>,
}

/// Content time played in one day, week or month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct WatchTime {
    /// The first instant of it.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Content time played.
    pub played_ms: u64,
}

/// A profile that has been seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct ProfileSeen {
    /// The profile.
    #[schema(value_type = String)]
    pub profile: ProfileId,
    /// When it was last heard of.
    #[schema(value_type = String, format = DateTime)]
    pub last_at: Timestamp,
}

/// One session as it was folded.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SessionAnswer {
    /// The session.
    #[schema(value_type = String)]
    pub session: SessionId,
    /// Who.
    #[schema(value_type = String)]
    pub profile: ProfileId,
    /// What.
    #[serde(flatten)]
    pub title: TitleInfo,
    /// Where.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub device: Option<DeviceId>,
    /// Where it was reported from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Box<str>>,
    /// `playing`, `paused`, `stalled` or `ended`.
    pub phase: &'static str,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reason: Option<Reason>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When it was last heard of.
    #[schema(value_type = String, format = DateTime)]
    pub last_at: Timestamp,
    /// When its position last moved.
    #[schema(value_type = String, format = DateTime)]
    pub moved_at: Timestamp,
    /// Where it is.
    pub position_ms: u64,
    /// How long the title is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// How fast it plays.
    pub rate: f64,
    /// Content time played.
    pub played_ms: u64,
    /// Stretches seen.
    pub watched: Vec<(u64, u64)>,
    /// The highest number recorded.
    pub seq: u64,
    /// How many facts are recorded.
    pub facts: u32,
    /// Numbers not seen yet, as half-open ranges.
    pub missing: Vec<(u64, u64)>,
    /// Two different facts carry one number.
    pub conflict: bool,
    /// What the device's clock lacks.
    pub clock_offset_ms: i64,
}

impl SessionAnswer {
    /// A session's state as it is shown; `None` when it is nobody's.
    pub(super) fn of(state: &State) -> Option<Self> {
        let reason = match state.phase {
            Phase::Ended(reason) => Some(reason),
            Phase::Playing | Phase::Paused | Phase::Stalled => None,
        };
        Some(Self {
            session: state.session,
            profile: state.about.profile.clone()?,
            title: TitleInfo::of(state)?,
            device: state.about.device.clone(),
            source: state.about.source.clone(),
            phase: super::now::phase_name(state.phase),
            reason,
            started_at: state.started_at(),
            last_at: state.last_at(),
            moved_at: state.moved_at(),
            position_ms: state.position_ms,
            duration_ms: state.duration_ms,
            rate: state.rate,
            played_ms: state.played_ms,
            watched: state.watched.as_slice().to_vec(),
            seq: state.seq,
            facts: state.facts,
            missing: state.missing.as_slice().to_vec(),
            conflict: state.conflict,
            clock_offset_ms: state.clock_offset_ms.unwrap_or(0),
        })
    }
}
