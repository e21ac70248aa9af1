//! All that rules remember, as a value to keep in a file: a watch that is started again goes on where it was.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::is_beyond;
use super::measurement::{Measurement, Refused, Series};
use super::memory::Memory;
use super::notice::{Notice, NoticeId, Outbox};
use super::rule::{Rule, RuleId};
use super::window::{Window, is_value};

/// Grows with every change that another infra would misread.
const VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    version: u32,
    /// The latest time that it was told.
    pub(super) clock: Option<Timestamp>,
    /// By the series in words: JSON has no other keys.
    pub(super) windows: BTreeMap<String, (Series, Window)>,
    pub(super) memories: BTreeMap<RuleId, Memory>,
    pub(super) outbox: Outbox,
}

#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("the memory of the watch is not readable")]
    Unreadable(#[source] serde_json::Error),
    #[error("the memory of the watch has version {0}, and this infra knows {VERSION}")]
    OtherVersion(u32),
}

impl Default for State {
    fn default() -> Self {
        Self {
            version: VERSION,
            clock: None,
            windows: BTreeMap::new(),
            memories: BTreeMap::new(),
            outbox: Outbox::default(),
        }
    }
}

impl State {
    pub fn from_json(text: &str) -> Result<Self, StateError> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let Versioned { version } = serde_json::from_str(text).map_err(StateError::Unreadable)?;
        if version != VERSION {
            return Err(StateError::OtherVersion(version));
        }
        serde_json::from_str(text).map_err(StateError::Unreadable)
    }

    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("its keys are texts and its numbers finite")
    }

    /// Takes what was measured, in any order; what comes twice counts once.
    pub fn observe(&mut self, rules: &[Rule], measurements: &[Measurement], now: Timestamp) -> Refused {
        self.tell_time(now);
        let wanted: BTreeMap<_, _> = series_of(rules).map(|series| (series.to_string(), series)).collect();
        let mut refused = Refused::default();
        for measurement in measurements {
            let key = measurement.series.to_string();
            if is_beyond(measurement.at, now) {
                refused.future += 1;
            } else if !is_value(measurement.value) {
                refused.no_value += 1;
            } else if let Some(series) = wanted.get(&key) {
                let fresh = || ((*series).clone(), Window::default());
                let (series, window) = self.windows.entry(key).or_insert_with(fresh);
                let is_new = window.add(series.period(), measurement.at, measurement.value);
                refused.repeated += u32::from(!is_new);
            } else {
                refused.of_no_rule += 1;
            }
        }
        refused
    }

    /// The notice was delivered, and is not to be given again.
    pub fn acknowledge(&mut self, id: NoticeId) {
        self.outbox.acknowledge(id);
    }

    /// What was not delivered yet, oldest first.
    pub fn pending(&self) -> &[Notice] {
        self.outbox.pending()
    }

    /// Forgets what no rule asks for any more, and values that no rule will look at again.
    pub(super) fn tidy(&mut self, rules: &[Rule], now: Timestamp) {
        let ids: Vec<_> = rules.iter().map(Rule::id).collect();
        self.memories.retain(|id, _| ids.contains(id));
        self.windows.retain(|_, (series, window)| {
            let asking = rules.iter().filter(|rule| rule.asks_for(series));
            let first = asking.map(|rule| rule.first_needed(now)).min();
            if let Some(first) = first {
                window.forget_before(series.period().number(first));
            }
            first.is_some()
        });
    }
}

fn series_of(rules: &[Rule]) -> impl Iterator<Item = &Series> {
    rules.iter().flat_map(|rule| &rule.conditions).map(|condition| &condition.series)
}
