//! What can be said about a limit, as values; words are made of them where they are shown.

use serde::{Deserialize, Serialize};

/// A value and the side from which it is bad.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Limit {
    pub value: f64,
    pub direction: Direction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Bad at the limit and over it.
    Rising,
    /// Bad at the limit and under it.
    Falling,
}

/// What a series says about a limit. Times are unix seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outlook", rename_all = "snake_case")]
pub enum Outlook {
    Crosses(Crossing),
    /// Less likely than not before this time, which is as far as these data reach.
    NotBefore {
        time: i64,
    },
    /// An hour since the last level shift, and not older than a week, was past it already.
    Reached {
        time: i64,
    },
    Silent(Silence),
}

/// Four of five such intervals are to hold the first hour whose median is past the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Crossing {
    pub earliest: i64,
    pub likely: i64,
    pub latest: i64,
}

/// Why nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "because", rename_all = "snake_case")]
pub enum Silence {
    /// There are data of so many days only.
    TooFewDays { days: f64, needed: f64 },
    /// The last sample is that old.
    NoNewData { since: i64 },
    /// It jumped, as by a deploy or a cleanup, and has not gone on for long enough since.
    LevelShift { at: i64, size: f64 },
    /// It has been brought back before, at about this interval, and will be again before the limit.
    FallsBack { every_seconds: i64 },
    /// It stays, or goes this way and that, or away from the limit.
    NoTrend,
    /// It goes towards the limit, but its errors so far leave open when.
    TooNoisy,
    /// It goes slower and slower, or has come to the end of its scale.
    Saturating,
    /// The limit lies outside of what the metric can be.
    OutOfRange,
}

impl Limit {
    pub fn rising(value: f64) -> Self {
        Self { value, direction: Direction::Rising }
    }

    pub fn falling(value: f64) -> Self {
        Self { value, direction: Direction::Falling }
    }

    pub(super) fn is_past(self, value: f64) -> bool {
        match self.direction {
            Direction::Rising => value >= self.value,
            Direction::Falling => value <= self.value,
        }
    }

    /// A slope that leads to it.
    pub(super) fn is_towards(self, slope: f64) -> bool {
        match self.direction {
            Direction::Rising => slope > 0.0,
            Direction::Falling => slope < 0.0,
        }
    }
}

impl std::fmt::Display for Silence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let days = |seconds: i64| seconds as f64 / 86_400.0;
        match self {
            Self::TooFewDays { days, needed } => write!(f, "data of {days:.1} days only; {needed:.0} are needed"),
            Self::NoNewData { .. } => f.write_str("no new data"),
            Self::LevelShift { .. } => f.write_str("its level jumped only lately"),
            Self::FallsBack { every_seconds } => {
                write!(f, "it is brought back about every {:.0} days, before the limit", days(*every_seconds))
            }
            Self::NoTrend => f.write_str("no trend towards the limit"),
            Self::TooNoisy => f.write_str("it varies too much to say when"),
            Self::Saturating => f.write_str("it grows slower and slower"),
            Self::OutOfRange => f.write_str("the limit is outside of what the metric can be"),
        }
    }
}
