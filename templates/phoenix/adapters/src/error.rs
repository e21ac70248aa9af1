//! Answers to requests that cannot be fulfilled: one JSON shape, `{"error": {"code": …, "message": …}}`.

use std::io;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::name::InvalidName;

/// Why a request was not fulfilled.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error(transparent)]
    Name(#[from] InvalidName),
    #[error("a valid bearer token is required")]
    Unauthorized,
    #[error("this token may read, not publish")]
    Forbidden,
    #[error("there is no such file")]
    NotFound,
    #[error("it is published already with SHA-256 {existing}; published files do not change, use another version")]
    Conflict { existing: String },
    #[error("files may have at most {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("the expected digest cannot be read: {0}")]
    BadDigest(&'static str),
    #[error("the content has SHA-256 {actual}, not the expected {expected}")]
    DigestMismatch { expected: String, actual: String },
    #[error("the content did not arrive completely")]
    Incomplete,
    #[error("no data arrived for too long")]
    Stalled,
    #[error("too many uploads at once")]
    Busy,
    #[error("the disk has no room for this file; uploads leave {reserve} bytes of it free")]
    Full { reserve: u64 },
    #[error("the store failed")]
    Store(#[from] io::Error),
}

impl ApiError {
    /// The stable name for programs, and the status.
    fn kind(&self) -> (&'static str, StatusCode) {
        match self {
            Self::Name(_) => ("invalid_name", StatusCode::BAD_REQUEST),
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED),
            Self::Forbidden => ("forbidden", StatusCode::FORBIDDEN),
            Self::NotFound => ("not_found", StatusCode::NOT_FOUND),
            Self::Conflict { .. } => ("conflict", StatusCode::CONFLICT),
            Self::TooLarge { .. } => ("too_large", StatusCode::PAYLOAD_TOO_LARGE),
            Self::BadDigest(_) => ("bad_digest", StatusCode::BAD_REQUEST),
            Self::DigestMismatch { .. } => ("digest_mismatch", StatusCode::UNPROCESSABLE_ENTITY),
            Self::Incomplete => ("incomplete", StatusCode::BAD_REQUEST),
            Self::Stalled => ("stalled", StatusCode::REQUEST_TIMEOUT),
            Self::Busy => ("busy", StatusCode::SERVICE_UNAVAILABLE),
            Self::Full { .. } => ("disk_full", StatusCode::INSUFFICIENT_STORAGE),
            Self::Store(_) => ("store", StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (code, status) = self.kind();
        if let Self::Store(source) = &self {
            tracing::error!(error = %source, "the store failed");
        }
        let body = json!({ "error": { "code": code, "message": self.to_string() } });
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("10"));
            }
            _ => {}
        }
        response
    }
}
