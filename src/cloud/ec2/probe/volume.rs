//! Looks at volumes and snapshots.

use aws_sdk_ec2::types as sdk;

use super::{done, instance};
use crate::cloud::api::{CloudError, Probe};
use crate::cloud::ec2::Ec2;
use crate::cloud::ec2::convert::{Resource as _, is_for, number, tags};
use crate::cloud::ec2::errors::{refused, taken};
use crate::cloud::ec2::volume::{attachment, latest, modification, ready, spec, target};
use crate::inventory::{ModificationState, ResourceName, VolumeSpec};
use crate::steps::CloudAction;

pub(super) async fn probe(ec2: &Ec2, action: &CloudAction) -> Result<Probe, CloudError> {
    let (CloudAction::CreateDisk { name, .. }
    | CloudAction::CreateDiskFromSnapshot { name, .. }
    | CloudAction::ModifyDisk { name, .. }
    | CloudAction::AttachDisk { name, .. }
    | CloudAction::DetachDisk { name }
    | CloudAction::DeleteDisk { name }) = action
    else {
        return Err(super::not_of_ec2(action));
    };
    let Some(found) = ec2.volume(name).await? else {
        return Ok(done(matches!(action, CloudAction::DetachDisk { .. } | CloudAction::DeleteDisk { .. })));
    };
    match action {
        CloudAction::CreateDisk { tags: wanted, .. } | CloudAction::CreateDiskFromSnapshot { tags: wanted, .. } => {
            if !found.is_gone() && !is_for(&tags(found.tags()), wanted) {
                return Err(taken(name));
            }
            made(name, &found)
        }
        CloudAction::AttachDisk { instance: wanted, .. } => attached(ec2, &found, wanted).await,
        CloudAction::DetachDisk { .. } => Ok(detached(&found)),
        CloudAction::ModifyDisk { size_gb, volume, .. } => {
            let changes = ec2.looks.modifications.fresh().await?;
            let last = latest(&changes, found.volume_id().unwrap_or_default());
            modified(&found, last, *size_gb, *volume)
        }
        _ if found.is_gone() => Ok(Probe::InProgress),
        _ => Ok(Probe::Absent),
    }
}

fn made(name: &ResourceName, found: &sdk::Volume) -> Result<Probe, CloudError> {
    use sdk::VolumeState::{Available, Creating, Error, InUse};
    match found.state() {
        Some(Available | InUse) => Ok(Probe::Done),
        Some(Creating) => Ok(Probe::InProgress),
        Some(Error) => {
            Err(refused("CreateVolume", "error", format!("EC2 could not make {name}: delete it and try again")))
        }
        _ => Ok(Probe::Absent),
    }
}

async fn attached(ec2: &Ec2, found: &sdk::Volume, wanted: &ResourceName) -> Result<Probe, CloudError> {
    let Some(holder) = ec2.instance(wanted).await? else { return Ok(Probe::Absent) };
    Ok(attachment_probe(found, &holder))
}

fn attachment_probe(found: &sdk::Volume, wanted: &sdk::Instance) -> Probe {
    use sdk::VolumeAttachmentState::{Attached, Attaching, Busy, Detaching};
    let Some(place) = attachment(found) else {
        return match ready(found) {
            true => instance::settled(wanted),
            false => Probe::NotYet { waiting_for: format!("disk {} to be available", found.name()) },
        };
    };
    let here = place.instance_id() == wanted.instance_id();
    match place.state() {
        Some(Attached) if here => Probe::Done,
        Some(Attaching) if here => Probe::InProgress,
        Some(Detaching | Busy) => Probe::NotYet { waiting_for: format!("disk {} to leave its instance", found.name()) },
        _ => Probe::Absent,
    }
}

fn detached(found: &sdk::Volume) -> Probe {
    use sdk::VolumeAttachmentState::{Busy, Detaching};
    match attachment(found).map(|place| place.state()) {
        None => Probe::Done,
        Some(Some(Detaching | Busy)) => Probe::InProgress,
        Some(_) => Probe::Absent,
    }
}

/// It may be used with its new size and speed as soon as EC2 optimizes it, which takes hours for a large one.
fn modified(
    found: &sdk::Volume,
    last: Option<&sdk::VolumeModification>,
    size_gb: u32,
    wanted: VolumeSpec,
) -> Result<Probe, CloudError> {
    let there = number(found.size) == size_gb && spec(found) == Some(wanted);
    let asked = last.is_some_and(|last| number(last.target_size) == size_gb && target(last) == Some(wanted));
    let change = last.and_then(modification);
    Ok(match change.map(|change| (change.state, change.percent)) {
        Some((ModificationState::Modifying, _)) if asked => Probe::InProgress,
        Some((ModificationState::Optimizing, _)) if asked && !there => Probe::InProgress,
        Some((ModificationState::Optimizing, _)) if there => Probe::Done,
        Some((state @ (ModificationState::Modifying | ModificationState::Optimizing), percent)) => {
            let word = if state == ModificationState::Modifying { "modifying" } else { "optimizing" };
            Probe::NotYet { waiting_for: format!("the volume's earlier change ({word}, {percent} %)") }
        }
        Some((ModificationState::Failed, _)) if asked && !there => {
            let said = last.and_then(|last| last.status_message()).unwrap_or("EC2 does not say why");
            return Err(refused("ModifyVolume", "failed", format!("the change of {} failed: {said}", found.name())));
        }
        _ => done(there),
    })
}

pub(super) async fn snapshot(ec2: &Ec2, action: &CloudAction) -> Result<Probe, CloudError> {
    let (CloudAction::SnapshotDisk { snapshot: name, .. } | CloudAction::DeleteSnapshot { name }) = action else {
        return Err(super::not_of_ec2(action));
    };
    let found = ec2.snapshot(name).await?;
    let CloudAction::SnapshotDisk { tags: wanted, .. } = action else { return Ok(done(found.is_none())) };
    let Some(found) = found else { return Ok(Probe::Absent) };
    if !is_for(&tags(found.tags()), wanted) {
        return Err(taken(name));
    }
    match found.state() {
        Some(sdk::SnapshotState::Completed) => Ok(Probe::Done),
        Some(sdk::SnapshotState::Error) => {
            let said = found.state_message().unwrap_or("EC2 does not say why");
            Err(refused("CreateSnapshot", "error", format!("{name} failed: {said}")))
        }
        _ => Ok(Probe::InProgress),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(size: i32) -> sdk::Volume {
        sdk::Volume::builder().volume_id("vol-1").size(size).volume_type(sdk::VolumeType::Gp3).build()
    }

    fn change(state: sdk::VolumeModificationState, size: i32) -> sdk::VolumeModification {
        sdk::VolumeModification::builder()
            .volume_id("vol-1")
            .modification_state(state)
            .target_size(size)
            .target_volume_type(sdk::VolumeType::Gp3)
            .progress(45)
            .status_message("no room")
            .build()
    }

    fn judged(has: i32, last: Option<sdk::VolumeModification>) -> Result<Probe, CloudError> {
        modified(&volume(has), last.as_ref(), 200, VolumeSpec::GP3)
    }

    #[test]
    fn a_change_is_done_when_the_volume_has_it_and_goes_on_being_optimized() {
        use sdk::VolumeModificationState::{Completed, Modifying, Optimizing};
        assert_eq!(judged(100, None).unwrap(), Probe::Absent);
        assert_eq!(judged(200, None).unwrap(), Probe::Done);
        assert_eq!(judged(100, Some(change(Modifying, 200))).unwrap(), Probe::InProgress);
        assert_eq!(judged(100, Some(change(Optimizing, 200))).unwrap(), Probe::InProgress, "the list is older");
        assert_eq!(judged(200, Some(change(Optimizing, 200))).unwrap(), Probe::Done);
        assert_eq!(judged(200, Some(change(Completed, 200))).unwrap(), Probe::Done);
    }

    #[test]
    fn an_earlier_change_is_waited_for_and_a_failed_one_is_told() {
        use sdk::VolumeModificationState::{Completed, Failed, Optimizing};
        let waits = Probe::NotYet { waiting_for: "the volume's earlier change (optimizing, 45 %)".into() };
        assert_eq!(judged(100, Some(change(Optimizing, 100))).unwrap(), waits);
        assert_eq!(judged(100, Some(change(Completed, 100))).unwrap(), Probe::Absent);
        assert_eq!(judged(100, Some(change(Failed, 100))).unwrap(), Probe::Absent, "that was another change");
        assert!(judged(100, Some(change(Failed, 200))).unwrap_err().message.ends_with("no room"));
    }

    #[test]
    fn a_disk_is_attached_once_it_is_free_and_its_instance_takes_it() {
        use sdk::VolumeAttachmentState::{Attached, Attaching, Detaching};
        let host = |state| {
            let state = sdk::InstanceState::builder().name(state).build();
            sdk::Instance::builder().instance_id("i-1").state(state).build()
        };
        let running = host(sdk::InstanceStateName::Running);
        let at = |id: &str, state| {
            let place = sdk::VolumeAttachment::builder().instance_id(id).state(state).build();
            sdk::Volume::builder().volume_id("vol-1").state(sdk::VolumeState::InUse).attachments(place).build()
        };
        let free = |state| sdk::Volume::builder().volume_id("vol-1").state(state).build();
        assert_eq!(attachment_probe(&at("i-1", Attached), &running), Probe::Done);
        assert_eq!(attachment_probe(&at("i-1", Attaching), &running), Probe::InProgress);
        assert_eq!(attachment_probe(&at("i-2", Attached), &running), Probe::Absent);
        assert!(matches!(attachment_probe(&at("i-2", Detaching), &running), Probe::NotYet { .. }));
        assert_eq!(attachment_probe(&free(sdk::VolumeState::Available), &running), Probe::Absent);
        assert!(matches!(attachment_probe(&free(sdk::VolumeState::Creating), &running), Probe::NotYet { .. }));
        let starting = host(sdk::InstanceStateName::Pending);
        let waits = Probe::NotYet { waiting_for: "i-1 to have started".into() };
        assert_eq!(attachment_probe(&free(sdk::VolumeState::Available), &starting), waits);
        assert_eq!(detached(&at("i-1", Detaching)), Probe::InProgress);
        assert_eq!(detached(&at("i-1", Attached)), Probe::Absent);
        assert_eq!(detached(&free(sdk::VolumeState::Available)), Probe::Done);
    }
}
