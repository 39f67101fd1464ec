//! The body of a person's fact in week 0; its key is the command's id.

use prost::{Message, Oneof};

use super::event::{id, timestamp};
use super::{DecodeError, content, open, seal};
use crate::events::{Mark, MarkKind, Restored, SessionId, Timestamp};

#[derive(Clone, PartialEq, Message)]
struct Body {
    #[prost(string, tag = "1")]
    profile: String,
    #[prost(uint64, tag = "2")]
    at: u64,
    #[prost(uint64, tag = "3")]
    received_at: u64,
    #[prost(oneof = "Said", tags = "4, 5, 6, 7, 8, 9")]
    said: Option<Said>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Said {
    #[prost(string, tag = "4")]
    TitleHidden(String),
    #[prost(string, tag = "5")]
    TitleShown(String),
    #[prost(message, tag = "6")]
    MarkedWatched(WatchedBody),
    #[prost(string, tag = "7")]
    MarkedUnwatched(String),
    #[prost(message, tag = "8")]
    PositionSet(PositionBody),
    #[prost(message, tag = "9")]
    Undone(UndoneBody),
}

#[derive(Clone, PartialEq, Message)]
struct WatchedBody {
    #[prost(string, tag = "1")]
    title: String,
    #[prost(uint64, optional, tag = "2")]
    watched_at: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct PositionBody {
    #[prost(string, tag = "1")]
    title: String,
    #[prost(uint64, tag = "2")]
    position_ms: u64,
}

#[derive(Clone, PartialEq, Message)]
struct UndoneBody {
    #[prost(uint64, tag = "1")]
    since: u64,
    #[prost(message, repeated, tag = "2")]
    titles: Vec<RestoredBody>,
}

#[derive(Clone, PartialEq, Message)]
struct RestoredBody {
    #[prost(string, tag = "1")]
    title: String,
    #[prost(uint64, optional, tag = "2")]
    position_ms: Option<u64>,
    #[prost(uint32, tag = "3")]
    times_finished: u32,
    #[prost(bool, tag = "4")]
    hidden: bool,
    #[prost(bool, tag = "5")]
    finished: bool,
}

/// The body of a mark's row.
pub fn encode_mark(mark: &Mark) -> Vec<u8> {
    let said = match &mark.kind {
        MarkKind::TitleHidden { title } => Said::TitleHidden(title.to_string()),
        MarkKind::TitleShown { title } => Said::TitleShown(title.to_string()),
        MarkKind::MarkedWatched { title, watched_at } => Said::MarkedWatched(WatchedBody {
            title: title.to_string(),
            watched_at: watched_at.map(ms),
        }),
        MarkKind::MarkedUnwatched { title } => Said::MarkedUnwatched(title.to_string()),
        MarkKind::PositionSet { title, position_ms } => {
            Said::PositionSet(PositionBody { title: title.to_string(), position_ms: *position_ms })
        }
        MarkKind::Undone { since, titles } => Said::Undone(UndoneBody {
            since: ms(*since),
            titles: titles.iter().map(Into::into).collect(),
        }),
    };
    seal(&Body {
        profile: mark.profile.to_string(),
        at: ms(mark.at),
        received_at: ms(mark.received_at),
        said: Some(said),
    })
}

/// The mark of a row's key and body.
///
/// # Errors
/// [`DecodeError`] when the body is damaged or of a newer version.
pub fn decode_mark(command: SessionId, body: &[u8]) -> Result<Mark, DecodeError> {
    let body: Body = open(body)?;
    let said = body.said.ok_or_else(|| content("a mark of an unknown kind"))?;
    Ok(Mark {
        command,
        profile: id(&body.profile)?,
        at: timestamp(body.at)?,
        received_at: timestamp(body.received_at)?,
        kind: kind_of(said)?,
    })
}

fn kind_of(said: Said) -> Result<MarkKind, DecodeError> {
    Ok(match said {
        Said::TitleHidden(title) => MarkKind::TitleHidden { title: id(&title)? },
        Said::TitleShown(title) => MarkKind::TitleShown { title: id(&title)? },
        Said::MarkedWatched(body) => MarkKind::MarkedWatched {
            title: id(&body.title)?,
            watched_at: body.watched_at.map(timestamp).transpose()?,
        },
        Said::MarkedUnwatched(title) => MarkKind::MarkedUnwatched { title: id(&title)? },
        Said::PositionSet(body) => {
            MarkKind::PositionSet { title: id(&body.title)?, position_ms: body.position_ms }
        }
        Said::Undone(body) => MarkKind::Undone {
            since: timestamp(body.since)?,
            titles: body.titles.into_iter().map(Restored::try_from).collect::<Result<_, _>>()?,
        },
    })
}

fn ms(at: Timestamp) -> u64 {
    at.ms().unsigned_abs()
}

impl From<&Restored> for RestoredBody {
    fn from(restored: &Restored) -> Self {
        Self {
            title: restored.title.to_string(),
            position_ms: restored.position_ms,
            times_finished: restored.times_finished,
            hidden: restored.hidden,
            finished: restored.finished,
        }
    }
}

impl TryFrom<RestoredBody> for Restored {
    type Error = DecodeError;

    fn try_from(body: RestoredBody) -> Result<Self, DecodeError> {
        Ok(Self {
            title: id(&body.title)?,
            position_ms: body.position_ms,
            times_finished: body.times_finished,
            hidden: body.hidden,
            finished: body.finished,
        })
    }
}
