//! When a migration's clients switch to the new database.

use std::fmt;

use jiff::Timestamp;

use crate::plan::scalar::{ScalarError, text_scalar};
use crate::plan::units::TimeOfDay;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum CutoverTime {
    /// As soon as both databases hold the same.
    #[default]
    Auto,
    /// At `infra migrate cutover`.
    Manual,
    At(Timestamp),
    /// The next time that the clock of whoever begins the migration shows this.
    Next(TimeOfDay),
}

impl CutoverTime {
    pub fn parse(text: &str) -> Result<Self, ScalarError> {
        let at = |time: &str| TimeOfDay::parse(time).map(Self::Next).or_else(|| time.parse().ok().map(Self::At));
        let parsed = match text {
            "auto" => Some(Self::Auto),
            "manual" => Some(Self::Manual),
            _ => text.strip_prefix("at ").and_then(at),
        };
        parsed.ok_or_else(|| {
            ScalarError::new(
                text,
                "a time for the cutover",
                "`auto`, `manual`, `at HH:MM` (your clock) or `at` and a time with its zone as in RFC 3339",
            )
            .remedy("write it like `\"auto\"`, `\"manual\"`, `\"at 02:30\"` or `\"at 2026-11-22T02:30:00Z\"`")
        })
    }
}

impl fmt::Display for CutoverTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Manual => f.write_str("manual"),
            Self::At(moment) => write!(f, "at {moment}"),
            Self::Next(time) => write!(f, "at {time}"),
        }
    }
}

text_scalar!(
    CutoverTime,
    pattern: r"^(auto|manual|at ([01][0-9]|2[0-3]):[0-5][0-9]|at [0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+([Zz]|[+-][0-9:]+))$",
    max: 60, "when a migration's clients switch: `auto`, `manual`, `at HH:MM` or `at` and a time as in RFC 3339",
    examples: ["auto", "manual", "at 02:30", "at 2026-11-22T02:30:00Z"]
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_they_are_written() {
        for text in ["auto", "manual", "at 02:30", "at 2026-11-22T02:30:00Z"] {
            assert_eq!(CutoverTime::parse(text).unwrap().to_string(), text);
        }
        let zoned = CutoverTime::parse("at 2026-11-22T02:30:00+02:00").unwrap();
        assert_eq!(zoned.to_string(), "at 2026-11-22T00:30:00Z");
        for wrong in
            ["", "at", "at ", "02:30", "at 24:00", "at 2:30", "at 2026-11-22", "at 2026-11-22T02:30:00", "soon"]
        {
            assert!(CutoverTime::parse(wrong).is_err(), "{wrong}");
        }
    }
}
