//! A threshold on what it is measured of: conditions, how they go together, and how long.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::limit::{Limit, Patience, Verdict};
use super::measurement::Series;
use super::memory::LISTEN;
use super::window::Period;
use super::zone::Level;
use crate::plan::{Action, Combination, Span};

/// What a rule is remembered by. Other limits on the same metrics of the same subject are the same rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RuleId(String);

#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub combination: Combination,
    /// At least one.
    pub conditions: Vec<Condition>,
    pub patience: Patience,
    /// How long it stays in a zone that it entered, at least.
    pub cooldown: Span,
    /// What is done at its last limit.
    pub action: Action,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    pub series: Series,
    /// Values under the limits are the bad ones.
    pub below: bool,
    pub warning: Option<Limit>,
    pub migrate: Option<Limit>,
}

impl Rule {
    pub fn id(&self) -> RuleId {
        let word = if self.combination == Combination::All { " and " } else { " or " };
        let series: Vec<_> = self.conditions.iter().map(|condition| condition.series.to_string()).collect();
        RuleId(series.join(word))
    }

    pub fn period(&self) -> Period {
        self.patience.period
    }

    pub fn asks_for(&self, series: &Series) -> bool {
        self.conditions.iter().any(|condition| condition.series == *series)
    }

    /// Before it are values that it will not look at again: N periods, and those that are waited for.
    pub fn first_needed(&self, now: Timestamp) -> Timestamp {
        let periods = i64::from(self.patience.of) + 2 * LISTEN;
        self.period().begin(self.period().last_over(now) - periods)
    }

    /// Whether any values could bring it there.
    pub fn has(&self, level: Level) -> bool {
        let mut has = self.conditions.iter().map(|condition| condition.limit(level).is_some());
        match self.combination {
            Combination::All => has.all(|has| has),
            Combination::Any => has.any(|has| has),
        }
    }

    /// The zone of its last limit, at which it acts.
    pub fn last_level(&self) -> Level {
        if self.has(Level::Migrate) { Level::Migrate } else { Level::Warning }
    }

    /// What values of one period, in the order of the conditions, say of a zone.
    pub fn verdict(&self, level: Level, values: &[Option<f64>]) -> Verdict {
        let verdicts = self.conditions.iter().zip(values).filter_map(|(condition, value)| {
            let limit = condition.limit(level);
            Some(limit?.verdict(condition.below, *value))
        });
        together(self.combination, verdicts)
    }
}

/// What is decided by the values that there are is decided: one that is clear of `all`, one that is past `any`.
fn together(combination: Combination, verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let (decides, agrees) = match combination {
        Combination::All => (Verdict::Clear, Verdict::Past),
        Combination::Any => (Verdict::Past, Verdict::Clear),
    };
    let mut whole = agrees;
    for verdict in verdicts {
        match verdict {
            _ if verdict == decides => return decides,
            Verdict::Unknown => whole = Verdict::Unknown,
            Verdict::Between if whole == agrees => whole = Verdict::Between,
            _ => {}
        }
    }
    whole
}

impl Condition {
    /// What is past its last limit is past every other: a condition without a warning counts for it with its last limit.
    pub fn limit(&self, level: Level) -> Option<Limit> {
        match level {
            Level::Safe => None,
            Level::Warning => self.warning.or(self.migrate),
            Level::Migrate => self.migrate,
        }
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
