//! Rules that spoil requests: which ones, when, and how.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

use super::identify::Target;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Throttle,
    Error500,
    /// HTTP 400 with the rule's own code and text.
    Refuse,
    /// The connection is closed and nothing has happened.
    DropBefore,
    /// The connection is closed after the effect.
    DropAfter,
    /// The request waits, without effect, until it is released or its client is gone.
    HoldBefore,
    /// The answer waits, after the effect.
    HoldAfter,
    /// A Lightsail operation that ends Failed, without effect; of EC2, what was to be made fails.
    FailOperation,
    /// A Lightsail operation that stays Started; of EC2, what was begun goes no further.
    NeverEnds,
    /// A read of Lightsail or EC2 that answers with the state before the last change.
    StaleRead,
    /// GetInstanceAccessDetails without host keys.
    EmptyHostKeys,
    /// GetConsoleOutput without output.
    EmptyConsole,
}

impl Action {
    /// Operation faults spoil changes, read faults reads; the others spoil everything.
    fn concerns(self, target: &Target) -> bool {
        match self {
            Self::FailOperation | Self::NeverEnds => target.mutating,
            Self::StaleRead => !target.mutating,
            Self::EmptyConsole => target.operation == "GetConsoleOutput",
            Self::EmptyHostKeys => target.operation == "GetInstanceAccessDetails",
            _ => true,
        }
    }
}

/// A rule as it is posted. Without `nth` and `probability` every matching request is spoiled.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub service: Option<String>,
    pub operation: Option<String>,
    /// Only requests that change something, or only those that do not.
    pub mutating: Option<bool>,
    /// Only the nth matching request, counted from 1.
    pub nth: Option<u64>,
    /// Each matching request with this probability, from a generator seeded with `seed`.
    pub probability: Option<f64>,
    #[serde(default)]
    pub seed: u64,
    /// At most so many requests.
    pub times: Option<u64>,
    pub action: Action,
    /// For `refuse` and `fail_operation`.
    pub error_code: Option<String>,
    pub error_details: Option<String>,
}

/// A rule at work.
#[derive(Debug, Serialize)]
pub struct Active {
    pub id: u64,
    #[serde(flatten)]
    pub rule: Rule,
    seen: u64,
    fired: u64,
    #[serde(skip)]
    random: StdRng,
}

#[derive(Debug, Default)]
pub struct Rules {
    active: Mutex<(u64, Vec<Active>)>,
}

impl Rules {
    pub fn add(&self, rule: Rule) -> u64 {
        let (last, rules) = &mut *self.lock();
        *last += 1;
        let random = StdRng::seed_from_u64(rule.seed);
        rules.push(Active { id: *last, rule, seen: 0, fired: 0, random });
        *last
    }

    /// Removes one rule, or all; says whether there was one.
    pub fn remove(&self, id: Option<u64>) -> bool {
        let rules = &mut self.lock().1;
        let before = rules.len();
        rules.retain(|rule| id.is_some_and(|id| id != rule.id));
        rules.len() < before
    }

    pub fn list(&self) -> serde_json::Value {
        serde_json::json!(self.lock().1)
    }

    /// The rule that spoils this request, if any. Every matching rule counts it; the first that fires wins.
    pub fn decide(&self, target: &Target) -> Option<Rule> {
        let mut chosen = None;
        for rule in &mut self.lock().1 {
            if rule.matches(target) && rule.fires() && chosen.is_none() {
                rule.fired += 1;
                chosen = Some(rule.rule.clone());
            }
        }
        chosen
    }

    fn lock(&self) -> MutexGuard<'_, (u64, Vec<Active>)> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Active {
    fn matches(&self, target: &Target) -> bool {
        let rule = &self.rule;
        rule.service.as_ref().is_none_or(|service| *service == target.service)
            && rule.operation.as_ref().is_none_or(|operation| *operation == target.operation)
            && rule.mutating.is_none_or(|mutating| mutating == target.mutating)
            && rule.action.concerns(target)
    }

    fn fires(&mut self) -> bool {
        self.seen += 1;
        let rule = &self.rule;
        let lucky = rule.probability.is_none_or(|probability| self.random.random_bool(probability.clamp(0.0, 1.0)));
        lucky && rule.nth.is_none_or(|nth| nth == self.seen) && rule.times.is_none_or(|times| self.fired < times)
    }
}
