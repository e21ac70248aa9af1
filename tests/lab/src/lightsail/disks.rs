//! Block storage disks and their snapshots.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Answer, Call};
use super::error::ApiError;
use super::instances::State;
use super::operations::Subject;
use super::page::page;
use super::resource::{Identity, Kind, extend, short_id};
use super::work::Work;
use crate::machines::{DiskId, SnapshotId};

/// AWS's limits, in GB, and its limit for one instance.
const SIZES: std::ops::RangeInclusive<u32> = 8..=16384;
const MAX_ATTACHED: usize = 15;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskState {
    Pending,
    Available,
    /// There; on its way there or back while not `settled`.
    Attached {
        instance: String,
        path: String,
        settled: bool,
    },
    Deleting,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Disk {
    pub identity: Identity,
    pub disk: DiskId,
    pub size_gb: u32,
    pub state: DiskState,
    /// The name of the snapshot that its first bytes come from.
    pub from_snapshot: Option<String>,
    pub add_ons: Vec<(String, String)>,
}

impl Disk {
    pub fn attached_to(&self) -> Option<&String> {
        match &self.state {
            DiskState::Attached { instance, .. } => Some(instance),
            _ => None,
        }
    }

    pub fn view(&self) -> Value {
        let state = match self.state {
            DiskState::Pending => "pending",
            DiskState::Available => "available",
            DiskState::Attached { .. } => "in-use",
            DiskState::Deleting => "unknown",
        };
        let view = json!({
            "sizeInGb": self.size_gb, "isSystemDisk": false, "iops": 100, "state": state,
            "isAttached": false, "attachmentState": "detached",
        });
        let view = extend(self.identity.view(), view);
        let DiskState::Attached { instance, path, settled } = &self.state else { return view };
        let attachment = json!({
            "attachedTo": instance, "path": path, "isAttached": settled,
            "attachmentState": if *settled { "attached" } else { "attaching" },
        });
        match view {
            Value::Object(view) => extend(view, attachment),
            other => other,
        }
    }

    pub fn subject<'a>(&'a self, details: &'a str) -> Subject<'a> {
        Subject { kind: Kind::Disk, name: &self.identity.name, zone: &self.identity.zone, details }
    }
}

fn find<'a>(call: &'a Call<'_>, name: &str) -> Result<&'a Disk, ApiError> {
    call.region.disks.get(name).ok_or_else(|| ApiError::not_found("Disk", name))
}

pub fn create(call: &mut Call<'_>) -> Answer {
    make(call, None, "CreateDisk")
}

pub fn create_from_snapshot(call: &mut Call<'_>) -> Answer {
    if call.input.optional_text("sourceDiskName").is_some() {
        return Err(ApiError::failure("The lab keeps no automatic snapshots"));
    }
    let name = call.input.text("diskSnapshotName")?.to_owned();
    let snapshot = call.region.disk_snapshots.get(&name).ok_or_else(|| ApiError::not_found("DiskSnapshot", &name))?;
    if !snapshot.completed {
        return Err(ApiError::busy("disk snapshot", &name, "pending"));
    }
    let (least, size) = (snapshot.size_gb, call.input.size("sizeInGb")?);
    if size < least {
        let message = format!("The disk size {size} GB is smaller than the snapshot: it must be at least {least} GB");
        return Err(ApiError::invalid(message));
    }
    make(call, Some(name), "CreateDiskFromSnapshot")
}

fn make(call: &mut Call<'_>, from_snapshot: Option<String>, operation: &str) -> Answer {
    let name = call.input.text("diskName")?.to_owned();
    call.check_new_name(&name)?;
    let zone = call.input.text("availabilityZone")?.to_owned();
    call.check_zone(&zone)?;
    let size_gb = call.input.size("sizeInGb")?;
    if !SIZES.contains(&size_gb) {
        let message = format!("The disk size must be between {} GB and {} GB: {size_gb}", SIZES.start(), SIZES.end());
        return Err(ApiError::invalid(message));
    }
    let add_ons = call.input.list("addOns").iter().map(super::add_ons::read).collect::<Result<_, _>>()?;
    let identity = call.identity(Kind::Disk, &name, &zone, call.input.tags()?);
    let state = DiskState::Pending;
    let disk = Disk { identity, disk: DiskId(short_id("vol")), size_gb, state, from_snapshot, add_ons };
    call.region.disks.insert(name.clone(), disk.clone());
    call.operations(operation, Work::CreateDisk { disk: name }, &[disk.subject("")])
}

pub fn attach(call: &mut Call<'_>) -> Answer {
    let name = call.input.text("diskName")?.to_owned();
    let target = call.input.text("instanceName")?.to_owned();
    let path = call.input.text("diskPath")?.to_owned();
    check_attachment(call, &name, &target, &path)?;
    let instance = call.region.instance(&target)?.clone();
    let disk = call.region.disks.get_mut(&name).ok_or_else(|| ApiError::not_found("Disk", &name))?;
    disk.state = DiskState::Attached { instance: target.clone(), path, settled: false };
    let copy = disk.clone();
    let of_instance = Subject { details: &name, ..instance.subject() };
    let work = Work::AttachDisk { disk: name.clone(), instance: target.clone() };
    call.operations("AttachDisk", work, &[copy.subject(&target), of_instance])
}

fn check_attachment(call: &Call<'_>, name: &str, target: &str, path: &str) -> Result<(), ApiError> {
    let disk = find(call, name)?;
    let instance = call.region.instance(target)?;
    // The names that AWS documents for Linux: /dev/xvdf to /dev/xvdp, and /dev/sdf to /dev/sdp.
    let letter = path.strip_prefix("/dev/xvd").or_else(|| path.strip_prefix("/dev/sd"));
    if !letter.is_some_and(|letter| letter.len() == 1 && ("f"..="z").contains(&letter)) {
        return Err(ApiError::invalid("The disk path is invalid. You must specify a valid disk path."));
    }
    match &disk.state {
        DiskState::Available => {}
        DiskState::Attached { instance, .. } => {
            return Err(ApiError::invalid(format!(
                "The disk \"{name}\" is already attached to the instance \"{instance}\""
            )));
        }
        _ => return Err(ApiError::busy("disk", name, "pending")),
    }
    let (disk_zone, instance_zone) = (&disk.identity.zone, &instance.identity.zone);
    if disk_zone != instance_zone {
        return Err(ApiError::invalid(format!(
            "The disk \"{name}\" and the instance \"{target}\" must be in the same Availability Zone: {disk_zone} is not \
             {instance_zone}"
        )));
    }
    instance.check_settled()?;
    let attached: Vec<&Disk> =
        call.region.disks.values().filter(|disk| disk.attached_to().is_some_and(|name| name == target)).collect();
    let at_path = |disk: &&Disk| matches!(&disk.state, DiskState::Attached { path: taken, .. } if taken == path);
    if attached.iter().any(at_path) {
        return Err(ApiError::invalid(format!("The disk path {path} is already in use by the instance \"{target}\"")));
    }
    match attached.len() >= MAX_ATTACHED {
        true => Err(ApiError::invalid(format!("The instance \"{target}\" already has {MAX_ATTACHED} disks attached"))),
        false => Ok(()),
    }
}

pub fn detach(call: &mut Call<'_>) -> Answer {
    let name = call.input.text("diskName")?.to_owned();
    let (target, path) = match find(call, &name)?.state.clone() {
        DiskState::Attached { instance, path, settled: true } => (instance, path),
        DiskState::Attached { .. } => return Err(ApiError::busy("disk", &name, "in-use")),
        _ => return Err(ApiError::invalid(format!("The disk \"{name}\" is not attached to an instance"))),
    };
    let instance = call.region.instance(&target)?.clone();
    if instance.state != State::Stopped {
        return Err(ApiError::failure(format!(
            "You can't detach this disk right now. Stop the instance \"{target}\" first. The state of the instance is: {}",
            instance.state.name()
        )));
    }
    let disk = call.region.disks.get_mut(&name).ok_or_else(|| ApiError::not_found("Disk", &name))?;
    disk.state = DiskState::Attached { instance: target.clone(), path, settled: false };
    let copy = disk.clone();
    let of_instance = Subject { details: &name, ..instance.subject() };
    let work = Work::DetachDisk { disk: name.clone(), instance: target.clone() };
    call.operations("DetachDisk", work, &[copy.subject(&target), of_instance])
}

pub fn delete(call: &mut Call<'_>) -> Answer {
    let name = call.input.text("diskName")?.to_owned();
    let disk = find(call, &name)?;
    match &disk.state {
        DiskState::Attached { instance, .. } => {
            let message = format!(
                "You can't delete this disk right now. The disk \"{name}\" is attached to the instance \"{instance}\". The \
                 state of this disk is: in-use"
            );
            return Err(ApiError::failure(message));
        }
        DiskState::Available => {}
        _ => return Err(ApiError::busy("disk", &name, "pending")),
    }
    if !disk.add_ons.is_empty() && !call.input.flag("forceDeleteAddOns") {
        return Err(ApiError::failure(format!(
            "The disk \"{name}\" has add-ons. Disable them first, or use forceDeleteAddOns"
        )));
    }
    let disk = call.region.disks.get_mut(&name).ok_or_else(|| ApiError::not_found("Disk", &name))?;
    disk.state = DiskState::Deleting;
    let copy = disk.clone();
    call.operations("DeleteDisk", Work::DeleteDisk { disk: name }, &[copy.subject("")])
}

pub fn list(call: &Call<'_>) -> Answer {
    page(call, "disks", call.region.disks.values().map(Disk::view))
}

pub fn get(call: &Call<'_>) -> Answer {
    Ok(json!({ "disk": find(call, call.input.text("diskName")?)?.view() }))
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DiskSnapshot {
    pub identity: Identity,
    pub snapshot: SnapshotId,
    pub size_gb: u32,
    pub from_disk: String,
    pub from_disk_arn: String,
    pub completed: bool,
}

impl DiskSnapshot {
    fn view(&self) -> Value {
        extend(
            self.identity.view(),
            json!({
                "sizeInGb": self.size_gb, "state": if self.completed { "completed" } else { "pending" },
                "progress": if self.completed { "100%" } else { "0%" }, "fromDiskName": self.from_disk,
                "fromDiskArn": self.from_disk_arn, "isFromAutoSnapshot": false,
            }),
        )
    }

    fn subject<'a>(&'a self, details: &'a str) -> Subject<'a> {
        Subject { kind: Kind::DiskSnapshot, name: &self.identity.name, zone: "all", details }
    }
}

pub fn create_snapshot(call: &mut Call<'_>) -> Answer {
    let name = call.input.text("diskSnapshotName")?.to_owned();
    call.check_new_name(&name)?;
    if call.input.optional_text("instanceName").is_some() {
        return Err(ApiError::failure("The lab makes no snapshots of system disks alone: use CreateInstanceSnapshot"));
    }
    let source = call.input.text("diskName")?.to_owned();
    let disk = find(call, &source)?.clone();
    if matches!(disk.state, DiskState::Pending | DiskState::Deleting) {
        return Err(ApiError::busy("disk", &source, "pending"));
    }
    let snapshot = DiskSnapshot {
        identity: call.identity(Kind::DiskSnapshot, &name, "all", call.input.tags()?),
        snapshot: SnapshotId(short_id("snap")),
        size_gb: disk.size_gb,
        from_disk: source.clone(),
        from_disk_arn: disk.identity.arn(),
        completed: false,
    };
    call.region.disk_snapshots.insert(name.clone(), snapshot.clone());
    call.operations("CreateDiskSnapshot", Work::SnapshotDisk { snapshot: name }, &[snapshot.subject(&source)])
}

fn find_snapshot<'a>(call: &'a Call<'_>, name: &str) -> Result<&'a DiskSnapshot, ApiError> {
    call.region.disk_snapshots.get(name).ok_or_else(|| ApiError::not_found("DiskSnapshot", name))
}

pub fn delete_snapshot(call: &mut Call<'_>) -> Answer {
    let name = call.input.text("diskSnapshotName")?.to_owned();
    let snapshot = find_snapshot(call, &name)?.clone();
    if !snapshot.completed {
        return Err(ApiError::busy("disk snapshot", &name, "pending"));
    }
    let work = Work::DeleteDiskSnapshot { snapshot: name };
    call.operations("DeleteDiskSnapshot", work, &[snapshot.subject(&snapshot.from_disk)])
}

pub fn list_snapshots(call: &Call<'_>) -> Answer {
    page(call, "diskSnapshots", call.region.disk_snapshots.values().map(DiskSnapshot::view))
}

pub fn get_snapshot(call: &Call<'_>) -> Answer {
    Ok(json!({ "diskSnapshot": find_snapshot(call, call.input.text("diskSnapshotName")?)?.view() }))
}
