//! Reads a request's body and decompresses it, within limits and within the budget.

use crate::budget::{Reservation, Spent};
use axum::body::Body;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use std::io::Read;
use std::time::Duration;

/// A frame may ask its reader for a window of this size (2^22 = 4 MiB): what levels up to 15 use. More would be memory
/// outside the budget.
const ZSTD_WINDOW_LOG_MAX: u32 = 22;
/// How much is decompressed between two looks at the limit and the budget.
const STEP: usize = 64 * 1024;

const DISCARD_TIMEOUT: Duration = Duration::from_secs(5);

/// How the body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

/// Why a body could not be used.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the body is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the body is larger than {limit} bytes once decompressed")]
    Bomb { limit: usize },
    #[error("the body ended early")]
    Interrupted(#[source] axum::Error),
    #[error("the body is not valid {encoding:?}: {source}")]
    Corrupt { encoding: Encoding, source: std::io::Error },
    #[error(transparent)]
    Spent(#[from] Spent),
}

impl Encoding {
    /// From the `Content-Encoding` header; `None` for one that is not understood.
    pub fn from_header(value: Option<&str>) -> Option<Self> {
        match value.map(|text| text.trim().to_ascii_lowercase()).as_deref() {
            None | Some("" | "identity") => Some(Self::Identity),
            Some("gzip" | "x-gzip") => Some(Self::Gzip),
            Some("zstd") => Some(Self::Zstd),
            Some(_) => None,
        }
    }
}

/// Reads the whole body; at most `limit` bytes. `reservation` covers what is held when it returns.
pub async fn read(body: &mut Body, limit: usize, reservation: &mut Reservation) -> Result<Vec<u8>, BodyError> {
    let announced = usize::try_from(http_body::Body::size_hint(body).lower()).unwrap_or(usize::MAX);
    if announced > limit {
        return Err(BodyError::TooLarge { limit });
    }
    reservation.cover(announced)?;
    let mut bytes = Vec::with_capacity(announced);
    while let Some(frame) = body.frame().await {
        let Ok(chunk) = frame.map_err(BodyError::Interrupted)?.into_data() else { continue };
        append(&mut bytes, &chunk, limit, reservation)?;
    }
    Ok(bytes)
}

fn append(bytes: &mut Vec<u8>, chunk: &Bytes, limit: usize, reservation: &mut Reservation) -> Result<(), BodyError> {
    let length = bytes.len() + chunk.len();
    if length > limit {
        return Err(BodyError::TooLarge { limit });
    }
    if length > bytes.capacity() {
        let capacity = (length * 2).min(limit);
        reservation.cover(capacity)?;
        bytes.reserve_exact(capacity - bytes.len());
    }
    bytes.extend_from_slice(chunk);
    Ok(())
}

/// Reads what is left of a refused request's body and drops it: a client that is still sending does not read the answer,
/// and would find its connection reset instead.
pub async fn discard(body: &mut Body, limit: usize) {
    let all = async {
        let mut left = limit;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, Bytes::len);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => break,
            }
        }
    };
    // Nothing follows from not getting to the end.
    let _ = tokio::time::timeout(DISCARD_TIMEOUT, all).await;
}

/// Undoes `encoding`; at most `limit` bytes come out. `reservation` covers what is held when it returns.
pub fn decompress(
    encoding: Encoding,
    body: Vec<u8>,
    limit: usize,
    reservation: &mut Reservation,
) -> Result<Vec<u8>, BodyError> {
    let corrupt = |source| BodyError::Corrupt { encoding, source };
    let plain = match encoding {
        Encoding::Identity if body.len() > limit => return Err(BodyError::TooLarge { limit }),
        Encoding::Identity => return Ok(body),
        Encoding::Gzip => inflate(MultiGzDecoder::new(&body[..]), encoding, limit, body.capacity(), reservation)?,
        Encoding::Zstd => {
            let mut decoder = zstd::Decoder::with_buffer(&body[..]).map_err(corrupt)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(corrupt)?;
            inflate(decoder, encoding, limit, body.capacity(), reservation)?
        }
    };
    Ok(plain)
}

/// Reads `decoder` in steps, so that a bomb is met by the limit and not by the memory.
fn inflate(
    mut decoder: impl Read,
    encoding: Encoding,
    limit: usize,
    compressed: usize,
    reservation: &mut Reservation,
) -> Result<Vec<u8>, BodyError> {
    let mut plain = Vec::new();
    loop {
        let length = plain.len();
        if plain.capacity() - length < STEP {
            let capacity = (plain.capacity() * 2).clamp(4 * STEP, limit + STEP);
            reservation.cover(compressed + capacity)?;
            plain.reserve_exact(capacity - length);
        }
        let read = (&mut decoder)
            .take(STEP as u64)
            .read_to_end(&mut plain)
            .map_err(|source| BodyError::Corrupt { encoding, source })?;
        if plain.len() > limit {
            return Err(BodyError::Bomb { limit });
        }
        if read == 0 {
            return Ok(plain);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;
    use std::io::Write;

    const LIMIT: usize = 1 << 20;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn undo(encoding: Encoding, body: Vec<u8>) -> Result<Vec<u8>, BodyError> {
        let mut reservation = Budget::new(8 << 20).reserve(body.len()).unwrap();
        let plain = decompress(encoding, body, LIMIT, &mut reservation)?;
        Ok(plain)
    }

    #[test]
    fn both_encodings_come_back() {
        let text = b"telemetry ".repeat(50_000);
        assert_eq!(undo(Encoding::Gzip, gzip(&text)).unwrap(), text);
        assert_eq!(undo(Encoding::Zstd, zstd::encode_all(&text[..], 3).unwrap()).unwrap(), text);
        let twice = [gzip(b"a"), gzip(b"b")].concat();
        assert_eq!(undo(Encoding::Gzip, twice).unwrap(), b"ab");
    }

    #[test]
    fn exactly_the_limit_passes_and_one_more_does_not() {
        let at = vec![b' '; LIMIT];
        let over = vec![b' '; LIMIT + 1];
        assert!(undo(Encoding::Gzip, gzip(&at)).is_ok());
        assert!(matches!(undo(Encoding::Gzip, gzip(&over)), Err(BodyError::Bomb { .. })));
        assert!(matches!(undo(Encoding::Identity, over), Err(BodyError::TooLarge { .. })));
    }

    #[test]
    fn bombs_are_refused() {
        let bomb = vec![0; 64 << 20];
        assert!(matches!(undo(Encoding::Gzip, gzip(&bomb)), Err(BodyError::Bomb { .. })));
        let bomb = zstd::encode_all(&bomb[..], 3).unwrap();
        assert!(matches!(undo(Encoding::Zstd, bomb), Err(BodyError::Bomb { .. })));
    }

    #[test]
    fn a_spent_budget_stops_decompression() {
        let body = gzip(&vec![b' '; LIMIT]);
        let mut reservation = Budget::new(300_000).reserve(body.len()).unwrap();
        assert!(matches!(decompress(Encoding::Gzip, body, LIMIT, &mut reservation), Err(BodyError::Spent(_))));
    }

    #[test]
    fn cut_or_foreign_bytes_are_corrupt() {
        let mut cut = gzip(b"telemetry");
        cut.truncate(cut.len() - 3);
        assert!(matches!(undo(Encoding::Gzip, cut), Err(BodyError::Corrupt { .. })));
        assert!(matches!(undo(Encoding::Zstd, b"plain".to_vec()), Err(BodyError::Corrupt { .. })));
    }

    #[tokio::test]
    async fn a_stream_without_length_is_bounded() {
        let mut reservation = Budget::new(1 << 20).reserve(0).unwrap();
        let body = || {
            let chunk = |_| Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 1000]));
            Body::from_stream(futures_util::stream::iter((0..10).map(chunk)))
        };
        assert_eq!(read(&mut body(), 10_000, &mut reservation).await.unwrap().len(), 10_000);
        assert!(matches!(read(&mut body(), 9_999, &mut reservation).await, Err(BodyError::TooLarge { .. })));
    }
}
