//! Disks on a host: found with certainty, formatted only when proven blank, mounted by UUID, grown with their device.
//!
//! A script observes every block device; `decide` (pure) chooses or refuses; scripts act, and the one that formats looks
//! once more before it does. A file system made here carries a label derived from plan, host and disk, and a marker
//! file that names them: so a disk is found again under any device name, restored or grown, and never formatted twice.

mod decide;
mod observe;

use super::error::HostError;
use super::script::Script;
use super::session::Session;
use super::site::{DiskSpec, Site};
use decide::{Decision, decide};
use observe::Observed;

pub use decide::DiskError;

/// What `ensure_disk` found or did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskOutcome {
    pub device: String,
    pub formatted: bool,
    /// False when it was mounted before.
    pub mounted: bool,
    /// The file system was made as large as its device.
    pub grown: bool,
}

impl Session {
    /// Finds the disk, formats it if it is proven blank, mounts it by UUID, makes the file system as large as the
    /// device. Done twice, the second time changes nothing. A disk that is known to hold data may not be formatted: found
    /// blank, it is the wrong one.
    pub async fn ensure_disk(&self, site: &Site, disk: &DiskSpec, may_format: bool) -> Result<DiskOutcome, HostError> {
        let mut formatted = false;
        let mut decision = self.decide(site, disk).await?;
        if let Decision::Format { device } = &decision {
            if !may_format {
                let source = DiskError::DataMissing { disk: disk.disk.to_string(), device: device.clone() };
                return Err(HostError::Disk { host: self.host(), source });
            }
            self.format(site, disk, device).await?;
            formatted = true;
            decision = self.decide(site, disk).await?;
        }
        let (Decision::Mount { device } | Decision::Mounted { device } | Decision::Format { device }) = decision;
        let answer = self.run(&mount_script(site, disk, &device)).await?;
        let did = |what: &str| answer.lines().any(|line| line == what);
        Ok(DiskOutcome { device, formatted, mounted: did("mounted"), grown: did("grown") })
    }

    /// The disk at this mount is called `to` from now on; its data stay.
    pub async fn rename_disk(&self, site: &Site, mount: &str, from: &str, to: &str) -> Result<(), HostError> {
        let script = Script::new("renaming the disk", include_str!("../scripts/rename_disk.sh"))
            .set("MOUNT", mount)
            .set("LABEL", label(site, to))
            .set("FROM", marker(site, from).replace(' ', "\n"))
            .set("TO", marker(site, to).replace(' ', "\n"));
        self.run(&script).await.map(drop)
    }

    /// Takes the disk out of use before it is detached; what still uses it is named in the error.
    pub async fn unmount_disk(&self, disk: &DiskSpec) -> Result<(), HostError> {
        let text = concat!(include_str!("../scripts/fstab.sh"), include_str!("../scripts/unmount.sh"));
        let script = Script::new("unmounting the disk", text).set("MOUNT", &disk.mount);
        self.run(&script).await.map(drop)
    }

    async fn decide(&self, site: &Site, disk: &DiskSpec) -> Result<Decision, HostError> {
        let script = Script::new("looking at the disks", include_str!("../scripts/devices.sh"))
            .set("MOUNT", &disk.mount)
            .set("CLOUD_PATH", disk.cloud_path.as_deref().unwrap_or_default());
        let observed = Observed::parse(&self.run(&script).await?);
        decide(site, disk, &observed).map_err(|source| HostError::Disk { host: self.host(), source })
    }

    async fn format(&self, site: &Site, disk: &DiskSpec, device: &str) -> Result<(), HostError> {
        let script = Script::new("formatting the disk", include_str!("../scripts/format.sh"))
            .set("DEVICE", device)
            .set("BYTES", bytes(disk).to_string())
            .set("LABEL", label(site, disk.disk.as_str()));
        self.run(&script).await.map(drop)
    }
}

fn mount_script(site: &Site, disk: &DiskSpec, device: &str) -> Script {
    let text = concat!(include_str!("../scripts/fstab.sh"), include_str!("../scripts/mount.sh"));
    Script::new("mounting the disk", text)
        .set("DEVICE", device)
        .set("MOUNT", &disk.mount)
        .set("LABEL", label(site, disk.disk.as_str()))
        .set("MARKER", marker(site, disk.disk.as_str()).replace(' ', "\n"))
}

/// Clouds say GB and mean GiB.
fn bytes(disk: &DiskSpec) -> u64 {
    u64::from(disk.size_gb) << 30
}

/// The file system's label: ext4 has room for 16 bytes.
fn label(site: &Site, disk: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(format!("{}/{}/{disk}", site.plan, site.host));
    format!("{}{}", decide::LABEL_PREFIX, &hex::encode(digest)[..10])
}

/// What `.infra-disk` says, on one line.
pub(super) fn marker(site: &Site, disk: &str) -> String {
    format!("plan={} host={} disk={disk}", site.plan, site.host)
}
