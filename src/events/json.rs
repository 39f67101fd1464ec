//! The JSON shape of a fact: what players send, what exports and imports carry. API contract,
//! section 2.
//!
//! Reading borrows from the input, since this runs once for every heartbeat of every player.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{About, AccountId, Fact, Id, Kind, Media, Reason, SessionId, Timestamp};

/// A fact as JSON, before it is known to make sense. Unknown fields are passed over.
#[derive(Debug, Default, Clone, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(default)]
#[schema(as = Fact)]
pub struct FactJson<'a> {
    /// The household; may be in the path instead.
    #[serde(borrow, deserialize_with = "borrowed", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub account: Option<Cow<'a, str>>,
    /// The person watching.
    #[serde(borrow, deserialize_with = "borrowed", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub profile: Option<Cow<'a, str>>,
    /// UUIDv7.
    #[serde(borrow, deserialize_with = "borrowed", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub session: Option<Cow<'a, str>>,
    /// Contiguous from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u32>,
    /// One of [`Kind::ALL`].
    #[serde(borrow, deserialize_with = "borrowed", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub kind: Option<Cow<'a, str>>,
    /// By the player's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub at: Option<Timestamp>,
    /// The player's clock at this very attempt, on a fact sent alone.
    #[serde(skip_serializing)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub sent_at: Option<Timestamp>,
    /// Where the playhead is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position_ms: Option<u64>,
    /// Where it was before a seek.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_ms: Option<u64>,
    /// The title.
    #[serde(borrow, deserialize_with = "borrowed", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub title: Option<Cow<'a, str>>,
    /// How long it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// How fast it plays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// Why it stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub reason: Option<Reason>,
    /// The player.
    #[serde(borrow, deserialize_with = "borrowed", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub device: Option<Cow<'a, str>>,
    /// What sort of thing it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub media: Option<Media>,
    /// For display.
    #[serde(borrow, deserialize_with = "borrowed", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub name: Option<Cow<'a, str>>,
    /// For display.
    #[serde(borrow, deserialize_with = "borrowed", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub series: Option<Cow<'a, str>>,
    /// Season number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub season: Option<u32>,
    /// Episode number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub episode: Option<u32>,
    /// Nobody pressed play.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autoplay: Option<bool>,
    /// Not to be recorded.
    #[serde(skip_serializing)]
    pub private: Option<bool>,
    /// Where it came from, if not from a player.
    #[serde(borrow, deserialize_with = "borrowed", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub source: Option<Cow<'a, str>>,
    /// The source's own key of the session.
    #[serde(borrow, deserialize_with = "borrowed", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub source_session: Option<Cow<'a, str>>,
    /// The source states where the viewer stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bookmark: Option<bool>,
    /// Echoed in acknowledgements.
    #[serde(borrow, deserialize_with = "borrowed", rename = "ref", skip_serializing)]
    #[schema(value_type = Option<String>)]
    pub reference: Option<Cow<'a, str>>,
}

const NOT_AN_OBJECT: &str = "a fact is a JSON object";

/// Why JSON is not a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotAFact {
    /// It is not JSON.
    Malformed(String),
    /// It is JSON, but a field is missing or cannot be; says which and what would be right.
    Invalid(String),
}

impl<'a> FactJson<'a> {
    /// Reads one JSON object.
    ///
    /// # Errors
    /// [`NotAFact`].
    pub fn parse(text: &'a [u8]) -> Result<Self, NotAFact> {
        let json = serde_json::from_slice(text).map_err(|error| explain(text, &error))?;
        // A derived reader would also take an array, field by field.
        match text.trim_ascii_start().first() {
            Some(b'{') => Ok(json),
            _ => Err(NotAFact::Invalid(NOT_AN_OBJECT.to_owned())),
        }
    }

    /// The fact, if all that is required is there and every text is what it should be.
    ///
    /// # Errors
    /// Says which field and what would be right. Values are checked by [`Fact::check`].
    pub fn fact(&self) -> Result<Fact, String> {
        let session = self.session.as_deref().ok_or("session is missing; it is a UUIDv7")?;
        let position_ms =
            self.position_ms.ok_or("position_ms is missing; it is required on every fact")?;
        Ok(Fact {
            session: SessionId::parse(session).map_err(|detail| format!("session: {detail}"))?,
            seq: self.seq,
            kind: self.kind()?,
            at: self.at,
            position_ms,
            from_ms: self.from_ms,
            rate: self.rate,
            reason: self.reason,
            duration_ms: self.duration_ms,
            about: self.about()?,
        })
    }

    /// The account named in the fact itself.
    ///
    /// # Errors
    /// Says what would be right when it is no id.
    pub fn account(&self) -> Result<Option<AccountId>, String> {
        id("account", &self.account)
    }

    /// The JSON shape of a recorded fact.
    pub fn of(account: &'a AccountId, fact: &'a Fact) -> Self {
        let mut json = Self {
            account: Some(account.as_str().into()),
            session: Some(fact.session.to_string().into()),
            seq: fact.seq,
            kind: Some(fact.kind.as_str().into()),
            at: fact.at,
            position_ms: Some(fact.position_ms),
            from_ms: fact.from_ms,
            rate: fact.rate,
            reason: fact.reason,
            duration_ms: fact.duration_ms,
            ..Self::default()
        };
        if let Some(about) = fact.about.as_deref() {
            json.set_about(about);
        }
        json
    }

    /// Takes over who, what and where.
    pub fn set_about(&mut self, about: &'a About) {
        self.profile = about.profile.as_ref().map(|id| id.as_str().into());
        self.title = about.title.as_ref().map(|id| id.as_str().into());
        self.device = about.device.as_ref().map(|id| id.as_str().into());
        self.media = about.media;
        self.name = about.name.as_deref().map(Into::into);
        self.series = about.series.as_deref().map(Into::into);
        self.season = about.season;
        self.episode = about.episode;
        self.autoplay = about.autoplay;
        self.source = about.source.as_deref().map(Into::into);
        self.source_session = about.source_session.as_deref().map(Into::into);
        self.bookmark = about.bookmark;
    }

    fn kind(&self) -> Result<Kind, String> {
        let named =
            self.kind.as_deref().ok_or_else(|| format!("kind is missing; it is {}", kinds()))?;
        let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == named);
        kind.ok_or_else(|| format!("kind {named:?} is not known; it is {}", kinds()))
    }

    fn about(&self) -> Result<Option<Box<About>>, String> {
        let about = About {
            profile: id("profile", &self.profile)?,
            title: id("title", &self.title)?,
            device: id("device", &self.device)?,
            media: self.media,
            name: text(&self.name),
            series: text(&self.series),
            season: self.season,
            episode: self.episode,
            autoplay: self.autoplay,
            source: text(&self.source),
            source_session: text(&self.source_session),
            bookmark: self.bookmark,
        };
        Ok((about != About::default()).then(|| Box::new(about)))
    }
}

fn id<K>(field: &str, text: &Option<Cow<'_, str>>) -> Result<Option<Id<K>>, String> {
    let id = text.as_deref().map(Id::new).transpose();
    id.map_err(|error| format!("{field} {error}"))
}

fn text(text: &Option<Cow<'_, str>>) -> Option<Box<str>> {
    text.as_deref().map(Into::into)
}

fn kinds() -> String {
    Kind::ALL.map(Kind::as_str).join(", ")
}

/// serde borrows a `Cow` only where it is the field itself: inside an `Option` it would copy.
fn borrowed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    Ok(Option::<Text<'de>>::deserialize(deserializer)?.map(|text| text.0))
}

/// Finds the field that is wrong; only ever runs for input that was refused.
fn explain(text: &[u8], error: &serde_json::Error) -> NotAFact {
    let value: Value = match serde_json::from_slice(text) {
        Ok(value) => value,
        Err(syntax) => return NotAFact::Malformed(format!("not JSON: {syntax}")),
    };
    let Value::Object(fields) = value else {
        return NotAFact::Invalid(NOT_AN_OBJECT.to_owned());
    };
    let wrong = fields.iter().find_map(|(field, value)| {
        let right = shape_of(field)?;
        (!value.is_null() && !right.fits(value)).then(|| format!("{field} is not {}", right.0))
    });
    NotAFact::Invalid(wrong.unwrap_or_else(|| error.to_string()))
}

/// What a field should be, in words, and whether a value is that.
struct Shape(&'static str, fn(&Value) -> bool);

impl Shape {
    fn fits(&self, value: &Value) -> bool {
        (self.1)(value)
    }
}

fn shape_of(field: &str) -> Option<Shape> {
    fn parses<T: for<'d> Deserialize<'d>>(value: &Value) -> bool {
        T::deserialize(value).is_ok()
    }
    Some(match field {
        "account" | "profile" | "session" | "kind" | "title" | "device" | "name" | "series"
        | "source" | "source_session" | "ref" => Shape("a text", Value::is_string),
        "seq" | "season" | "episode" => Shape("a whole number from 0 to 2^32 - 1", parses::<u32>),
        "position_ms" | "from_ms" | "duration_ms" => {
            Shape("a whole number of milliseconds from 0 to 2^53", parses::<u64>)
        }
        "at" | "sent_at" => Shape(
            "an RFC 3339 time of the years 1970 to 9999 such as \"2026-11-23T05:00:30.000Z\"",
            parses::<Timestamp>,
        ),
        "rate" => Shape("a number", Value::is_number),
        "reason" => Shape("one of ended, user, error, taken_over, idle", parses::<Reason>),
        "media" => Shape("one of movie, episode, live, trailer, clip, audio", parses::<Media>),
        "autoplay" | "private" | "bookmark" => Shape("true or false", Value::is_boolean),
        _ => return None,
    })
}
