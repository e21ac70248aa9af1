//! The bearer token.

use super::Api;
use super::answer::Refusal;
use crate::body;
use crate::metrics::BatchResult;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Lets only requests with the token through, before anything of their body is looked at.
pub async fn require_token(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    if bearer(request.headers()).is_some_and(|token| api.token.matches(token)) {
        return next.run(request).await;
    }
    body::discard(&mut request.into_body(), api.limits.body).await;
    api.metrics.count(BatchResult::Unauthorized);
    let message = "send the token as `Authorization: Bearer …`";
    Refusal::new(BatchResult::Unauthorized, message).into_response()
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
