//! What was observed on a host over SSH, as data. What could not be learnt stays `None`; nothing here is guessed.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The version of this shape; readers refuse a later one.
pub const HOST_FACTS_VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct HostFacts {
    pub version: u32,
    pub host: String,
    /// Where infra keeps releases, secrets and the audit log.
    pub state_dir: String,
    /// False when the disk that holds the state directory is not mounted: then releases are unknown, not absent.
    pub state_mounted: bool,
    pub prepared: bool,
    pub docker: Option<String>,
    pub compose: Option<String>,
    pub memory_mb: Option<u64>,
    pub memory_available_mb: Option<u64>,
    pub cpus: Option<u32>,
    pub load1: Option<f64>,
    pub uptime_seconds: Option<u64>,
    pub disks: Vec<DiskFacts>,
    /// By number, oldest first.
    pub releases: Vec<ReleaseFacts>,
    pub current_release: Option<u32>,
    pub services: Vec<ServiceFacts>,
    pub lock: Option<LockFacts>,
    /// A migration that is not over, or whose old data are still there.
    #[serde(default)]
    pub migration: Option<MigrationFacts>,
    /// From where the observer is connected, as the host sees it.
    pub operator_address: Option<IpAddr>,
}

/// One disk of the plan, as the host sees it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct DiskFacts {
    pub disk: String,
    pub mount: String,
    /// Device mounted at `mount`; None when nothing is.
    pub device: Option<String>,
    pub fs_uuid: Option<String>,
    pub fs_type: Option<String>,
    pub fs_bytes: Option<u64>,
    pub used_bytes: Option<u64>,
    pub device_bytes: Option<u64>,
    /// What the file system was made for: less than the device until it is grown.
    pub extent_bytes: Option<u64>,
    /// True when the file system carries infra's marker for this very disk.
    pub marked: bool,
    /// Time-weighted requests in flight over the observation, `iostat`'s aqu-sz. A short sample: a hint, not a measure.
    pub queue_depth: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReleaseState {
    /// Uploaded; its start was not finished or is going on.
    Pending,
    Healthy,
    Failed,
}

/// `release.json` on the host, and what became of the release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseFacts {
    pub number: u32,
    pub plan: String,
    pub bundle_hash: String,
    /// RFC 3339.
    pub created_at: String,
    /// `user@machine`.
    pub by: String,
    /// Images that were pushed for it.
    #[serde(default)]
    pub images: Vec<PushedImage>,
    #[serde(default = "pending")]
    pub state: ReleaseState,
}

fn pending() -> ReleaseState {
    ReleaseState::Pending
}

/// An image built by the operator: the name it has on the host and its id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PushedImage {
    pub service: String,
    pub reference: String,
    pub id: String,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ServiceFacts {
    pub service: String,
    pub container: String,
    /// Docker's words: `running`, `exited`, `restarting`, …
    pub state: String,
    /// `healthy`, `unhealthy`, `starting`; None without a health check.
    pub health: Option<String>,
    pub restarts: Option<u32>,
    pub exit_code: Option<i32>,
    pub image: String,
    pub started_at: Option<String>,
    pub memory_bytes: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockFacts {
    pub who: String,
    pub verb: String,
    /// RFC 3339.
    pub since: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationFacts {
    pub id: String,
    /// Where it stands, in words.
    pub what: String,
    /// The host's services are to be left alone.
    pub holds: bool,
    /// The new database serves the clients.
    #[serde(default)]
    pub switched: bool,
    /// What ends that.
    #[serde(default)]
    pub end: String,
}

/// A device's odd end is smaller than this.
const ODD_END: u64 = 1 << 20;

impl DiskFacts {
    pub fn is_mounted(&self) -> bool {
        self.device.is_some()
    }

    pub fn is_smaller_than_device(&self) -> bool {
        matches!((self.extent_bytes, self.device_bytes), (Some(extent), Some(device)) if extent + ODD_END < device)
    }
}

impl ServiceFacts {
    /// Runs, and is healthy where it says.
    pub fn is_serving(&self) -> bool {
        self.state == "running" && self.health.as_deref().is_none_or(|health| health == "healthy")
    }
}

impl HostFacts {
    pub fn current(&self) -> Option<&ReleaseFacts> {
        self.releases.iter().find(|release| Some(release.number) == self.current_release)
    }
}
