//! Machines that are containers: systemd, sshd, cloud-init and Docker inside, loop devices as disks.
//!
//! Everything made here carries the label `infra-lab=<lab>` or lies in the lab's folder, so that the gateway can find
//! it again after a restart and `remove_all` can remove exactly that. What a machine is made of stands in its record
//! (`record`), which is written before the effect: each start applies the whole record again.

mod claims;
mod disks;
mod docker;
mod firewall;
mod host_keys;
mod launch;
mod lifecycle;
mod network;
mod record;
mod registry;
mod seed;
mod shared;
mod storage;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;

use crate::paths::cache;

use super::{Booted, DiskId, FirewallRule, MachineId, MachineSpec, Machines, SeenAs, SnapshotId};
use claims::Claims;
use disks::Disks;
use record::Records;

pub(crate) use docker::{docker, docker_remove, run_with_input};
pub use network::{DATABASES, OPERATOR, SUBNET, VPC};
pub(crate) use shared::ensure as ensure_network;

/// The label on containers, volumes and images; its value is the lab's id.
const LABEL: &str = "infra-lab";

/// All machines of one lab.
pub struct ContainerMachines {
    /// Short and the same for the same folder: two labs on one machine do not meet.
    lab: String,
    records: Records,
    disks: Disks,
    claims: Claims,
    /// Records are read, changed and applied one at a time.
    changes: Mutex<()>,
}

impl ContainerMachines {
    /// Opens the lab that lives in `folder`: makes the network, its registry, and whatever else is missing.
    pub async fn open(folder: PathBuf) -> anyhow::Result<Self> {
        tokio::fs::create_dir_all(&folder).await?;
        let folder = tokio::fs::canonicalize(&folder).await?;
        let machines = Self {
            lab: hex::encode(&Sha256::digest(folder.as_os_str().as_encoded_bytes())[..3]),
            records: Records::open(folder.join("machines"))?,
            disks: Disks::open(folder.join("disks"))?,
            claims: Claims::open(cache().join("addresses"), folder)?,
            changes: Mutex::new(()),
        };
        shared::ensure().await?;
        Ok(machines)
    }

    /// Removes what all labs share unless one of them has a host. The next boot makes it again.
    pub async fn remove_unused(&self) -> anyhow::Result<()> {
        shared::remove_unused().await
    }

    /// What the container, its volume or a snapshot's image is called.
    fn object(&self, id: &str) -> String {
        format!("infra-lab-{}-{id}", self.lab)
    }

    fn container(&self, machine: &MachineId) -> String {
        self.object(&machine.0)
    }

    fn label(&self) -> String {
        format!("{LABEL}={}", self.lab)
    }
}

#[async_trait]
impl Machines for ContainerMachines {
    async fn boot(&self, spec: &MachineSpec) -> anyhow::Result<Booted> {
        self.boot_machine(spec).await
    }

    async fn start(&self, machine: &MachineId) -> anyhow::Result<Booted> {
        self.start_machine(machine).await
    }

    async fn stop(&self, machine: &MachineId) -> anyhow::Result<()> {
        self.stop_machine(machine).await
    }

    async fn reboot(&self, machine: &MachineId) -> anyhow::Result<Booted> {
        self.stop_machine(machine).await?;
        self.start_machine(machine).await
    }

    async fn destroy(&self, machine: &MachineId) -> anyhow::Result<()> {
        self.destroy_machine(machine).await
    }

    async fn resize(&self, machine: &MachineId, memory_mb: u32, cpus: u32) -> anyhow::Result<()> {
        self.resize_machine(machine, memory_mb, cpus).await
    }

    async fn lead_metadata(&self, machine: &MachineId, to: SocketAddrV4) -> anyhow::Result<()> {
        self.set_metadata(machine, to).await
    }

    async fn machine_at(&self, address: Ipv4Addr) -> anyhow::Result<Option<MachineId>> {
        let prefix = self.object("");
        let names = network::names_at(address).await?;
        Ok(names.iter().find_map(|name| name.strip_prefix(&prefix)).map(|id| MachineId(id.to_owned())))
    }

    fn operator(&self) -> Option<Ipv4Addr> {
        Some(OPERATOR)
    }

    async fn snapshot_machine(&self, machine: &MachineId, snapshot: &SnapshotId) -> anyhow::Result<()> {
        self.snapshot_root(machine, snapshot).await
    }

    async fn create_disk(&self, disk: &DiskId, size_gb: u32, from: Option<&SnapshotId>) -> anyhow::Result<()> {
        self.disks.create(disk, size_gb, from).await
    }

    async fn destroy_disk(&self, disk: &DiskId) -> anyhow::Result<()> {
        self.disks.destroy(disk).await
    }

    async fn snapshot_disk(&self, disk: &DiskId, snapshot: &SnapshotId) -> anyhow::Result<()> {
        self.snapshot_attached(disk, snapshot).await
    }

    async fn destroy_snapshot(&self, snapshot: &SnapshotId) -> anyhow::Result<()> {
        self.forget_snapshot(snapshot).await
    }

    async fn grow_disk(&self, disk: &DiskId, size_gb: u32) -> anyhow::Result<()> {
        self.disks.grow(disk, size_gb).await
    }

    async fn attach_disk(&self, machine: &MachineId, disk: &DiskId, seen: &SeenAs) -> anyhow::Result<()> {
        self.attach(machine, disk, seen).await
    }

    async fn is_mounted(&self, machine: &MachineId, disk: &DiskId) -> anyhow::Result<bool> {
        self.has_mounted(machine, disk).await
    }

    async fn detach_disk(&self, machine: &MachineId, disk: &DiskId) -> anyhow::Result<()> {
        self.detach(machine, disk).await
    }

    fn public_addresses(&self) -> Vec<Ipv4Addr> {
        network::PUBLIC.map(|last| Ipv4Addr::new(203, 0, 113, last)).collect()
    }

    fn claim_address(&self, region: &str, address: Ipv4Addr) -> anyhow::Result<bool> {
        Ok(self.claims.claim(region, address)?)
    }

    fn give_up_address(&self, address: Ipv4Addr) -> anyhow::Result<()> {
        Ok(self.claims.give_up(address)?)
    }

    async fn assign_address(&self, machine: &MachineId, address: Ipv4Addr) -> anyhow::Result<()> {
        self.add_address(machine, address).await
    }

    async fn unassign_address(&self, machine: &MachineId, address: Ipv4Addr) -> anyhow::Result<()> {
        self.remove_address(machine, address).await
    }

    async fn set_firewall(&self, machine: &MachineId, rules: &[FirewallRule]) -> anyhow::Result<()> {
        self.replace_firewall(machine, rules).await
    }

    async fn cpu_seconds(&self, machine: &MachineId) -> anyhow::Result<Option<f64>> {
        self.cpu_used(machine).await.map(Some)
    }

    async fn remove_all(&self) -> anyhow::Result<()> {
        self.remove_everything().await
    }
}
