//! What PostgreSQL's `jsonb` refuses although it is valid JSON.
//!
//! The text has been through a JSON parser, so only four things are left to look for: `\u0000`, lone surrogates,
//! numbers too large for `numeric`, and nesting so deep that the server's stack would not hold it.

/// Levels of nesting; the server's default stack allows some thousands.
const DEPTH_MAX: usize = 128;
/// Digits before or after the decimal point and the size of the exponent: about what a double can hold. `numeric` takes
/// more, but would turn `1e100000` into a hundred thousand digits when it prints.
const DIGITS_MAX: usize = 400;
const EXPONENT_MAX: i64 = 400;

/// Whether `jsonb` takes this text, which must be valid JSON.
pub fn check(text: &str) -> Result<(), &'static str> {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        at = match bytes[at] {
            b'"' => string(bytes, at + 1)?,
            b'-' | b'0'..=b'9' => number(bytes, at)?,
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err("is nested more than 128 levels deep");
                }
                at + 1
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                at + 1
            }
            _ => at + 1,
        };
    }
    Ok(())
}

/// Reads on from behind the opening quote to behind the closing one.
fn string(bytes: &[u8], mut at: usize) -> Result<usize, &'static str> {
    while at < bytes.len() {
        match bytes[at] {
            b'"' => return Ok(at + 1),
            b'\\' if bytes.get(at + 1) == Some(&b'u') => at = escape(bytes, at)?,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    Ok(at)
}

/// Reads on from `\uXXXX`, and from its second half where it is a surrogate.
fn escape(bytes: &[u8], at: usize) -> Result<usize, &'static str> {
    const LONE: &str = "contains half of a surrogate pair, which is no character";
    match code_unit(bytes, at) {
        Some(0) => Err("contains \\u0000, which the database cannot store"),
        Some(0xD800..=0xDBFF) => match code_unit(bytes, at + 6) {
            Some(0xDC00..=0xDFFF) => Ok(at + 12),
            _ => Err(LONE),
        },
        Some(0xDC00..=0xDFFF) => Err(LONE),
        _ => Ok(at + 6),
    }
}

fn code_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let escape = bytes.get(at..at + 6)?;
    let digits = std::str::from_utf8(escape.strip_prefix(b"\\u")?).ok()?;
    u16::from_str_radix(digits, 16).ok()
}

fn number(bytes: &[u8], start: usize) -> Result<usize, &'static str> {
    let is_part = |byte: &u8| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9');
    let length = bytes[start..].iter().take_while(|byte| is_part(byte)).count();
    let token = &bytes[start..start + length];
    let mantissa = token.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(length);
    let exponent = std::str::from_utf8(token.get(mantissa + 1..).unwrap_or_default()).unwrap_or_default();
    let too_large = match exponent {
        "" => false,
        text => text.parse::<i64>().map_or(true, |power| power.abs() > EXPONENT_MAX),
    };
    if too_large || mantissa > DIGITS_MAX {
        Err("contains a number beyond the range of a double")
    } else {
        Ok(start + length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_ordinary_json() {
        for text in [
            "{}",
            r#"{"a":[1,-2.5e3,true,null,"text \" \\ \n é 🦀"]}"#,
            r#""\ud83e\udd80""#,
            r#""\\u0000""#,
            r#"{"\\":"\\\\u0000"}"#,
            "1e308",
            "-1.5E-300",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn finds_what_jsonb_refuses() {
        for (text, part) in [
            (r#"{"a":"x\u0000y"}"#, "u0000"),
            (r#"{"\u0000":1}"#, "u0000"),
            (r#""\\\u0000""#, "u0000"),
            (r#""\ud83e""#, "surrogate"),
            (r#""\ud83ex""#, "surrogate"),
            (r#""\udd80""#, "surrogate"),
            (r#""\ud83e\u0041""#, "surrogate"),
            ("1e100000", "number"),
            ("[1E+99999999999999999999]", "number"),
        ] {
            assert!(check(text).unwrap_err().contains(part), "{text}");
        }
        assert!(check(&"9".repeat(401)).is_err());
        assert!(check(&"[".repeat(129)).is_err());
        assert!(check(&format!("{}{}", "[".repeat(128), "]".repeat(128))).is_ok());
    }
}
