//! Reads single values of a record. A reason completes the sentence "field …".

use super::json;
use super::time::Instant;
use std::borrow::Cow;

pub type Reason = Cow<'static, str>;

/// A string of 1 to `max` characters without control characters.
pub fn text(raw: &str, max: usize) -> Result<Cow<'_, str>, Reason> {
    let text = unquote(raw).ok_or("must be a string")?;
    if text.is_empty() {
        return Err("must not be empty".into());
    }
    // Bytes are at least as many as characters, so most texts need not be counted.
    if text.len() > max && text.chars().count() > max {
        return Err(format!("must have at most {max} characters").into());
    }
    if text.chars().any(char::is_control) {
        return Err("must not contain control characters".into());
    }
    Ok(text)
}

/// A moment: RFC 3339 text or integer milliseconds.
pub fn moment(raw: &str) -> Result<Instant, Reason> {
    const EXPECTED: &str = "must be RFC 3339 text with an offset, or integer milliseconds since 1970";
    let moment = match unquote(raw) {
        Some(text) => Instant::from_rfc3339(&text),
        None => raw.parse().ok().and_then(Instant::from_milliseconds),
    };
    moment.ok_or(Reason::Borrowed(EXPECTED))
}

/// A number that is not negative.
pub fn duration(raw: &str) -> Result<f64, Reason> {
    let number = raw.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    number.ok_or(Reason::Borrowed("must be a number of milliseconds, not negative"))
}

/// Any JSON that the database can store.
pub fn any(raw: &str, max: usize) -> Result<&str, Reason> {
    if raw.len() > max {
        return Err(format!("must have at most {max} bytes").into());
    }
    json::check(raw)?;
    Ok(raw)
}

/// A JSON object that the database can store.
pub fn object(raw: &str, max: usize) -> Result<&str, Reason> {
    if !raw.starts_with('{') {
        return Err("must be an object".into());
    }
    any(raw, max)
}

/// The content of a JSON string; borrowed unless it has escapes.
fn unquote(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') { serde_json::from_str(raw).ok().map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        assert_eq!(text(r#""agent-7""#, 8).unwrap(), "agent-7");
        assert_eq!(text(r#""a\u00e9\"""#, 8).unwrap(), "aé\"");
        assert_eq!(text("\"éééé\"", 4).unwrap(), "éééé", "characters are counted, not bytes");
        for raw in ["7", "null", "{}", r#""""#, "\"ééééé\"", r#""\u0000""#, r#""\n""#, r#""\ud800""#] {
            assert!(text(raw, 4).is_err(), "{raw}");
        }
    }

    #[test]
    fn moments() {
        assert_eq!(moment("0").unwrap(), moment(r#""1970-01-01T00:00:00Z""#).unwrap());
        for raw in ["1.5", "1e3", "true", r#""now""#, "9223372036854775807", "99999999999999999999"] {
            assert!(moment(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration("12.5").unwrap(), 12.5);
        for raw in ["-1", "1e999", r#""1""#, "true"] {
            assert!(duration(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn objects() {
        assert!(object("{}", 2).is_ok());
        for raw in ["[]", "1", r#""{}""#, r#"{"a":1}"#, r#"{"\u0000":1}"#] {
            assert!(object(raw, 6).is_err(), "{raw}");
        }
    }
}
