//! What things cost a month, in US dollars. Pure: prices come with the inventory, or from the dated table below.
//! Source of the constants: AWS's price pages for Lightsail, us-east-1, read 2026-11.

mod database;
mod migration;
#[cfg(test)]
mod tests;

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

use crate::diff::{Diff, DiskDiff, LeftOverKind};
use crate::graph::{Graph, NodeId};
use crate::inventory::{Inventory, Size};
use crate::plan::Engine;

pub use database::{DatabaseClass, DatabaseCost, database, database_class, memory_gb};
pub use migration::{MigrationCost, migration, migration_to_host};

/// Block storage, a GB and month.
const DISK_GB: f64 = 0.10;
/// Snapshots, a GB and month.
const SNAPSHOT_GB: f64 = 0.05;

/// US dollars a month.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Monthly(pub f64);

impl fmt::Display for Monthly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${:.2}", self.0)
    }
}

impl Add for Monthly {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Monthly {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Sum for Monthly {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), Add::add)
    }
}

/// One line of the bill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub node: NodeId,
    pub what: String,
    /// Of what is there now. None: its price is not known.
    pub before: Option<Monthly>,
    pub after: Option<Monthly>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub lines: Vec<Line>,
    pub before: Monthly,
    pub after: Monthly,
}

pub fn estimate(graph: &Graph, inventory: &Inventory, diff: &Diff) -> Estimate {
    let hosts = graph.cloud_hosts().flat_map(|(host, cloud)| {
        let existing = inventory.instances_of(&graph.plan, host.id.as_str()).map(|i| price(inventory, &i.size)).next();
        let instance = Line {
            node: host.id.clone(),
            what: format!("instance {}", cloud.size),
            before: existing.unwrap_or(Some(Monthly(0.0))),
            after: price(inventory, &cloud.size),
        };
        let disks = host.disks.iter().map(|d| {
            let live = diff.hosts.iter().flat_map(|h| &h.disks).find(|x| x.id() == &d.id);
            Line {
                node: d.id.clone(),
                what: format!("disk {} GB", d.size_gb),
                before: Some(disk_before(inventory, live)),
                after: Some(Monthly(f64::from(d.size_gb) * DISK_GB)),
            }
        });
        std::iter::once(instance).chain(disks).collect::<Vec<_>>()
    });
    let left = diff.left_over.iter().map(|l| {
        let stored = |each: f64| Some(Monthly(f64::from(l.size_gb.unwrap_or(0)) * each));
        let cost = match l.kind {
            LeftOverKind::Instance => inventory.instance(&l.name).and_then(|i| price(inventory, &i.size)),
            LeftOverKind::Disk => stored(DISK_GB),
            LeftOverKind::Snapshot => stored(SNAPSHOT_GB),
        };
        let what = format!("left over: {} {}", l.kind.noun(), l.name);
        Line { node: l.node.clone(), what, before: cost, after: cost }
    });
    let grown = diff.hosts.iter().flat_map(|h| &h.disks).filter_map(|d| match d {
        DiskDiff::Grow { id, old, from_gb, .. } => Some(Line {
            node: id.clone(),
            what: format!("kept: disk {old} and its snapshot"),
            before: Some(Monthly(0.0)),
            after: Some(Monthly(f64::from(*from_gb) * (DISK_GB + SNAPSHOT_GB))),
        }),
        _ => None,
    });
    let lines: Vec<_> = hosts.chain(grown).chain(managed(graph, inventory)).chain(left).collect();
    let sum = |part: fn(&Line) -> Option<Monthly>| lines.iter().filter_map(part).sum();
    Estimate { before: sum(|l| l.before), after: sum(|l| l.after), lines }
}

/// The database that a migration made, without what its clients read and write. Aurora's bill begins at its least capacity.
fn managed(graph: &Graph, inventory: &Inventory) -> Option<Line> {
    let (node, found) = (graph.database.as_ref()?, inventory.database.seen()?.database.as_ref()?);
    let wanted = node.sizes.get(&found.engine()).unwrap_or(&found.size);
    let least = |size| database(size, 0).map(|cost| cost.least);
    let from = if found.engine() == Engine::Aurora { ", at its least" } else { "" };
    let what = format!("database {wanted}{from}");
    Some(Line { node: node.id.clone(), what, before: least(&found.size), after: least(wanted) })
}

fn disk_before(inventory: &Inventory, diff: Option<&DiskDiff>) -> Monthly {
    let name = match diff {
        Some(DiskDiff::Grow { old, .. }) => old,
        Some(other) => other.resource(),
        None => return Monthly(0.0),
    };
    let size = inventory.disks.iter().find(|d| &d.name == name).map_or(0, |d| d.size_gb);
    Monthly(f64::from(size) * DISK_GB)
}

/// The live price; otherwise that of the table.
fn price(inventory: &Inventory, size: &str) -> Option<Monthly> {
    inventory.size(size).map(|s| Monthly(s.price)).or_else(|| {
        let fallback = fallback_sizes();
        fallback.iter().find(|s| s.id == size).map(|s| Monthly(s.price))
    })
}

/// Linux bundles with a public IPv4 address in us-east-1, read 2026-11: what counts while `GetBundles` cannot be asked.
pub fn fallback_sizes() -> Vec<Size> {
    let row = |id: &str, price, vcpu, memory_gb, disk_gb| Size {
        id: id.into(),
        price,
        vcpu,
        memory_gb,
        disk_gb,
        active: true,
    };
    vec![
        row("nano_3_0", 5.0, 2, 0.5, 20),
        row("micro_3_0", 7.0, 2, 1.0, 40),
        row("small_3_0", 12.0, 2, 2.0, 60),
        row("medium_3_0", 24.0, 2, 4.0, 80),
        row("large_3_0", 44.0, 2, 8.0, 160),
        row("xlarge_3_0", 84.0, 4, 16.0, 320),
        row("2xlarge_3_0", 164.0, 8, 32.0, 640),
        row("4xlarge_3_0", 384.0, 16, 64.0, 1280),
    ]
}
