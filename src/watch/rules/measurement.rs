//! What was measured, of what, and when.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::window::Period;
use crate::plan::{Metric, NodeName};

/// What a value belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    Host(NodeName),
    /// A disk of the plan, by the names of its host and of itself.
    Disk(NodeName, NodeName),
    /// The one with the root file system.
    SystemDisk(NodeName),
    /// The plan's services.
    Bundle,
}

/// One metric of one subject.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Series {
    pub metric: Metric,
    pub subject: Subject,
}

/// One value, in the metric's unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    pub series: Series,
    pub at: Timestamp,
    pub value: f64,
}

/// How many measurements did not count, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Refused {
    /// Later than the clock.
    pub future: u32,
    /// Not a number, or one that nothing measures.
    pub no_value: u32,
    /// There is one of the same moment already.
    pub repeated: u32,
    /// No rule asks for them.
    pub of_no_rule: u32,
}

impl Series {
    /// How often it has a value.
    pub fn period(&self) -> Period {
        Period::from_secs(u32::try_from(self.metric.period().as_secs()).unwrap_or(u32::MAX))
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => write!(f, "{host}"),
            Self::Disk(host, disk) => write!(f, "{host}/{disk}"),
            // No disk of a plan has a name without letters.
            Self::SystemDisk(host) => write!(f, "{host}/"),
            Self::Bundle => f.write_str("bundle"),
        }
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.metric, self.subject)
    }
}
