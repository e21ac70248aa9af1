//! How the service is: for probes and for Prometheus.

use super::Api;
use super::answer::Answer;
use crate::metrics::Gauges;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// 200 while the database answers and has the schema. What was last seen is told, at most some seconds old, so that
/// probes cost nothing.
pub async fn healthz(State(api): State<Arc<Api>>) -> Response {
    if api.availability.is_up() {
        return ([(CONTENT_TYPE, "application/json")], "{\"status\":\"ready\"}").into_response();
    }
    Answer::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "the database is away").into_response()
}

pub async fn metrics(State(api): State<Arc<Api>>) -> Response {
    let gauges = Gauges {
        queue_batches: api.queue.len(),
        in_flight_bytes: api.budget.held(),
        in_flight_requests: api.in_flight.load(Ordering::Relaxed),
        database_up: api.availability.is_up(),
        writers: api.writers,
    };
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], api.metrics.render(&gauges)).into_response()
}
