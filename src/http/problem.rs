//! Every error as `application/problem+json` (RFC 9457).

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};

use crate::projections::AnswerError;

/// Why a request is not answered.
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
}

impl Problem {
    /// A problem with this code.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), retry_after_ms: None }
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
}

impl From<AnswerError> for Problem {
    fn from(error: AnswerError) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        let wait = Self {
            retry_after_ms: Some(1_000),
            ..Self::new(status, "store_unavailable", "the store does not answer; try again")
        };
        match error {
            AnswerError::Cursor | AnswerError::After => Self::malformed(error.to_string()),
            AnswerError::TooManyReads => Self {
                status: StatusCode::TOO_MANY_REQUESTS,
                code: "too_many_requests",
                detail: error.to_string(),
                ..wait
            },
            AnswerError::Log(_) | AnswerError::Views(_) | AnswerError::Partial => wait,
        }
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        response.insert_header((CONTENT_TYPE, "application/problem+json"));
        if let Some(ms) = self.retry_after_ms {
            response.insert_header((RETRY_AFTER, ms.div_ceil(1_000).to_string()));
        }
        let title = self.status.canonical_reason().unwrap_or_default();
        let body = serde_json::json!({"type": "about:blank", "title": title,
            "status": self.status.as_u16(), "code": self.code, "detail": self.detail});
        response.body(body.to_string())
    }
}
