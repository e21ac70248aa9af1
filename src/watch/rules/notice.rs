//! What is to be said, until somebody says that it was delivered.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::measurement::Series;
use super::rule::RuleId;
use super::zone::{Level, Zone};
use crate::plan::Action;

/// More than that nobody reads; those that enter the migrate zone are the last to go.
const MOST: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NoticeId(u64);

/// A change of one rule, to be told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    pub id: NoticeId,
    pub rule: RuleId,
    pub at: Timestamp,
    /// The zone that was said before; None: nothing was, or that it is not monitored.
    pub from: Option<Level>,
    pub zone: Zone,
    /// What is to be done, once for each time that it comes to its last limit.
    pub action: Option<Action>,
    pub figures: Vec<Figure>,
}

/// The latest value of a condition beside its limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    pub series: Series,
    /// To a thousandth.
    pub value: Option<f64>,
    /// That of the zone, or of the next one where it is safe.
    pub limit: Option<f64>,
    pub below: bool,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outbox {
    next: u64,
    pending: Vec<Notice>,
}

impl Outbox {
    pub(super) fn pending(&self) -> &[Notice] {
        &self.pending
    }

    pub(super) fn acknowledge(&mut self, id: NoticeId) {
        self.pending.retain(|notice| notice.id != id);
    }

    /// Gives it a number that no other has had.
    pub(super) fn add(&mut self, notice: Notice) {
        self.pending.push(Notice { id: NoticeId(self.next), ..notice });
        self.next += 1;
        if self.pending.len() > MOST {
            let passing = self.pending.iter().position(|notice| notice.zone != Zone::Migrate);
            self.pending.remove(passing.unwrap_or_default());
        }
    }
}

impl NoticeId {
    /// Of a notice that is not in the outbox yet.
    pub(super) const NONE: Self = Self(u64::MAX);
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if matches!(self.zone, Zone::NotMonitored(_)) {
            return self.zone.fmt(f);
        }
        let figures: Vec<_> = self.figures.iter().map(ToString::to_string).collect();
        self.zone.fmt(f)?;
        if let Some(from) = self.from.filter(|from| Some(*from) > self.zone.level()) {
            write!(f, " after {from}")?;
        }
        write!(f, ": {}", figures.join(", "))?;
        match self.action.and_then(Action::advice) {
            Some(advice) => write!(f, "; {advice}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            Some(value) => write!(f, "{} {}", self.series, rounded(value))?,
            None => write!(f, "{} unknown", self.series)?,
        }
        let word = if self.below { "at most" } else { "at least" };
        self.limit.map_or(Ok(()), |limit| write!(f, " (limit: {word} {})", rounded(limit)))
    }
}

/// A tenth is as much as anybody compares.
fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}
