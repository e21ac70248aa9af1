//! What a managed PostgreSQL costs a month: one instance in one zone, on demand, us-east-1. The figures are those known in
//! 2026-11 and were not compared with AWS's price page; the bill decides. Aurora's price for reads and writes of its
//! storage ($0.20 a million) is not among them: nobody knows their number beforehand.

use super::Monthly;
use crate::plan::{InstanceClass, ManagedSize};

/// AWS's own month.
const HOURS: f64 = 730.0;
/// gp3 storage of RDS, a GB and month, with 3,000 operations a second and 125 MB/s.
const STORAGE_GB: f64 = 0.115;
/// Aurora Serverless v2, standard storage: an ACU and hour, a stored GB and month.
const ACU_HOUR: f64 = 0.12;
const AURORA_GB: f64 = 0.10;
const BYTES_PER_GB: f64 = 1_073_741_824.0;

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DatabaseClass {
    pub vcpu: u32,
    pub memory_gb: u64,
    /// US dollars.
    pub hourly: f64,
}

/// Family, then the hourly price of its first size. Prices and sizes double from one to the next.
const FAMILIES: [(&str, DatabaseClass, &[&str]); 7] = [
    ("m6g", class(2, 8, 0.159), LARGE),
    ("m7g", class(2, 8, 0.168), LARGE),
    ("m6i", class(2, 8, 0.178), LARGE),
    ("r6g", class(2, 16, 0.225), LARGE),
    ("r7g", class(2, 16, 0.239), LARGE),
    ("r6i", class(2, 16, 0.25), LARGE),
    ("t4g", class(2, 1, 0.016), SMALL),
];
const LARGE: &[&str] = &["large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge"];
const SMALL: &[&str] = &["micro", "small", "medium", "large", "xlarge", "2xlarge"];
/// Burstable sizes have no fewer and, up to large, no more.
const BURSTABLE_VCPU: [u32; 6] = [2, 2, 2, 2, 4, 8];

const fn class(vcpu: u32, memory_gb: u64, hourly: f64) -> DatabaseClass {
    DatabaseClass { vcpu, memory_gb, hourly }
}

/// None for a class that is not in the table.
pub fn database_class(class: &InstanceClass) -> Option<DatabaseClass> {
    let (family, size) = class.as_ref().strip_prefix("db.")?.split_once('.')?;
    let (_, first, sizes) = FAMILIES.iter().find(|(name, ..)| *name == family)?;
    let step = sizes.iter().position(|name| *name == size)?;
    let times = 1_u32 << step;
    Some(DatabaseClass {
        vcpu: if family == "t4g" { BURSTABLE_VCPU[step] } else { first.vcpu * times },
        memory_gb: first.memory_gb * u64::from(times),
        hourly: first.hourly * f64::from(times),
    })
}

/// What a database costs a month: the same always, or as it is used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DatabaseCost {
    pub least: Monthly,
    pub most: Monthly,
}

/// The instance and its storage; Aurora's, where it holds `bytes`, from always at its least capacity to always at its
/// greatest. None where the class's price is not known.
pub fn database(size: &ManagedSize, bytes: u64) -> Option<DatabaseCost> {
    match size {
        ManagedSize::Rds(rds) => {
            let hourly = database_class(&rds.class)?.hourly;
            let all = Monthly(hourly * HOURS + f64::from(rds.storage_gb.0) * STORAGE_GB);
            Some(DatabaseCost { least: all, most: all })
        }
        ManagedSize::Aurora(aurora) => {
            let storage = bytes as f64 / BYTES_PER_GB * AURORA_GB;
            let at = |acu: f64| Monthly(acu * ACU_HOUR * HOURS + storage);
            Some(DatabaseCost { least: at(aurora.min_acu.0), most: at(aurora.max_acu.0) })
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
    use crate::plan::{Acu, Gigabytes, MigrateAurora, MigrateRds};

    fn named(text: &str) -> InstanceClass {
        text.to_owned().try_into().unwrap()
    }

    #[test]
    fn a_class_costs_by_its_family_and_size() {
        let rds = |class: &str| ManagedSize::Rds(MigrateRds { class: named(class), storage_gb: Gigabytes(200) });
        let cost = database(&rds("db.m7g.large"), 0).unwrap();
        assert_eq!((cost.least.to_string(), cost.most.to_string()), ("$145.64".into(), "$145.64".into()));
        assert_eq!(database_class(&named("db.r6g.2xlarge")).unwrap().memory_gb, 64);
        assert_eq!(database_class(&named("db.t4g.large")).unwrap(), class(2, 8, 0.128));
        assert_eq!(database(&rds("db.x9.large"), 0), None);
    }

    #[test]
    fn capacity_costs_by_the_hour_and_storage_by_what_it_holds() {
        let aurora = ManagedSize::Aurora(MigrateAurora { min_acu: Acu(0.5), max_acu: Acu(8.0) });
        let cost = database(&aurora, 10 << 30).unwrap();
        assert_eq!((cost.least.to_string(), cost.most.to_string()), ("$44.80".into(), "$701.80".into()));
        assert_eq!(memory_gb(&aurora), Some(16.0));
    }
}
