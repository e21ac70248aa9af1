//! What things cost a month, in US dollars. Pure: Lightsail's sizes have their prices with the inventory, everything else
//! from the list that is compiled in (`prices`), or from the constants below.
//! Source of the constants: AWS's price pages for Lightsail, us-east-1, read 2026-11.

pub mod burst;
mod database;
pub mod ec2;
mod hosts;
mod migration;
pub mod prices;
#[cfg(test)]
mod tests;
mod used;

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, Sub};

use jiff::civil::{Date, date};
use serde::{Deserialize, Serialize};

use crate::diff::{Diff, DiskDiff};
use crate::graph::{Graph, NodeId};
use crate::inventory::{CloudKind, Inventory, Size};
use crate::plan::Engine;
use hosts::Bill;

pub use database::{DatabaseClass, database, database_class, memory_gb};
pub use ec2::Traffic;
pub use migration::{MigrationCost, migration, migration_to_host};
pub use prices::{Offer, PriceList};
pub use used::PricesUsed;

/// AWS's own month.
const HOURS: f64 = 730.0;
/// Block storage, a GB and month.
const DISK_GB: f64 = 0.10;
/// Snapshots, a GB and month.
const SNAPSHOT_GB: f64 = 0.05;
/// When these and `fallback_sizes` were read.
const LIGHTSAIL_READ: Date = date(2026, 11, 1);

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

/// The same always, or as it is used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CostRange {
    pub least: Monthly,
    pub most: Monthly,
}

impl CostRange {
    /// Where it is more than the least.
    pub fn more(self) -> Option<Monthly> {
        Some(self.most).filter(|most| *most > self.least)
    }
}

/// One line of the bill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub node: NodeId,
    pub what: String,
    /// Of what is there now. None: its price is not known.
    pub before: Option<Monthly>,
    /// Where it costs as it is used: at the least.
    pub after: Option<Monthly>,
    /// At the most, where that is more.
    #[serde(default)]
    pub most: Option<Monthly>,
}

impl Line {
    /// What is planned costs the same always, or as it is used.
    fn ranged(node: &NodeId, what: String, before: Option<CostRange>, after: Option<CostRange>) -> Self {
        Self {
            node: node.clone(),
            what,
            before: before.map(|cost| cost.least),
            after: after.map(|cost| cost.least),
            most: after.and_then(CostRange::more),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    pub lines: Vec<Line>,
    /// Sums, without the lines whose price is not known.
    pub before: Monthly,
    pub after: Monthly,
    #[serde(default)]
    pub most: Option<Monthly>,
    /// What the internet costs beside the lines; in no sum, since no plan says how much it is.
    #[serde(default)]
    pub traffic: Option<Traffic>,
    /// What the lines rest on.
    #[serde(default)]
    pub prices: Vec<PricesUsed>,
    #[serde(default)]
    pub notes: Vec<String>,
}

pub fn estimate(graph: &Graph, inventory: &Inventory, diff: &Diff) -> Estimate {
    let region = graph.region.as_ref();
    let bill = Bill { graph, inventory, diff, list: region.and_then(prices::of_region) };
    let (database, left_over) = (managed(&bill), bill.left_over());
    let offers = offers(&bill, database.is_some());
    let lines: Vec<_> = bill.hosts().into_iter().chain(grown(diff)).chain(database).chain(left_over).collect();
    let used = region.map(|region| used::of_offers(region, &offers, inventory.observed_at)).unwrap_or_default();
    let sum = |part: fn(&Line) -> Option<Monthly>| lines.iter().filter_map(part).sum();
    let (before, after) = (sum(|l| l.before), sum(|l| l.after));
    let notes = bill.credits().into_iter().chain(used::notes(region, &offers, &used)).collect();
    Estimate {
        most: CostRange { least: after, most: sum(|l| l.most.or(l.after)) }.more(),
        traffic: bill.list.filter(|_| offers.contains(&Offer::DataTransfer)).and_then(ec2::traffic),
        prices: lightsail(&bill).into_iter().chain(used).collect(),
        before,
        after,
        notes,
        lines,
    }
}

/// The old disk of one that grows by being copied stays, with the snapshot that it was copied by.
fn grown(diff: &Diff) -> impl Iterator<Item = Line> {
    diff.hosts.iter().flat_map(|h| &h.disks).filter_map(|d| match d {
        DiskDiff::Grow { id, old, from_gb, .. } => Some(Line {
            node: id.clone(),
            what: format!("kept: disk {old} and its snapshot"),
            before: Some(Monthly(0.0)),
            after: Some(Monthly(f64::from(*from_gb) * (DISK_GB + SNAPSHOT_GB))),
            most: None,
        }),
        _ => None,
    })
}

/// Those of AWS's list that the lines need.
fn offers(bill: &Bill<'_>, database: bool) -> Vec<Offer> {
    let host = bill.graph.cloud_hosts().any(|(_, cloud)| cloud.cloud() == CloudKind::Ec2);
    let left = bill.left_over_of(CloudKind::Ec2);
    let needed = [(Offer::Ec2, host || left), (Offer::Vpc, host), (Offer::Rds, database), (Offer::DataTransfer, host)];
    needed.into_iter().filter(|(_, needed)| *needed).map(|(offer, _)| offer).collect()
}

/// The database that a migration made, without what its clients read and write. Aurora's bill begins at its least capacity.
fn managed(bill: &Bill<'_>) -> Option<Line> {
    let (node, found) = (bill.graph.database.as_ref()?, bill.inventory.database.seen()?.database.as_ref()?);
    let wanted = node.sizes.get(&found.engine()).unwrap_or(&found.size);
    let cost = |size| bill.list.and_then(|list| database(list, size, 0));
    let from = if found.engine() == Engine::Aurora { ", at its least" } else { "" };
    Some(Line::ranged(&node.id, format!("database {wanted}{from}"), cost(&found.size), cost(wanted)))
}

/// What the lines of Lightsail rest on: sizes as it says itself, as long as it can be asked.
fn lightsail(bill: &Bill<'_>) -> Vec<PricesUsed> {
    let now = bill.inventory.observed_at;
    let of = |what: &str, from: &str, read| PricesUsed::new(what, from, read, now);
    let page = "Lightsail's price page";
    let hosts: Vec<_> = bill
        .graph
        .cloud_hosts()
        .filter(|(_, cloud)| cloud.cloud() == CloudKind::Lightsail)
        .map(|(host, _)| host)
        .collect();
    let instances = (!hosts.is_empty()).then(|| match bill.inventory.sizes.is_empty() {
        false => of("Lightsail instances", "Lightsail itself", used::day(now)),
        true => of("Lightsail instances", page, LIGHTSAIL_READ),
    });
    let stored = hosts.iter().any(|host| !host.disks.is_empty()) || bill.left_over_of(CloudKind::Lightsail);
    let stored = stored.then(|| of("Lightsail disks and snapshots", page, LIGHTSAIL_READ));
    instances.into_iter().chain(stored).collect()
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
