//! Asking for changes: one arm an action, each one call.

use aws_sdk_lightsail::Client;
use aws_sdk_lightsail::types::{self as sdk, ContactProtocol, MetricName, TreatMissingData};

use super::convert;
use super::errors::error;
use crate::cloud::api::{CloudError, Operation};
use crate::cloud::errors::not_of;
use crate::steps::{AlarmSpec, CloudAction, InstanceSpec};

/// Sends one call and turns its `operation` or `operations` into the common form.
macro_rules! send {
    ($name:literal, $call:expr, operations) => {
        $call.send().await.map(|a| operations(a.operations)).map_err(|e| error($name, e))
    };
    ($name:literal, $call:expr, operation) => {
        $call.send().await.map(|a| operations(a.operation.map(|o| vec![o]))).map_err(|e| error($name, e))
    };
}

fn operations(operations: Option<Vec<sdk::Operation>>) -> Vec<Operation> {
    operations.unwrap_or_default().into_iter().filter_map(|o| o.id).map(Operation).collect()
}

pub(super) async fn submit(client: &Client, action: &CloudAction) -> Result<Vec<Operation>, CloudError> {
    match action {
        CloudAction::CreateInstance(spec) => create_instance(client, spec).await,
        CloudAction::StartInstance { name } => {
            send!("StartInstance", client.start_instance().instance_name(name.as_str()), operations)
        }
        CloudAction::StopInstance { name } => {
            send!("StopInstance", client.stop_instance().instance_name(name.as_str()), operations)
        }
        CloudAction::DeleteInstance { name } => {
            let call = client.delete_instance().instance_name(name.as_str()).force_delete_add_ons(true);
            send!("DeleteInstance", call, operations)
        }
        CloudAction::PutPorts { instance, ports } => {
            let ports = ports.iter().map(convert::port_info).collect();
            let call = client.put_instance_public_ports().instance_name(instance.as_str());
            send!("PutInstancePublicPorts", call.set_port_infos(Some(ports)), operation)
        }
        CloudAction::Tag { name, tags } => {
            let call = client.tag_resource().resource_name(name.as_str()).set_tags(Some(convert::sdk_tags(tags)));
            send!("TagResource", call, operations)
        }
        CloudAction::ImportKeyPair { .. } | CloudAction::DeleteKeyPair { .. } => key_pair(client, action).await,
        CloudAction::AllocateAddress { .. }
        | CloudAction::AttachAddress { .. }
        | CloudAction::DetachAddress { .. }
        | CloudAction::ReleaseAddress { .. } => address(client, action).await,
        CloudAction::CreateContact { .. }
        | CloudAction::DeleteContact
        | CloudAction::PutAlarm(_)
        | CloudAction::DeleteAlarm { .. } => alarm(client, action).await,
        _ => disk(client, action).await,
    }
}

async fn create_instance(client: &Client, spec: &InstanceSpec) -> Result<Vec<Operation>, CloudError> {
    let call = client
        .create_instances()
        .instance_names(spec.name.as_str())
        .availability_zone(&spec.zone)
        .bundle_id(&spec.size)
        .blueprint_id(&spec.image)
        .user_data(&spec.user_data)
        .key_pair_name(spec.key_pair.as_str())
        .set_tags(Some(convert::sdk_tags(&spec.tags)));
    send!("CreateInstances", call, operations)
}

async fn key_pair(client: &Client, action: &CloudAction) -> Result<Vec<Operation>, CloudError> {
    match action {
        CloudAction::ImportKeyPair { name, public_key, .. } => {
            let call = client.import_key_pair().key_pair_name(name.as_str()).public_key_base64(public_key);
            send!("ImportKeyPair", call, operation)
        }
        CloudAction::DeleteKeyPair { name } => {
            send!("DeleteKeyPair", client.delete_key_pair().key_pair_name(name.as_str()), operation)
        }
        _ => unreachable!("submit sends key pair actions here"),
    }
}

async fn address(client: &Client, action: &CloudAction) -> Result<Vec<Operation>, CloudError> {
    match action {
        CloudAction::AllocateAddress { name, .. } => {
            send!("AllocateStaticIp", client.allocate_static_ip().static_ip_name(name.as_str()), operations)
        }
        CloudAction::AttachAddress { name, instance } => {
            let call = client.attach_static_ip().static_ip_name(name.as_str()).instance_name(instance.as_str());
            send!("AttachStaticIp", call, operations)
        }
        CloudAction::DetachAddress { name } => {
            send!("DetachStaticIp", client.detach_static_ip().static_ip_name(name.as_str()), operations)
        }
        CloudAction::ReleaseAddress { name } => {
            send!("ReleaseStaticIp", client.release_static_ip().static_ip_name(name.as_str()), operations)
        }
        _ => unreachable!("submit sends address actions here"),
    }
}

async fn disk(client: &Client, action: &CloudAction) -> Result<Vec<Operation>, CloudError> {
    match action {
        CloudAction::CreateDisk { name, zone, size_gb, tags, .. } => {
            let call = client
                .create_disk()
                .disk_name(name.as_str())
                .availability_zone(zone)
                .size_in_gb(size(*size_gb))
                .set_tags(Some(convert::sdk_tags(tags)));
            send!("CreateDisk", call, operations)
        }
        CloudAction::CreateDiskFromSnapshot { name, snapshot, zone, size_gb, tags } => {
            let call = client
                .create_disk_from_snapshot()
                .disk_name(name.as_str())
                .disk_snapshot_name(snapshot.as_str())
                .availability_zone(zone)
                .size_in_gb(size(*size_gb))
                .set_tags(Some(convert::sdk_tags(tags)));
            send!("CreateDiskFromSnapshot", call, operations)
        }
        CloudAction::AttachDisk { name, instance, path } => {
            let call = client.attach_disk().disk_name(name.as_str()).instance_name(instance.as_str()).disk_path(path);
            send!("AttachDisk", call, operations)
        }
        CloudAction::DetachDisk { name } => {
            send!("DetachDisk", client.detach_disk().disk_name(name.as_str()), operations)
        }
        CloudAction::DeleteDisk { name } => {
            send!("DeleteDisk", client.delete_disk().disk_name(name.as_str()).force_delete_add_ons(true), operations)
        }
        CloudAction::SnapshotDisk { disk, snapshot, tags } => {
            let call = client
                .create_disk_snapshot()
                .disk_name(disk.as_str())
                .disk_snapshot_name(snapshot.as_str())
                .set_tags(Some(convert::sdk_tags(tags)));
            send!("CreateDiskSnapshot", call, operations)
        }
        CloudAction::DeleteSnapshot { name } => {
            send!("DeleteDiskSnapshot", client.delete_disk_snapshot().disk_snapshot_name(name.as_str()), operations)
        }
        _ => Err(not_of("Lightsail", action)),
    }
}

async fn alarm(client: &Client, action: &CloudAction) -> Result<Vec<Operation>, CloudError> {
    match action {
        CloudAction::CreateContact { email, tags } => {
            let call = client
                .create_contact_method()
                .protocol(ContactProtocol::Email)
                .contact_endpoint(email)
                .set_tags(Some(convert::sdk_tags(tags)));
            send!("CreateContactMethod", call, operations)
        }
        CloudAction::DeleteContact => {
            send!("DeleteContactMethod", client.delete_contact_method().protocol(ContactProtocol::Email), operations)
        }
        CloudAction::PutAlarm(spec) => put_alarm(client, spec).await,
        CloudAction::DeleteAlarm { name } => {
            send!("DeleteAlarm", client.delete_alarm().alarm_name(name.as_str()), operations)
        }
        _ => unreachable!("submit sends alarm actions here"),
    }
}

async fn put_alarm(client: &Client, spec: &AlarmSpec) -> Result<Vec<Operation>, CloudError> {
    let periods = i32::try_from(spec.evaluation_periods).unwrap_or(i32::MAX);
    let mut call = client
        .put_alarm()
        .alarm_name(spec.name.as_str())
        .monitored_resource_name(spec.monitored.as_str())
        .metric_name(MetricName::from(spec.metric.as_str()))
        .comparison_operator(convert::comparison(spec.comparison))
        .threshold(spec.threshold)
        .evaluation_periods(periods)
        .datapoints_to_alarm(periods)
        .treat_missing_data(TreatMissingData::Missing)
        .set_tags(Some(convert::sdk_tags(&spec.tags)));
    if spec.notify_email {
        call = call.contact_protocols(ContactProtocol::Email).notification_enabled(true);
    }
    send!("PutAlarm", call, operations)
}

/// The plan's validation holds disks to 16,000 GB.
fn size(size_gb: u32) -> i32 {
    i32::try_from(size_gb).unwrap_or(i32::MAX)
}
