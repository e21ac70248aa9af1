//! Rules against series: single cases here, any series in `properties`, recorded ones in `replay`.

mod clocks;
mod properties;
mod replay;
mod single;

use jiff::{SignedDuration, Timestamp};

use super::{Assessment, Condition, Limit, Measurement, Notice, Patience, Period, Rule, Series, State, Subject};
use crate::plan::{Action, Combination, Metric, NodeName, Span};

const MINUTE: i64 = 60;

fn begin() -> Timestamp {
    "2026-11-21T00:00:00Z".parse().unwrap()
}

fn minute(minutes: i64) -> Timestamp {
    begin() + SignedDuration::from_secs(minutes * MINUTE)
}

fn host() -> NodeName {
    NodeName::parse("vault").unwrap()
}

fn queue() -> Series {
    Series { metric: Metric::DiskQueueDepth, subject: Subject::Disk(host(), NodeName::parse("pgdata").unwrap()) }
}

fn burst() -> Series {
    Series { metric: Metric::CpuBurstPercent, subject: Subject::Host(host()) }
}

fn memory() -> Series {
    Series { metric: Metric::MemoryPercent, subject: Subject::Host(host()) }
}

fn condition(series: Series, below: bool, warn: Option<f64>, migrate: Option<f64>) -> Condition {
    let limit = |enter| Limit::of(series.metric, below, enter);
    Condition { below, warning: warn.map(limit), migrate: migrate.map(limit), series }
}

/// SYSTEMS' danger zone: warning at 10, migrate at 20.
fn queue_condition() -> Condition {
    condition(queue(), false, Some(10.0), Some(20.0))
}

fn rule(combination: Combination, conditions: Vec<Condition>, minutes: u64, cooldown: u64) -> Rule {
    let period = conditions.iter().map(|condition| condition.series.period()).max().unwrap();
    Rule {
        combination,
        conditions,
        patience: Patience::of(Span::from_secs(minutes * 60), period),
        cooldown: Span::from_secs(cooldown * 60),
        action: Action::Migrate,
    }
}

fn queue_rule(minutes: u64, cooldown: u64) -> Rule {
    rule(Combination::All, vec![queue_condition()], minutes, cooldown)
}

/// The migration point of phase 1.
fn migration_point() -> Rule {
    let queue = condition(queue(), false, None, Some(20.0));
    let burst = condition(burst(), true, None, Some(0.0));
    rule(Combination::All, vec![queue, burst], 15, 30)
}

/// A measurement in the middle of a minute.
fn measured(series: &Series, minutes: i64, value: f64) -> Measurement {
    Measurement { series: series.clone(), at: minute(minutes) + SignedDuration::from_secs(30), value }
}

/// A watch that evaluates at the end of each minute, and tells whatever is to be said.
#[derive(Default)]
struct Watch {
    state: State,
    told: Vec<Notice>,
}

impl Watch {
    fn look(&mut self, rules: &[Rule], measurements: &[Measurement], now: Timestamp) -> Assessment {
        self.state.observe(rules, measurements, now);
        let assessment = self.state.evaluate(rules, now);
        let pending = self.state.pending().to_vec();
        for notice in &pending {
            self.state.acknowledge(notice.id);
        }
        self.told.extend(pending);
        assessment
    }

    /// One value of each minute, from a minute on.
    fn minutes(&mut self, rules: &[Rule], series: &Series, from: i64, values: &[Option<f64>]) -> Vec<Assessment> {
        let each = values.iter().zip(from..).map(|(value, at)| {
            let measurements: Vec<_> = value.map(|value| measured(series, at, value)).into_iter().collect();
            self.look(rules, &measurements, minute(at + 1))
        });
        each.collect()
    }

    fn zones(&self) -> Vec<String> {
        self.told.iter().map(|notice| notice.zone.to_string()).collect()
    }
}

/// As many times the same value.
fn steady(value: f64, minutes: usize) -> Vec<Option<f64>> {
    vec![Some(value); minutes]
}

fn gap(minutes: usize) -> Vec<Option<f64>> {
    vec![None; minutes]
}

fn seconds(period: Period) -> i64 {
    period.as_secs()
}
