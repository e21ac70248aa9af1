//! Limits with two edges, and how long a value must be past them.

use super::window::Period;
use crate::plan::{Metric, Span};

/// Percentages must get better by as many points to leave a zone: what a service uses more or less when nothing happens.
const POINTS: f64 = 5.0;
/// Other metrics must get better by this part of the limit.
const PART: f64 = 0.2;

/// The edges of a zone. Reaching `enter` is past it; better than `leave` is clear of it; nothing changes between them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    pub enter: f64,
    pub leave: f64,
}

/// M of N periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    pub period: Period,
    pub at_least: u32,
    pub of: u32,
}

/// What a period says of a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Past,
    /// Between the edges: neither.
    Between,
    Clear,
    /// There is no value.
    Unknown,
}

impl Limit {
    /// A limit of a plan. The second edge lies on the good side, and never so far that no value reaches it.
    pub fn of(metric: Metric, below: bool, enter: f64) -> Self {
        let leave = match (metric.is_percent(), below) {
            (true, false) => (enter - POINTS).max(enter / 2.0),
            (true, true) => (enter + POINTS).min(f64::midpoint(enter, 100.0)),
            (false, false) => enter * (1.0 - PART),
            (false, true) => enter / (1.0 - PART),
        };
        Self { enter, leave }
    }

    pub fn verdict(self, below: bool, value: Option<f64>) -> Verdict {
        let Some(value) = value else { return Verdict::Unknown };
        let (past, clear) =
            if below { (value <= self.enter, value > self.leave) } else { (value >= self.enter, value < self.leave) };
        match (past, clear) {
            (true, _) => Verdict::Past,
            (_, true) => Verdict::Clear,
            _ => Verdict::Between,
        }
    }
}

impl Patience {
    /// A plan's `for`, in the longest period of the metrics: rounded up, four fifths of it.
    pub fn of(span: Span, period: Period) -> Self {
        let seconds = period.as_secs().unsigned_abs();
        let of = u32::try_from(span.as_secs().div_ceil(seconds).max(1)).unwrap_or(u32::MAX);
        Self { period, at_least: of - of / 5, of }
    }

    /// As many values that are not past a limit show that it is not reached.
    pub fn enough_against(self) -> u32 {
        self.of - self.at_least + 1
    }
}
