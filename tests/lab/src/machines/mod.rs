//! What stands behind an instance of the lab's account: a machine that boots, disks that can be attached to it, addresses.
//!
//! Lightsail and EC2 (`crate::lightsail`, `crate::ec2`) know only this trait. It decides *whether* AWS would allow something; an
//! implementation only does it, and returns when it is really done. Every id is unique for the life of the lab, so a
//! resource deleted and made again under the same name is another one here.

pub(crate) mod containers;
mod none;

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};

use async_trait::async_trait;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use containers::{ContainerMachines, DATABASES, OPERATOR, SUBNET, VPC};
pub use none::NoMachines;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A machine: `i-` and hexadecimal digits.
    MachineId
);
id!(
    /// A disk: `vol-` and hexadecimal digits.
    DiskId
);
id!(
    /// A snapshot of a disk or of a machine's root: `snap-` and hexadecimal digits.
    SnapshotId
);

/// Everything a machine is booted from. Nothing here changes during its life.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MachineSpec {
    pub id: MachineId,
    /// Becomes the host name.
    pub name: String,
    /// The Lightsail blueprint, such as `ubuntu_24_04`.
    pub blueprint: String,
    pub memory_mb: u32,
    pub cpus: u32,
    /// Size of the root file system.
    pub disk_gb: u32,
    /// The user that the blueprint logs in as: `ubuntu`, `admin`.
    pub user: String,
    /// What cloud-init is given at the first boot: a script (`script`), or anything else that it reads.
    pub user_data: Option<String>,
    /// Lines of `authorized_keys` for `user`.
    pub authorized_keys: Vec<String>,
    /// Public keys of the authorities whose user certificates sshd accepts (`TrustedUserCAKeys`).
    pub ca_keys: Vec<String>,
    /// The root file system starts as a copy of this one instead of the blueprint's.
    pub from_snapshot: Option<SnapshotId>,
    /// Disks that are there from the first moment; they exist.
    #[serde(default)]
    pub disks: BTreeMap<DiskId, SeenAs>,
    /// What holds from the first moment; without it everything is open until `set_firewall`.
    #[serde(default)]
    pub firewall: Option<Vec<FirewallRule>>,
    /// Where 169.254.169.254 leads.
    #[serde(default)]
    pub metadata: Option<SocketAddrV4>,
}

/// How a machine sees a disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenAs {
    /// A name under which it is found: `/dev/xvdf`.
    pub path: Option<String>,
    /// What its controller says of it.
    pub nvme: Option<Nvme>,
}

/// Model and serial number of an NVMe device, with `_` for spaces, as in `/dev/disk/by-id/nvme-MODEL_SERIAL`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nvme {
    pub model: String,
    pub serial: String,
}

impl SeenAs {
    pub fn path(path: &str) -> Self {
        Self { path: Some(path.to_owned()), nvme: None }
    }

    pub fn nvme(model: &str, serial: &str) -> Self {
        Self { path: None, nvme: Some(Nvme { model: model.to_owned(), serial: serial.to_owned() }) }
    }
}

/// A shell script with the line that names its shell, if it has none.
pub fn script(text: &str) -> String {
    if text.starts_with("#!") { text.to_owned() } else { format!("#!/bin/bash\n{text}") }
}

/// A machine that answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Booted {
    /// Its own address: private address and dynamic public address at once.
    pub address: Ipv4Addr,
    /// Known once sshd has made them; never empty for a machine that has booted.
    pub host_keys: Vec<HostKey>,
}

/// An SSH host key as GetInstanceAccessDetails shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostKey {
    /// `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`.
    pub algorithm: String,
    /// The base64 in the middle of a `.pub` file.
    pub public_key: String,
    /// `SHA1:` and base64, as `ssh-keygen -l -E sha1` prints it.
    pub fingerprint_sha1: String,
    /// `SHA256:` and base64, as `ssh-keygen -l` prints it.
    pub fingerprint_sha256: String,
}

/// One open range of ports; whatever no rule names is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirewallRule {
    pub protocol: Protocol,
    /// Inclusive. For ICMP, type and code, -1 for any.
    pub from_port: i32,
    pub to_port: i32,
    /// Who may connect. Empty means nobody.
    pub sources: Vec<IpNet>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Tcp,
    Udp,
    Icmp,
    Icmpv6,
    All,
}

/// Where machines come from. Each call returns when its effect is complete.
///
/// An implementation keeps nothing that it could not find again after the gateway was restarted.
#[async_trait]
pub trait Machines: Send + Sync {
    /// Makes and starts a machine; returns once SSH answers and the host keys are known.
    async fn boot(&self, spec: &MachineSpec) -> anyhow::Result<Booted>;
    /// Starts a stopped machine with its disks; the address may be another one afterwards.
    async fn start(&self, machine: &MachineId) -> anyhow::Result<Booted>;
    /// Shuts the machine down cleanly.
    async fn stop(&self, machine: &MachineId) -> anyhow::Result<()>;
    async fn reboot(&self, machine: &MachineId) -> anyhow::Result<Booted>;
    /// Removes the machine and its root file system. Succeeds when it is already gone.
    async fn destroy(&self, machine: &MachineId) -> anyhow::Result<()>;
    /// Gives a stopped machine another size.
    async fn resize(&self, machine: &MachineId, memory_mb: u32, cpus: u32) -> anyhow::Result<()>;
    /// Leads 169.254.169.254 somewhere, now and at each later start.
    async fn lead_metadata(&self, machine: &MachineId, to: SocketAddrV4) -> anyhow::Result<()>;
    /// The machine that asks from this address, also while it boots.
    async fn machine_at(&self, address: Ipv4Addr) -> anyhow::Result<Option<MachineId>>;
    /// The address of this side that machines reach; none where there are no machines.
    fn operator(&self) -> Option<Ipv4Addr>;
    /// Copies the root file system.
    async fn snapshot_machine(&self, machine: &MachineId, snapshot: &SnapshotId) -> anyhow::Result<()>;

    /// Makes a disk, blank or with the snapshot's bytes at its start.
    async fn create_disk(&self, disk: &DiskId, size_gb: u32, from: Option<&SnapshotId>) -> anyhow::Result<()>;
    async fn destroy_disk(&self, disk: &DiskId) -> anyhow::Result<()>;
    async fn snapshot_disk(&self, disk: &DiskId, snapshot: &SnapshotId) -> anyhow::Result<()>;
    /// Removes a snapshot, of a disk or of a machine.
    async fn destroy_snapshot(&self, snapshot: &SnapshotId) -> anyhow::Result<()>;
    /// Makes the disk larger, also while a machine has it.
    async fn grow_disk(&self, disk: &DiskId, size_gb: u32) -> anyhow::Result<()>;
    /// Makes the disk appear in the machine, now and at each later start.
    async fn attach_disk(&self, machine: &MachineId, disk: &DiskId, seen: &SeenAs) -> anyhow::Result<()>;
    /// Whether the machine runs and has the disk mounted.
    async fn is_mounted(&self, machine: &MachineId, disk: &DiskId) -> anyhow::Result<bool>;
    async fn detach_disk(&self, machine: &MachineId, disk: &DiskId) -> anyhow::Result<()>;

    /// Addresses that can be a machine's public one.
    fn public_addresses(&self) -> Vec<Ipv4Addr>;
    /// Reserves a static address; false if it belongs to somebody else on the same network.
    fn claim_address(&self, region: &str, address: Ipv4Addr) -> anyhow::Result<bool>;
    fn give_up_address(&self, address: Ipv4Addr) -> anyhow::Result<()>;
    /// Gives the machine one more address, now and at each later start.
    async fn assign_address(&self, machine: &MachineId, address: Ipv4Addr) -> anyhow::Result<()>;
    async fn unassign_address(&self, machine: &MachineId, address: Ipv4Addr) -> anyhow::Result<()>;
    /// Replaces all rules at once.
    async fn set_firewall(&self, machine: &MachineId, rules: &[FirewallRule]) -> anyhow::Result<()>;

    /// CPU seconds used since the machine's first boot, all cores together; none where it cannot be measured.
    async fn cpu_seconds(&self, machine: &MachineId) -> anyhow::Result<Option<f64>>;
    /// Removes whatever this lab has made: machines, disks, snapshots, networks.
    async fn remove_all(&self) -> anyhow::Result<()>;
}
