//! The frames of the live feed: what is told, and what may be asked.
//!
//! The events of a `record` frame stay the bytes they came as, since each is read once more as a
//! fact.

use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::{Deserializer, Value};

use crate::actors::Update;
use crate::events::{SessionId, Timestamp};
use crate::http::record::Answered;
use crate::projections::{Answer, Now, Playing};

/// What the server tells.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(in crate::http) enum Frame<'a> {
    /// Everything that is playing.
    Now(&'a Answer<Now>),
    /// One session plays, or changed.
    Playing(&'a Playing),
    /// One session is over.
    Ended { session: SessionId, reason: &'a str },
    /// What became of a `record`.
    Recorded {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: &'a Option<Value>,
        #[serde(flatten)]
        answered: &'a Answered,
    },
    /// What was asked cannot be done; the socket stays open.
    Error {
        #[serde(skip_serializing_if = "Option::is_none")]
        id: &'a Option<Value>,
        code: &'static str,
        detail: &'a str,
    },
}

impl<'a> Frame<'a> {
    /// The frame of a change; `None` when everything has to be shown again.
    pub(in crate::http) fn of(update: &'a Update) -> Option<Self> {
        match update {
            Update::Playing(playing) => Some(Self::Playing(playing)),
            Update::Ended { session, reason } => Some(Self::Ended { session: *session, reason }),
            Update::Resync => None,
        }
    }

    /// As it is sent.
    pub(in crate::http) fn text(&self) -> String {
        // Texts, numbers and lists always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What a client asks to record.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    /// Echoed in the answer.
    pub(super) id: Option<Value>,
    pub(super) sent_at: Option<Timestamp>,
    pub(super) events: Vec<&'a [u8]>,
}

/// Why a frame is not understood.
#[derive(Debug)]
pub(super) enum Misread {
    /// It is not JSON, and neither may be what follows.
    NotJson(String),
    /// It is JSON that asks for nothing known.
    Malformed { id: Option<Value>, detail: String },
}

impl<'a> Asked<'a> {
    /// Reads a frame.
    pub(super) fn read(text: &'a [u8]) -> Result<Self, Misread> {
        let members = members(text)?;
        let member = |name: &str| {
            let found = members.iter().find(|(given, value)| given == name && *value != b"null");
            found.map(|(_, value)| *value)
        };
        let id = member("id").and_then(|id| serde_json::from_slice(id).ok());
        let malformed =
            |detail: &str| Err(Misread::Malformed { id: id.clone(), detail: detail.to_owned() });
        let kind = member("type").and_then(|kind| serde_json::from_slice::<String>(kind).ok());
        match kind.as_deref() {
            Some("record") => {}
            Some(other) => return malformed(&format!("type {other:?} is not known; send record")),
            None => return malformed("type is missing; it is record"),
        }
        let sent_at = member("sent_at").map(serde_json::from_slice).transpose();
        let Ok(sent_at) = sent_at else {
            return malformed(
                "sent_at is not an RFC 3339 time such as \"2026-11-23T05:00:30.000Z\"",
            );
        };
        match member("events").map(elements) {
            Some(Ok(events)) => Ok(Self { id, sent_at, events }),
            Some(Err(Misread::NotJson(detail))) => Err(Misread::NotJson(detail)),
            Some(Err(Misread::Malformed { .. })) | None => {
                malformed("events is missing; it is a list of facts")
            }
        }
    }
}

/// The members of an object, each value as it stands.
fn members(text: &[u8]) -> Result<Vec<(String, &[u8])>, Misread> {
    let (mut cursor, mut members) = (Cursor(text), Vec::new());
    if !cursor.passes(b'{') {
        cursor.value()?;
        let detail = "a frame is a JSON object with a type".to_owned();
        return Err(Misread::Malformed { id: None, detail });
    }
    while !cursor.passes(b'}') {
        if !members.is_empty() {
            cursor.expects(b',')?;
        }
        let name = serde_json::from_slice(cursor.value()?);
        let name = name.map_err(|_| Misread::NotJson("a name that is no text".to_owned()))?;
        cursor.expects(b':')?;
        members.push((name, cursor.value()?));
    }
    cursor.ends()?;
    Ok(members)
}

/// The elements of a list, each as it stands.
fn elements(text: &[u8]) -> Result<Vec<&[u8]>, Misread> {
    let (mut cursor, mut elements) = (Cursor(text), Vec::new());
    if !cursor.passes(b'[') {
        return Err(Misread::Malformed { id: None, detail: String::new() });
    }
    while !cursor.passes(b']') {
        if !elements.is_empty() {
            cursor.expects(b',')?;
        }
        elements.push(cursor.value()?);
    }
    cursor.ends()?;
    Ok(elements)
}

/// What is left of a JSON text.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn passes(&mut self, byte: u8) -> bool {
        self.0 = self.0.trim_ascii_start();
        let rest = self.0.strip_prefix(&[byte]);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn expects(&mut self, byte: u8) -> Result<(), Misread> {
        if self.passes(byte) {
            return Ok(());
        }
        Err(Misread::NotJson(format!("{:?} is missing", char::from(byte))))
    }

    /// The next whole value.
    fn value(&mut self) -> Result<&'a [u8], Misread> {
        self.0 = self.0.trim_ascii_start();
        let mut values = Deserializer::from_slice(self.0).into_iter::<IgnoredAny>();
        let found = values.next().transpose();
        let found = found.map_err(|error| Misread::NotJson(error.to_string()))?;
        let both = found.and_then(|_| self.0.split_at_checked(values.byte_offset()));
        let (value, rest) = both.ok_or_else(|| Misread::NotJson("it ends too early".to_owned()))?;
        self.0 = rest;
        Ok(value)
    }

    fn ends(&self) -> Result<(), Misread> {
        if self.0.trim_ascii().is_empty() {
            return Ok(());
        }
        Err(Misread::NotJson("something follows its end".to_owned()))
    }
}
