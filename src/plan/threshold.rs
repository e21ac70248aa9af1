//! What a plan may say of watching: metrics, limits on them alone or together, and what is to be done. How the values of
//! a metric go into zones is `watch::rules`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names::NodeName;
use super::units::Span;

/// What is measured of a host, of each of its disks, or of the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Metric {
    #[serde(rename = "disk.queue_depth")]
    DiskQueueDepth,
    #[serde(rename = "disk.used_percent")]
    DiskUsedPercent,
    #[serde(rename = "disk.burst_percent")]
    DiskBurstPercent,
    #[serde(rename = "cpu.burst_percent")]
    CpuBurstPercent,
    #[serde(rename = "cpu.percent")]
    CpuPercent,
    #[serde(rename = "memory.percent")]
    MemoryPercent,
    #[serde(rename = "api.p95_ms")]
    ApiP95Ms,
    #[serde(rename = "api.p99_ms")]
    ApiP99Ms,
    #[serde(rename = "api.error_percent")]
    ApiErrorPercent,
    #[serde(rename = "agents.count")]
    AgentsCount,
    #[serde(rename = "plugs.count")]
    PlugsCount,
    #[serde(rename = "rows.per_second")]
    RowsPerSecond,
}

/// What a metric is measured of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    Host,
    /// Each disk of a host by itself.
    Disk,
    /// Its services say so themselves.
    Bundle,
}

/// What is done at a threshold's last limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Somebody is told.
    Notify,
    /// Somebody is told, and what would help.
    Recommend,
    /// Unhealthy services are restarted.
    Restart,
    /// Images that no release needs are removed, and logs rotated.
    Prune,
    /// Idle instances are stopped.
    Evict,
    /// New instances go to another host.
    Route,
    /// A larger size.
    Resize,
    /// The database goes where `[migrate]` says.
    Migrate,
}

/// Limits on one metric, or on several together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// This one, or `all` or `any` of several.
    pub metric: Option<Metric>,
    /// The alarm is for values under the limits.
    #[serde(default)]
    pub below: bool,
    pub warn: Option<f64>,
    pub migrate: Option<f64>,
    /// It trips when all of these are past their limits at the same time.
    #[serde(default)]
    pub all: Vec<Condition>,
    /// It trips when any of these is past its limit.
    #[serde(default)]
    pub any: Vec<Condition>,
    /// How long the value must stay past a limit.
    #[serde(rename = "for")]
    pub period: Span,
    /// What is done at the last limit: `migrate` where there is such a limit, otherwise `notify`.
    pub action: Option<Action>,
    /// The host it is for; every host when absent.
    pub host: Option<NodeName>,
}

/// One of the limits that count together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    pub metric: Metric,
    /// Values under the limits are the bad ones.
    #[serde(default)]
    pub below: bool,
    pub warn: Option<f64>,
    pub migrate: Option<f64>,
}

/// How the conditions of a threshold go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Combination {
    All,
    Any,
}

impl Threshold {
    /// Its conditions; that of a single metric is the only one of its kind. None: it names no metric.
    pub fn conditions(&self) -> Vec<Condition> {
        let (below, warn, migrate) = (self.below, self.warn, self.migrate);
        let single = self.metric.map(|metric| Condition { metric, below, warn, migrate });
        single.into_iter().chain(self.all.iter().cloned()).chain(self.any.iter().cloned()).collect()
    }

    pub fn combination(&self) -> Combination {
        if self.any.is_empty() { Combination::All } else { Combination::Any }
    }

    pub fn is_combined(&self) -> bool {
        !self.all.is_empty() || !self.any.is_empty()
    }

    /// Whether the values of its metrics can bring it to the last zone.
    pub fn reaches_migrate(&self) -> bool {
        let conditions = self.conditions();
        let reaches = |condition: &Condition| condition.migrate.is_some();
        match self.combination() {
            Combination::All => !conditions.is_empty() && conditions.iter().all(reaches),
            Combination::Any => conditions.iter().any(reaches),
        }
    }

    /// Whether it is on the same metrics, in the same combination: for one host there is one of them.
    pub fn measures_same(&self, other: &Self) -> bool {
        let measured = |threshold: &Self| {
            let mut metrics: Vec<_> = threshold.conditions().iter().map(|condition| condition.metric).collect();
            metrics.sort_unstable();
            // One condition is the same among all as among any.
            let combination = if metrics.len() < 2 { Combination::All } else { threshold.combination() };
            (combination, metrics)
        };
        measured(self) == measured(other)
    }
}

impl Metric {
    pub const ALL: [Self; 12] = [
        Self::DiskQueueDepth,
        Self::DiskUsedPercent,
        Self::DiskBurstPercent,
        Self::CpuBurstPercent,
        Self::CpuPercent,
        Self::MemoryPercent,
        Self::ApiP95Ms,
        Self::ApiP99Ms,
        Self::ApiErrorPercent,
        Self::AgentsCount,
        Self::PlugsCount,
        Self::RowsPerSecond,
    ];

    /// As a plan writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::DiskQueueDepth => "disk.queue_depth",
            Self::DiskUsedPercent => "disk.used_percent",
            Self::DiskBurstPercent => "disk.burst_percent",
            Self::CpuBurstPercent => "cpu.burst_percent",
            Self::CpuPercent => "cpu.percent",
            Self::MemoryPercent => "memory.percent",
            Self::ApiP95Ms => "api.p95_ms",
            Self::ApiP99Ms => "api.p99_ms",
            Self::ApiErrorPercent => "api.error_percent",
            Self::AgentsCount => "agents.count",
            Self::PlugsCount => "plugs.count",
            Self::RowsPerSecond => "rows.per_second",
        }
    }

    pub fn scope(self) -> Scope {
        match self {
            Self::DiskQueueDepth | Self::DiskUsedPercent | Self::DiskBurstPercent => Scope::Disk,
            Self::CpuBurstPercent | Self::CpuPercent | Self::MemoryPercent => Scope::Host,
            Self::ApiP95Ms
            | Self::ApiP99Ms
            | Self::ApiErrorPercent
            | Self::AgentsCount
            | Self::PlugsCount
            | Self::RowsPerSecond => Scope::Bundle,
        }
    }

    pub fn is_percent(self) -> bool {
        match self {
            Self::DiskUsedPercent
            | Self::DiskBurstPercent
            | Self::CpuBurstPercent
            | Self::CpuPercent
            | Self::MemoryPercent
            | Self::ApiErrorPercent => true,
            Self::DiskQueueDepth
            | Self::ApiP95Ms
            | Self::ApiP99Ms
            | Self::AgentsCount
            | Self::PlugsCount
            | Self::RowsPerSecond => false,
        }
    }

    /// Whether low values are the bad ones. None: both can be; rows that come too fast outgrow a host, rows that no longer come
    /// are an outage.
    pub fn bad_below(self) -> Option<bool> {
        match self {
            Self::CpuBurstPercent | Self::DiskBurstPercent => Some(true),
            Self::RowsPerSecond => None,
            _ => Some(false),
        }
    }

    /// How often it has a value. AWS measures what a burst has left every five minutes; the rest is measured on the host, every
    /// minute.
    pub const fn period(self) -> Span {
        match self {
            Self::CpuBurstPercent | Self::DiskBurstPercent => Span::from_secs(300),
            _ => Span::from_secs(60),
        }
    }
}

impl std::fmt::Display for Metric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Action {
    pub const ALL: [Self; 8] = [
        Self::Notify,
        Self::Recommend,
        Self::Restart,
        Self::Prune,
        Self::Evict,
        Self::Route,
        Self::Resize,
        Self::Migrate,
    ];

    /// What would help, in words. None: whoever is told decides.
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Self::Notify | Self::Recommend => None,
            Self::Restart => Some("restart the services that are unhealthy"),
            Self::Prune => Some("remove images that no release needs, and rotate logs"),
            Self::Evict => Some("stop instances that are idle"),
            Self::Route => Some("send new instances to another host"),
            Self::Resize => Some("give the host a larger size"),
            Self::Migrate => Some("move the database: infra migrate"),
        }
    }

    /// As a plan writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Recommend => "recommend",
            Self::Restart => "restart",
            Self::Prune => "prune",
            Self::Evict => "evict",
            Self::Route => "route",
            Self::Resize => "resize",
            Self::Migrate => "migrate",
        }
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_format() {
        let written = |value: serde_json::Value| value.as_str().unwrap().to_owned();
        for metric in Metric::ALL {
            assert_eq!(written(serde_json::to_value(metric).unwrap()), metric.name());
        }
        for action in Action::ALL {
            assert_eq!(written(serde_json::to_value(action).unwrap()), action.name());
        }
    }
}
