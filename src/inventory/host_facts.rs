//! What was observed on a host over SSH, as data. What could not be learnt stays `None`; nothing here is guessed.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// The version of this shape; readers refuse a later one.
pub const HOST_FACTS_VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct HostFacts {
    pub version: u32,
    pub host: String,
    /// The cloud's name of the instance that was looked at.
    #[serde(default)]
    pub instance: Option<String>,
    /// Where infra keeps releases, secrets and the audit log.
    pub state_dir: String,
    /// False when the disk that holds the state directory is not mounted: then releases are unknown, not absent.
    pub state_mounted: bool,
    /// Where the state directory leads to; None: there is none yet.
    #[serde(default)]
    pub state_home: Option<String>,
    /// What would go with the root disk. None: it was not looked for.
    #[serde(default)]
    pub root_data: Option<Vec<RootData>>,
    pub prepared: bool,
    /// As Docker calls it in a platform: `amd64`, `arm64`.
    #[serde(default)]
    pub architecture: Option<String>,
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
    /// Names of Docker's networks and volumes. None: Docker was not asked.
    #[serde(default)]
    pub networks: Option<Vec<String>>,
    #[serde(default)]
    pub volumes: Option<Vec<String>>,
    pub lock: Option<LockFacts>,
    /// The clients were pointed to another database than the bundle's own.
    #[serde(default)]
    pub database_elsewhere: bool,
    /// The compose service that holds the database here, for clients on another host.
    #[serde(default)]
    pub holds_database: Option<String>,
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
    /// The disk of this plan and host that the marker names: another, when a disk was renamed in the plan.
    #[serde(default)]
    pub holder: Option<String>,
    /// Entries in the directory at `mount` while nothing is mounted there: a mount would hide them.
    #[serde(default)]
    pub covers: Option<u64>,
    /// Time-weighted requests in flight over the observation, `iostat`'s aqu-sz. A short sample: a hint, not a measure.
    pub queue_depth: Option<f64>,
}

/// Something on the root disk that no release brings back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RootData {
    pub kind: RootDataKind,
    /// Of the volume; or the path.
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RootDataKind {
    /// A named volume of Docker's.
    Volume,
    /// A directory or file outside of all disks, which a container may write to.
    Folder,
    /// Belongs to one container, and is found again by no other.
    AnonymousVolume,
    /// A volume with a driver or options of its own.
    Opaque,
}

impl std::fmt::Display for RootData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            RootDataKind::Volume => "volume",
            RootDataKind::Folder => "folder",
            RootDataKind::AnonymousVolume => "anonymous volume",
            RootDataKind::Opaque => "volume with options",
        };
        write!(f, "{kind} {}", self.name)
    }
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
    /// Docker's words for when it is started again: `no`, `always`, `on-failure`, `unless-stopped`.
    #[serde(default)]
    pub restart_policy: Option<String>,
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
    /// Runs, and is healthy where it says; or has done what it was for.
    pub fn is_serving(&self) -> bool {
        self.is_done() || self.state == "running" && self.health.as_deref().is_none_or(|health| health == "healthy")
    }

    /// Ended well, and is not to be started again: a migration of a schema, a seed.
    pub fn is_done(&self) -> bool {
        let once = matches!(self.restart_policy.as_deref(), Some("no" | "on-failure"));
        self.state == "exited" && self.exit_code == Some(0) && once
    }
}

impl HostFacts {
    pub fn current(&self) -> Option<&ReleaseFacts> {
        self.releases.iter().find(|release| Some(release.number) == self.current_release)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_ended_well_is_done_unless_it_should_run() {
        let service = |code, policy: &str| ServiceFacts {
            state: "exited".into(),
            exit_code: Some(code),
            restart_policy: Some(policy.into()),
            ..ServiceFacts::default()
        };
        assert!(service(0, "no").is_serving() && service(0, "on-failure").is_serving());
        for ailing in [service(3, "no"), service(3, "on-failure"), service(0, "always"), service(0, "unless-stopped")] {
            assert!(!ailing.is_serving(), "{ailing:?}");
        }
    }
}
