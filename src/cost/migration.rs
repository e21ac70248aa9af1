//! What a migration does to the monthly bill.

use serde::{Deserialize, Serialize};

use super::{CostRange, DISK_GB, Monthly, database, ec2, price, prices};
use crate::inventory::Inventory;
use crate::plan::{Credits, Disk, Host, ManagedSize, Provider, Region, VolumeType};

/// None: infra does not know the price.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MigrationCost {
    /// The host that holds the database now, with its disks. It stays, and so does its price.
    pub host: Option<Monthly>,
    /// Where it costs as it is used: at the least.
    pub database: Option<Monthly>,
    /// Both, while and after both are there.
    pub after: Option<Monthly>,
    /// Both, where the new database costs as it is used: at the most.
    #[serde(default)]
    pub most: Option<Monthly>,
}

/// `size`: what infra makes in `region`, to hold `bytes`; None is a database of the user's.
pub fn migration(
    host: &Host,
    size: Option<&ManagedSize>,
    bytes: u64,
    region: Option<&Region>,
    inventory: &Inventory,
) -> MigrationCost {
    let host = whole(host, region, inventory);
    let list = region.and_then(prices::of_region);
    let cost = size.zip(list).and_then(|(size, list)| database(list, size, bytes));
    let both = |database: Option<Monthly>| host.zip(database).map(|(host, database)| host + database);
    MigrationCost {
        host,
        database: cost.map(|cost| cost.least),
        after: both(cost.map(|cost| cost.least)),
        most: both(cost.and_then(CostRange::more)),
    }
}

/// To a host that is in the plan, and paid, already: nothing comes to the bill.
pub fn migration_to_host(host: &Host, other: &Host, region: Option<&Region>, inventory: &Inventory) -> MigrationCost {
    let whole = |host| whole(host, region, inventory);
    MigrationCost { host: whole(host), database: whole(other), after: None, most: None }
}

/// With its disks.
fn whole(host: &Host, region: Option<&Region>, inventory: &Inventory) -> Option<Monthly> {
    match host.provider {
        Provider::Lightsail => lightsail(host, inventory),
        Provider::Ec2 => region.and_then(|region| on_ec2(host, region)),
        Provider::Ssh => None,
    }
}

fn lightsail(host: &Host, inventory: &Inventory) -> Option<Monthly> {
    let disks: Monthly = host.disks.values().map(|disk| Monthly(f64::from(disk.size_gb.0) * DISK_GB)).sum();
    Some(price(inventory, host.size.as_ref()?.as_str())? + disks)
}

/// Without credits beyond the earned ones.
fn on_ec2(host: &Host, region: &Region) -> Option<Monthly> {
    let list = prices::of_region(region)?;
    let volume = |disk: &Disk| {
        let kind = disk.kind.unwrap_or(VolumeType::Gp3);
        ec2::volume(list, kind, disk.size_gb.0, disk.iops, disk.throughput)
    };
    let volumes: Monthly = host.disks.values().map(volume).sum::<Option<_>>()?;
    let instance = ec2::instance(list, host.size.as_ref()?.as_str(), Some(Credits::Standard))?;
    let root = ec2::volume(list, VolumeType::Gp3, host.root_gb.unwrap_or(Host::ROOT).0, None, None)?;
    Some(instance.least + root + volumes + ec2::address(list)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::fake::World;
    use crate::plan::{Acu, Engine, MigrateAurora, parse};

    const PHASE_1: &str = include_str!("../../plans/phase1.toml");

    #[test]
    fn the_host_stays_and_the_database_comes_to_it() {
        let plan = parse("phase1.toml", PHASE_1.as_bytes()).expect("a shipped plan is valid");
        let (plan, inventory) = (plan.plan(), World::new().observe());
        let host = plan.hosts.values().next().expect("it has a host");
        let (size, region) = (plan.migrate.managed(Engine::Rds).expect("it names one"), plan.region.as_ref());
        let list = region.and_then(prices::of_region).expect("there is one of its region");
        let cost = |size| database(list, size, 0).expect("its price is known");
        let of = |host: &Host, size: Option<&ManagedSize>| migration(host, size, 0, region, &inventory);
        let stays = Monthly(92.0);
        let rds = of(host, Some(&size));
        let expected = cost(&size).least;
        assert_eq!((rds.host, rds.database, rds.after), (Some(stays), Some(expected), Some(stays + expected)));
        assert_eq!(rds.most, None);
        let url = of(host, None);
        assert_eq!((url.host, url.database, url.after), (Some(stays), None, None));
        let theirs = Host { provider: Provider::Ssh, ..host.clone() };
        assert_eq!(of(&theirs, Some(&size)).host, None);
        let aurora = ManagedSize::Aurora(MigrateAurora { min_acu: Acu(0.5), max_acu: Acu(8.0) });
        let used = of(host, Some(&aurora));
        let CostRange { least, most } = cost(&aurora);
        assert_eq!((used.after, used.most), (Some(stays + least), Some(stays + most)));
        assert!(most > least);
    }

    #[test]
    fn a_host_on_ec2_costs_as_the_list_of_its_region_says() {
        let text = r#"
name = "demo"
region = "us-east-1"
[hosts.box]
provider = "ec2"
size = "t3.medium"
image = "ubuntu_24_04"
ports = [{ port = 22, from = ["203.0.113.0/24"] }]
[hosts.box.disks.data]
size_gb = 100
iops = 4000
mount = "/srv/data"
"#;
        let plan = parse("plan.toml", text.as_bytes()).expect("it is valid");
        let host = &plan.plan().hosts.values().next().unwrap();
        let inventory = World::new().observe();
        let of = |region: &str| migration(host, None, 0, Some(&region.to_owned().try_into().unwrap()), &inventory).host;
        let list = prices::of_region(&"us-east-1".to_owned().try_into().unwrap()).unwrap();
        let hours = list.instance("t3.medium").unwrap() + list.address().unwrap();
        let expected = hours * 730.0
            + (100.0 + f64::from(Host::ROOT.0)) * list.volume(VolumeType::Gp3).unwrap()
            + 1000.0 * list.iops(VolumeType::Gp3, 1).unwrap();
        assert!((of("us-east-1").unwrap().0 - expected).abs() < 1e-9);
        assert_eq!(of("eu-west-9"), None);
    }
}
