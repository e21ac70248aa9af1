//! `GET` and `HEAD` of a file: whole or one range, with a strong ETag, which is its SHA-256.
//!
//! tower-http's `ServeFile` reads the file and knows ranges and dates; what depends on the ETag is decided here.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use mime::Mime;
use tower_http::services::ServeFile;

use super::Service;
use crate::error::ApiError;
use crate::metrics::Metrics;
use crate::name::FileId;

/// Read and sent at a time, for each download: few system calls, little memory.
const CHUNK: usize = 128 * 1024;

pub(super) async fn download(
    State(service): State<Arc<Service>>,
    Path((adapter, version, file)): Path<(String, String, String)>,
    mut request: Request,
) -> Result<Response, ApiError> {
    service.access.to_read(request.headers())?;
    let id = FileId::parse(&adapter, &version, &file)?;
    let content_type = content_type(&id);
    let entry = service.on_store(move |store| store.entry(&id)).await?.ok_or(ApiError::NotFound)?;
    let etag = format!("\"{}\"", entry.sha256);
    if none_match_fails(request.headers(), &etag) {
        return Ok(about(StatusCode::NOT_MODIFIED.into_response(), &etag));
    }
    leave_what_applies(request.headers_mut(), &etag);
    let mut file = ServeFile::new_with_mime(service.store.blob(&entry), &content_type).with_buf_chunk_size(CHUNK);
    let response = file.try_call(request).await?;
    service.metrics.downloads.fetch_add(1, Relaxed);
    let metrics = service.metrics.clone();
    Ok(about(response.map(|body| counted(body, metrics)), &etag))
}

/// Whether `If-None-Match` names this ETag, so that the client has the content already.
pub(super) fn none_match_fails(headers: &HeaderMap, etag: &str) -> bool {
    let given = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    given
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|one| one == "*" || one.trim_start_matches("W/") == etag)
}

/// Drops the conditions that the ETag has decided (RFC 9110, 13.2.2) and ranges that are to be ignored.
fn leave_what_applies(headers: &mut HeaderMap, etag: &str) {
    if headers.contains_key(header::IF_NONE_MATCH) {
        headers.remove(header::IF_MODIFIED_SINCE);
    }
    // A date in If-Range counts as changed: the answer is the whole file, which is always right.
    let other_content = headers.remove(header::IF_RANGE).is_some_and(|value| value.as_bytes() != etag.as_bytes());
    let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    if other_content || !range.is_some_and(is_one_range) {
        headers.remove(header::RANGE);
    }
}

/// Other units and several ranges may be ignored (RFC 9110, 14.2): the answer is then the whole file.
fn is_one_range(value: &str) -> bool {
    let Some((first, last)) = value.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return false;
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    digits(first) && digits(last) && !(first.is_empty() && last.is_empty())
}

fn content_type(id: &FileId) -> Mime {
    if id.file.as_str().ends_with(".json") { mime::APPLICATION_JSON } else { mime::APPLICATION_OCTET_STREAM }
}

/// What holds for every answer about this content.
fn about(mut response: Response, etag: &str) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::ETAG, HeaderValue::from_str(etag).expect("hex is a header value"));
    // Published files do not change.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn counted<B>(body: B, metrics: Arc<Metrics>) -> Body
where
    B: axum::body::HttpBody<Data = bytes::Bytes, Error = std::io::Error> + Send + 'static,
{
    Body::new(body.map_frame(move |frame| {
        let size = frame.data_ref().map_or(0, bytes::Bytes::len);
        metrics.sent_bytes.fetch_add(size as u64, Relaxed);
        frame
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(given: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        let mut headers: HeaderMap =
            given.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        leave_what_applies(&mut headers, "\"abc\"");
        headers
    }

    #[test]
    fn a_range_survives_only_for_the_same_content() {
        let range = (header::RANGE, "bytes=0-4");
        assert!(left(std::slice::from_ref(&range)).contains_key(header::RANGE));
        assert!(left(&[range.clone(), (header::IF_RANGE, "\"abc\"")]).contains_key(header::RANGE));
        for other in ["\"xyz\"", "W/\"abc\"", "Sat, 21 Nov 2026 00:00:00 GMT"] {
            assert!(!left(&[range.clone(), (header::IF_RANGE, other)]).contains_key(header::RANGE));
        }
    }

    #[test]
    fn odd_ranges_are_ignored() {
        for value in ["items=0-1", "bytes=0-1,3-4", "bytes=-", "bytes=a-b", "bytes 0-1"] {
            assert!(!is_one_range(value), "{value}");
        }
        for value in ["bytes=0-", "bytes=-5", "bytes=3-7"] {
            assert!(is_one_range(value), "{value}");
        }
    }
}
