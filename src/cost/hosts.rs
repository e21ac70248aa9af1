//! The lines of a plan's hosts, and of what no host needs any more: Lightsail's by its own prices, EC2's by the list of the
//! region.

use super::ec2;
use super::{CostRange, DISK_GB, Line, Monthly, PriceList, SNAPSHOT_GB, burst, price};
use crate::diff::{Diff, DiskDiff, LeftOver, LeftOverKind};
use crate::graph::{CloudHost, DiskNode, Ec2Settings, Graph, HostNode};
use crate::inventory::{CloudKind, Disk, Instance, Inventory, VolumeSpec};
use crate::plan::Credits;

/// What all lines are made from. `list`: None where infra has no prices of the region.
pub(super) struct Bill<'a> {
    pub graph: &'a Graph,
    pub inventory: &'a Inventory,
    pub diff: &'a Diff,
    pub list: Option<&'a PriceList>,
}

impl Bill<'_> {
    pub fn hosts(&self) -> Vec<Line> {
        let lines = self.graph.cloud_hosts().flat_map(|(host, cloud)| {
            let live = self.inventory.instances_of(&self.graph.plan, host.id.as_str()).next();
            let own = match cloud.ec2() {
                None => vec![self.bundle(host, cloud, live)],
                Some(settings) => self.instance(host, cloud, settings, live),
            };
            own.into_iter().chain(host.disks.iter().map(|disk| self.disk(disk)))
        });
        lines.collect()
    }

    pub fn left_over(&self) -> Vec<Line> {
        let lines = self.diff.left_over.iter().map(|left| {
            let cost = self.left(left);
            let what = format!("left over: {} {}", left.kind.noun(), left.name);
            Line { node: left.node.clone(), what, before: cost, after: cost, most: None }
        });
        lines.collect()
    }

    /// Something of this cloud that nothing needs any more.
    pub fn left_over_of(&self, cloud: CloudKind) -> bool {
        self.diff.left_over.iter().any(|left| {
            let name = &left.name;
            let inventory = self.inventory;
            match left.kind {
                LeftOverKind::Instance => inventory.instance(name).is_some_and(|found| found.cloud == cloud),
                LeftOverKind::Disk => self.observed(name.as_str()).is_some_and(|found| found.cloud == cloud),
                LeftOverKind::Snapshot => inventory.snapshots.iter().any(|s| &s.name == name && s.cloud == cloud),
                LeftOverKind::Address => inventory.address(name).is_some_and(|found| found.cloud == cloud),
                LeftOverKind::Firewall => cloud == CloudKind::Ec2,
            }
        })
    }

    /// How burstable instances are set up, and what that may cost.
    pub fn credits(&self) -> Vec<String> {
        let notes = self.graph.cloud_hosts().filter_map(|(host, cloud)| {
            let credits = chosen(cloud.ec2()?, &cloud.size)?;
            Some(format!("{}: {}", host.id, ec2::credits_in_words(self.list, &cloud.size, credits)?))
        });
        notes.collect()
    }

    /// Its address and some storage are in the price.
    fn bundle(&self, host: &HostNode, cloud: &CloudHost, live: Option<&Instance>) -> Line {
        let before = live.map_or(Some(Monthly(0.0)), |live| price(self.inventory, &live.size));
        let what = format!("instance {}", cloud.size);
        Line { node: host.id.clone(), what, before, after: price(self.inventory, &cloud.size), most: None }
    }

    /// The instance, its root volume and its address, each of which EC2 bills by itself.
    fn instance(&self, host: &HostNode, cloud: &CloudHost, own: &Ec2Settings, live: Option<&Instance>) -> Vec<Line> {
        let at = |size: &str, credits| self.list.and_then(|list| ec2::instance(list, size, credits));
        let before = live.map_or(NOTHING, |live| at(&live.size, live.ec2.as_ref().and_then(|ec2| ec2.credits)));
        let after = at(&cloud.size, chosen(own, &cloud.size));
        // What else there is comes and goes with the instance. How large its root volume is, nobody observes.
        let there = |cost: Option<CostRange>| if live.is_some() { cost } else { NOTHING };
        let root = self.volume(&VolumeSpec::GP3, own.root_gb).map(always);
        let address = self.list.and_then(ec2::address).map(always);
        vec![
            Line::ranged(&host.id, format!("instance {}", cloud.size), before, after),
            Line::ranged(&host.id, format!("root volume gp3, {} GB", own.root_gb), there(root), root),
            Line::ranged(&host.id, "public IPv4 address".into(), there(address), address),
        ]
    }

    fn disk(&self, disk: &DiskNode) -> Line {
        let live = self.diff.hosts.iter().flat_map(|host| &host.disks).find(|diff| diff.id() == &disk.id);
        let live = live.and_then(|diff| match diff {
            DiskDiff::Grow { old, .. } => self.observed(old.as_str()),
            other => self.observed(other.resource().as_str()),
        });
        let before = live.map_or(Some(Monthly(0.0)), |live| self.stored(live));
        let (what, after) = match &disk.volume {
            None => (format!("disk {} GB", disk.size_gb), Some(Monthly(f64::from(disk.size_gb) * DISK_GB))),
            Some(spec) => (format!("volume {spec}, {} GB", disk.size_gb), self.volume(spec, disk.size_gb)),
        };
        Line { node: disk.id.clone(), what, before, after, most: None }
    }

    fn observed(&self, name: &str) -> Option<&Disk> {
        self.inventory.disks.iter().find(|disk| disk.name.as_str() == name)
    }

    fn stored(&self, disk: &Disk) -> Option<Monthly> {
        match &disk.volume {
            None => Some(Monthly(f64::from(disk.size_gb) * DISK_GB)),
            Some(spec) => self.volume(spec, disk.size_gb),
        }
    }

    fn volume(&self, spec: &VolumeSpec, size_gb: u32) -> Option<Monthly> {
        ec2::volume(self.list?, spec.kind, size_gb, spec.iops, spec.throughput)
    }

    fn left(&self, left: &LeftOver) -> Option<Monthly> {
        match left.kind {
            LeftOverKind::Instance => {
                let live = self.inventory.instance(&left.name)?;
                match live.cloud {
                    CloudKind::Lightsail => price(self.inventory, &live.size),
                    CloudKind::Ec2 => ec2::instance(self.list?, &live.size, None).map(|cost| cost.least),
                }
            }
            LeftOverKind::Disk => self.stored(self.observed(left.name.as_str())?),
            LeftOverKind::Snapshot => {
                let snapshot = self.inventory.snapshots.iter().find(|snapshot| snapshot.name == left.name)?;
                match snapshot.cloud {
                    CloudKind::Lightsail => Some(Monthly(f64::from(snapshot.size_gb) * SNAPSHOT_GB)),
                    CloudKind::Ec2 => ec2::snapshot(self.list?, snapshot.size_gb),
                }
            }
            LeftOverKind::Address => match self.inventory.address(&left.name)?.cloud {
                // Billed while nothing holds it; how much, the list of bundles does not say.
                CloudKind::Lightsail => None,
                CloudKind::Ec2 => ec2::address(self.list?),
            },
            LeftOverKind::Firewall => Some(Monthly(0.0)),
        }
    }
}

/// What is not there costs nothing, and that is known.
const NOTHING: Option<CostRange> = Some(CostRange { least: Monthly(0.0), most: Monthly(0.0) });

fn always(cost: Monthly) -> CostRange {
    CostRange { least: cost, most: cost }
}

/// As the plan says, or as AWS makes the size; None: it does not burst.
fn chosen(own: &Ec2Settings, size: &str) -> Option<Credits> {
    let default = burst::default_credits(size)?;
    Some(own.credits.unwrap_or(default))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::fake::World;
    use crate::cost::{Estimate, ec2, estimate, prices};
    use crate::diff::diff;
    use crate::graph::fixture::{edited, graph, vault};
    use crate::steps::tests::up;

    const EC2: [(&str, &str); 3] = [
        ("provider = \"lightsail\"", "provider = \"ec2\""),
        ("size = \"medium_3_0\"", "size = \"t3.medium\""),
        ("size_gb = 80", "size_gb = 80\niops = 4000"),
    ];

    /// What is compared has the same nodes on Lightsail; what they cost is EC2's.
    fn billed(edits: &[(&str, &str)], compared: &Inventory, inventory: &Inventory) -> Estimate {
        let diff = diff(&vault(&[]), compared).expect("possible");
        let graph = graph(&edited(&[&EC2, edits].concat()), "release-1");
        estimate(&graph, inventory, &diff)
    }

    fn on_ec2(edits: &[(&str, &str)], inventory: &Inventory) -> Estimate {
        billed(edits, inventory, inventory)
    }

    fn list() -> &'static PriceList {
        prices::of_region(&"us-east-1".to_owned().try_into().expect("a region")).expect("there is one")
    }

    fn close(one: Option<Monthly>, other: f64) -> bool {
        one.is_some_and(|one| (one.0 - other).abs() < 1e-9)
    }

    #[test]
    fn every_part_of_a_host_is_a_line() {
        let bill = on_ec2(&[], &World::new().observe());
        let whats: Vec<_> = bill.lines.iter().map(|line| line.what.as_str()).collect();
        let parts = ["instance t3.medium", "root volume gp3, 30 GB", "public IPv4 address"];
        assert_eq!(whats, [&parts[..], &["volume gp3, 4000 IOPS, 125 MiB/s, 80 GB"]].concat());
        let hours = |each: Option<f64>| each.expect("its price is known") * 730.0;
        let gb = list().volume(crate::plan::VolumeType::Gp3).expect("its price is known");
        let iops = list().iops(crate::plan::VolumeType::Gp3, 1).expect("its price is known");
        let expected =
            [hours(list().instance("t3.medium")), 30.0 * gb, hours(list().address()), 80.0 * gb + 1000.0 * iops];
        for (line, expected) in bill.lines.iter().zip(expected) {
            assert!(close(line.after, expected) && line.before == Some(Monthly(0.0)), "{line:?}");
        }
        assert!(close(Some(bill.after), expected.iter().sum()));
        let used: Vec<_> = bill.prices.iter().map(|used| used.of.as_str()).collect();
        assert_eq!(used, ["AmazonEC2", "AmazonVPC", "AWSDataTransfer"]);
        assert!(bill.traffic.is_some_and(|traffic| traffic.free_gb == 100));
    }

    #[test]
    fn unlimited_credits_make_a_range_and_are_told() {
        let bill = on_ec2(&[], &World::new().observe());
        let more = ec2::surplus(list(), "t3.medium").expect("its price is known");
        assert!(close(bill.most, bill.after.0 + more.0), "{bill:?}");
        assert!(bill.notes[0].starts_with("hosts.box: credits are unlimited: above 20 %"), "{:?}", bill.notes);
        let standard = on_ec2(&[("image =", "credits = \"standard\"\nimage =")], &World::new().observe());
        assert!(standard.most.is_none() && standard.notes[0].starts_with("hosts.box: credits are limited"));
        let none = on_ec2(&[("t3.medium", "m7g.large")], &World::new().observe());
        assert!(none.most.is_none() && !none.notes.iter().any(|note| note.contains("credits")), "{:?}", none.notes);
    }

    /// As EC2 would have it.
    fn running(mut inventory: Inventory) -> Inventory {
        for instance in &mut inventory.instances {
            instance.cloud = CloudKind::Ec2;
            instance.size = "t3.small".into();
        }
        for disk in &mut inventory.disks {
            disk.cloud = CloudKind::Ec2;
            disk.volume = Some(VolumeSpec::GP3);
        }
        inventory
    }

    #[test]
    fn what_is_there_is_billed_as_it_is() {
        let there = up(&vault(&[])).observe();
        let bill = billed(&[], &there, &running(there.clone()));
        let line = |what: &str| bill.lines.iter().find(|line| line.what.starts_with(what)).expect("it is a line");
        assert!(close(line("instance").before, list().instance("t3.small").expect("a price") * 730.0));
        let gb = list().volume(crate::plan::VolumeType::Gp3).expect("a price");
        assert!(close(line("volume").before, 80.0 * gb) && line("volume").before < line("volume").after);
        assert_eq!(line("root volume").before, line("root volume").after);
        assert_eq!(line("public IPv4").before, line("public IPv4").after);
    }

    #[test]
    fn what_the_list_does_not_have_is_unknown() {
        let bill = on_ec2(&[("t3.medium", "x9g.large")], &World::new().observe());
        assert_eq!((bill.lines[0].after, bill.lines[0].before), (None, Some(Monthly(0.0))));
        let edits = [("region = \"us-east-1\"", "region = \"eu-west-9\"")];
        let bill = on_ec2(&edits, &World::new().observe());
        assert!(bill.lines.iter().all(|line| line.after.is_none()) && bill.traffic.is_none() && bill.prices.is_empty());
        assert!(bill.notes.iter().any(|note| note.contains("no AWS prices of eu-west-9")), "{:?}", bill.notes);
    }
}
