//! The facts in a body: one, a list in an envelope, or one a line.

use std::pin::{Pin, pin};

use actix_web::dev::{Decompress, Payload};
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ContentEncoding};
use actix_web::web::{Bytes, BytesMut, Data};
use actix_web::{FromRequest, HttpRequest};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::pieces::Pieces;
use super::{Node, Problem};
use crate::events::Timestamp;
use crate::events::json::FactJson;

/// Packed bytes are unpacked so many at a time; gzip makes at most 1,032 of one.
const PACKED_PIECE_BYTES: usize = 2_048;

/// The facts of a request as they were sent, each to be read for itself.
#[derive(Debug, Default)]
pub(super) struct Facts<'b> {
    /// The device's clock at this attempt, if the envelope says.
    pub(super) sent_at: Option<Timestamp>,
    /// Each fact's own bytes.
    pub(super) each: Vec<&'b [u8]>,
}

/// Many facts at once.
#[derive(Deserialize, utoipa::ToSchema)]
#[schema(as = Facts)]
pub(super) struct Envelope<'b> {
    /// The device's clock at this very attempt.
    #[schema(value_type = Option<String>, format = DateTime)]
    sent_at: Option<Timestamp>,
    /// What it reports.
    #[serde(borrow)]
    #[schema(value_type = Vec<FactJson<'b>>)]
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
        let settings = request.app_data::<Data<Node>>().map(|node| &node.settings);
        let bounds = settings.map(|settings| (settings.body_bytes_max, settings.body_timeout));
        let (bytes_max, patience) = bounds.unwrap_or_default();
        let (packing, payload) = (packing(request), payload.take());
        let announced = announced_bytes(request);
        Box::pin(async move {
            if announced.is_some_and(|bytes| bytes > bytes_max) {
                return Err(past(bytes_max));
            }
            let reading = whole(payload, packing?, bytes_max);
            match timeout(patience, reading).await {
                Ok(body) => body.map(Self),
                Err(_) => Err(Problem::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "timeout",
                    "the body took too long; send less at once",
                )),
            }
        })
    }
}

/// Packed or not, a body is no smaller than what comes over the line suggests.
fn announced_bytes(request: &HttpRequest) -> Option<usize> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn past(bytes_max: usize) -> Problem {
    Problem::too_large(format!("the body has more than {bytes_max} bytes; send less at once"))
}

fn packing(request: &HttpRequest) -> Result<ContentEncoding, Problem> {
    let Some(given) = request.headers().get(CONTENT_ENCODING) else {
        return Ok(ContentEncoding::Identity);
    };
    match given.to_str().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
        "identity" | "" => Ok(ContentEncoding::Identity),
        "gzip" | "x-gzip" => Ok(ContentEncoding::Gzip),
        "deflate" => Ok(ContentEncoding::Deflate),
        other => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            format!("content encoding {other:?} is not read; send gzip, or as it is"),
        )),
    }
}

/// Measures while it unpacks: what a small body grows to never lies in memory whole.
async fn whole(
    payload: Payload,
    packing: ContentEncoding,
    bytes_max: usize,
) -> Result<Bytes, Problem> {
    let piece_bytes = match packing {
        ContentEncoding::Identity => usize::MAX,
        _ => PACKED_PIECE_BYTES,
    };
    let pieces = payload.flat_map(|chunk| stream::iter(pieces(chunk, piece_bytes)));
    let mut unpacked = pin!(Decompress::new(pieces, packing));
    let mut body = Bytes::new();
    while let Some(piece) = unpacked.next().await {
        let piece = piece.map_err(|_| {
            Problem::malformed("the body broke off or cannot be unpacked; send it again")
        })?;
        if body.len() + piece.len() > bytes_max {
            return Err(past(bytes_max));
        }
        body = if body.is_empty() { piece } else { joined(body, &piece) };
    }
    Ok(body)
}

type Chunk = Result<Bytes, PayloadError>;

fn pieces(chunk: Chunk, piece_bytes: usize) -> impl Iterator<Item = Chunk> {
    let mut rest = Some(chunk);
    std::iter::from_fn(move || match rest.take()? {
        Ok(mut piece) if piece.len() > piece_bytes => {
            rest = Some(Ok(piece.split_off(piece_bytes)));
            Some(Ok(piece))
        }
        last => Some(last),
    })
}

/// Copies the first two pieces together; later ones are appended in place.
fn joined(body: Bytes, piece: &Bytes) -> Bytes {
    let mut body = BytesMut::from(body);
    body.extend_from_slice(piece);
    body.freeze()
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
        let envelope: Envelope<'b> = match serde_json::from_slice(body) {
            Ok(envelope) => envelope,
            Err(error) if error.is_data() => return Err(Problem::invalid(neither(&error))),
            Err(error) => return Self::of_pieces(body, &error),
        };
        let Some(events) = envelope.events else {
            return Ok(Self { sent_at: None, each: vec![body] });
        };
        let each = events.into_iter().map(|raw| raw.get().as_bytes()).collect();
        Ok(Self { sent_at: envelope.sent_at, each })
    }

    /// An envelope of which some fact is no JSON.
    fn of_pieces(body: &'b [u8], error: &serde_json::Error) -> Result<Self, Problem> {
        let malformed = || Problem::malformed(neither(error));
        let Pieces { sent_at, events } = Pieces::of(body).ok_or_else(malformed)?;
        let sent_at = sent_at.map(serde_json::from_slice).transpose().map_err(|_| malformed())?;
        Ok(Self { sent_at: sent_at.flatten(), each: events })
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

fn neither(error: &serde_json::Error) -> String {
    format!("the body is neither a fact nor {{\"sent_at\":…,\"events\":[…]}}: {error}")
}

fn form(request: &HttpRequest) -> Result<Form, Problem> {
    let Some(given) = request.headers().get(CONTENT_TYPE) else { return Ok(Form::Json) };
    let essence = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match essence.to_ascii_lowercase().as_str() {
        "application/json" | "" => Ok(Form::Json),
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" => Ok(Form::Lines),
        // What curl -d says when it is not told: it is looked at, like a beacon.
        "text/plain" | "application/x-www-form-urlencoded" => Ok(Form::Unsaid),
        other => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            format!(
                "content type {other:?} is not read; send application/json or application/x-ndjson"
            ),
        )),
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
