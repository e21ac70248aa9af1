//! What things cost a month, in US dollars. Pure: Lightsail's sizes have their prices with the inventory, everything else
//! from the list that is compiled in (`prices`), or from the constants below.
//! Source of the constants: AWS's price pages for Lightsail, us-east-1, read 2026-11.

pub mod burst;
mod database;
pub mod ec2;
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

use crate::diff::{Diff, DiskDiff, LeftOverKind};
use crate::graph::{Graph, NodeId};
use crate::inventory::{Inventory, Size};
use crate::plan::Engine;

pub use burst::Credits;
pub use database::{DatabaseClass, database, database_class, memory_gb};
pub use ec2::Traffic;
pub use migration::{MigrationCost, migration};
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

impl Estimate {
    /// `offers`: those of AWS's list that the lines need.
    fn of(lines: Vec<Line>, graph: &Graph, inventory: &Inventory, offers: &[Offer]) -> Self {
        let sum = |part: fn(&Line) -> Option<Monthly>| lines.iter().filter_map(part).sum();
        let region = graph.region.as_ref();
        let used = region.map(|region| used::of_offers(region, offers, inventory.observed_at)).unwrap_or_default();
        let (before, after) = (sum(|l| l.before), sum(|l| l.after));
        let most = CostRange { least: after, most: sum(|l| l.most.or(l.after)) }.more();
        let notes = used::notes(region, offers, &used);
        let prices = lightsail(&lines, graph, inventory).into_iter().chain(used).collect();
        Self { before, after, most, traffic: None, prices, notes, lines }
    }
}

pub fn estimate(graph: &Graph, inventory: &Inventory, diff: &Diff) -> Estimate {
    let hosts = graph.cloud_hosts().flat_map(|(host, cloud)| {
        let existing = inventory.instances_of(&graph.plan, host.id.as_str()).map(|i| price(inventory, &i.size)).next();
        let instance = Line {
            node: host.id.clone(),
            what: format!("instance {}", cloud.size),
            before: existing.unwrap_or(Some(Monthly(0.0))),
            after: price(inventory, &cloud.size),
            most: None,
        };
        let disks = host.disks.iter().map(|d| {
            let live = diff.hosts.iter().flat_map(|h| &h.disks).find(|x| x.id() == &d.id);
            Line {
                node: d.id.clone(),
                what: format!("disk {} GB", d.size_gb),
                before: Some(disk_before(inventory, live)),
                after: Some(Monthly(f64::from(d.size_gb) * DISK_GB)),
                most: None,
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
        Line { node: l.node.clone(), what, before: cost, after: cost, most: None }
    });
    let grown = diff.hosts.iter().flat_map(|h| &h.disks).filter_map(|d| match d {
        DiskDiff::Grow { id, old, from_gb, .. } => Some(Line {
            node: id.clone(),
            what: format!("kept: disk {old} and its snapshot"),
            before: Some(Monthly(0.0)),
            after: Some(Monthly(f64::from(*from_gb) * (DISK_GB + SNAPSHOT_GB))),
            most: None,
        }),
        _ => None,
    });
    let database = managed(graph, inventory);
    let offers: &[Offer] = if database.is_some() { &[Offer::Rds] } else { &[] };
    let lines = hosts.chain(grown).chain(database).chain(left).collect();
    Estimate::of(lines, graph, inventory, offers)
}

/// The database that a migration made, without what its clients read and write. Aurora's bill begins at its least capacity.
fn managed(graph: &Graph, inventory: &Inventory) -> Option<Line> {
    let (node, found) = (graph.database.as_ref()?, inventory.database.seen()?.database.as_ref()?);
    let wanted = node.sizes.get(&found.engine()).unwrap_or(&found.size);
    let list = graph.region.as_ref().and_then(prices::of_region);
    let cost = |size| list.and_then(|list| database(list, size, 0));
    let from = if found.engine() == Engine::Aurora { ", at its least" } else { "" };
    Some(Line::ranged(&node.id, format!("database {wanted}{from}"), cost(&found.size), cost(wanted)))
}

/// What the lines of Lightsail rest on: sizes as it says itself, as long as it can be asked.
fn lightsail(lines: &[Line], graph: &Graph, inventory: &Inventory) -> Vec<PricesUsed> {
    let has = |of: &str| lines.iter().any(|line| line.what.contains(of));
    let of = |what: &str, from: &str, read| PricesUsed::new(what, from, read, inventory.observed_at);
    let page = "Lightsail's price page";
    let asked = !inventory.sizes.is_empty();
    let instances = graph.cloud_hosts().next().map(|_| match asked {
        true => of("Lightsail instances", "Lightsail itself", used::day(inventory.observed_at)),
        false => of("Lightsail instances", page, LIGHTSAIL_READ),
    });
    let stored = (has("disk") || has("snapshot")).then(|| of("Lightsail disks and snapshots", page, LIGHTSAIL_READ));
    instances.into_iter().chain(stored).collect()
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
