//! The alarms of a database from the plan's thresholds, and who is told.
//!
//! RDS measures what is free, in bytes and credits; a plan's limits are mostly shares of what there is.

use super::stranger;
use crate::cost;
use crate::diff::Refusal;
use crate::graph::DatabaseNode;
use crate::inventory::{AlarmTopic, Comparison, Database, DatabaseAlarm, DatabaseInventory, ResourceName};
use crate::plan::{Email, InstanceClass, ManagedSize, Metric, MigrateRds, Threshold};

/// CPU credits are measured no more often.
pub const ALARM_SECONDS: u64 = 300;
/// A full disk stops the database: somebody has to hear of it, whatever the plan says.
const LEAST_FREE_PERCENT: f64 = 10.0;
const BYTES_PER_GB: f64 = 1_073_741_824.0;
/// What burstable classes can save up: what they earn in a day.
const CREDITS: [(&str, f64); 6] =
    [("micro", 288.0), ("small", 576.0), ("medium", 576.0), ("large", 864.0), ("xlarge", 2304.0), ("2xlarge", 4608.0)];

/// Each metric of a plan, with the name that its alarms have.
const METRICS: [(Metric, &str); 5] = [
    (Metric::DiskQueueDepth, "queue"),
    (Metric::CpuPercent, "cpu"),
    (Metric::CpuBurstPercent, "burst"),
    (Metric::DiskUsedPercent, "space"),
    (Metric::MemoryPercent, "memory"),
];
const LEVELS: [&str; 2] = ["warn", "migrate"];
/// The alarms that do not come from the plan.
const SPACE_LOW: &str = "space-low";
const CAPACITY_HIGH: &str = "capacity-high";
const LOCAL_LOW: &str = "local-low";
/// What is at its greatest capacity grows no more: past this for a quarter of an hour, it is about to be too small.
const MOST_CAPACITY_PERCENT: f64 = 90.0;
const CAPACITY_PERIODS: u32 = 3;
/// Sorts and temporary tables fail without it. Aurora tells what is free, not of how much.
const LEAST_LOCAL_GB: f64 = 2.0;
/// The log that a slot keeps, as the way back's while nobody reads it. RDS has two metrics for it, and does not say in which of them
/// such a slot is; the one without it has no data, and an alarm without data is silent (docs/decisions/0110-the-log-that-nobody-reads.md).
const SLOT_BEHIND: &str = "slot-behind";
const LOGICAL_BEHIND: &str = "logical-slot-behind";
/// Aurora tells of its logs together.
const LOG_KEPT: &str = "log-kept";
/// Half of the space at which `SPACE_LOW` is due: less than half of what was free is what infra itself lets be kept. Whoever is told
/// has time to mend the way back before it is given up.
const MOST_KEPT_PERCENT: f64 = LEAST_FREE_PERCENT / 2.0;
/// Half of what infra lets be kept where nobody knows what is free; of any storage, since a way back that is followed is never so far behind.
const MOST_KEPT_GB: f64 = 4.0;
/// A large transaction takes its time to arrive.
const KEPT_PERIODS: u32 = 3;

/// What a limit is to RDS.
enum Scale {
    Same,
    /// Percent of it.
    Share(f64),
    /// Percent of it are used, and RDS says what is left.
    Rest(f64),
}

/// Every name that an alarm of this database may have. A prefix would also be that of another plan's.
pub fn alarm_names(database: &ResourceName) -> Vec<ResourceName> {
    let pairs = METRICS.iter().flat_map(|(_, short)| LEVELS.map(|level| format!("{short}-{level}")));
    let own = [SPACE_LOW, CAPACITY_HIGH, LOCAL_LOW, SLOT_BEHIND, LOGICAL_BEHIND, LOG_KEPT];
    let all = pairs.chain(own.map(str::to_owned));
    all.map(|name| ResourceName::new(format!("{database}-{name}"))).collect()
}

pub fn topic_name(database: &ResourceName) -> ResourceName {
    ResourceName::new(format!("{database}-alarms"))
}

/// What is missing until the database is watched as the plan says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AlarmsDiff {
    /// Whom alarms tell has to be made.
    pub topic: bool,
    pub put: Vec<DatabaseAlarm>,
    pub delete: Vec<ResourceName>,
    pub subscribe: Vec<Email>,
}

impl AlarmsDiff {
    pub fn is_kept(&self) -> bool {
        *self == Self::default()
    }
}

/// Nothing while there is no database.
pub fn alarms(node: &DatabaseNode, found: &DatabaseInventory) -> Result<AlarmsDiff, Refusal> {
    let Some(database) = &found.database else { return Ok(AlarmsDiff::default()) };
    if found.topic.as_ref().is_some_and(|found| !found.tags.is_node(&node.plan, node.id.as_str())) {
        return Err(stranger(&topic_name(&node.name), "topic"));
    }
    let subscribe: Vec<_> = node.emails.iter().filter(|email| !is_told(found.topic.as_ref(), email)).cloned().collect();
    let wanted = wanted(node, database);
    let left_over = found.alarms.iter().filter(|found| !wanted.iter().any(|alarm| alarm.name == found.name));
    Ok(AlarmsDiff {
        topic: found.topic.is_none() && !node.emails.is_empty(),
        delete: left_over.map(|alarm| alarm.name.clone()).collect(),
        // An alarm may be from before its topic: addresses come last, and until then each alarm is set anew.
        put: wanted.into_iter().filter(|alarm| !subscribe.is_empty() || !found.alarms.contains(alarm)).collect(),
        subscribe,
    })
}

fn is_told(topic: Option<&AlarmTopic>, email: &Email) -> bool {
    topic.is_some_and(|topic| topic.emails.contains(email.as_ref()))
}

fn wanted(node: &DatabaseNode, database: &Database) -> Vec<DatabaseAlarm> {
    // What it is about to be counts: its limits are shares of that.
    let size = node.sizes.get(&database.engine()).unwrap_or(&database.size);
    let name = &node.name;
    let of_plan = METRICS.iter().flat_map(|(metric, short)| {
        let threshold = threshold(node, *metric);
        threshold.map_or_else(Vec::new, |threshold| levels(threshold, size, &format!("{name}-{short}")))
    });
    of_plan.chain(always(size, name)).collect()
}

/// The plan's metrics do not show when a database is about to stop.
fn always(size: &ManagedSize, name: &ResourceName) -> Vec<DatabaseAlarm> {
    let alarm = |short: &str, metric: &str, comparison, threshold, periods| DatabaseAlarm {
        name: ResourceName::new(format!("{name}-{short}")),
        metric: metric.into(),
        comparison,
        threshold,
        periods,
    };
    let kept = |short, metric| alarm(short, metric, Comparison::AtLeast, most_kept(size), KEPT_PERIODS);
    match size {
        ManagedSize::Rds(rds) => {
            let least = Scale::Share(storage(rds)).of(LEAST_FREE_PERCENT);
            vec![
                alarm(SPACE_LOW, "FreeStorageSpace", Comparison::AtMost, least, 1),
                kept(SLOT_BEHIND, "OldestReplicationSlotLag"),
                kept(LOGICAL_BEHIND, "OldestLogicalReplicationSlotLag"),
            ]
        }
        ManagedSize::Aurora(_) => vec![
            alarm(CAPACITY_HIGH, "ACUUtilization", Comparison::AtLeast, MOST_CAPACITY_PERCENT, CAPACITY_PERIODS),
            alarm(LOCAL_LOW, "FreeLocalStorage", Comparison::AtMost, LEAST_LOCAL_GB * BYTES_PER_GB, 1),
            kept(LOG_KEPT, "TransactionLogsDiskUsage"),
        ],
    }
}

/// In bytes.
fn most_kept(size: &ManagedSize) -> f64 {
    let most = MOST_KEPT_GB * BYTES_PER_GB;
    match size {
        ManagedSize::Rds(rds) => Scale::Share(storage(rds)).of(MOST_KEPT_PERCENT).min(most),
        ManagedSize::Aurora(_) => most,
    }
}

/// The one for the database's host goes before one for all.
fn threshold(node: &DatabaseNode, metric: Metric) -> Option<&Threshold> {
    let meant = node.thresholds.iter().filter(|threshold| threshold.metric == Some(metric));
    meant.max_by_key(|threshold| threshold.host.is_some())
}

fn levels(threshold: &Threshold, size: &ManagedSize, base: &str) -> Vec<DatabaseAlarm> {
    let Some((metric, scale)) = threshold.metric.and_then(|metric| measured(metric, size)) else { return vec![] };
    let falling = threshold.below != matches!(scale, Scale::Rest(_));
    let periods = threshold.period.as_secs().div_ceil(ALARM_SECONDS).max(1);
    let alarm = |(level, limit): (&str, Option<f64>)| {
        Some(DatabaseAlarm {
            name: ResourceName::new(format!("{base}-{level}")),
            metric: metric.into(),
            comparison: if falling { Comparison::AtMost } else { Comparison::AtLeast },
            threshold: scale.of(limit?),
            periods: u32::try_from(periods).unwrap_or(u32::MAX),
        })
    };
    LEVELS.into_iter().zip([threshold.warn, threshold.migrate]).filter_map(alarm).collect()
}

/// CloudWatch's metric for a plan's; None where such a database has none. Aurora's storage grows by itself; what its
/// memory has left counts up to its greatest capacity.
fn measured(metric: Metric, size: &ManagedSize) -> Option<(&'static str, Scale)> {
    Some(match (metric, size) {
        (Metric::DiskQueueDepth, _) => ("DiskQueueDepth", Scale::Same),
        (Metric::CpuPercent, _) => ("CPUUtilization", Scale::Same),
        (Metric::CpuBurstPercent, ManagedSize::Rds(rds)) => ("CPUCreditBalance", Scale::Share(credits(&rds.class)?)),
        (Metric::DiskUsedPercent, ManagedSize::Rds(rds)) => ("FreeStorageSpace", Scale::Rest(storage(rds))),
        (Metric::CpuBurstPercent | Metric::DiskUsedPercent, ManagedSize::Aurora(_)) => return None,
        (Metric::MemoryPercent, size) => ("FreeableMemory", Scale::Rest(cost::memory_gb(size)? * BYTES_PER_GB)),
        // RDS made by infra has gp3, and services do not run in it.
        (
            Metric::DiskBurstPercent
            | Metric::ApiP95Ms
            | Metric::ApiP99Ms
            | Metric::ApiErrorPercent
            | Metric::AgentsCount
            | Metric::PlugsCount
            | Metric::RowsPerSecond,
            _,
        ) => return None,
    })
}

fn storage(rds: &MigrateRds) -> f64 {
    f64::from(rds.storage_gb.0) * BYTES_PER_GB
}

fn credits(class: &InstanceClass) -> Option<f64> {
    let (_, size) = class.as_ref().strip_prefix("db.t")?.split_once('.')?;
    CREDITS.iter().find(|(name, _)| *name == size).map(|(_, most)| *most)
}

impl Scale {
    /// Whole bytes and credits, so that an answer compares as it was asked.
    fn of(&self, limit: f64) -> f64 {
        match self {
            Self::Same => limit,
            Self::Share(all) => (all * limit / 100.0).round(),
            Self::Rest(all) => (all * (100.0 - limit) / 100.0).round(),
        }
    }
}
