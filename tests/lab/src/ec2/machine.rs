//! Instances as machines, volumes as disks: the steps of which work is made.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use anyhow::Context;

use super::account::Region;
use super::instances::{Instance, State};
use super::volumes::{AttachmentState, Volume};
use super::work::{Outcome, Surroundings};
use crate::machines::{DiskId, MachineId, MachineSpec, Machines, SeenAs, SnapshotId};

/// What the controllers of Nitro say of a volume and of an instance's own disk.
const EBS: &str = "Amazon_Elastic_Block_Store";
const STORE: &str = "Amazon_EC2_NVMe_Instance_Storage";

pub fn id(instance: &str) -> MachineId {
    MachineId(instance.to_owned())
}

fn disk(volume: &Volume) -> DiskId {
    DiskId(volume.id.clone())
}

/// A volume's serial number is its id without the hyphen.
fn seen(volume: &Volume) -> SeenAs {
    SeenAs::nvme(EBS, &volume.id.replace('-', ""))
}

/// Volumes that are disks: the root is part of its machine.
fn disks<'a>(region: &'a Region, instance: &'a Instance) -> impl Iterator<Item = &'a Volume> {
    region.volumes_of(&instance.id).filter(|volume| !volume.is_root)
}

/// The instance's own disks, with the size of each; lost when it stops.
fn stores(instance: &Instance) -> Vec<(DiskId, SeenAs, u32)> {
    let (count, size_gb) = instance.kind().store.unwrap_or_default();
    let digits = instance.id.trim_start_matches("i-").to_uppercase();
    let store = |number: u32| {
        let serial = format!("AWS{number}{digits}");
        (DiskId(format!("store-{}-{number}", instance.id)), SeenAs::nvme(STORE, &serial), size_gb)
    };
    (1..=count).map(store).collect()
}

/// Everything is there from the machine's first moment: disks, firewall, metadata.
pub async fn boot(region: &Region, instance: &Instance, around: &Surroundings<'_>) -> anyhow::Result<Outcome> {
    let machines = around.machines;
    let mut held = BTreeMap::new();
    for volume in disks(region, instance) {
        create_disk(region, &volume.id, machines).await?;
        held.insert(disk(volume), seen(volume));
    }
    for (store, seen, size_gb) in stores(instance) {
        machines.create_disk(&store, size_gb, None).await?;
        held.insert(store, seen);
    }
    let (kind, image) = (instance.kind(), instance.image());
    let root = region.volumes_of(&instance.id).find(|volume| volume.is_root);
    let spec = MachineSpec {
        id: id(&instance.id),
        name: instance.id.clone(),
        blueprint: image.blueprint.to_owned(),
        memory_mb: kind.memory_mib,
        cpus: kind.vcpus,
        disk_gb: root.map_or(image.root_gb, |root| root.size_gb),
        user: image.user.to_owned(),
        user_data: instance.user_data.clone(),
        authorized_keys: instance.public_key.clone().into_iter().collect(),
        ca_keys: Vec::new(),
        from_snapshot: None,
        disks: held,
        firewall: Some(around.firewall.clone()),
        metadata: around.metadata,
    };
    let booted = machines.boot(&spec).await?;
    let assigned = assign(region, &Instance { assigned: None, ..instance.clone() }, around).await?;
    Ok(Outcome { booted: Some(booted), assigned })
}

pub async fn start(region: &Region, instance: &Instance, around: &Surroundings<'_>) -> anyhow::Result<Outcome> {
    let (machines, machine) = (around.machines, id(&instance.id));
    for (store, seen, size_gb) in stores(instance) {
        machines.create_disk(&store, size_gb, None).await?;
        machines.attach_disk(&machine, &store, &seen).await?;
    }
    machines.resize(&machine, instance.kind().memory_mib, instance.kind().vcpus).await?;
    machines.set_firewall(&machine, &around.firewall).await?;
    if let Some(to) = around.metadata {
        machines.lead_metadata(&machine, to).await?;
    }
    let assigned = assign(region, instance, around).await?;
    Ok(Outcome { booted: Some(machines.start(&machine).await?), assigned })
}

/// The instance's own disks and its public address are lost.
pub async fn stop(region: &Region, instance: &Instance, around: &Surroundings<'_>) -> anyhow::Result<()> {
    let (machines, machine) = (around.machines, id(&instance.id));
    machines.stop(&machine).await?;
    for (store, ..) in stores(instance) {
        machines.detach_disk(&machine, &store).await?;
        machines.destroy_disk(&store).await?;
    }
    take_address(region, instance, around).await
}

/// A machine that does not stop is destroyed all the same.
pub async fn terminate(region: &Region, instance: &Instance, around: &Surroundings<'_>) -> anyhow::Result<()> {
    let (machines, machine) = (around.machines, id(&instance.id));
    if let Err(error) = machines.stop(&machine).await {
        tracing::debug!("{} is destroyed without having stopped: {error:#}", instance.id);
    }
    give_back(region, instance.assigned.or(instance.dynamic_address), around)?;
    machines.destroy(&machine).await?;
    for (store, ..) in stores(instance) {
        machines.destroy_disk(&store).await?;
    }
    for volume in disks(region, instance) {
        if volume.attachment.as_ref().is_some_and(|held| held.delete_on_termination) {
            machines.destroy_disk(&disk(volume)).await?;
        }
    }
    Ok(())
}

/// Gives the machine the public address that the account says, and returns it.
pub async fn assign(
    region: &Region,
    instance: &Instance,
    around: &Surroundings<'_>,
) -> anyhow::Result<Option<Ipv4Addr>> {
    let wanted = instance.public_address(region);
    if instance.state.is_ending() || wanted == instance.assigned {
        return Ok(instance.assigned);
    }
    take_address(region, instance, around).await?;
    if let Some(address) = wanted {
        around.machines.assign_address(&id(&instance.id), address).await?;
    }
    Ok(wanted)
}

async fn take_address(region: &Region, instance: &Instance, around: &Surroundings<'_>) -> anyhow::Result<()> {
    let Some(address) = instance.assigned else { return Ok(()) };
    around.machines.unassign_address(&id(&instance.id), address).await?;
    give_back(region, Some(address), around)
}

/// An Elastic IP stays the account's.
fn give_back(region: &Region, address: Option<Ipv4Addr>, around: &Surroundings<'_>) -> anyhow::Result<()> {
    let elastic = |address: Ipv4Addr| region.addresses.values().any(|it| it.address == address);
    match address {
        Some(address) if !elastic(address) => around.machines.give_up_address(address),
        _ => Ok(()),
    }
}

/// A volume's disk, blank or with its snapshot's bytes.
pub async fn create_disk(region: &Region, volume: &str, machines: &dyn Machines) -> anyhow::Result<()> {
    let volume = region.volumes.get(volume).context("the volume is gone")?;
    let from = volume.snapshot.as_ref().and_then(|id| region.snapshots.get(id)).filter(|snapshot| !snapshot.of_root);
    let from = from.map(|snapshot| SnapshotId(snapshot.id.clone()));
    machines.create_disk(&disk(volume), volume.size_gb, from.as_ref()).await
}

pub async fn attach(region: &Region, volume: &str, machines: &dyn Machines) -> anyhow::Result<()> {
    let volume = region.volumes.get(volume).context("the volume is gone")?;
    let holder = volume.holder().context("the volume is not attached")?;
    machines.attach_disk(&id(holder), &disk(volume), &seen(volume)).await
}

pub async fn detach(region: &Region, volume: &str, machines: &dyn Machines) -> anyhow::Result<()> {
    let volume = region.volumes.get(volume).context("the volume is gone")?;
    let Some(holder) = volume.holder() else { return Ok(()) };
    machines.detach_disk(&id(holder), &disk(volume)).await
}

/// Whether a detaching volume is still mounted in its instance.
pub async fn is_busy(region: &Region, volume: &str, machines: &dyn Machines) -> bool {
    let Some(volume) = region.volumes.get(volume) else { return false };
    let Some(held) = &volume.attachment else { return false };
    let running = region.instances.get(&held.instance).is_some_and(|it| it.state == State::Running);
    let detaching = matches!(held.state, AttachmentState::Detaching | AttachmentState::Busy);
    running && detaching && machines.is_mounted(&id(&held.instance), &disk(volume)).await.unwrap_or(false)
}

pub async fn grow(region: &Region, volume: &str, machines: &dyn Machines) -> anyhow::Result<()> {
    let volume = region.volumes.get(volume).context("the volume is gone")?;
    let target = volume.modification.as_ref().map(|modification| modification.target.size_gb);
    match target {
        Some(size_gb) if !volume.is_root => machines.grow_disk(&disk(volume), size_gb).await,
        _ => Ok(()),
    }
}

pub async fn snapshot(region: &Region, snapshot: &str, machines: &dyn Machines) -> anyhow::Result<()> {
    let snapshot = region.snapshots.get(snapshot).context("the snapshot is gone")?;
    match snapshot.of_root {
        true => Ok(()),
        false => {
            let (from, to) = (DiskId(snapshot.volume.clone()), SnapshotId(snapshot.id.clone()));
            machines.snapshot_disk(&from, &to).await
        }
    }
}
