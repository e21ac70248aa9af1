//! What infra keeps on one host, and where: the plan's disks there and the state directory.

use serde::{Deserialize, Serialize};

use crate::plan::names::{NodeName, PlanName};

/// A disk as the plan wants it on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskSpec {
    pub disk: NodeName,
    pub size_gb: u32,
    /// Absolute directory.
    pub mount: String,
    /// Where the cloud says that the device appears (`/dev/xvdf`). On Nitro hosts the node has another name.
    pub cloud_path: Option<String>,
    /// By what name the device knows itself: an EBS volume's id.
    #[serde(default)]
    pub serial: Option<String>,
}

/// A plan's place on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    pub plan: PlanName,
    pub host: NodeName,
    /// Sorted by name when made with [`Site::new`].
    pub disks: Vec<DiskSpec>,
}

impl Site {
    pub fn new(plan: PlanName, host: NodeName, mut disks: Vec<DiskSpec>) -> Self {
        disks.sort_by(|a, b| a.disk.cmp(&b.disk));
        Self { plan, host, disks }
    }

    /// Releases, secrets and the audit log: a link that leads to where they are, on one of the plan's disks if it has any,
    /// so that they survive the replacement of the host. The path is the same whatever becomes of the disks, so that every
    /// release, an old one too, finds them ([0094](../../docs/decisions/0094-what-a-host-remembers-is-found-by-what-it-is.md)).
    pub fn state_dir(&self) -> String {
        "/var/lib/infra/state".to_owned()
    }

    pub fn current_dir(&self) -> String {
        format!("{}/current", self.state_dir())
    }

    /// Where the clients' database is, once it was moved.
    pub fn database_dir(&self) -> String {
        format!("{}/database", self.state_dir())
    }

    pub fn secrets_dir(&self) -> String {
        format!("{}/secrets", self.state_dir())
    }
}
