//! The zones, and why something is in none.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::measurement::Series;

/// A zone that values are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Safe,
    Warning,
    Migrate,
}

/// Where a threshold stands, or all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    Safe,
    Warning,
    Migrate,
    /// Nobody knows: not safe, and not past a limit.
    NotMonitored(Reason),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// There is nothing to watch.
    NoRules,
    /// No value has ever come.
    Never(Series),
    /// No value comes any more.
    Silent(Series, Timestamp),
    /// Values come, and there are too few yet to say.
    TooFew,
}

impl From<Level> for Zone {
    fn from(level: Level) -> Self {
        match level {
            Level::Safe => Self::Safe,
            Level::Warning => Self::Warning,
            Level::Migrate => Self::Migrate,
        }
    }
}

impl Zone {
    /// None: not monitored.
    pub fn level(&self) -> Option<Level> {
        match self {
            Self::Safe => Some(Level::Safe),
            Self::Warning => Some(Level::Warning),
            Self::Migrate => Some(Level::Migrate),
            Self::NotMonitored(_) => None,
        }
    }

    /// How much somebody should look at it: what is not monitored goes before what is safe.
    fn urgency(&self) -> u8 {
        match self {
            Self::Safe => 0,
            Self::NotMonitored(_) => 1,
            Self::Warning => 2,
            Self::Migrate => 3,
        }
    }
}

/// That of all thresholds: the worst of them. Only where all are safe it is safe.
pub fn whole<'a>(zones: impl IntoIterator<Item = &'a Zone>) -> Zone {
    // The first of equals says why.
    let worst = zones.into_iter().reduce(|worst, zone| if zone.urgency() > worst.urgency() { zone } else { worst });
    worst.cloned().unwrap_or(Zone::NotMonitored(Reason::NoRules))
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Safe => "safe",
            Self::Warning => "warning",
            Self::Migrate => "migrate",
        })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMonitored(reason) => write!(f, "not monitored: {reason}"),
            Self::Safe => Level::Safe.fmt(f),
            Self::Warning => Level::Warning.fmt(f),
            Self::Migrate => Level::Migrate.fmt(f),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRules => f.write_str("there are no thresholds"),
            Self::Never(series) => write!(f, "{series} has never had a value"),
            Self::Silent(series, since) => write!(f, "{series} has had no value since {since:.0}"),
            Self::TooFew => f.write_str("too few values yet"),
        }
    }
}
