//! Machines that do not exist: every call succeeds at once, and addresses come from the lab's network.
//!
//! For tests of what happens in the account only, with as many hosts as they like.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use sha2::{Digest, Sha256};

use super::{Booted, DiskId, FirewallRule, HostKey, MachineId, MachineSpec, Machines, SeenAs, SnapshotId};

/// Hands out 203.0.113.2 to 203.0.113.199; static addresses begin above.
#[derive(Debug, Default)]
pub struct NoMachines {
    addresses: Mutex<BTreeMap<MachineId, Ipv4Addr>>,
}

impl NoMachines {
    fn addresses(&self) -> MutexGuard<'_, BTreeMap<MachineId, Ipv4Addr>> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn booted(&self, machine: &MachineId) -> anyhow::Result<Booted> {
        let mut addresses = self.addresses();
        let known = addresses.get(machine).copied();
        let address = match known {
            Some(address) => address,
            None => (2..200)
                .map(|last| Ipv4Addr::new(203, 0, 113, last))
                .find(|free| !addresses.values().any(|taken| taken == free))
                .context("all addresses of the lab's network are taken")?,
        };
        addresses.insert(machine.clone(), address);
        Ok(Booted { address, host_keys: vec![host_key(machine)] })
    }
}

/// A well-formed ed25519 key that belongs to nobody.
fn host_key(machine: &MachineId) -> HostKey {
    let mut blob = Vec::new();
    for part in [b"ssh-ed25519".as_slice(), Sha256::digest(machine.0.as_bytes()).as_slice()] {
        blob.extend(u32::try_from(part.len()).expect("a few bytes").to_be_bytes());
        blob.extend(part);
    }
    let digest = Sha256::digest(&blob);
    HostKey {
        algorithm: "ssh-ed25519".into(),
        public_key: STANDARD.encode(&blob),
        fingerprint_sha1: format!("SHA1:{}", STANDARD_NO_PAD.encode(&digest[..20])),
        fingerprint_sha256: format!("SHA256:{}", STANDARD_NO_PAD.encode(digest)),
    }
}

#[async_trait]
impl Machines for NoMachines {
    async fn boot(&self, spec: &MachineSpec) -> anyhow::Result<Booted> {
        self.booted(&spec.id)
    }

    async fn start(&self, machine: &MachineId) -> anyhow::Result<Booted> {
        self.booted(machine)
    }

    async fn stop(&self, machine: &MachineId) -> anyhow::Result<()> {
        self.addresses().remove(machine);
        Ok(())
    }

    async fn reboot(&self, machine: &MachineId) -> anyhow::Result<Booted> {
        self.booted(machine)
    }

    async fn destroy(&self, machine: &MachineId) -> anyhow::Result<()> {
        self.addresses().remove(machine);
        Ok(())
    }

    async fn resize(&self, _: &MachineId, _: u32, _: u32) -> anyhow::Result<()> {
        Ok(())
    }

    async fn lead_metadata(&self, _: &MachineId, _: SocketAddrV4) -> anyhow::Result<()> {
        Ok(())
    }

    async fn machine_at(&self, address: Ipv4Addr) -> anyhow::Result<Option<MachineId>> {
        Ok(self.addresses().iter().find(|(_, taken)| **taken == address).map(|(machine, _)| machine.clone()))
    }

    fn operator(&self) -> Option<Ipv4Addr> {
        None
    }

    async fn snapshot_machine(&self, _: &MachineId, _: &SnapshotId) -> anyhow::Result<()> {
        Ok(())
    }

    async fn create_disk(&self, _: &DiskId, _: u32, _: Option<&SnapshotId>) -> anyhow::Result<()> {
        Ok(())
    }

    async fn destroy_disk(&self, _: &DiskId) -> anyhow::Result<()> {
        Ok(())
    }

    async fn snapshot_disk(&self, _: &DiskId, _: &SnapshotId) -> anyhow::Result<()> {
        Ok(())
    }

    async fn destroy_snapshot(&self, _: &SnapshotId) -> anyhow::Result<()> {
        Ok(())
    }

    async fn grow_disk(&self, _: &DiskId, _: u32) -> anyhow::Result<()> {
        Ok(())
    }

    async fn attach_disk(&self, _: &MachineId, _: &DiskId, _: &SeenAs) -> anyhow::Result<()> {
        Ok(())
    }

    async fn is_mounted(&self, _: &MachineId, _: &DiskId) -> anyhow::Result<bool> {
        Ok(false)
    }

    async fn detach_disk(&self, _: &MachineId, _: &DiskId) -> anyhow::Result<()> {
        Ok(())
    }

    /// Of the network for benchmarks: more than anybody asks for.
    fn public_addresses(&self) -> Vec<Ipv4Addr> {
        (0..4).flat_map(|third| (1..=254).map(move |last| Ipv4Addr::new(198, 18, third, last))).collect()
    }

    fn claim_address(&self, _: &str, _: Ipv4Addr) -> anyhow::Result<bool> {
        Ok(true)
    }

    fn give_up_address(&self, _: Ipv4Addr) -> anyhow::Result<()> {
        Ok(())
    }

    async fn assign_address(&self, _: &MachineId, _: Ipv4Addr) -> anyhow::Result<()> {
        Ok(())
    }

    async fn unassign_address(&self, _: &MachineId, _: Ipv4Addr) -> anyhow::Result<()> {
        Ok(())
    }

    async fn set_firewall(&self, _: &MachineId, _: &[FirewallRule]) -> anyhow::Result<()> {
        Ok(())
    }

    async fn cpu_seconds(&self, _: &MachineId) -> anyhow::Result<Option<f64>> {
        Ok(None)
    }

    async fn remove_all(&self) -> anyhow::Result<()> {
        self.addresses().clear();
        Ok(())
    }
}
