//! `POST /api/v1/telemetry`: a batch in, an answer once it is committed.

use super::Api;
use super::answer::{Accepted, Refusal};
use crate::body::{self, Encoding};
use crate::budget::Reservation;
use crate::config::Limits;
use crate::metrics::BatchResult;
use crate::record::{self, EncodedBatch, Instant, Rules};
use crate::writer::{Batch, Fingerprint, IdempotencyKey, Outcome};
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, EXPECT, HeaderName};
use axum::http::{HeaderMap, request::Parts};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use uuid::Uuid;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// For the whole body: 4 MiB take that long at 1 Mbit/s.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a batch waits for room in memory.
const ROOM_PATIENCE: Duration = Duration::from_secs(2);
/// The size assumed of a body that comes without one.
const UNANNOUNCED: usize = 64 * 1024;
/// How far telemetry is compressed, as a rule.
const COMPRESSION: usize = 8;
/// Larger texts are parsed with the runtime told, so that other requests go on meanwhile.
const LARGE: usize = 256 * 1024;

pub async fn accept(State(api): State<Arc<Api>>, request: Request) -> Response {
    let started = std::time::Instant::now();
    let _counted = InFlight::enter(&api.in_flight);
    let (parts, mut body) = request.into_parts();
    let answer = store(&api, &parts, &mut body).await;
    // A client that expects `100 Continue` has not begun to send.
    if answer.is_err() && !parts.headers.contains_key(EXPECT) {
        body::discard(&mut body, api.limits.body).await;
    }
    let result = match &answer {
        Ok(accepted) if accepted.duplicate => BatchResult::Duplicate,
        Ok(_) => BatchResult::Accepted,
        Err(refusal) => refusal.result,
    };
    api.metrics.count(result);
    api.metrics.batch_seconds.observe(started.elapsed().as_secs_f64());
    answer.into_response()
}

async fn store(api: &Api, parts: &Parts, body: &mut Body) -> Result<Accepted, Refusal> {
    let (encoding, key) = headers(&parts.headers)?;
    if !api.availability.is_worth_waiting_for() {
        return Err(unavailable(false));
    }
    let (body, reservation) = read(api, encoding, body).await?;
    let id = Uuid::now_v7();
    let long = encoding != Encoding::Identity || body.len() > LARGE;
    let prepare = || prepare(api, id, key, encoding, body, reservation);
    let batch = if long { tokio::task::block_in_place(prepare)? } else { prepare()? };
    let records = batch.records;
    let outcome = api.queue.submit(batch).map_err(|_| Refusal::saturated())?;
    // The sender is only dropped without an answer when the service ends.
    answer(outcome.await.unwrap_or(Outcome::Unavailable { tried: true }), id, records)
}

fn headers(headers: &HeaderMap) -> Result<(Encoding, Option<IdempotencyKey>), Refusal> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let media_type = text(CONTENT_TYPE).map(|value| value.split(';').next().unwrap_or_default().trim());
    if media_type.is_some_and(|media_type| !media_type.eq_ignore_ascii_case("application/json")) {
        return Err(Refusal::new(BatchResult::Unsupported, "the body must be application/json"));
    }
    let encoding = Encoding::from_header(text(CONTENT_ENCODING))
        .ok_or_else(|| Refusal::new(BatchResult::Unsupported, "the body may be encoded with gzip or zstd only"))?;
    let key = match text(IDEMPOTENCY_KEY) {
        None => None,
        Some(text) => Some(IdempotencyKey::parse(text).ok_or_else(|| {
            Refusal::new(BatchResult::Invalid, "Idempotency-Key must have 1 to 128 visible ASCII characters")
        })?),
    };
    Ok((encoding, key))
}

/// Waits for room, then reads: what has no room yet stays in the client's and the kernel's buffers.
async fn read(api: &Api, encoding: Encoding, body: &mut Body) -> Result<(Vec<u8>, Reservation), Refusal> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > api.limits.body {
        return Err(body::BodyError::TooLarge { limit: api.limits.body }.into());
    }
    let room = expected_room(encoding, announced, &api.limits);
    let mut reservation = api.budget.wait_for(room, ROOM_PATIENCE).await.map_err(|_| Refusal::saturated())?;
    let body = tokio::time::timeout(BODY_TIMEOUT, body::read(body, api.limits.body, &mut reservation))
        .await
        .map_err(|_| Refusal::new(BatchResult::Timeout, "the body did not arrive in time"))??;
    api.metrics.bytes.add(body.len() as u64);
    Ok((body, reservation))
}

/// What a batch will take while it is prepared, as far as can be told from outside.
fn expected_room(encoding: Encoding, announced: usize, limits: &Limits) -> usize {
    let wire = if announced == 0 { UNANNOUNCED.min(limits.body) } else { announced };
    match encoding {
        // The text, and the rows, which are somewhat longer.
        Encoding::Identity => wire * 5 / 2,
        _ => wire + 2 * (wire * COMPRESSION).min(limits.decompressed),
    }
}

/// From the body to a batch that is ready to be written.
fn prepare(
    api: &Api,
    id: Uuid,
    key: Option<IdempotencyKey>,
    encoding: Encoding,
    body: Vec<u8>,
    mut reservation: Reservation,
) -> Result<Batch, Refusal> {
    let text = body::decompress(encoding, body, api.limits.decompressed, &mut reservation)?;
    reservation.resize(text.capacity() * 5 / 2).map_err(|_| Refusal::saturated())?;
    let rules = Rules::new(Instant::now(), api.retention_days);
    let EncodedBatch { rows, records, days } = record::encode(&text, id, &rules)?;
    let key = key.map(|key| (key, Fingerprint::from(Sha256::digest(&text))));
    drop(text);
    reservation.resize(rows.capacity()).map_err(|_| Refusal::saturated())?;
    let records = i32::try_from(records).expect("a batch has at most RECORDS_MAX records");
    Ok(Batch { id, key, records, rows: rows.into(), days, reservation })
}

fn answer(outcome: Outcome, id: Uuid, records: i32) -> Result<Accepted, Refusal> {
    match outcome {
        Outcome::Stored => Ok(Accepted { accepted: records, duplicate: false, batch_id: id }),
        Outcome::Duplicate { batch, records } => Ok(Accepted { accepted: records, duplicate: true, batch_id: batch }),
        Outcome::KeyReused => {
            Err(Refusal::new(BatchResult::KeyReused, "this Idempotency-Key was used before for another body"))
        }
        Outcome::Refused(reason) => {
            Err(Refusal::new(BatchResult::Invalid, format!("the database refused it: {reason}")))
        }
        Outcome::Unavailable { tried } => Err(unavailable(tried)),
    }
}

fn unavailable(tried: bool) -> Refusal {
    let message = match tried {
        false => "the database is away; nothing was stored, send again later",
        true => {
            "the database went away; whether the batch was stored is not known: send it again with the same \
             Idempotency-Key"
        }
    };
    Refusal::new(BatchResult::Unavailable, message)
}

/// Counts a request for as long as it lives, also when its client goes away.
struct InFlight<'a>(&'a AtomicUsize);

impl<'a> InFlight<'a> {
    fn enter(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
