//! What all Describe calls have in common: ids that must exist, filters, pages.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::account::{Answer, Call};
use super::error::ApiError;
use super::input::{Input, Tags};

/// The values that a filter is compared with; none where the kind of resource has no such filter.
pub type Values = Option<Vec<String>>;

/// Whether every filter of the request has a value that `of` finds in the resource.
pub fn matches(input: Input<'_>, tags: &Tags, of: impl Fn(&str) -> Values) -> Result<bool, ApiError> {
    for filter in input.list("Filters") {
        let name = filter.text("Name")?;
        let wanted = filter.texts("Values");
        let found = match name.split_once(':') {
            Some(("tag", key)) => tags.get(key).cloned().into_iter().collect(),
            _ if name == "tag-key" => tags.keys().cloned().collect(),
            _ => of(name).ok_or_else(|| ApiError::invalid(format!("The filter '{name}' is invalid")))?,
        };
        if !found.iter().any(|value| wanted.iter().any(|pattern| is_like(pattern, value))) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `*` stands for any characters, `?` for one; a backslash takes their meaning away.
fn is_like(pattern: &str, value: &str) -> bool {
    fn like(pattern: &[char], value: &[char]) -> bool {
        match pattern {
            [] => value.is_empty(),
            ['*', rest @ ..] => (0..=value.len()).any(|skipped| like(rest, &value[skipped..])),
            ['?', rest @ ..] => !value.is_empty() && like(rest, &value[1..]),
            ['\\', literal, rest @ ..] | [literal, rest @ ..] => {
                value.first() == Some(literal) && like(rest, &value[1..])
            }
        }
    }
    let letters = |text: &str| text.chars().collect::<Vec<_>>();
    like(&letters(pattern), &letters(value))
}

/// One value, for `of`.
pub fn one(value: impl ToString) -> Values {
    Some(vec![value.to_string()])
}

/// A value that may be missing, for `of`.
pub fn maybe(value: Option<impl ToString>) -> Values {
    Some(value.into_iter().map(|value| value.to_string()).collect())
}

/// One page of `items` under `member`: at most `MaxResults`, and at most what the lab's settings say.
pub fn page(call: &Call<'_>, member: &str, items: Vec<Value>) -> Answer {
    let input = call.input;
    let start = match input.maybe("NextToken") {
        Some(token) => decode(token).ok_or_else(|| ApiError::invalid("The provided token is invalid"))?,
        None => 0,
    };
    let asked = input.number("MaxResults").and_then(|number| usize::try_from(number).ok()).unwrap_or(usize::MAX);
    let size = asked.min(call.settings.page_size).max(1);
    let more = items.len() > start.saturating_add(size);
    let shown: Vec<Value> = items.into_iter().skip(start).take(size).collect();
    let mut answer = json!({ member: shown });
    if more {
        answer["NextToken"] = json!(STANDARD.encode(format!("page:{}", start + size)));
    }
    Ok(answer)
}

fn decode(token: &str) -> Option<usize> {
    let bytes = STANDARD.decode(token).ok()?;
    std::str::from_utf8(&bytes).ok()?.strip_prefix("page:")?.parse().ok()
}

/// Tags as every answer shows them.
pub fn tag_set(tags: &Tags) -> Value {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_aws_s() {
        assert!(is_like("phase1-*", "phase1-vault") && is_like("*", "") && is_like("a?c", "abc"));
        assert!(!is_like("phase1", "phase1-vault") && !is_like("a?c", "ac"));
        assert!(is_like("a\\*", "a*") && !is_like("a\\*", "ab"));
    }
}
