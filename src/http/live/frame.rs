//! The frames of the live feed: what is told, and what may be asked.
//!
//! The events of a `record` frame stay the bytes they came as, since each is read once more as a
//! fact.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

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

/// A frame as it comes; its events stay the bytes they are.
#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    id: Option<Value>,
    sent_at: Option<Timestamp>,
    #[serde(borrow)]
    events: Option<Vec<&'a RawValue>>,
}

impl<'a> Asked<'a> {
    /// Reads a frame.
    pub(super) fn read(text: &'a [u8]) -> Result<Self, Misread> {
        let wire: Wire<'a> = serde_json::from_slice(text).map_err(|error| misread(text, &error))?;
        let Wire { kind, id, sent_at, events } = wire;
        let detail = match (kind.as_deref(), events) {
            (Some("record"), Some(events)) => {
                let events = events.into_iter().map(|raw| raw.get().as_bytes()).collect();
                return Ok(Self { id, sent_at, events });
            }
            (Some("record"), None) => "events is missing; it is a list of facts".to_owned(),
            (Some(other), _) => format!("type {other:?} is not known; send record"),
            (None, _) => "type is missing; it is record".to_owned(),
        };
        Err(Misread::Malformed { id, detail })
    }
}

/// Tells a frame that is no JSON from one that asks for something else; only ever runs for those.
fn misread(text: &[u8], error: &serde_json::Error) -> Misread {
    let Ok(value) = serde_json::from_slice::<Value>(text) else {
        return Misread::NotJson(error.to_string());
    };
    let sent_at = value.get("sent_at").filter(|sent_at| !sent_at.is_null());
    let detail = if !value.is_object() {
        "a frame is a JSON object with a type"
    } else if sent_at.is_some_and(|sent_at| Timestamp::deserialize(sent_at).is_err()) {
        "sent_at is not an RFC 3339 time such as \"2026-11-23T05:00:30.000Z\""
    } else if value.get("type").is_some_and(Value::is_string) {
        "events is not a list of facts"
    } else {
        "type is not a text; it is record"
    };
    Misread::Malformed { id: value.get("id").cloned(), detail: detail.to_owned() }
}
