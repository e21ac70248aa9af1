//! Which function answers which operation.

use super::account::{Answer, Call};
use super::error::{ApiError, Exception};
use super::metrics::{self, Samples};
use super::{
    access, add_ons, alarms, catalog, contacts, disks, instances, key_pairs, operations, peering, ports, snapshots,
    static_ips, tags,
};

/// Operations that change nothing.
pub fn is_read(operation: &str) -> bool {
    operation.starts_with("Get") || operation.starts_with("Is")
}

pub fn answer(operation: &str, call: &mut Call<'_>, samples: &Samples, now: f64) -> Answer {
    match operation {
        "CreateInstances" => instances::create(call),
        "CreateInstancesFromSnapshot" => snapshots::create_instances(call),
        "GetInstances" => instances::list(call),
        "GetInstance" => instances::get(call),
        "GetInstanceState" => instances::get_state(call),
        "GetInstanceAccessDetails" => access::get(call),
        "GetInstanceMetricData" => metrics::get(call, samples, now),
        "StartInstance" => instances::start(call),
        "StopInstance" => instances::stop(call),
        "RebootInstance" => instances::reboot(call),
        "DeleteInstance" => instances::delete(call),
        "CreateInstanceSnapshot" => snapshots::create(call),
        "GetInstanceSnapshots" => snapshots::list(call),
        "GetInstanceSnapshot" => snapshots::get(call),
        "DeleteInstanceSnapshot" => snapshots::delete(call),
        "OpenInstancePublicPorts" => ports::open(call),
        "CloseInstancePublicPorts" => ports::close(call),
        "PutInstancePublicPorts" => ports::put(call),
        "GetInstancePortStates" => ports::states(call),
        "AllocateStaticIp" => static_ips::allocate(call),
        "AttachStaticIp" => static_ips::attach(call),
        "DetachStaticIp" => static_ips::detach(call),
        "ReleaseStaticIp" => static_ips::release(call),
        "GetStaticIps" => static_ips::list(call),
        "GetStaticIp" => static_ips::get(call),
        _ => answer_more(operation, call),
    }
}

fn answer_more(operation: &str, call: &mut Call<'_>) -> Answer {
    match operation {
        "CreateDisk" => disks::create(call),
        "CreateDiskFromSnapshot" => disks::create_from_snapshot(call),
        "AttachDisk" => disks::attach(call),
        "DetachDisk" => disks::detach(call),
        "DeleteDisk" => disks::delete(call),
        "GetDisks" => disks::list(call),
        "GetDisk" => disks::get(call),
        "CreateDiskSnapshot" => disks::create_snapshot(call),
        "GetDiskSnapshots" => disks::list_snapshots(call),
        "GetDiskSnapshot" => disks::get_snapshot(call),
        "DeleteDiskSnapshot" => disks::delete_snapshot(call),
        "ImportKeyPair" => key_pairs::import(call),
        "CreateKeyPair" => key_pairs::create(call),
        "GetKeyPairs" => key_pairs::list(call),
        "GetKeyPair" => key_pairs::get(call),
        "DeleteKeyPair" => key_pairs::delete(call),
        "DownloadDefaultKeyPair" => key_pairs::download_default(call),
        "CreateContactMethod" => contacts::create(call),
        "GetContactMethods" => contacts::list(call),
        "DeleteContactMethod" => contacts::delete(call),
        "SendContactMethodVerification" => contacts::send_verification(call),
        "PutAlarm" => alarms::put(call),
        "GetAlarms" => alarms::list(call),
        "DeleteAlarm" => alarms::delete(call),
        "TestAlarm" => alarms::test(call),
        "GetBundles" => catalog::get_bundles(call),
        "GetBlueprints" => catalog::get_blueprints(call),
        "GetRegions" => Ok(catalog::get_regions(call)),
        "GetOperation" => operations::get(call),
        "GetOperations" => operations::list(call),
        "GetOperationsForResource" => operations::list_for_resource(call),
        "TagResource" => tags::tag(call),
        "UntagResource" => tags::untag(call),
        "GetActiveNames" => tags::active_names(call),
        "EnableAddOn" => add_ons::enable(call),
        "DisableAddOn" => add_ons::disable(call),
        "PeerVpc" => peering::peer(call),
        "UnpeerVpc" => peering::unpeer(call),
        "IsVpcPeered" => peering::is_peered(call),
        _ => Err(ApiError::new(
            Exception::UnknownOperation,
            "UnknownOperation",
            format!("The lab has no operation {operation}"),
        )),
    }
}
