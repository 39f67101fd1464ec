//! The body of an event row. The key holds session, order key and fingerprint, so the body does
//! not.

use prost::Message;

use super::{DecodeError, content, open, seal};
use crate::events::event::{kind_code, reason_code};
use crate::events::{About, Event, Fact, Id, Kind, Media, Order, Reason, SessionId, Timestamp};

#[derive(Clone, PartialEq, Message)]
struct Body {
    #[prost(uint32, tag = "1")]
    kind: u32,
    /// Milliseconds since 1970; absent when the player had no clock.
    #[prost(uint64, optional, tag = "2")]
    at: Option<u64>,
    /// `received_at − at`, or `received_at` itself when there is no `at`.
    #[prost(sint64, tag = "3")]
    received_after: i64,
    #[prost(sint64, optional, tag = "4")]
    offset_minutes: Option<i64>,
    #[prost(uint64, tag = "5")]
    position_ms: u64,
    #[prost(uint64, optional, tag = "6")]
    from_ms: Option<u64>,
    /// Thousandths, when that is exact.
    #[prost(uint32, optional, tag = "7")]
    rate_milli: Option<u32>,
    #[prost(double, optional, tag = "8")]
    rate: Option<f64>,
    #[prost(uint32, optional, tag = "9")]
    reason: Option<u32>,
    #[prost(uint64, optional, tag = "10")]
    duration_ms: Option<u64>,
    /// True when the order key is a clock and not a number.
    #[prost(bool, tag = "11")]
    unnumbered: bool,
    #[prost(message, optional, boxed, tag = "12")]
    about: Option<Box<AboutBody>>,
}

/// [`About`] as it is kept; shared with snapshots.
#[derive(Clone, PartialEq, Message)]
pub(super) struct AboutBody {
    #[prost(string, optional, tag = "1")]
    profile: Option<String>,
    #[prost(string, optional, tag = "2")]
    title: Option<String>,
    #[prost(string, optional, tag = "3")]
    device: Option<String>,
    #[prost(uint32, optional, tag = "4")]
    media: Option<u32>,
    #[prost(string, optional, tag = "5")]
    name: Option<String>,
    #[prost(string, optional, tag = "6")]
    series: Option<String>,
    #[prost(uint32, optional, tag = "7")]
    season: Option<u32>,
    #[prost(uint32, optional, tag = "8")]
    episode: Option<u32>,
    #[prost(bool, optional, tag = "9")]
    autoplay: Option<bool>,
    #[prost(string, optional, tag = "10")]
    source: Option<String>,
    #[prost(string, optional, tag = "11")]
    source_session: Option<String>,
    #[prost(bool, optional, tag = "12")]
    bookmark: Option<bool>,
}

/// The body of an event's row.
pub fn encode_event(event: &Event) -> Vec<u8> {
    let fact = &event.fact;
    let (rate_milli, rate) = rate_fields(fact.rate);
    seal(&Body {
        kind: u32::from(kind_code(fact.kind)),
        at: fact.at.map(|at| at.ms().unsigned_abs()),
        received_after: event.received_at.ms() - fact.at.map_or(0, Timestamp::ms),
        offset_minutes: event.offset_ms.map(|ms| ms / 60_000),
        position_ms: fact.position_ms,
        from_ms: fact.from_ms,
        rate_milli,
        rate,
        reason: fact.reason.map(|reason| u32::from(reason_code(reason))),
        duration_ms: fact.duration_ms,
        unnumbered: fact.seq.is_none(),
        about: fact.about.as_deref().map(|about| Box::new(about.into())),
    })
}

/// The event of a row's key and body.
///
/// # Errors
/// [`DecodeError`] when the body is damaged or of a newer version.
pub fn decode_event(session: SessionId, order: Order, body: &[u8]) -> Result<Event, DecodeError> {
    let body: Body = open(body)?;
    let at = body.at.map(timestamp).transpose()?;
    let received_at = body.received_after.saturating_add(at.map_or(0, Timestamp::ms));
    let seq = (!body.unnumbered).then(|| u32::try_from(order.seq)).transpose().map_err(content)?;
    let fact = Fact {
        session,
        seq,
        kind: kind_of(body.kind)?,
        at,
        position_ms: body.position_ms,
        from_ms: body.from_ms,
        rate: body.rate_milli.map(|milli| f64::from(milli) / 1000.0).or(body.rate),
        reason: body.reason.map(reason_of).transpose()?,
        duration_ms: body.duration_ms,
        about: body.about.map(|about| About::try_from(*about).map(Box::new)).transpose()?,
    };
    Ok(Event {
        fact,
        received_at: Timestamp::from_ms(received_at),
        offset_ms: body.offset_minutes.map(|minutes| minutes.saturating_mul(60_000)),
        order,
    })
}

fn rate_fields(rate: Option<f64>) -> (Option<u32>, Option<f64>) {
    let Some(rate) = rate else { return (None, None) };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked by the way back"
    )]
    let milli = (rate * 1000.0) as u32;
    // Bits and not values: minus zero has another fingerprint than zero.
    let exact = (f64::from(milli) / 1000.0).to_bits() == rate.to_bits();
    if exact { (Some(milli), None) } else { (None, Some(rate)) }
}

pub(super) fn timestamp(ms: u64) -> Result<Timestamp, DecodeError> {
    i64::try_from(ms).map(Timestamp::from_ms).map_err(content)
}

fn kind_of(code: u32) -> Result<Kind, DecodeError> {
    let kind = Kind::ALL.into_iter().find(|kind| u32::from(kind_code(*kind)) == code);
    kind.ok_or_else(|| content(format!("kind {code} is not known")))
}

pub(super) fn reason_of(code: u32) -> Result<Reason, DecodeError> {
    let reasons = [Reason::Ended, Reason::User, Reason::Error, Reason::TakenOver, Reason::Idle];
    let reason = reasons.into_iter().find(|reason| u32::from(reason_code(*reason)) == code);
    reason.ok_or_else(|| content(format!("reason {code} is not known")))
}

const MEDIA: [(u32, Media); 6] = [
    (1, Media::Movie),
    (2, Media::Episode),
    (3, Media::Live),
    (4, Media::Trailer),
    (5, Media::Clip),
    (6, Media::Audio),
];

fn media_of(code: u32) -> Result<Media, DecodeError> {
    let found = MEDIA.iter().find(|(known, _)| *known == code);
    found.map(|(_, media)| *media).ok_or_else(|| content(format!("media {code} is not known")))
}

fn media_code(media: Media) -> Option<u32> {
    MEDIA.iter().find(|(_, known)| *known == media).map(|(code, _)| *code)
}

pub(super) fn id<K>(text: &str) -> Result<Id<K>, DecodeError> {
    Id::new(text).map_err(content)
}

impl From<&About> for AboutBody {
    fn from(about: &About) -> Self {
        Self {
            profile: about.profile.as_ref().map(ToString::to_string),
            title: about.title.as_ref().map(ToString::to_string),
            device: about.device.as_ref().map(ToString::to_string),
            media: about.media.and_then(media_code),
            name: about.name.as_deref().map(str::to_owned),
            series: about.series.as_deref().map(str::to_owned),
            season: about.season,
            episode: about.episode,
            autoplay: about.autoplay,
            source: about.source.as_deref().map(str::to_owned),
            source_session: about.source_session.as_deref().map(str::to_owned),
            bookmark: about.bookmark,
        }
    }
}

impl TryFrom<AboutBody> for About {
    type Error = DecodeError;

    fn try_from(body: AboutBody) -> Result<Self, DecodeError> {
        Ok(Self {
            profile: body.profile.as_deref().map(id).transpose()?,
            title: body.title.as_deref().map(id).transpose()?,
            device: body.device.as_deref().map(id).transpose()?,
            media: body.media.map(media_of).transpose()?,
            name: body.name.map(Into::into),
            series: body.series.map(Into::into),
            season: body.season,
            episode: body.episode,
            autoplay: body.autoplay,
            source: body.source.map(Into::into),
            source_session: body.source_session.map(Into::into),
            bookmark: body.bookmark,
        })
    }
}
