//! `PUT` of a file: streamed to disk, hashed on the way, visible once it is complete.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, BodyDataStream};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::json;
use tokio::sync::mpsc;

use super::{InFlight, Service, digest};
use crate::error::ApiError;
use crate::name::FileId;
use crate::store::{Published, Upload};

/// Chunks between the network and the disk: the slower side holds up the other.
const QUEUE: usize = 8;

/// How long, and for how much, a refused client is listened to.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 16 * 1024 * 1024;

pub(super) async fn publish(
    State(service): State<Arc<Service>>,
    Path((adapter, version, file)): Path<(String, String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let mut body = body.into_data_stream();
    let result = store(&service, [&adapter, &version, &file], &headers, &mut body).await;
    if result.is_err() && !headers.contains_key(header::EXPECT) {
        // Closing on unread data resets the connection, and the client may never see why it was refused.
        let _ = tokio::time::timeout(LINGER, drain(&mut body)).await;
    }
    let metrics = &service.metrics;
    match &result {
        Ok((StatusCode::CREATED, _)) => metrics.created.fetch_add(1, Relaxed),
        Ok(_) => metrics.unchanged.fetch_add(1, Relaxed),
        Err(_) => metrics.refused.fetch_add(1, Relaxed),
    };
    result.map(IntoResponse::into_response)
}

/// Reads and drops what a refused client is still sending, up to a limit.
async fn drain(body: &mut BodyDataStream) {
    let mut left = LINGER_BYTES;
    while let Some(Ok(chunk)) = body.next().await {
        left = left.saturating_sub(chunk.len());
        if left == 0 {
            return;
        }
    }
}

type Answer = (StatusCode, Json<serde_json::Value>);

async fn store(
    service: &Service,
    id: [&str; 3],
    headers: &HeaderMap,
    body: &mut BodyDataStream,
) -> Result<Answer, ApiError> {
    service.access.to_publish(headers)?;
    let id = FileId::parse(id[0], id[1], id[2])?;
    let expected = digest::expected(headers)?;
    check_announced_size(service, headers).await?;
    let _slot = service.uploads.try_acquire().map_err(|_| ApiError::Busy)?;
    let _counted = InFlight::begin(&service.metrics);

    let upload = receive(service, body).await?;
    let actual = upload.sha256();
    if let Some(expected) = expected.filter(|expected| *expected != actual) {
        return Err(ApiError::DigestMismatch { expected, actual });
    }
    let target = id.clone();
    let published =
        service.on_store(move |store| store.publish(upload, &target)).await.map_err(|e| full(service, e))?;
    answer(&id, published)
}

fn answer(id: &FileId, published: Published) -> Result<Answer, ApiError> {
    let (status, entry) = match published {
        Published::Created(entry) => (StatusCode::CREATED, entry),
        Published::Unchanged(entry) => (StatusCode::OK, entry),
        Published::Conflict(existing) => return Err(ApiError::Conflict { existing: existing.sha256 }),
    };
    tracing::info!(file = %id, sha256 = entry.sha256, size = entry.size, new = status == StatusCode::CREATED, "published");
    let body = json!({
        "name": id.adapter.as_str(), "version": id.version.as_str(), "file": id.file.as_str(),
        "sha256": entry.sha256, "size": entry.size, "published_at": entry.published_at,
    });
    Ok((status, Json(body)))
}

/// Refuses early what its `Content-Length` already rules out, before the client sends gigabytes for nothing.
async fn check_announced_size(service: &Service, headers: &HeaderMap) -> Result<(), ApiError> {
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let Some(announced) = announced else { return Ok(()) };
    if announced > service.limits.file {
        return Err(ApiError::TooLarge { limit: service.limits.file });
    }
    let free = service.on_store(|store| store.free()).await?;
    if free < announced.saturating_add(service.limits.reserve) {
        return Err(ApiError::Full { reserve: service.limits.reserve });
    }
    Ok(())
}

/// Passes the body to a thread that hashes and writes. Whoever stops early, nothing stays behind.
async fn receive(service: &Service, body: &mut BodyDataStream) -> Result<Upload, ApiError> {
    let (sender, receiver) = mpsc::channel(QUEUE);
    let (store, reserve) = (service.store.clone(), service.limits.reserve);
    let writer = tokio::task::spawn_blocking(move || write(&store, reserve, receiver));
    let sent = send(service, body, sender).await;
    let written = writer.await.map_err(std::io::Error::other)?;
    // A full disk stops the sender, too: the disk is the cause to report.
    let upload = written.map_err(|error| full(service, ApiError::Store(error)))?;
    sent.map(|()| upload)
}

fn write(store: &crate::store::Store, reserve: u64, mut chunks: mpsc::Receiver<Bytes>) -> std::io::Result<Upload> {
    let mut upload = store.begin(reserve)?;
    while let Some(chunk) = chunks.blocking_recv() {
        upload.write(store, &chunk)?;
    }
    Ok(upload)
}

async fn send(service: &Service, stream: &mut BodyDataStream, sender: mpsc::Sender<Bytes>) -> Result<(), ApiError> {
    let mut size = 0;
    loop {
        let next = tokio::time::timeout(service.limits.stall, stream.next()).await.map_err(|_| ApiError::Stalled)?;
        let Some(chunk) = next else { return Ok(()) };
        let chunk = chunk.map_err(|_| ApiError::Incomplete)?;
        size += chunk.len() as u64;
        if size > service.limits.file {
            return Err(ApiError::TooLarge { limit: service.limits.file });
        }
        service.metrics.received_bytes.fetch_add(chunk.len() as u64, Relaxed);
        if sender.send(chunk).await.is_err() {
            // The writer ended with an error, which the caller sees.
            return Ok(());
        }
    }
}

/// A full disk (or quota) has a status of its own.
fn full(service: &Service, error: ApiError) -> ApiError {
    match error {
        ApiError::Store(source) if matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            ApiError::Full { reserve: service.limits.reserve }
        }
        other => other,
    }
}
