//! Long lists in pages: `pageToken` in, `nextPageToken` out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::account::Call;
use super::error::ApiError;

/// One page of `items` under `member`. The token is the position, opaque to callers as AWS's is.
pub fn page(call: &Call<'_>, member: &str, items: impl Iterator<Item = Value>) -> Result<Value, ApiError> {
    let start = match call.input.optional_text("pageToken") {
        Some(token) => decode(token).ok_or_else(|| ApiError::invalid("The page token is not valid"))?,
        None => 0,
    };
    let mut rest = items.skip(start);
    let shown: Vec<Value> = rest.by_ref().take(call.page_size).collect();
    let mut answer = json!({ member: shown });
    if rest.next().is_some() {
        answer["nextPageToken"] = json!(STANDARD.encode(format!("page:{}", start + call.page_size)));
    }
    Ok(answer)
}

fn decode(token: &str) -> Option<usize> {
    let bytes = STANDARD.decode(token).ok()?;
    std::str::from_utf8(&bytes).ok()?.strip_prefix("page:")?.parse().ok()
}
