//! What can be changed while the lab runs: times, page size, quotas, rights.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Added to every request.
    pub latency_ms: u64,
    /// How long an operation takes at least, besides the work on the machines.
    pub operation_ms: u64,
    /// Resources on one page of a list.
    pub page_size: usize,
    /// How long after its boot an EC2 instance's console is empty.
    pub console_ms: u64,
    /// How long a terminated EC2 instance is still shown.
    pub terminated_ms: u64,
    /// How long a volume that has its new size is `optimizing`.
    pub optimizing_ms: u64,
    /// So many modifications of a volume are granted within so long.
    pub volume_modifications: usize,
    pub volume_modification_ms: u64,
    pub quotas: Quotas,
    /// The actions that an access key may call, as `ec2:RunInstances`. One that is not named here may call everything.
    pub rights: BTreeMap<String, BTreeSet<String>>,
}

/// Limits of a region, as AWS sets them for a new account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    pub vcpus: u32,
    pub static_ips: u32,
    pub elastic_ips: u32,
    /// Of instances on demand.
    pub ec2_vcpus: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            latency_ms: 0,
            operation_ms: 300,
            page_size: 200,
            console_ms: 1000,
            terminated_ms: 30_000,
            optimizing_ms: 2000,
            volume_modifications: 4,
            volume_modification_ms: 24 * 60 * 60 * 1000,
            quotas: Quotas::default(),
            rights: BTreeMap::new(),
        }
    }
}

impl Default for Quotas {
    fn default() -> Self {
        Self { vcpus: 20, static_ips: 5, elastic_ips: 5, ec2_vcpus: 1152 }
    }
}
