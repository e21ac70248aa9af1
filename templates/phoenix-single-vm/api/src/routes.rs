//! The HTTP interface. What writes, reads or uses resources needs the token; how the service is, anybody may ask. The proxy
//! in front shows the world `/api` and `/health` only.

use crate::config::Config;
use crate::health::{self, Part};
use crate::load::{Load, Order};
use crate::metrics::Metrics;
use crate::sample::{self, Sample};
use crate::secret::Token;
use crate::service::chain;
use crate::store::{Store, StoreError};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Json, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

/// A batch of the largest samples.
const BODY_MOST: usize = 1 << 20;

/// What every request can see.
pub struct Api {
    token: Token,
    store: Store,
    parts: Vec<Part>,
    most_memory_mb: u64,
    load: Load,
    metrics: Metrics,
}

pub fn router(config: &Config) -> Result<Router, StoreError> {
    let api = Arc::new(Api {
        token: config.token.clone(),
        store: Store::new(config.database.clone(), &config.database_tls, config.connections)?,
        parts: config.parts.clone(),
        most_memory_mb: config.most_memory_mb,
        load: Load::default(),
        metrics: Metrics::default(),
    });
    let guarded = Router::new()
        .route("/api/v1/samples", post(store))
        .route("/api/v1/samples/{id}", get(find))
        .route("/api/v1/load", post(begin_load))
        .layer(DefaultBodyLimit::max(BODY_MOST))
        .layer(from_fn_with_state(api.clone(), require_token));
    let open = Router::new().route("/health", get(health)).route("/ready", get(ready)).route("/metrics", get(metrics));
    Ok(guarded.merge(open).with_state(api))
}

async fn require_token(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let presented = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = presented.and_then(|value| value.strip_prefix("Bearer "));
    if !token.is_some_and(|token| api.token.matches(token)) {
        return refusal(StatusCode::UNAUTHORIZED, "the token is missing or wrong");
    }
    let began = Instant::now();
    let answer = next.run(request).await;
    api.metrics.answered(began.elapsed());
    answer
}

/// Answers after the commit.
async fn store(State(api): State<Arc<Api>>, Json(samples): Json<Vec<Sample>>) -> Response {
    if let Err(error) = sample::check(&samples) {
        return refusal(StatusCode::BAD_REQUEST, error);
    }
    match api.store.insert(&samples).await {
        Ok(new) => {
            api.metrics.stored(&samples, new);
            Json(json!({ "acknowledged": samples.len(), "new": new })).into_response()
        }
        Err(error) => {
            api.metrics.refused();
            unavailable(&error)
        }
    }
}

async fn find(State(api): State<Arc<Api>>, Path(id): Path<String>) -> Response {
    match api.store.find(&id).await {
        Ok(Some(sample)) => Json(sample).into_response(),
        Ok(None) => refusal(StatusCode::NOT_FOUND, "there is no such sample"),
        Err(error) => unavailable(&error),
    }
}

async fn begin_load(State(api): State<Arc<Api>>, Json(order): Json<Order>) -> Response {
    match api.load.begin(order, api.most_memory_mb) {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(error) => refusal(StatusCode::BAD_REQUEST, error),
    }
}

async fn health(State(api): State<Arc<Api>>) -> Response {
    let report = health::report(&api.store, &api.parts).await;
    let well = report.values().all(Option::is_none);
    for (part, fault) in report.iter().filter_map(|(part, fault)| Some((part, fault.as_ref()?))) {
        tracing::warn!(part, fault, "not well");
    }
    // What is wrong in detail is for the log: anybody may ask.
    let parts: serde_json::Map<_, _> = report
        .iter()
        .map(|(part, fault)| (part.clone(), if fault.is_none() { "ok" } else { "failed" }.into()))
        .collect();
    let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "status": if well { "ok" } else { "failed" }, "parts": parts }))).into_response()
}

async fn ready(State(api): State<Arc<Api>>) -> Response {
    match api.store.ping().await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(error) => unavailable(&error),
    }
}

async fn metrics(State(api): State<Arc<Api>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], api.metrics.render()).into_response()
}

/// The sender may try again: an id that is there already is not stored twice.
fn unavailable(error: &StoreError) -> Response {
    tracing::warn!(error = chain(error), "the database is away");
    let mut answer = refusal(StatusCode::SERVICE_UNAVAILABLE, "the database is away: send it again");
    answer.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    answer
}

fn refusal(status: StatusCode, message: impl std::fmt::Display) -> Response {
    (status, Json(json!({ "error": message.to_string() }))).into_response()
}
