//! Compose's variable interpolation: `$VAR`, `${VAR}`, `${VAR:-default}`, `${VAR-default}`, `${VAR:?message}`,
//! `${VAR?message}`, `${VAR:+other}`, `${VAR+other}`, `$$`; defaults may hold variables themselves.
//! Rules: https://docs.docker.com/reference/compose-file/interpolation/

use thiserror::Error;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InterpolateError {
    #[error("`{text}` is no valid variable")]
    Syntax { text: String },
    #[error("variable {name} is required: {message}")]
    Required { name: String, message: String },
}

/// Replaces the variables in `text`; an unset one without a default becomes nothing.
pub fn interpolate(text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, InterpolateError> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('{') {
            let end = closing_brace(after).ok_or_else(|| syntax(text))?;
            out.push_str(&expand(&after[..end], text, lookup)?);
            rest = &after[end + 1..];
        } else if let Some(name) = name_of(rest) {
            out.push_str(&lookup(name).unwrap_or_default());
            rest = &rest[name.len()..];
        } else {
            // To Compose, a `$` before anything else is one.
            out.push('$');
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// What stands between the braces.
fn expand(inner: &str, text: &str, lookup: &dyn Fn(&str) -> Option<String>) -> Result<String, InterpolateError> {
    let name = name_of(inner).ok_or_else(|| syntax(text))?;
    let value = lookup(name);
    let operation = &inner[name.len()..];
    // With a colon, empty counts as unset.
    let (filled, operation) = match operation.strip_prefix(':') {
        Some(after) => (value.clone().filter(|value| !value.is_empty()), after),
        None => (value.clone(), operation),
    };
    let Some(sign) = operation.chars().next() else {
        return if inner.len() == name.len() { Ok(value.unwrap_or_default()) } else { Err(syntax(text)) };
    };
    let argument = &operation[sign.len_utf8()..];
    match (sign, filled) {
        ('-' | '?', Some(value)) => Ok(value),
        ('-', None) | ('+', Some(_)) => interpolate(argument, lookup),
        ('+', None) => Ok(String::new()),
        ('?', None) => {
            Err(InterpolateError::Required { name: name.to_owned(), message: interpolate(argument, lookup)? })
        }
        _ => Err(syntax(text)),
    }
}

fn syntax(text: &str) -> InterpolateError {
    InterpolateError::Syntax { text: text.to_owned() }
}

fn name_of(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    let name = &text[..end];
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_').then_some(name)
}

/// Where the brace closes that was open before `text`.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut previous = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '{' if previous == '$' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
        previous = c;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(text: &str) -> Result<String, InterpolateError> {
        interpolate(text, &|name| match name {
            "SET" => Some("value".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        })
    }

    #[test]
    fn follows_the_compose_specification() {
        for (text, expected) in [
            ("plain", "plain"),
            ("$SET-x", "value-x"),
            ("${SET}", "value"),
            ("${UNSET}", ""),
            ("$$SET $${SET}", "$SET ${SET}"),
            ("$1 $(date) '.*$' $", "$1 $(date) '.*$' $"),
            ("${UNSET:-d}/${UNSET-d}", "d/d"),
            ("${EMPTY:-d}/${EMPTY-d}", "d/"),
            ("${SET:-d}", "value"),
            ("${UNSET:-}", ""),
            ("${UNSET:-${SET}}", "value"),
            ("${UNSET:-${ALSO:-deep}}x", "deepx"),
            ("${SET:+other}${EMPTY:+other}${EMPTY+set}${UNSET+no}", "otherset"),
            ("${SET:?no}", "value"),
            ("timescale/timescaledb-ha:${TAG:-pg17}", "timescale/timescaledb-ha:pg17"),
        ] {
            assert_eq!(with(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn required_variables_and_bad_syntax_are_errors() {
        let required = InterpolateError::Required { name: "EMPTY".to_owned(), message: "set it to value".to_owned() };
        assert_eq!(with("${EMPTY:?set it to $SET}"), Err(required));
        assert_eq!(with("${EMPTY?x}").as_deref(), Ok(""));
        for text in ["${", "${}", "${SET", "${SET!x}", "${SET:}", "${1X}"] {
            assert!(matches!(with(text), Err(InterpolateError::Syntax { .. })), "{text}");
        }
    }
}
