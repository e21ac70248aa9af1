//! When something is done again and again.

use std::fmt;

use crate::plan::scalar::{ScalarError, text_scalar};
use crate::plan::units::Span;

/// Times in UTC, so that a night without 02:00 loses no backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Schedule {
    Hourly,
    Every(Span),
    Daily(TimeOfDay),
    Weekly(Weekday, TimeOfDay),
}

/// Hour and minute, 00:00–23:59.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeOfDay {
    pub hour: u8,
    pub minute: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// Weekdays as a schedule writes them, which is also how systemd's calendar does.
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

impl Schedule {
    pub fn parse(text: &str) -> Result<Self, ScalarError> {
        let words: Vec<&str> = text.split(' ').collect();
        let parsed = match words.as_slice() {
            ["hourly"] => Some(Self::Hourly),
            ["every", span] => Span::parse(span).ok().filter(|span| span.as_secs() > 0).map(Self::Every),
            ["daily", time] => TimeOfDay::parse(time).map(Self::Daily),
            ["weekly", day, time] => {
                Weekday::parse(day).and_then(|day| Some(Self::Weekly(day, TimeOfDay::parse(time)?)))
            }
            _ => None,
        };
        parsed.ok_or_else(|| {
            ScalarError::new(
                text,
                "a schedule",
                "`hourly`, `every SPAN`, `daily HH:MM` or `weekly DAY HH:MM` (UTC; days mon to sun)",
            )
            .remedy("write it like `\"daily 02:00\"`, `\"weekly sun 02:00\"`, `\"hourly\"` or `\"every 15m\"`")
        })
    }

    /// The time between two runs.
    pub fn period(self) -> Span {
        match self {
            Self::Hourly => Span::from_secs(3_600),
            Self::Every(span) => span,
            Self::Daily(_) => Span::from_secs(86_400),
            Self::Weekly(..) => Span::from_secs(7 * 86_400),
        }
    }
}

impl TimeOfDay {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let number = |part: &str, below: u8| {
            let two_digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
            part.parse().ok().filter(|number| two_digits && *number < below)
        };
        let (hour, minute) = text.split_once(':')?;
        Some(Self { hour: number(hour, 24)?, minute: number(minute, 60)? })
    }
}

impl Weekday {
    fn parse(text: &str) -> Option<Self> {
        WEEKDAYS.iter().find(|(name, _)| *name == text).map(|(_, day)| *day)
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hourly => f.write_str("hourly"),
            Self::Every(span) => write!(f, "every {span}"),
            Self::Daily(time) => write!(f, "daily {time}"),
            Self::Weekly(day, time) => write!(f, "weekly {day} {time}"),
        }
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl fmt::Display for Weekday {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(WEEKDAYS[*self as usize].0)
    }
}

text_scalar!(
    Schedule,
    pattern: r"^(hourly|every [0-9]{1,9}[smhd]|(daily|weekly (mon|tue|wed|thu|fri|sat|sun)) ([01][0-9]|2[0-3]):[0-5][0-9])$",
    max: 20, "`hourly`, `every SPAN`, `daily HH:MM` or `weekly DAY HH:MM`, in UTC",
    examples: ["daily 02:00", "weekly sun 02:00", "hourly", "every 15m"]
);
