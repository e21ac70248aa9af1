//! What a managed PostgreSQL costs a month: one instance in one zone, on demand, us-east-1. The figures are those known in
//! 2026-11 and were not compared with AWS's price page; the bill decides.

use super::Monthly;
use crate::plan::InstanceClass;

/// AWS's own month.
const HOURS: f64 = 730.0;
/// gp3 storage of RDS, a GB and month, with 3,000 operations a second and 125 MB/s.
const STORAGE_GB: f64 = 0.115;

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

/// The instance and its storage; None where the class's price is not known.
pub fn database(class: &InstanceClass, storage_gb: u32) -> Option<Monthly> {
    let hourly = database_class(class)?.hourly;
    Some(Monthly(hourly * HOURS + f64::from(storage_gb) * STORAGE_GB))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> InstanceClass {
        text.to_owned().try_into().unwrap()
    }

    #[test]
    fn a_class_costs_by_its_family_and_size() {
        assert_eq!(database(&named("db.m7g.large"), 200).unwrap().to_string(), "$145.64");
        assert_eq!(database_class(&named("db.r6g.2xlarge")).unwrap().memory_gb, 64);
        assert_eq!(database_class(&named("db.t4g.large")).unwrap(), class(2, 8, 0.128));
        assert_eq!(database(&named("db.x9.large"), 200), None);
    }
}
