//! Durations.

use std::fmt;
use std::time::Duration;

use crate::plan::scalar::{ScalarError, text_scalar};

/// A duration, written as a number and one unit: `90s`, `15m`, `2h`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(Duration);

/// Units of a duration and their seconds, largest first.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

impl Span {
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub fn parse(text: &str) -> Result<Self, ScalarError> {
        let refused = || {
            ScalarError::new(text, "a duration", "a whole number and one unit: s, m, h or d")
                .remedy("write it like `\"90s\"`, `\"15m\"`, `\"2h\"` or `\"7d\"`")
        };
        let unit = text.chars().next_back().ok_or_else(refused)?;
        let number = &text[..text.len() - unit.len_utf8()];
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(refused)?;
        // Nine digits keep any product inside u64 and any sum of a few spans inside Duration.
        if number.is_empty() || number.len() > 9 || !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(refused());
        }
        let count: u64 = number.parse().map_err(|_| refused())?;
        Ok(Self::from_secs(count * factor))
    }

    pub fn duration(self) -> Duration {
        self.0
    }

    pub fn as_secs(self) -> u64 {
        self.0.as_secs()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.as_secs();
        let (unit, factor) =
            UNITS.into_iter().find(|(_, factor)| seconds != 0 && seconds.is_multiple_of(*factor)).unwrap_or(('s', 1));
        write!(f, "{}{unit}", seconds / factor)
    }
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

text_scalar!(
    Span, pattern: r"^[0-9]{1,9}[smhd]$", max: 10,
    "duration: a whole number and one unit (s, m, h, d)", examples: ["90s", "15m", "2h", "7d"]
);
