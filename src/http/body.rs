//! What a body holds: facts (one, a list in an envelope, one a line), or the fields of an object.

use std::future::ready;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use actix_web::web::{Bytes, Data};
use actix_web::{FromRequest, HttpRequest};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::{Problem, Service};
use crate::events::Timestamp;

/// The facts of a request as they were sent, each to be read for itself.
#[derive(Debug, Default)]
pub(super) struct Facts<'b> {
    /// The device's clock at this attempt, if the envelope says.
    pub(super) sent_at: Option<Timestamp>,
    /// Each fact's own bytes.
    pub(super) each: Vec<&'b [u8]>,
}

#[derive(Deserialize)]
struct Envelope<'b> {
    sent_at: Option<Timestamp>,
    #[serde(borrow)]
    events: Option<Vec<&'b RawValue>>,
}

enum Form {
    Json,
    Lines,
    /// A beacon cannot say what it sends.
    Unsaid,
}

/// A whole body, unpacked, within the bounds on its size and on the time it takes.
pub(super) struct Body(pub(super) Bytes);

impl FromRequest for Body {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let settings = request.app_data::<Data<Service>>().map(|service| &service.settings);
        let bounds = settings.map(|settings| (settings.body_bytes_max, settings.body_timeout));
        if let Err(problem) = packing(request) {
            return Box::pin(ready(Err(problem)));
        }
        let reading = Bytes::from_request(request, payload);
        Box::pin(async move {
            let (bytes_max, patience) = bounds.unwrap_or_default();
            match timeout(patience, reading).await {
                Ok(Ok(body)) => Ok(Self(body)),
                Ok(Err(error)) => Err(unread(&error, bytes_max)),
                Err(_) => Err(Problem::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "timeout",
                    "the body took too long; send less at once",
                )),
            }
        })
    }
}

/// Refuses what would not be unpacked, before it is taken for damaged JSON.
fn packing(request: &HttpRequest) -> Result<(), Problem> {
    let Some(given) = request.headers().get(CONTENT_ENCODING) else { return Ok(()) };
    let given = given.to_str().unwrap_or_default().trim();
    let is_known = ["gzip", "deflate", "identity"].iter().any(|it| it.eq_ignore_ascii_case(given));
    if is_known {
        return Ok(());
    }
    Err(unsupported(format!("content encoding {given:?} is not read; send gzip, or none")))
}

fn unsupported(detail: String) -> Problem {
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
}

fn unread(error: &actix_web::Error, bytes_max: usize) -> Problem {
    match error.as_error::<PayloadError>() {
        Some(PayloadError::Overflow) => Problem::too_large(format!(
            "the body has more than {bytes_max} bytes; send less at once"
        )),
        _ => Problem::malformed("the body broke off or cannot be unpacked; send it again"),
    }
}

impl Body {
    /// The same, unless there is nothing in it.
    ///
    /// # Errors
    /// 400.
    pub(super) fn not_empty(self) -> Result<Bytes, Problem> {
        if self.0.trim_ascii().is_empty() {
            return Err(Problem::malformed("the body is empty; say in it what is to be recorded"));
        }
        Ok(self.0)
    }
}

impl<'b> Facts<'b> {
    /// Takes a body apart by its content type.
    ///
    /// # Errors
    /// 415 for another type, 400 for an envelope that is none.
    pub(super) fn of(request: &HttpRequest, body: &'b [u8]) -> Result<Self, Problem> {
        match form(request)? {
            Form::Json => Self::of_json(body),
            Form::Lines => Ok(Self::of_lines(body)),
            Form::Unsaid if serde_json::from_slice::<IgnoredAny>(body).is_ok() => {
                Self::of_json(body)
            }
            Form::Unsaid => Ok(Self::of_lines(body)),
        }
    }

    /// One fact, or an envelope.
    fn of_json(body: &'b [u8]) -> Result<Self, Problem> {
        // Most requests bring one fact: it is read once only.
        if !contains(body, b"\"events\"") {
            return Ok(Self { sent_at: None, each: vec![body] });
        }
        let envelope: Envelope<'b> = serde_json::from_slice(body).map_err(|error| {
            let detail =
                format!("the body is neither a fact nor {{\"sent_at\":…,\"events\":[…]}}: {error}");
            if error.is_data() { Problem::invalid(detail) } else { Problem::malformed(detail) }
        })?;
        let Some(events) = envelope.events else {
            return Ok(Self { sent_at: None, each: vec![body] });
        };
        let each = events.into_iter().map(|raw| raw.get().as_bytes()).collect();
        Ok(Self { sent_at: envelope.sent_at, each })
    }

    fn of_lines(body: &'b [u8]) -> Self {
        let lines = body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        Self { sent_at: None, each: lines.filter(|line| !line.is_empty()).collect() }
    }

    /// Refuses more facts than a request may have.
    ///
    /// # Errors
    /// 413.
    pub(super) fn at_most(self, facts_max: usize) -> Result<Self, Problem> {
        if self.each.len() <= facts_max {
            return Ok(self);
        }
        let count = self.each.len();
        Err(Problem::too_large(format!("{count} facts; a request has at most {facts_max}")))
    }
}

fn form(request: &HttpRequest) -> Result<Form, Problem> {
    let Some(given) = request.headers().get(CONTENT_TYPE) else { return Ok(Form::Json) };
    let essence = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match essence.to_ascii_lowercase().as_str() {
        "application/json" | "" => Ok(Form::Json),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Form::Lines),
        // What curl -d says when it is not told: it is looked at, like a beacon.
        "text/plain" | "application/x-www-form-urlencoded" => Ok(Form::Unsaid),
        other => Err(unsupported(format!(
            "content type {other:?} is not read; send application/json or application/x-ndjson"
        ))),
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The fields of a body that is one JSON object, or that was left out.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a body.
    ///
    /// # Errors
    /// 400 when it is not JSON, 422 when it is no object.
    pub(super) fn of(body: &[u8]) -> Result<Self, Problem> {
        if body.trim_ascii().is_empty() {
            return Ok(Self(Map::new()));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Problem::invalid("the body is not a JSON object")),
            Err(error) => Err(Problem::malformed(format!("the body is not JSON: {error}"))),
        }
    }

    /// A field, if it is there; `right` says in words what it should be.
    ///
    /// # Errors
    /// 422 when it is something else.
    pub(super) fn read<T: DeserializeOwned>(
        &self,
        name: &str,
        right: &str,
    ) -> Result<Option<T>, Problem> {
        let given = self.0.get(name).filter(|value| !value.is_null());
        let read = given.map(T::deserialize).transpose();
        read.map_err(|_| Problem::invalid(format!("{name} is not {right}")))
    }
}
