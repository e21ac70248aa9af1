//! The SHA-256 that a client expects its upload to have, from whichever header it uses.

use axum::http::HeaderMap;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::error::ApiError;

/// Reads `X-SHA256` (hex), `Content-Digest` or `Repr-Digest` (RFC 9530), or `Digest` (RFC 3230); hex, if there is one.
pub(super) fn expected(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default().trim().to_owned());
    if let Some(hex) = text("x-sha256") {
        let sound = hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        return if sound { Ok(Some(hex.to_ascii_lowercase())) } else { Err(ApiError::BadDigest("not 64 hex digits")) };
    }
    let list = ["content-digest", "repr-digest", "digest"].into_iter().find_map(text);
    let sha256 = list.as_deref().and_then(|list| list.split(',').find_map(base64_of_sha256));
    sha256.map(|encoded| decode(encoded).ok_or(ApiError::BadDigest("not base64 of 32 bytes"))).transpose()
}

/// `sha-256=:…:` or `sha-256=…`; other algorithms are not ours to judge.
fn base64_of_sha256(item: &str) -> Option<&str> {
    let (algorithm, value) = item.trim().split_once('=')?;
    algorithm.eq_ignore_ascii_case("sha-256").then(|| value.trim_matches(':'))
}

fn decode(encoded: &str) -> Option<String> {
    let bytes: [u8; 32] = BASE64_STANDARD.decode(encoded).ok()?.try_into().ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn of(name: &'static str, value: &'static str) -> Result<Option<String>, ApiError> {
        expected(&HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_static(value))]))
    }

    #[test]
    fn all_forms_mean_the_same() {
        for (name, value) in [
            ("x-sha256", "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"),
            ("content-digest", "md5=:AAAA:, sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"),
            ("digest", "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
        ] {
            assert_eq!(of(name, value).unwrap().as_deref(), Some(HEX), "{name}");
        }
        assert_eq!(of("digest", "md5=AAAA").unwrap(), None);
    }

    #[test]
    fn a_broken_digest_is_no_missing_one() {
        assert!(of("x-sha256", "abc").is_err());
        assert!(of("digest", "sha-256=AAAA").is_err());
    }
}
