//! What can be changed while the lab runs: times, page size, quotas.

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
    pub quotas: Quotas,
}

/// Limits of a region, as AWS sets them for a new account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    pub vcpus: u32,
    pub static_ips: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { latency_ms: 0, operation_ms: 300, page_size: 200, quotas: Quotas::default() }
    }
}

impl Default for Quotas {
    fn default() -> Self {
        Self { vcpus: 20, static_ips: 5 }
    }
}
