//! Names of resources, derived from the plan alone: `<plan>-<host>`, `<plan>-<host>-<disk>` and so on. A resource that is
//! replaced gets the first free of `NAME`, `NAME-2`, `NAME-3`, …: old and new must exist side by side for a while.

use std::collections::BTreeSet;

use crate::inventory::ResourceName;
use crate::plan::{NodeName, PlanName, Region};

pub struct Names<'a>(pub &'a PlanName);

impl Names<'_> {
    pub fn key_pair(&self) -> ResourceName {
        ResourceName::new(format!("{}-key", self.0))
    }

    pub fn instance(&self, host: &NodeName) -> ResourceName {
        ResourceName::new(format!("{}-{host}", self.0))
    }

    pub fn address(&self, host: &NodeName) -> ResourceName {
        ResourceName::new(format!("{}-{host}-ip", self.0))
    }

    /// Of a host's security group: it stays when the instance is replaced.
    pub fn firewall(&self, host: &NodeName) -> ResourceName {
        ResourceName::new(format!("{}-{host}", self.0))
    }

    /// Of the role that instances have, and of its profile. These are the account's, not a region's.
    pub fn profile(&self, region: &Region) -> ResourceName {
        ResourceName::new(format!("{}-{region}", self.0))
    }

    /// Of the managed database, and of each group that it needs.
    pub fn database(&self) -> ResourceName {
        ResourceName::new(format!("{}-db", self.0))
    }

    pub fn disk(&self, host: &NodeName, disk: &NodeName) -> ResourceName {
        ResourceName::new(format!("{}-{host}-{disk}", self.0))
    }

    pub fn alarm(&self, host: &NodeName, metric: &str, level: &str) -> ResourceName {
        ResourceName::new(format!("{}-{host}-{metric}-{level}", self.0))
    }

    /// The copy of a disk's content on its way to a larger disk.
    pub fn growth_snapshot(old: &ResourceName, to_gb: u32) -> ResourceName {
        ResourceName::new(format!("{old}-to-{to_gb}gb"))
    }

    /// The copy of a disk taken before its host is replaced by `new`.
    pub fn safety_snapshot(disk: &ResourceName, new: &ResourceName) -> ResourceName {
        ResourceName::new(format!("{disk}-before-{new}"))
    }

    /// The first of `base`, `base-2`, `base-3`, … that nothing has.
    pub fn first_free(base: &ResourceName, taken: &BTreeSet<&ResourceName>) -> ResourceName {
        let numbered = (2..).map(|n| ResourceName::new(format!("{base}-{n}")));
        std::iter::once(base.clone())
            .chain(numbered)
            .find(|name| !taken.contains(name))
            .expect("the numbers do not end")
    }
}
