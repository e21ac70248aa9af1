//! What a job does to the machines, and what the account says when it is done or has failed.

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::account::Region;
use super::disks::{Disk, DiskState};
use super::instances::{Instance, State};
use super::ports::Port;
use crate::machines::{Booted, FirewallRule, MachineId, MachineSpec, Machines, Protocol, SeenAs, VPC, script};

/// One piece of work, naming its resources.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Work {
    /// The account has changed already and no machine is concerned.
    Nothing,
    Boot {
        instance: String,
    },
    Start {
        instance: String,
    },
    Stop {
        instance: String,
    },
    Reboot {
        instance: String,
    },
    Terminate {
        instance: String,
        from: State,
    },
    Firewall {
        instance: String,
    },
    AssignAddress {
        static_ip: String,
        instance: String,
    },
    UnassignAddress {
        static_ip: String,
        instance: String,
    },
    CreateDisk {
        disk: String,
    },
    DeleteDisk {
        disk: String,
    },
    AttachDisk {
        disk: String,
        instance: String,
    },
    DetachDisk {
        disk: String,
        instance: String,
    },
    SnapshotDisk {
        snapshot: String,
    },
    DeleteDiskSnapshot {
        snapshot: String,
    },
    SnapshotInstance {
        snapshot: String,
    },
    DeleteInstanceSnapshot {
        snapshot: String,
    },
}

impl Work {
    /// The instance whose machine is worked on: one job at a time for each.
    pub fn instance<'a>(&'a self, region: &'a Region) -> Option<&'a str> {
        match self {
            Self::Boot { instance }
            | Self::Start { instance }
            | Self::Stop { instance }
            | Self::Reboot { instance }
            | Self::Terminate { instance, .. }
            | Self::Firewall { instance }
            | Self::AssignAddress { instance, .. }
            | Self::UnassignAddress { instance, .. }
            | Self::AttachDisk { instance, .. }
            | Self::DetachDisk { instance, .. } => Some(instance),
            Self::SnapshotInstance { snapshot } => {
                region.instance_snapshots.get(snapshot).map(|snapshot| snapshot.from_instance.as_str())
            }
            _ => None,
        }
    }

    /// Does it. `region` is the account as it was when the work began. Returns what a machine reported, if it booted.
    pub async fn perform(
        &self,
        region: &Region,
        machines: &dyn Machines,
        ca_key: &str,
    ) -> anyhow::Result<Option<Booted>> {
        let machine =
            |name: &str| region.instances.get(name).map(|instance| &instance.machine).context("the instance is gone");
        let disk = |name: &str| region.disks.get(name).context("the disk is gone");
        match self {
            Self::Nothing => {}
            Self::Boot { instance } => return boot(region, instance, machines, ca_key).await.map(Some),
            Self::Start { instance } => return machines.start(machine(instance)?).await.map(Some),
            Self::Stop { instance } => machines.stop(machine(instance)?).await?,
            Self::Reboot { instance } => return machines.reboot(machine(instance)?).await.map(Some),
            Self::Terminate { instance, .. } => terminate(region, instance, machines).await?,
            Self::Firewall { instance } => {
                let ports =
                    region.instances.get(instance).map(|instance| instance.ports.as_slice()).unwrap_or_default();
                machines.set_firewall(machine(instance)?, &rules(ports)).await?;
            }
            Self::AssignAddress { static_ip, instance } => {
                let ip = region.static_ips.get(static_ip).context("the static IP is gone")?;
                machines.assign_address(machine(instance)?, ip.address).await?;
            }
            Self::UnassignAddress { static_ip, instance } => {
                let ip = region.static_ips.get(static_ip).context("the static IP is gone")?;
                machines.unassign_address(machine(instance)?, ip.address).await?;
            }
            Self::CreateDisk { disk: name } => create_disk(region, disk(name)?, machines).await?,
            Self::DeleteDisk { disk: name } => machines.destroy_disk(&disk(name)?.disk).await?,
            Self::AttachDisk { disk: name, instance } => attach(disk(name)?, machine(instance)?, machines).await?,
            Self::DetachDisk { disk: name, instance } => {
                machines.detach_disk(machine(instance)?, &disk(name)?.disk).await?
            }
            Self::SnapshotDisk { snapshot } => {
                let snapshot = region.disk_snapshots.get(snapshot).context("the snapshot is gone")?;
                machines.snapshot_disk(&disk(&snapshot.from_disk)?.disk, &snapshot.snapshot).await?;
            }
            Self::DeleteDiskSnapshot { snapshot } => {
                let snapshot = region.disk_snapshots.get(snapshot).context("the snapshot is gone")?;
                machines.destroy_snapshot(&snapshot.snapshot).await?;
            }
            Self::SnapshotInstance { snapshot } => snapshot_instance(region, snapshot, machines).await?,
            Self::DeleteInstanceSnapshot { snapshot } => delete_instance_snapshot(region, snapshot, machines).await?,
        }
        Ok(None)
    }

    /// Writes into the account that the work is done.
    pub fn complete(&self, region: &mut Region, booted: Option<Booted>) {
        match self {
            Self::Boot { instance } | Self::Start { instance } | Self::Reboot { instance } => {
                set_booted(region, instance, booted);
                settle_disks(region, instance);
            }
            Self::Stop { instance } => set_state(region, instance, State::Stopped),
            Self::Terminate { instance, .. } => forget_instance(region, instance),
            Self::CreateDisk { disk } | Self::DetachDisk { disk, .. } => set_disk(region, disk, DiskState::Available),
            Self::DeleteDisk { disk } => drop(region.disks.remove(disk)),
            Self::AttachDisk { disk, .. } => settle_disk(region.disks.get_mut(disk)),
            Self::SnapshotDisk { snapshot } => {
                if let Some(snapshot) = region.disk_snapshots.get_mut(snapshot) {
                    snapshot.completed = true;
                }
            }
            Self::DeleteDiskSnapshot { snapshot } => drop(region.disk_snapshots.remove(snapshot)),
            Self::SnapshotInstance { snapshot } => {
                if let Some(snapshot) = region.instance_snapshots.get_mut(snapshot) {
                    snapshot.available = true;
                }
            }
            Self::DeleteInstanceSnapshot { snapshot } => drop(region.instance_snapshots.remove(snapshot)),
            Self::Nothing | Self::Firewall { .. } | Self::AssignAddress { .. } | Self::UnassignAddress { .. } => {}
        }
    }

    /// Writes into the account that the work could not be done: what was to be made is gone, what was to change stays.
    pub fn revert(&self, region: &mut Region) {
        match self {
            Self::Boot { instance } => {
                region.disks.retain(|_, disk| disk.attached_to() != Some(instance));
                region.instances.remove(instance);
            }
            Self::Start { instance } => set_state(region, instance, State::Stopped),
            Self::Stop { instance } => set_state(region, instance, State::Running),
            Self::Terminate { instance, from } => set_state(region, instance, *from),
            Self::AssignAddress { static_ip, .. } => set_holder(region, static_ip, None),
            Self::UnassignAddress { static_ip, instance } => set_holder(region, static_ip, Some(instance.clone())),
            Self::CreateDisk { disk } => drop(region.disks.remove(disk)),
            Self::DeleteDisk { disk } | Self::AttachDisk { disk, .. } => set_disk(region, disk, DiskState::Available),
            Self::DetachDisk { disk, .. } => settle_disk(region.disks.get_mut(disk)),
            Self::SnapshotDisk { snapshot } => drop(region.disk_snapshots.remove(snapshot)),
            Self::SnapshotInstance { snapshot } => drop(region.instance_snapshots.remove(snapshot)),
            Self::Nothing
            | Self::Reboot { .. }
            | Self::Firewall { .. }
            | Self::DeleteDiskSnapshot { .. }
            | Self::DeleteInstanceSnapshot { .. } => {}
        }
    }
}

async fn boot(region: &Region, name: &str, machines: &dyn Machines, ca_key: &str) -> anyhow::Result<Booted> {
    let instance = region.instances.get(name).context("the instance is gone")?;
    let spec = spec(region, instance, ca_key);
    let booted = machines.boot(&spec).await?;
    machines.set_firewall(&instance.machine, &rules(&instance.ports)).await?;
    // Copies of the disks in the snapshot that the instance was made from.
    for disk in region.disks.values().filter(|disk| disk.attached_to().is_some_and(|holder| holder == name)) {
        create_disk(region, disk, machines).await?;
        attach(disk, &instance.machine, machines).await?;
    }
    Ok(booted)
}

fn spec(region: &Region, instance: &Instance, ca_key: &str) -> MachineSpec {
    let (bundle, blueprint) = (instance.bundle(), instance.blueprint());
    let key = region.key_pairs.get(&instance.key_pair);
    let snapshot = instance.from_snapshot.as_ref().and_then(|name| region.instance_snapshots.get(name));
    MachineSpec {
        id: instance.machine.clone(),
        name: instance.identity.name.clone(),
        blueprint: blueprint.id.to_owned(),
        memory_mb: bundle.memory_mb(),
        cpus: bundle.cpus,
        disk_gb: bundle.disk_gb,
        user: blueprint.user.to_owned(),
        user_data: instance.user_data.as_deref().map(script),
        authorized_keys: key.map(|key| key.public_key.clone()).into_iter().collect(),
        ca_keys: vec![ca_key.to_owned()],
        from_snapshot: snapshot.map(|snapshot| snapshot.snapshot.clone()),
        disks: Default::default(),
        firewall: None,
        metadata: None,
    }
}

/// Lightsail's firewall is for a host's public address. What comes from the account's other hosts, or from the peered VPC, where
/// the databases are, comes to the private one, which is the same address here: so it is told by its source.
fn rules(ports: &[Port]) -> Vec<FirewallRule> {
    let sources = VPC.iter().map(|net| net.parse().expect("this is a network")).collect();
    let near = FirewallRule { protocol: Protocol::All, from_port: -1, to_port: -1, sources };
    std::iter::once(near).chain(ports.iter().map(Port::rule)).collect()
}

/// Its disks are taken off first: they outlive it. A machine that does not stop, or that a gateway before this one has
/// half destroyed, is destroyed all the same.
async fn terminate(region: &Region, name: &str, machines: &dyn Machines) -> anyhow::Result<()> {
    let Some(instance) = region.instances.get(name) else { return Ok(()) };
    if let Err(error) = machines.stop(&instance.machine).await {
        tracing::warn!("{name} is destroyed without having stopped: {error:#}");
        return machines.destroy(&instance.machine).await;
    }
    for disk in region.disks.values().filter(|disk| disk.attached_to().is_some_and(|holder| holder == name)) {
        machines.detach_disk(&instance.machine, &disk.disk).await?;
    }
    machines.destroy(&instance.machine).await
}

async fn create_disk(region: &Region, disk: &Disk, machines: &dyn Machines) -> anyhow::Result<()> {
    let source = disk.from_snapshot.as_deref();
    let of_disk = source.and_then(|name| region.disk_snapshots.get(name)).map(|snapshot| &snapshot.snapshot);
    let path = match &disk.state {
        DiskState::Attached { path, .. } => path.as_str(),
        _ => "",
    };
    let of_instance = source.and_then(|name| region.instance_snapshots.get(name));
    let kept = of_instance.and_then(|snapshot| snapshot.disks.iter().find(|kept| kept.path == path));
    machines.create_disk(&disk.disk, disk.size_gb, of_disk.or(kept.map(|kept| &kept.snapshot))).await
}

async fn attach(disk: &Disk, machine: &MachineId, machines: &dyn Machines) -> anyhow::Result<()> {
    match &disk.state {
        DiskState::Attached { path, .. } => machines.attach_disk(machine, &disk.disk, &SeenAs::path(path)).await,
        _ => Ok(()),
    }
}

async fn snapshot_instance(region: &Region, name: &str, machines: &dyn Machines) -> anyhow::Result<()> {
    let snapshot = region.instance_snapshots.get(name).context("the snapshot is gone")?;
    let instance = region.instances.get(&snapshot.from_instance).context("the instance is gone")?;
    machines.snapshot_machine(&instance.machine, &snapshot.snapshot).await?;
    for kept in &snapshot.disks {
        let disk = region.disks.get(&kept.name).context("a disk of the instance is gone")?;
        machines.snapshot_disk(&disk.disk, &kept.snapshot).await?;
    }
    Ok(())
}

async fn delete_instance_snapshot(region: &Region, name: &str, machines: &dyn Machines) -> anyhow::Result<()> {
    let Some(snapshot) = region.instance_snapshots.get(name) else { return Ok(()) };
    for kept in &snapshot.disks {
        machines.destroy_snapshot(&kept.snapshot).await?;
    }
    machines.destroy_snapshot(&snapshot.snapshot).await
}

fn set_booted(region: &mut Region, name: &str, booted: Option<Booted>) {
    let (Some(instance), Some(booted)) = (region.instances.get_mut(name), booted) else { return };
    instance.state = State::Running;
    instance.address = Some(booted.address);
    instance.host_keys = booted.host_keys;
}

fn set_state(region: &mut Region, name: &str, state: State) {
    if let Some(instance) = region.instances.get_mut(name) {
        instance.state = state;
        if state == State::Stopped {
            instance.address = None;
        }
    }
}

/// Static IP and disks become free again; alarms go.
fn forget_instance(region: &mut Region, name: &str) {
    region.instances.remove(name);
    region.alarms.retain(|_, alarm| alarm.instance != name);
    for ip in region.static_ips.values_mut().filter(|ip| ip.attached_to.as_deref() == Some(name)) {
        ip.attached_to = None;
    }
    for disk in region.disks.values_mut().filter(|disk| disk.attached_to().is_some_and(|holder| holder == name)) {
        disk.state = DiskState::Available;
    }
}

fn set_disk(region: &mut Region, name: &str, state: DiskState) {
    if let Some(disk) = region.disks.get_mut(name) {
        disk.state = state;
    }
}

fn settle_disk(disk: Option<&mut Disk>) {
    if let Some(Disk { state: DiskState::Attached { settled, .. }, .. }) = disk {
        *settled = true;
    }
}

fn settle_disks(region: &mut Region, instance: &str) {
    let attached = region.disks.values_mut().filter(|disk| disk.attached_to().is_some_and(|holder| holder == instance));
    attached.for_each(|disk| settle_disk(Some(disk)));
}

fn set_holder(region: &mut Region, static_ip: &str, holder: Option<String>) {
    if let Some(ip) = region.static_ips.get_mut(static_ip) {
        ip.attached_to = holder;
    }
}
