//! What a job does to the machines, and what the account says when it is done or has failed. Work names resources and finds
//! the rest in the account as it is when it begins: done twice, it comes to the same.

use std::net::{Ipv4Addr, SocketAddrV4};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::account::Region;
use super::instances::{Instance, State};
use super::machine;
use super::modification::Progress;
use super::snapshots::SnapshotState;
use super::spot;
use super::volumes::{AttachmentState, VolumeState};
use crate::lightsail::now;
use crate::machines::{Booted, DiskId, FirewallRule, Machines, SnapshotId};

/// One piece of work, naming its resources.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Work {
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
    },
    /// A terminated instance is no longer shown.
    Forget {
        instance: String,
    },
    /// Spot takes it back at that time.
    Interrupt {
        instance: String,
        at: f64,
    },
    Firewall {
        instance: String,
    },
    /// The machine has the public address that the account says.
    Addresses {
        instance: String,
    },
    GiveUpAddress {
        address: Ipv4Addr,
    },
    CreateVolume {
        volume: String,
    },
    DeleteVolume {
        volume: String,
    },
    Attach {
        volume: String,
    },
    Detach {
        volume: String,
        force: bool,
    },
    Modify {
        volume: String,
    },
    Optimize {
        volume: String,
    },
    Snapshot {
        snapshot: String,
    },
    DeleteSnapshot {
        snapshot: String,
    },
}

/// What work needs besides the account.
pub struct Surroundings<'a> {
    pub machines: &'a dyn Machines,
    /// Where hosts find their metadata.
    pub metadata: Option<SocketAddrV4>,
    /// What the instance's security groups let in.
    pub firewall: Vec<FirewallRule>,
}

/// What a machine reported.
#[derive(Debug, Default)]
pub struct Outcome {
    pub booted: Option<Booted>,
    /// The public address that it has now.
    pub assigned: Option<Ipv4Addr>,
}

impl Work {
    /// Whether a rule can let it fail or never end: what makes or changes something that takes its time.
    pub fn may_fail(&self) -> bool {
        !matches!(
            self,
            Self::Firewall { .. } | Self::Addresses { .. } | Self::GiveUpAddress { .. } | Self::Forget { .. }
        )
    }

    /// What is worked on: one job at a time for each.
    pub fn subject<'a>(&'a self, region: &'a Region) -> Option<&'a str> {
        match self {
            Self::Boot { instance }
            | Self::Start { instance }
            | Self::Stop { instance }
            | Self::Reboot { instance }
            | Self::Terminate { instance }
            | Self::Firewall { instance }
            | Self::Addresses { instance } => Some(instance),
            Self::CreateVolume { volume } | Self::DeleteVolume { volume } => Some(volume),
            Self::Attach { volume } | Self::Detach { volume, .. } | Self::Modify { volume } => {
                region.volumes.get(volume).map(|found| found.holder().unwrap_or(volume))
            }
            Self::Snapshot { snapshot } => {
                let volume = &region.snapshots.get(snapshot)?.volume;
                region.volumes.get(volume).map(|found| found.holder().unwrap_or(volume))
            }
            _ => None,
        }
    }

    /// The instance whose security groups matter.
    pub fn instance(&self) -> Option<&str> {
        match self {
            Self::Boot { instance } | Self::Start { instance } | Self::Firewall { instance } => Some(instance),
            _ => None,
        }
    }

    /// Does it. `region` is the account as it was when the work began.
    pub async fn perform(&self, region: &Region, around: &Surroundings<'_>) -> anyhow::Result<Outcome> {
        let machines = around.machines;
        let instance = |id: &str| region.instances.get(id).context("the instance is gone");
        match self {
            // Terminated before it began.
            Self::Boot { instance: id } | Self::Start { instance: id } if instance(id)?.state.is_ending() => {}
            Self::Boot { instance: id } => return machine::boot(region, instance(id)?, around).await,
            Self::Start { instance: id } => return machine::start(region, instance(id)?, around).await,
            Self::Stop { instance: id } => machine::stop(region, instance(id)?, around).await?,
            Self::Reboot { instance: id } => {
                let instance = instance(id)?;
                if instance.state == State::Running {
                    let booted = machines.reboot(&machine::id(id)).await?;
                    return Ok(Outcome { booted: Some(booted), assigned: instance.assigned });
                }
            }
            Self::Terminate { instance: id } => machine::terminate(region, instance(id)?, around).await?,
            Self::Firewall { instance: id } => {
                if instance(id)?.state == State::Running {
                    machines.set_firewall(&machine::id(id), &around.firewall).await?;
                }
            }
            Self::Addresses { instance: id } => {
                let Some(instance) = region.instances.get(id) else { return Ok(Outcome::default()) };
                let assigned = machine::assign(region, instance, around).await?;
                return Ok(Outcome { booted: None, assigned });
            }
            Self::GiveUpAddress { address } => machines.give_up_address(*address)?,
            Self::CreateVolume { volume } => machine::create_disk(region, volume, machines).await?,
            Self::DeleteVolume { volume } => machines.destroy_disk(&DiskId(volume.clone())).await?,
            Self::Attach { volume } => machine::attach(region, volume, machines).await?,
            Self::Detach { volume, .. } => machine::detach(region, volume, machines).await?,
            Self::Modify { volume } => machine::grow(region, volume, machines).await?,
            Self::Snapshot { snapshot } => machine::snapshot(region, snapshot, machines).await?,
            Self::DeleteSnapshot { snapshot } => machines.destroy_snapshot(&SnapshotId(snapshot.clone())).await?,
            Self::Forget { .. } | Self::Interrupt { .. } | Self::Optimize { .. } => {}
        }
        Ok(Outcome::default())
    }

    /// Writes into the account that the work is done. Returns what follows from it.
    pub fn complete(&self, region: &mut Region, outcome: Outcome) -> Vec<Work> {
        match self {
            Self::Boot { instance } | Self::Start { instance } | Self::Reboot { instance } => {
                return self.came_up(region, instance, outcome);
            }
            Self::Stop { instance } => stopped(region, instance),
            Self::Terminate { instance } => return terminated(region, instance),
            Self::Forget { instance } => drop(region.instances.remove(instance)),
            Self::Interrupt { instance, .. } => return interrupt(region, instance),
            Self::Addresses { instance } => {
                if let Some(instance) = region.instances.get_mut(instance) {
                    instance.assigned = outcome.assigned;
                }
            }
            Self::CreateVolume { volume } => set_volume(region, volume, VolumeState::Available),
            Self::DeleteVolume { volume } => drop(region.volumes.remove(volume)),
            Self::Attach { volume } => set_attachment(region, volume, AttachmentState::Attached),
            Self::Detach { volume, .. } => {
                if let Some(volume) = region.volumes.get_mut(volume) {
                    (volume.attachment, volume.state) = (None, VolumeState::Available);
                }
            }
            Self::Modify { volume } => return modified(region, volume),
            Self::Optimize { volume } => end_modification(region, volume, Progress::Completed),
            Self::Snapshot { snapshot } => set_snapshot(region, snapshot, SnapshotState::Completed),
            Self::Firewall { .. } | Self::GiveUpAddress { .. } | Self::DeleteSnapshot { .. } => {}
        }
        Vec::new()
    }

    /// Writes into the account that the work could not be done: what was to be made has failed, what was to change stays.
    pub fn revert(&self, region: &mut Region, code: &str, message: &str) -> Vec<Work> {
        let reason = Some((code.to_owned(), format!("{code}: {message}")));
        match self {
            Self::Boot { instance } => {
                if let Some(instance) = region.instances.get_mut(instance) {
                    (instance.state, instance.state_reason) = (State::ShuttingDown, reason);
                    instance.transition_reason = code.to_owned();
                }
                return vec![Self::Terminate { instance: instance.clone() }];
            }
            Self::Start { instance } => {
                if let Some(instance) = region.instances.get_mut(instance) {
                    (instance.state, instance.state_reason) = (State::Stopped, reason);
                }
            }
            Self::Stop { instance } => {
                if let Some(instance) = region.instances.get_mut(instance) {
                    instance.state = State::Running;
                }
            }
            // What could not be removed is shown as what it is on its way to; the lab's reset removes it.
            Self::Terminate { instance } => return terminated(region, instance),
            Self::CreateVolume { volume } => set_volume(region, volume, VolumeState::Error),
            Self::Attach { volume } => {
                if let Some(volume) = region.volumes.get_mut(volume) {
                    (volume.attachment, volume.state) = (None, VolumeState::Available);
                }
            }
            Self::Detach { volume, .. } => set_attachment(region, volume, AttachmentState::Attached),
            Self::DeleteVolume { volume } => set_volume(region, volume, VolumeState::Error),
            Self::Modify { volume } => end_modification(region, volume, Progress::Failed),
            Self::Snapshot { snapshot } => set_snapshot(region, snapshot, SnapshotState::Error),
            _ => {}
        }
        Vec::new()
    }

    fn came_up(&self, region: &mut Region, id: &str, outcome: Outcome) -> Vec<Work> {
        let Some(instance) = region.instances.get_mut(id) else { return Vec::new() };
        let Some(booted) = outcome.booted else { return Vec::new() };
        instance.private_address = Some(booted.address);
        instance.host_keys = booted.host_keys;
        instance.booted_at = Some(now());
        instance.assigned = outcome.assigned;
        // Terminated meanwhile: that job comes next.
        if instance.state != State::Pending {
            return Vec::new();
        }
        instance.state = State::Running;
        for volume in region.volumes.values_mut().filter(|volume| volume.holder() == Some(id)) {
            volume.state = VolumeState::InUse;
            if let Some(held) = volume.attachment.as_mut().filter(|held| held.state == AttachmentState::Attaching) {
                held.state = AttachmentState::Attached;
            }
        }
        members_changed(region)
    }
}

/// Groups that name groups let in other hosts now.
fn members_changed(region: &Region) -> Vec<Work> {
    let running = region.instances.values().filter(|instance| instance.state == State::Running);
    running.map(|instance| Work::Firewall { instance: instance.id.clone() }).collect()
}

/// Its public address goes back to AWS; an Elastic IP stays its own.
fn stopped(region: &mut Region, id: &str) {
    if let Some(instance) = region.instances.get_mut(id) {
        instance.state = State::Stopped;
        (instance.dynamic_address, instance.assigned, instance.booted_at) = (None, None, None);
    }
}

fn terminated(region: &mut Region, id: &str) -> Vec<Work> {
    let Some(instance) = region.instances.get_mut(id) else { return Vec::new() };
    instance.state = State::Terminated;
    (instance.dynamic_address, instance.assigned, instance.booted_at) = (None, None, None);
    let instance: Instance = instance.clone();
    spot::close(region, &instance);
    for address in region.addresses.values_mut().filter(|address| address.instance.as_deref() == Some(id)) {
        (address.instance, address.association) = (None, None);
    }
    let mut gone = Vec::new();
    for volume in region.volumes.values_mut().filter(|volume| volume.holder() == Some(id)) {
        let goes = volume.is_root || volume.attachment.as_ref().is_some_and(|held| held.delete_on_termination);
        (volume.attachment, volume.state) = (None, VolumeState::Available);
        if goes {
            gone.push(volume.id.clone());
        }
    }
    gone.iter().for_each(|volume| drop(region.volumes.remove(volume)));
    let mut next = members_changed(region);
    next.push(Work::Forget { instance: id.to_owned() });
    next
}

fn interrupt(region: &mut Region, id: &str) -> Vec<Work> {
    let Some(instance) = region.instances.get_mut(id).filter(|instance| !instance.state.is_ending()) else {
        return Vec::new();
    };
    let code = "Server.SpotInstanceTermination";
    instance.state = State::ShuttingDown;
    instance.transition_reason = code.to_owned();
    instance.state_reason = Some((code.into(), format!("{code}: Spot instance termination")));
    vec![Work::Terminate { instance: id.to_owned() }]
}

fn modified(region: &mut Region, id: &str) -> Vec<Work> {
    let Some(volume) = region.volumes.get_mut(id) else { return Vec::new() };
    let Some(modification) = &mut volume.modification else { return Vec::new() };
    let target = modification.target.clone();
    modification.progress = Progress::Optimizing;
    (volume.kind, volume.size_gb) = (target.kind, target.size_gb);
    (volume.iops, volume.throughput) = (target.iops, target.throughput);
    vec![Work::Optimize { volume: id.to_owned() }]
}

fn end_modification(region: &mut Region, id: &str, progress: Progress) {
    let modification = region.volumes.get_mut(id).and_then(|volume| volume.modification.as_mut());
    if let Some(modification) = modification {
        (modification.progress, modification.ended_at) = (progress, Some(now()));
    }
}

fn set_volume(region: &mut Region, id: &str, state: VolumeState) {
    if let Some(volume) = region.volumes.get_mut(id) {
        volume.state = state;
    }
}

fn set_attachment(region: &mut Region, id: &str, state: AttachmentState) {
    if let Some(held) = region.volumes.get_mut(id).and_then(|volume| volume.attachment.as_mut()) {
        held.state = state;
    }
}

fn set_snapshot(region: &mut Region, id: &str, state: SnapshotState) {
    if let Some(snapshot) = region.snapshots.get_mut(id) {
        snapshot.state = state;
    }
}
