//! Changes of volumes and snapshots. Every volume is encrypted.

use aws_sdk_ec2::types as sdk;

use crate::cloud::api::CloudError;
use crate::cloud::ec2::Ec2;
use crate::cloud::ec2::convert::{labels, signed};
use crate::cloud::ec2::errors::{error, incomplete, not_of_ec2};
use crate::cloud::ec2::ids::Kind;
use crate::cloud::ec2::volume::sdk_kind;
use crate::inventory::{ResourceName, Tags, VolumeSpec};
use crate::steps::CloudAction;

pub(super) async fn call(ec2: &Ec2, action: &CloudAction) -> Result<(), CloudError> {
    let client = &ec2.changes;
    match action {
        CloudAction::CreateDisk { name, zone, size_gb, volume, tags } => {
            create_volume(ec2, name, zone, *size_gb, volume.unwrap_or(VolumeSpec::GP3), None, tags).await
        }
        CloudAction::CreateDiskFromSnapshot { name, snapshot, zone, size_gb, tags } => {
            let from = ec2.id(Kind::Snapshot, snapshot).await?;
            create_volume(ec2, name, zone, *size_gb, VolumeSpec::GP3, Some(from), tags).await
        }
        CloudAction::ModifyDisk { name, size_gb, volume } => {
            let call = client
                .modify_volume()
                .volume_id(ec2.id(Kind::Volume, name).await?)
                .size(signed(*size_gb))
                .volume_type(sdk_kind(volume.kind))
                .set_iops(volume.iops.map(signed))
                .set_throughput(volume.throughput.map(signed));
            send!("ModifyVolume", call)
        }
        CloudAction::AttachDisk { name, instance, path } => {
            let call = client
                .attach_volume()
                .volume_id(ec2.id(Kind::Volume, name).await?)
                .instance_id(ec2.id(Kind::Instance, instance).await?)
                .device(path);
            send!("AttachVolume", call)
        }
        CloudAction::DetachDisk { name } => {
            send!("DetachVolume", client.detach_volume().volume_id(ec2.id(Kind::Volume, name).await?))
        }
        CloudAction::DeleteDisk { name } => {
            send!("DeleteVolume", client.delete_volume().volume_id(ec2.id(Kind::Volume, name).await?))
        }
        CloudAction::SnapshotDisk { disk, snapshot, tags } => {
            // It has no token by which it would be made once: one that an earlier run began is waited for.
            if ec2.snapshot(snapshot).await?.is_some() {
                return Ok(());
            }
            let call = client
                .create_snapshot()
                .volume_id(ec2.id(Kind::Volume, disk).await?)
                .description(format!("of {disk}: made by infra"))
                .tag_specifications(labels(sdk::ResourceType::Snapshot, snapshot, tags));
            make!("CreateSnapshot", call, snapshot_id, ec2, Kind::Snapshot, snapshot)
        }
        CloudAction::DeleteSnapshot { name } => {
            send!("DeleteSnapshot", client.delete_snapshot().snapshot_id(ec2.id(Kind::Snapshot, name).await?))
        }
        _ => Err(not_of_ec2(action)),
    }
}

async fn create_volume(
    ec2: &Ec2,
    name: &ResourceName,
    zone: &str,
    size_gb: u32,
    spec: VolumeSpec,
    from: Option<String>,
    tags: &Tags,
) -> Result<(), CloudError> {
    let call = ec2
        .changes
        .create_volume()
        .client_token(ec2.ids.token(Kind::Volume, name))
        .availability_zone(zone)
        .size(signed(size_gb))
        .volume_type(sdk_kind(spec.kind))
        .set_iops(spec.iops.map(signed))
        .set_throughput(spec.throughput.map(signed))
        .set_snapshot_id(from)
        .encrypted(true)
        .tag_specifications(labels(sdk::ResourceType::Volume, name, tags));
    make!("CreateVolume", call, volume_id, ec2, Kind::Volume, name)
}
