//! What can be changed around a machine: disks, addresses, firewall. Recorded first, then applied if it runs.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};

use anyhow::Context;

use super::docker::exec;
use super::record::{Record, write_atomically};
use super::{ContainerMachines, DiskId, FirewallRule, MachineId, SeenAs, SnapshotId, firewall, seed};

impl ContainerMachines {
    pub(super) async fn attach(&self, machine: &MachineId, disk: &DiskId, seen: &SeenAs) -> anyhow::Result<()> {
        let device = self.disks.device(disk).await?;
        let script = format!("lab-disk add {}\n", seed::disk_line(&device, seen));
        self.change(machine, &script, |record| record.disks.insert(disk.clone(), seen.clone())).await
    }

    pub(super) async fn detach(&self, machine: &MachineId, disk: &DiskId) -> anyhow::Result<()> {
        let device = self.disks.device(disk).await?;
        let seen = self.records.load(machine)?.disks.get(disk).cloned().context("this disk is not attached there")?;
        let script = format!("lab-disk remove {}\n", seed::disk_line(&device, &seen));
        self.change(machine, &script, |record| record.disks.remove(disk)).await?;
        self.disks.release(disk).await
    }

    pub(super) async fn has_mounted(&self, machine: &MachineId, disk: &DiskId) -> anyhow::Result<bool> {
        if !self.is_running(machine).await? || !self.records.load(machine)?.disks.contains_key(disk) {
            return Ok(false);
        }
        let device = self.disks.device(disk).await?.name;
        let script = format!("findmnt --noheadings --output TARGET /dev/{device} || :");
        Ok(!exec(&self.container(machine), &script).await?.is_empty())
    }

    pub(super) async fn set_metadata(&self, machine: &MachineId, to: SocketAddrV4) -> anyhow::Result<()> {
        self.change(machine, "nft -f /lab/metadata.nft\n", |record| record.spec.metadata = Some(to)).await
    }

    pub(super) async fn add_address(&self, machine: &MachineId, address: Ipv4Addr) -> anyhow::Result<()> {
        // The announcement reaches neighbours that knew the address at another machine.
        let script = format!("ip address replace {address}/32 dev eth0\narping -q -U -c 1 -I eth0 {address} || :\n");
        self.change(machine, &script, |record| record.addresses.insert(address)).await
    }

    pub(super) async fn remove_address(&self, machine: &MachineId, address: Ipv4Addr) -> anyhow::Result<()> {
        let script = format!("ip address delete {address}/32 dev eth0 2>/dev/null || :\n");
        self.change(machine, &script, |record| record.addresses.remove(&address)).await
    }

    pub(super) async fn replace_firewall(&self, machine: &MachineId, rules: &[FirewallRule]) -> anyhow::Result<()> {
        let rules = rules.to_owned();
        self.change(machine, "nft -f /lab/firewall.nft\n", |record| record.firewall = Some(rules)).await
    }

    /// A copy at one moment: a file system that is mounted holds still meanwhile, as storage under it would make it.
    pub(super) async fn snapshot_attached(&self, disk: &DiskId, snapshot: &SnapshotId) -> anyhow::Result<()> {
        let holder = self.records.all()?.into_iter().find(|record| record.disks.contains_key(disk));
        let running = match &holder {
            Some(record) if self.is_running(&record.spec.id).await? => Some(self.container(&record.spec.id)),
            _ => None,
        };
        let Some(container) = running else { return self.disks.snapshot(disk, snapshot).await };
        let device = self.disks.device(disk).await?.name;
        let mount = format!("mount=$(findmnt --noheadings --first-only --output TARGET /dev/{device}) || exit 0\n");
        exec(&container, &format!("{mount}fsfreeze --freeze \"$mount\"")).await?;
        let copied = self.disks.snapshot(disk, snapshot).await;
        exec(&container, &format!("{mount}fsfreeze --unfreeze \"$mount\"")).await?;
        copied
    }

    /// Changes the record, writes it and what the machine sees of it, then does the same to the running machine.
    async fn change<T>(
        &self,
        machine: &MachineId,
        script: &str,
        edit: impl FnOnce(&mut Record) -> T,
    ) -> anyhow::Result<()> {
        let _changes = self.changes.lock().await;
        let mut record = self.records.load(machine)?;
        edit(&mut record);
        self.records.save(&record)?;
        self.write_surroundings(&record).await?;
        if self.is_running(machine).await? {
            exec(&self.container(machine), script).await?;
        }
        Ok(())
    }

    /// Writes `/lab` for the machine's first process.
    pub(super) async fn write_surroundings(&self, record: &Record) -> anyhow::Result<()> {
        let folder = self.records.folder(&record.spec.id).join("lab");
        fs::create_dir_all(&folder)?;
        let mut devices = Vec::new();
        for (disk, seen) in &record.disks {
            devices.push((self.disks.device(disk).await?, seen));
        }
        let disks = seed::disk_lines(devices.iter().map(|(device, seen)| (device, *seen)));
        let addresses: String = record.addresses.iter().map(|address| format!("{address}\n")).collect();
        write_atomically(&folder.join("disks"), disks.as_bytes())?;
        write_atomically(&folder.join("addresses"), addresses.as_bytes())?;
        if let Some(rules) = &record.firewall {
            write_atomically(&folder.join("firewall.nft"), firewall::table(rules).as_bytes())?;
        }
        if let Some(to) = record.spec.metadata {
            write_atomically(&folder.join("metadata.nft"), firewall::metadata(to).as_bytes())?;
        }
        Ok(())
    }
}
