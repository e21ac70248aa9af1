//! What a migration does to the monthly bill.

use serde::{Deserialize, Serialize};

use super::{DISK_GB, Monthly, database, price};
use crate::inventory::Inventory;
use crate::plan::{Host, ManagedSize, Provider};

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

/// `size`: what infra makes, to hold `bytes`; None is a database of the user's.
pub fn migration(host: &Host, size: Option<&ManagedSize>, bytes: u64, inventory: &Inventory) -> MigrationCost {
    let host = whole(host, inventory);
    let cost = size.and_then(|size| database(size, bytes));
    let both = |database: Option<Monthly>| host.zip(database).map(|(host, database)| host + database);
    MigrationCost {
        host,
        database: cost.map(|cost| cost.least),
        after: both(cost.map(|cost| cost.least)),
        most: both(cost.filter(|cost| cost.most > cost.least).map(|cost| cost.most)),
    }
}

/// To a host that is in the plan, and paid, already: nothing comes to the bill.
pub fn migration_to_host(host: &Host, other: &Host, inventory: &Inventory) -> MigrationCost {
    MigrationCost { host: whole(host, inventory), database: whole(other, inventory), after: None, most: None }
}

/// With its disks.
fn whole(host: &Host, inventory: &Inventory) -> Option<Monthly> {
    let disks: Monthly = host.disks.values().map(|disk| Monthly(f64::from(disk.size_gb.0) * DISK_GB)).sum();
    let instance = match host.provider {
        Provider::Lightsail => host.size.as_ref().and_then(|size| price(inventory, size.as_str())),
        Provider::Ec2 | Provider::Ssh => None,
    };
    instance.map(|instance| instance + disks)
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
        let size = plan.migrate.managed(Engine::Rds);
        let rds = migration(host, size.as_ref(), 0, &inventory);
        let said = |cost: Option<Monthly>| cost.map(|cost| cost.to_string()).unwrap_or_default();
        assert_eq!(
            (said(rds.host), said(rds.database), said(rds.after)),
            ("$92.00".into(), "$145.64".into(), "$237.64".into())
        );
        assert_eq!(rds.most, None);
        let url = migration(host, None, 0, &inventory);
        assert_eq!((said(url.host), url.database, url.after), ("$92.00".into(), None, None));
        let theirs = Host { provider: Provider::Ssh, ..host.clone() };
        assert_eq!(migration(&theirs, size.as_ref(), 0, &inventory).host, None);
        let aurora = ManagedSize::Aurora(MigrateAurora { min_acu: Acu(0.5), max_acu: Acu(8.0) });
        let aurora = migration(host, Some(&aurora), 0, &inventory);
        assert_eq!((said(aurora.after), said(aurora.most)), ("$135.80".into(), "$792.80".into()));
    }
}
