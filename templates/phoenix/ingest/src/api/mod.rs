//! The HTTP interface: one route that takes batches, two that tell how the service is.

mod answer;
mod auth;
mod status;
mod telemetry;

use crate::budget::Budget;
use crate::config::Limits;
use crate::database::Availability;
use crate::metrics::Metrics;
use crate::secret::Token;
use crate::writer::Queue;
use answer::Answer;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// What every request can see.
pub struct Api {
    pub token: Token,
    pub limits: Limits,
    pub retention_days: u16,
    pub writers: usize,
    pub budget: Budget,
    pub queue: Queue,
    pub availability: Availability,
    pub metrics: Arc<Metrics>,
    pub in_flight: AtomicUsize,
}

/// `/healthz` is open, because whoever probes it has no token; all else needs one.
pub fn router(api: Arc<Api>) -> Router {
    Router::new()
        .route("/api/v1/telemetry", post(telemetry::accept).fallback(method_not_allowed))
        .route("/metrics", get(status::metrics))
        .layer(from_fn_with_state(api.clone(), auth::require_token))
        .route("/healthz", get(status::healthz))
        .fallback(not_found)
        .with_state(api)
}

async fn not_found(State(_): State<Arc<Api>>) -> Response {
    Answer::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path").into_response()
}

async fn method_not_allowed() -> Response {
    Answer::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "batches are sent with POST").into_response()
}
