//! Moments and days, in UTC.

use std::fmt;

/// Microseconds between 1970 and 2000, PostgreSQL's epoch.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;
const MICROSECONDS_A_DAY: i64 = 86_400_000_000;

/// A moment: microseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(i64);

/// A day in UTC: days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

impl Instant {
    pub fn now() -> Self {
        Self(jiff::Timestamp::now().as_microsecond())
    }

    pub fn from_milliseconds(milliseconds: i64) -> Option<Self> {
        milliseconds.checked_mul(1000).map(Self)
    }

    /// RFC 3339 with an offset, as in `2026-11-21T09:30:00.123Z`.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        // The parser also takes a bracketed zone name, which RFC 3339 does not have.
        if text.ends_with(']') {
            return None;
        }
        text.parse::<jiff::Timestamp>().ok().map(|moment| Self(moment.as_microsecond()))
    }

    pub fn plus_days(self, days: i64) -> Self {
        Self(self.0 + days * MICROSECONDS_A_DAY)
    }

    pub fn day(self) -> Day {
        Day(i32::try_from(self.0.div_euclid(MICROSECONDS_A_DAY)).unwrap_or(i32::MAX))
    }

    /// As the binary form of `timestamptz`.
    pub fn to_postgres(self) -> i64 {
        self.0 - POSTGRES_EPOCH
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(moment) => write!(f, "{moment:.0}"),
            Err(_) => write!(f, "{} µs", self.0),
        }
    }
}

impl Day {
    pub fn plus(self, days: i32) -> Self {
        Self(self.0 + days)
    }

    /// As in `20261121`; the suffix of a partition's name.
    pub fn compact(self) -> String {
        self.date().strftime("%Y%m%d").to_string()
    }

    /// From the suffix of a partition's name.
    pub fn from_compact(text: &str) -> Option<Self> {
        let date = jiff::civil::Date::strptime("%Y%m%d", text).ok()?;
        let days = date.since(jiff::civil::date(1970, 1, 1)).ok()?.get_days();
        Some(Self(days))
    }

    /// Midnight UTC at its start, as SQL reads it whatever the session's time zone.
    pub fn start(self) -> String {
        self.date().strftime("%Y-%m-%d 00:00:00+00").to_string()
    }

    fn date(self) -> jiff::civil::Date {
        jiff::civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(self.0.clamp(0, 2_900_000)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_agree() {
        let text = Instant::from_rfc3339("2026-11-21T10:30:00.123+01:00").unwrap();
        assert_eq!(text, Instant::from_milliseconds(1_795_253_400_123).unwrap());
        assert_eq!(text.to_string(), "2026-11-21T09:30:00Z");
        assert_eq!(Instant::from_rfc3339("2000-01-01T00:00:00Z").unwrap().to_postgres(), 0);
    }

    #[test]
    fn refuses_what_is_not_rfc3339() {
        for text in ["", "yesterday", "2026-11-21", "2026-11-21T10:30:00", "2026-11-21T10:30:00+01:00[Europe/Paris]"] {
            assert_eq!(Instant::from_rfc3339(text), None, "{text}");
        }
        assert_eq!(Instant::from_milliseconds(i64::MAX), None);
    }

    #[test]
    fn days_and_their_names() {
        let day = Instant::from_rfc3339("2026-11-21T23:59:59.999999Z").unwrap().day();
        assert_eq!(day.compact(), "20261121");
        assert_eq!(Day::from_compact("20261121"), Some(day));
        assert_eq!(day.plus(10).start(), "2026-12-01 00:00:00+00");
        assert_eq!(Day::from_compact("nonsense"), None);
    }
}
