//! Every refusal and error as `application/problem+json` (RFC 9457); the only place that knows
//! which status each has. No store's own message, no path and no backtrace gets past here.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;

use crate::actors::{Refusal, Refused, Role, Roles};
use crate::events::json::NotAFact;
use crate::events::{AppendError, Invalid, ReadError};
use crate::projections::AnswerError;

const RETRY_AFTER_MS: u64 = 1_000;
/// RFC 6750, section 3: without an error where there was no token.
const CHALLENGE: &str = "Bearer realm=\"viewlog\"";
const CHALLENGE_OF_WRONG: &str = "Bearer realm=\"viewlog\", error=\"invalid_token\"";

/// Why a request is not answered as asked.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    /// The code, for programs.
    pub code: &'static str,
    /// What is wrong and what would be right, for people.
    pub detail: String,
    /// When to try again.
    pub retry_after_ms: Option<u64>,
    /// How to say who asks, where that was not said or not believed.
    pub challenge: Option<&'static str>,
    /// Each fact that was refused, where facts were sent.
    pub refused: Vec<RefusedFact>,
}

/// A fact that was refused, as the answer lists it.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RefusedFact {
    /// Its place in the request, from 0.
    pub index: usize,
    /// The sender's own reference.
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<Box<str>>,
    /// The code, for programs.
    pub code: &'static str,
    /// What is wrong and what would be right, for people.
    pub detail: String,
    /// When sending it again may help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Problem {
    /// A problem with this code.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { status, code, detail, retry_after_ms: None, challenge: None, refused: vec![] }
    }

    /// Nothing is there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// Nowhere to go on.
    pub fn no_resume_point() -> Self {
        Self::new(StatusCode::NOT_FOUND, "no_resume_point", "nothing of this title to go on with")
    }

    /// Not what a request looks like.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", detail)
    }

    /// A value that cannot be.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_event", detail)
    }

    /// Not for this caller.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    /// Another node's work: `what` needs one of these roles, and this node has others.
    pub fn wrong_role(roles: Roles, what: &str, needed: &[Role]) -> Self {
        let names: Vec<_> = needed.iter().map(|role| role.name()).collect();
        let needed = names.join(" or ");
        let detail = format!(
            "this node's role is {roles}, and {what} needs {needed}; ask a node with that role"
        );
        Self::new(StatusCode::MISDIRECTED_REQUEST, "wrong_role", detail)
    }

    /// Nobody known, where that matters.
    pub fn no_token() -> Self {
        Self {
            challenge: Some(CHALLENGE),
            ..Self::unauthenticated(
                "this server asks for a token; send Authorization: Bearer and the token",
            )
        }
    }

    /// Somebody who is not believed.
    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        Self {
            challenge: Some(CHALLENGE_OF_WRONG),
            ..Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
        }
    }

    /// Too fast: try again after a while.
    pub fn too_many(detail: impl Into<String>, wait: Duration) -> Self {
        Self {
            retry_after_ms: Some(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1)),
            ..Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail)
        }
    }

    /// More than one request may carry.
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
    }

    /// The store does not answer: try again.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self {
            retry_after_ms: Some(RETRY_AFTER_MS),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_unavailable", detail)
        }
    }

    /// This problem as one of many facts has it.
    pub fn of_fact(self, index: usize) -> RefusedFact {
        let Self { code, detail, retry_after_ms, .. } = self;
        RefusedFact { index, reference: None, code, detail, retry_after_ms }
    }

    /// The problem of a request whose every fact was refused: that of the first, with the list.
    pub fn of_all(refused: Vec<RefusedFact>) -> Self {
        let Some(first) = refused.first() else { return Self::malformed("no facts") };
        Self {
            status: status_of(first.code),
            code: first.code,
            detail: first.detail.clone(),
            retry_after_ms: refused.iter().filter_map(|refused| refused.retry_after_ms).max(),
            challenge: None,
            refused,
        }
    }
}

/// The one list of codes and their status.
fn status_of(code: &str) -> StatusCode {
    match code {
        "malformed" => StatusCode::BAD_REQUEST,
        "forbidden" => StatusCode::FORBIDDEN,
        "conflicting_event" => StatusCode::CONFLICT,
        "erased" => StatusCode::GONE,
        "too_many_requests" => StatusCode::TOO_MANY_REQUESTS,
        "store_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let (code, detail, retry_after_ms) = match refusal {
            Refusal::UnknownSession(detail) => ("unknown_session", detail, None),
            Refusal::InvalidEvent(detail) => ("invalid_event", detail, None),
            Refusal::ClockAhead(detail) => ("clock_ahead", detail, None),
            Refusal::ConflictingEvent(detail) => ("conflicting_event", detail, None),
            Refusal::SessionTooLong(detail) => ("session_too_long", detail, None),
            Refusal::Erased(detail) => ("erased", detail, None),
            Refusal::TooManyRequests { retry_after_ms } => {
                let detail = "too much waits to be recorded; send the same again later".to_owned();
                ("too_many_requests", detail, Some(retry_after_ms))
            }
            Refusal::StoreUnavailable { detail, retry_after_ms }
            | Refusal::ActorFailed { detail, retry_after_ms } => {
                ("store_unavailable", detail, Some(retry_after_ms))
            }
        };
        Self { retry_after_ms, ..Self::new(status_of(code), code, detail) }
    }
}

impl From<Refused> for RefusedFact {
    fn from(refused: Refused) -> Self {
        Problem::from(refused.refusal).of_fact(refused.index)
    }
}

impl From<NotAFact> for Problem {
    fn from(error: NotAFact) -> Self {
        match error {
            NotAFact::Malformed(detail) => Self::malformed(detail),
            NotAFact::Invalid(detail) => Self::invalid(detail),
        }
    }
}

impl From<Invalid> for Problem {
    fn from(error: Invalid) -> Self {
        match error {
            Invalid::Event(detail) => Self::invalid(detail),
            Invalid::ClockAhead(detail) => Refusal::ClockAhead(detail).into(),
        }
    }
}

impl From<AnswerError> for Problem {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::Cursor | AnswerError::After => Self::malformed(error.to_string()),
            AnswerError::TooManyReads => Self::too_many(
                "too many answers are being read from the log; ask again later",
                Duration::from_millis(RETRY_AFTER_MS),
            ),
            AnswerError::Partial => Self::unavailable(
                "part of what would answer this cannot be read; viewlog verify says which",
            ),
            AnswerError::Log(error) => error.into(),
            AnswerError::Views(error) => {
                tracing::error!(%error, "an answer could not be read");
                Self::unavailable("the views do not answer; ask again later")
            }
        }
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        tracing::error!(%error, "the log could not be read");
        Self::unavailable("the log cannot be read at the moment; ask again later")
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        tracing::error!(%error, "the log could not be written");
        Self::unavailable("the log cannot be written at the moment; ask again later")
    }
}

/// A refusal or an error (RFC 9457), with the members of the case.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = Problem)]
pub(super) struct Body<'a> {
    /// `about:blank`: the code tells problems apart.
    r#type: &'static str,
    /// What the status is called.
    title: &'a str,
    /// The status.
    status: u16,
    /// What is wrong and what would be right, for people.
    detail: &'a str,
    /// The code, for programs.
    code: &'static str,
    /// When to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_ms: Option<u64>,
    /// Each fact that was refused, where facts were sent.
    #[serde(skip_serializing_if = "<[RefusedFact]>::is_empty")]
    #[schema(required = false)]
    refused: &'a [RefusedFact],
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.insert_header((CONTENT_TYPE, "application/problem+json"));
        if let Some(ms) = self.retry_after_ms {
            response.insert_header((RETRY_AFTER, ms.div_ceil(1_000).max(1)));
        }
        if let Some(challenge) = self.challenge {
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        let body = Body {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or_default(),
            status: self.status.as_u16(),
            detail: &self.detail,
            code: self.code,
            retry_after_ms: self.retry_after_ms,
            refused: &self.refused,
        };
        response.body(serde_json::to_vec(&body).unwrap_or_default())
    }
}
