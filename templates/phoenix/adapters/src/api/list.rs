//! `GET /adapters` and `GET /adapters/<name>/manifest.json`: what there is, with sizes and SHA-256.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{Service, download};
use crate::error::ApiError;
use crate::name::Name;
use crate::store::Store;

pub(super) async fn all(State(service): State<Arc<Service>>, headers: HeaderMap) -> Result<Response, ApiError> {
    service.access.to_read(&headers)?;
    let adapters = service.on_store(Store::adapters).await?;
    answer(&headers, &json!({ "adapters": adapters }))
}

pub(super) async fn one(
    State(service): State<Arc<Service>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    service.access.to_read(&headers)?;
    let name = Name::parse(&name)?;
    let adapter = service.on_store(move |store| store.adapter(&name)).await?.ok_or(ApiError::NotFound)?;
    answer(&headers, &adapter)
}

/// Agents ask again and again: an unchanged list costs them a 304.
fn answer(headers: &HeaderMap, list: &impl Serialize) -> Result<Response, ApiError> {
    let body = serde_json::to_vec(list).map_err(std::io::Error::other)?;
    let hash: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{hash}\"");
    let about = [(header::ETAG, etag.clone()), (header::CACHE_CONTROL, "no-cache".to_owned())];
    if download::none_match_fails(headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, about).into_response());
    }
    Ok((about, [(header::CONTENT_TYPE, "application/json")], body).into_response())
}
