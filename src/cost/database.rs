//! What a managed PostgreSQL costs a month: one instance in one zone, on demand, as the region's list has it. Aurora's price
//! for reads and writes of its storage is in no sum: nobody knows their number beforehand. Nor is what RDS asks for more
//! operations and throughput than gp3 has: infra provisions none.

use super::{CostRange, HOURS, Monthly, PriceList, burst};
use crate::plan::{InstanceClass, ManagedSize};

const BYTES_PER_GB: f64 = 1_073_741_824.0;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DatabaseClass {
    pub vcpu: u32,
    pub memory_gb: u64,
}

/// Family, its first size, and all of them. Prices and sizes double from one to the next.
type Family = (&'static str, DatabaseClass, &'static [&'static str]);

const FAMILIES: [Family; 7] = [
    ("m6g", class(2, 8), LARGE),
    ("m7g", class(2, 8), LARGE),
    ("m6i", class(2, 8), LARGE),
    ("r6g", class(2, 16), LARGE),
    ("r7g", class(2, 16), LARGE),
    ("r6i", class(2, 16), LARGE),
    ("t4g", class(2, 1), SMALL),
];
const LARGE: &[&str] = &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge"];
const SMALL: &[&str] = &["micro", "small", "medium", "large", "xlarge", "2xlarge"];
/// Burstable sizes have no fewer and, up to large, no more.
const BURSTABLE_VCPU: [u32; 6] = [2, 2, 2, 2, 4, 8];

const fn class(vcpu: u32, memory_gb: u64) -> DatabaseClass {
    DatabaseClass { vcpu, memory_gb }
}

/// `t4g.micro` of `db.t4g.micro`.
fn size(class: &InstanceClass) -> Option<&str> {
    class.as_ref().strip_prefix("db.")
}

/// Its family, and which of its sizes it is.
fn place(class: &InstanceClass) -> Option<(Family, usize)> {
    let (name, size) = size(class)?.split_once('.')?;
    let family = FAMILIES.into_iter().find(|(family, ..)| *family == name)?;
    let step = family.2.iter().position(|name| *name == size)?;
    Some((family, step))
}

/// None for a class that is not in the table.
pub fn database_class(class: &InstanceClass) -> Option<DatabaseClass> {
    let ((family, first, _), step) = place(class)?;
    let times = 1_u32 << step;
    Some(DatabaseClass {
        vcpu: if family == "t4g" { BURSTABLE_VCPU[step] } else { first.vcpu * times },
        memory_gb: first.memory_gb * u64::from(times),
    })
}

/// An hour. Of a size that is not in the list by the next one below that is: they double, up to AWS's rounding.
fn hourly(list: &PriceList, class: &InstanceClass) -> Option<f64> {
    let below = || {
        let ((family, _, sizes), step) = place(class)?;
        (0..step).rev().find_map(|below| {
            let price = list.database(&format!("db.{family}.{}", sizes[below]))?;
            Some(price * f64::from(1_u32 << (step - below)))
        })
    };
    list.database(class.as_ref()).or_else(below)
}

/// What a burstable class may cost beside its hours: RDS makes them with unlimited credits, always. AWS does not say their
/// baselines; those of EC2's sizes of the same name are taken.
fn surplus(list: &PriceList, class: &InstanceClass) -> Monthly {
    let most = || {
        let size = size(class)?;
        Some(burst::of(size)?.beyond() * list.database_credits(burst::family(size)?)?)
    };
    Monthly(most().unwrap_or_default() * HOURS)
}

/// The instance and its storage; Aurora's, where it holds `bytes`, from always at its least capacity to always at its
/// greatest. None where a price is not known.
pub fn database(list: &PriceList, size: &ManagedSize, bytes: u64) -> Option<CostRange> {
    match size {
        ManagedSize::Rds(rds) => {
            let storage = f64::from(rds.storage_gb.0) * list.database_storage()?;
            let least = Monthly(hourly(list, &rds.class)? * HOURS + storage);
            Some(CostRange { least, most: least + surplus(list, &rds.class) })
        }
        ManagedSize::Aurora(aurora) => {
            let storage = bytes as f64 / BYTES_PER_GB * list.aurora_storage()?;
            let hour = list.aurora_capacity()?;
            let at = |acu: f64| Monthly(acu * hour * HOURS + storage);
            Some(CostRange { least: at(aurora.min_acu.0), most: at(aurora.max_acu.0) })
        }
    }
}

/// At the greatest capacity; None for a class that is not in the table.
pub fn memory_gb(size: &ManagedSize) -> Option<f64> {
    match size {
        ManagedSize::Rds(rds) => Some(database_class(&rds.class)?.memory_gb as f64),
        ManagedSize::Aurora(aurora) => Some(aurora.max_acu.memory_gb()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::prices;
    use crate::plan::{Acu, Gigabytes, MigrateAurora, MigrateRds};

    const LIST: &str = "region us-east-1
offer AmazonRDS published 2026-11-01 read 2026-11-02 from a test
aurora-capacity serverless-v2 0.12
aurora-storage standard 0.1
database db.m7g.large 0.168
database db.m7g.xlarge 0.337
database db.t4g.medium 0.065
database db.x9.large 1
database-credits t4g 0.075
database-storage gp3 0.115
";

    fn list() -> PriceList {
        prices::parse(LIST).unwrap().remove(0)
    }

    fn named(text: &str) -> InstanceClass {
        text.to_owned().try_into().unwrap()
    }

    fn rds(class: &str) -> Option<(String, String)> {
        let size = ManagedSize::Rds(MigrateRds { class: named(class), storage_gb: Gigabytes(200) });
        database(&list(), &size, 0).map(|cost| (cost.least.to_string(), cost.most.to_string()))
    }

    fn always(amount: &str) -> Option<(String, String)> {
        Some((amount.into(), amount.into()))
    }

    #[test]
    fn a_class_costs_as_the_list_says() {
        assert_eq!(rds("db.m7g.large"), always("$145.64"));
        assert_eq!(rds("db.m7g.xlarge"), always("$269.01"));
        assert_eq!(rds("db.x9.large"), always("$753.00"), "also one whose memory infra does not know");
        assert_eq!(rds("db.x9.xlarge"), None);
        assert_eq!(rds("db.r7g.large"), None);
    }

    #[test]
    fn a_size_that_is_not_in_the_list_costs_as_the_one_below_it_does() {
        assert_eq!(rds("db.m7g.4xlarge"), always("$1007.04"), "four times db.m7g.xlarge");
    }

    #[test]
    fn a_burstable_class_may_cost_its_credits_too() {
        assert_eq!(rds("db.t4g.medium"), Some(("$70.45".into(), "$158.05".into())), "1.6 vCPU at 0.075");
    }

    #[test]
    fn sizes_of_a_family_double() {
        assert_eq!(database_class(&named("db.r6g.2xlarge")), Some(class(8, 64)));
        assert_eq!(database_class(&named("db.t4g.large")), Some(class(2, 8)));
        assert_eq!(database_class(&named("db.t4g.2xlarge")), Some(class(8, 32)));
        assert_eq!(database_class(&named("db.x9.large")), None);
    }

    #[test]
    fn capacity_costs_by_the_hour_and_storage_by_what_it_holds() {
        let aurora = ManagedSize::Aurora(MigrateAurora { min_acu: Acu(0.5), max_acu: Acu(8.0) });
        let cost = database(&list(), &aurora, 10 << 30).unwrap();
        assert_eq!((cost.least.to_string(), cost.most.to_string()), ("$44.80".into(), "$701.80".into()));
        assert_eq!(memory_gb(&aurora), Some(16.0));
    }
}
