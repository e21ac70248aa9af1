//! What clients are told, in one shape for all errors.

use crate::body::BodyError;
use crate::metrics::BatchResult;
use crate::record::{BatchError, RecordError};
use axum::http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use uuid::Uuid;

/// A spent budget or a full queue is over in a moment; a database needs a little longer.
const RETRY_SATURATED: &str = "1";
const RETRY_UNAVAILABLE: &str = "5";

/// The body of a 200.
#[derive(Debug, Serialize)]
pub struct Accepted {
    pub accepted: i32,
    pub duplicate: bool,
    pub batch_id: Uuid,
}

/// An error as JSON: a code for programs, a message for people, and the records that are wrong.
#[derive(Debug, Serialize)]
pub struct Answer {
    #[serde(skip)]
    status: StatusCode,
    error: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<RecordError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_errors: Option<usize>,
}

/// Why a batch was not stored, with the result under which it is counted.
#[derive(Debug)]
pub struct Refusal {
    pub result: BatchResult,
    answer: Answer,
}

impl Answer {
    pub fn new(status: StatusCode, error: &'static str, message: impl Into<String>) -> Self {
        Self { status, error, message: message.into(), errors: Vec::new(), total_errors: None }
    }
}

impl Refusal {
    pub fn new(result: BatchResult, message: impl Into<String>) -> Self {
        let status = match result {
            BatchResult::Accepted | BatchResult::Duplicate => StatusCode::OK,
            BatchResult::Unauthorized => StatusCode::UNAUTHORIZED,
            BatchResult::Invalid => StatusCode::BAD_REQUEST,
            BatchResult::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            BatchResult::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            BatchResult::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            BatchResult::Timeout => StatusCode::REQUEST_TIMEOUT,
            BatchResult::Saturated => StatusCode::TOO_MANY_REQUESTS,
            BatchResult::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self { result, answer: Answer::new(status, result.name(), message) }
    }

    pub fn saturated() -> Self {
        Self::new(BatchResult::Saturated, "more batches are in flight than can be held; send again later")
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::Spent(_) => Self::saturated(),
            BodyError::TooLarge { .. } | BodyError::Bomb { .. } => Self::new(BatchResult::TooLarge, error.to_string()),
            BodyError::Interrupted(_) | BodyError::Corrupt { .. } => Self::new(BatchResult::Invalid, error.to_string()),
        }
    }
}

impl From<BatchError> for Refusal {
    fn from(error: BatchError) -> Self {
        let mut refusal = Self::new(BatchResult::Invalid, error.to_string());
        if let BatchError::Records { errors, total } = error {
            refusal.answer.errors = errors;
            refusal.answer.total_errors = Some(total);
        }
        refusal
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = json(self.status, &self);
        let headers = response.headers_mut();
        match self.status {
            StatusCode::TOO_MANY_REQUESTS => headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SATURATED)),
            StatusCode::SERVICE_UNAVAILABLE => headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_UNAVAILABLE)),
            StatusCode::UNAUTHORIZED => headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")),
            // The rest of such a body is not read, so the connection cannot be used again.
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT => {
                headers.insert(CONNECTION, HeaderValue::from_static("close"))
            }
            _ => None,
        };
        response
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.answer.into_response()
    }
}

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        json(StatusCode::OK, &self)
    }
}

fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let text = serde_json::to_vec(body).expect("numbers and strings serialize");
    (status, [(CONTENT_TYPE, "application/json")], text).into_response()
}
