//! EBS volumes, as the inventory has them, and their changes in place.

use std::str::FromStr as _;

use aws_sdk_ec2::types as sdk;

use super::convert::{Resource as _, number, tags, time};
use crate::inventory::{CloudKind, Disk, Modification, ModificationState, ResourceName, TAG_NODE, Tags, VolumeSpec};
use crate::plan::VolumeType;

/// What the name of an instance's root volume has after the instance's own.
pub(super) const ROOT: &str = "-root";

/// `instance` tells the name of an instance by its id.
pub(super) fn disk(
    volume: &sdk::Volume,
    modification: Option<&sdk::VolumeModification>,
    instance: impl Fn(&str) -> ResourceName,
) -> Disk {
    let attachment = attachment(volume);
    Disk {
        cloud: CloudKind::Ec2,
        name: volume.name(),
        tags: tags(volume.tags()),
        zone: volume.availability_zone().unwrap_or_default().to_owned(),
        size_gb: number(volume.size),
        attached_to: attachment.and_then(|a| a.instance_id()).map(instance),
        path: attachment.and_then(|a| a.device()).map(str::to_owned),
        ready: ready(volume),
        volume: spec(volume),
        modification: modification.and_then(self::modification),
    }
}

/// One that has a name of this plan and not its tags.
pub(super) fn foreign(name: ResourceName) -> Disk {
    let empty = sdk::Volume::builder().build();
    Disk { name, tags: Tags::default(), ..disk(&empty, None, |id| ResourceName::new(id)) }
}

/// Where it is attached, or on its way to or from.
pub(super) fn attachment(volume: &sdk::Volume) -> Option<&sdk::VolumeAttachment> {
    volume.attachments().iter().find(|a| a.state() != Some(&sdk::VolumeAttachmentState::Detached))
}

/// Neither being made nor broken, nor on its way to an instance or from one.
pub(super) fn ready(volume: &sdk::Volume) -> bool {
    let attached = attachment(volume).map(|a| a.state() == Some(&sdk::VolumeAttachmentState::Attached));
    match volume.state() {
        Some(sdk::VolumeState::Available) => attached.is_none(),
        Some(sdk::VolumeState::InUse) => attached == Some(true),
        _ => false,
    }
}

/// What an instance starts from is part of it, and no disk of the plan. It is known by where it is attached; when its
/// instance goes, by its name.
pub(super) fn is_root<'a>(volume: &sdk::Volume, root_device: impl Fn(&str) -> Option<&'a str>) -> bool {
    let device = attachment(volume).and_then(|a| Some((a.device()?, root_device(a.instance_id()?)?)));
    let named = volume.name().as_str().ends_with(ROOT) && tags(volume.tags()).get(TAG_NODE).is_none();
    named || device.is_some_and(|(is, root)| is == root)
}

/// Only what the kind lets one choose: EC2 tells more of some, as the IOPS that follow from a gp2's size.
pub(super) fn spec(volume: &sdk::Volume) -> Option<VolumeSpec> {
    chosen(volume.volume_type(), volume.iops, volume.throughput)
}

pub(super) fn target(modification: &sdk::VolumeModification) -> Option<VolumeSpec> {
    chosen(modification.target_volume_type(), modification.target_iops, modification.target_throughput)
}

fn chosen(kind: Option<&sdk::VolumeType>, iops: Option<i32>, throughput: Option<i32>) -> Option<VolumeSpec> {
    let kind = self::kind(kind?)?;
    let told = |n: Option<i32>| n.and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
    Some(match kind {
        VolumeType::Gp3 => VolumeSpec {
            kind,
            iops: told(iops).or(VolumeSpec::GP3.iops),
            throughput: told(throughput).or(VolumeSpec::GP3.throughput),
        },
        VolumeType::Io1 | VolumeType::Io2 => VolumeSpec { kind, iops: told(iops), throughput: None },
        VolumeType::Gp2 | VolumeType::St1 | VolumeType::Sc1 => VolumeSpec { kind, iops: None, throughput: None },
    })
}

/// None: magnetic ones of before 2014, which no plan can ask for.
fn kind(told: &sdk::VolumeType) -> Option<VolumeType> {
    Some(match told {
        sdk::VolumeType::Gp2 => VolumeType::Gp2,
        sdk::VolumeType::Gp3 => VolumeType::Gp3,
        sdk::VolumeType::Io1 => VolumeType::Io1,
        sdk::VolumeType::Io2 => VolumeType::Io2,
        sdk::VolumeType::St1 => VolumeType::St1,
        sdk::VolumeType::Sc1 => VolumeType::Sc1,
        _ => return None,
    })
}

pub(super) fn sdk_kind(kind: VolumeType) -> sdk::VolumeType {
    sdk::VolumeType::from_str(&kind.to_string()).expect("the names of volume types are EC2's")
}

/// The last change of each volume is the one that counts.
pub(super) fn latest<'a>(
    modifications: &'a [sdk::VolumeModification],
    volume: &str,
) -> Option<&'a sdk::VolumeModification> {
    let of = modifications.iter().filter(|m| m.volume_id() == Some(volume));
    of.max_by_key(|m| m.start_time().map(|at| (at.secs(), at.subsec_nanos())))
}

pub(super) fn modification(found: &sdk::VolumeModification) -> Option<Modification> {
    use sdk::VolumeModificationState as State;
    Some(Modification {
        state: match found.modification_state()? {
            State::Modifying => ModificationState::Modifying,
            State::Optimizing => ModificationState::Optimizing,
            State::Completed => ModificationState::Completed,
            State::Failed => ModificationState::Failed,
            _ => return None,
        },
        percent: u8::try_from(found.progress.unwrap_or_default().clamp(0, 100)).unwrap_or(100),
        started_at: time(found.start_time()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attached(state: sdk::VolumeAttachmentState) -> sdk::VolumeAttachment {
        sdk::VolumeAttachment::builder().instance_id("i-1").device("/dev/sdf").state(state).build()
    }

    fn volume() -> aws_sdk_ec2::types::builders::VolumeBuilder {
        let name = sdk::Tag::builder().key("Name").value("demo-vault-data").build();
        let node = sdk::Tag::builder().key(TAG_NODE).value("hosts.vault.disks.data").build();
        sdk::Volume::builder().volume_id("vol-1").tags(name).tags(node).size(80).volume_type(sdk::VolumeType::Gp3)
    }

    #[test]
    fn a_volume_is_told_with_its_last_change() {
        let change = |at: i64, state: sdk::VolumeModificationState| {
            let start = aws_smithy_types::DateTime::from_secs(at);
            sdk::VolumeModification::builder()
                .volume_id("vol-1")
                .start_time(start)
                .modification_state(state)
                .progress(45)
                .build()
        };
        let changes = [
            change(1, sdk::VolumeModificationState::Completed),
            change(3, sdk::VolumeModificationState::Optimizing),
            change(2, sdk::VolumeModificationState::Failed),
        ];
        let volume = volume()
            .state(sdk::VolumeState::InUse)
            .attachments(attached(sdk::VolumeAttachmentState::Attached))
            .iops(4000)
            .throughput(250)
            .build();
        let seen = disk(&volume, latest(&changes, "vol-1"), |id| ResourceName::new(format!("name of {id}")));
        assert_eq!(seen.attached_to, Some(ResourceName::new("name of i-1")));
        assert_eq!((seen.path.as_deref(), seen.size_gb, seen.ready), (Some("/dev/sdf"), 80, true));
        assert_eq!(seen.volume.unwrap().to_string(), "gp3, 4000 IOPS, 250 MiB/s");
        let last = seen.modification.unwrap();
        assert_eq!((last.state, last.percent), (ModificationState::Optimizing, 45));
        assert!(latest(&changes, "vol-2").is_none());
    }

    #[test]
    fn a_volume_on_its_way_is_not_ready() {
        use sdk::VolumeAttachmentState::{Attached, Attaching, Busy, Detached, Detaching};
        let with = |state| volume().state(sdk::VolumeState::InUse).attachments(attached(state)).build();
        assert!(ready(&with(Attached)));
        assert!(![Attaching, Detaching, Busy].into_iter().any(|state| ready(&with(state))));
        let free = volume().state(sdk::VolumeState::Available).attachments(attached(Detached)).build();
        assert!(ready(&free) && attachment(&free).is_none());
        assert!(!ready(&volume().state(sdk::VolumeState::Creating).build()));
        assert!(!ready(&volume().state(sdk::VolumeState::Error).build()));
    }

    #[test]
    fn only_what_can_be_chosen_is_told() {
        let spec = |kind| spec(&volume().volume_type(kind).iops(300).throughput(128).build());
        assert_eq!(
            spec(sdk::VolumeType::Gp2),
            Some(VolumeSpec { kind: VolumeType::Gp2, iops: None, throughput: None })
        );
        assert_eq!(spec(sdk::VolumeType::Io2).unwrap().iops, Some(300));
        assert_eq!(spec(sdk::VolumeType::Io2).unwrap().throughput, None);
        assert_eq!(spec(sdk::VolumeType::Standard), None);
        assert_eq!(
            super::spec(&volume().build()),
            Some(VolumeSpec::GP3),
            "what AWS leaves out is what it gives everyone"
        );
    }

    #[test]
    fn a_root_volume_is_known_by_its_device_and_by_its_name() {
        let root = |id: &str| (id == "i-1").then_some("/dev/sda1");
        let at = |device: &str| {
            let place = sdk::VolumeAttachment::builder().instance_id("i-1").device(device).build();
            volume().attachments(place).build()
        };
        assert!(is_root(&at("/dev/sda1"), root) && !is_root(&at("/dev/sdf"), root));
        let named = |name: &str| sdk::Tag::builder().key("Name").value(name).build();
        let left = sdk::Volume::builder().tags(named("demo-vault-root")).build();
        assert!(is_root(&left, root));
        let node = sdk::Tag::builder().key(TAG_NODE).value("hosts.vault.disks.root").build();
        assert!(!is_root(&sdk::Volume::builder().tags(named("demo-vault-root")).tags(node).build(), root));
    }

    #[test]
    fn every_kind_of_volume_has_ec2s_name() {
        use VolumeType::{Gp2, Gp3, Io1, Io2, Sc1, St1};
        for kind in [Gp2, Gp3, Io1, Io2, St1, Sc1] {
            assert_eq!(self::kind(&sdk_kind(kind)), Some(kind));
        }
    }
}
