//! Snapshots of instances with their disks, and instances made from them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Answer, Call};
use super::catalog;
use super::disks::{Disk, DiskState};
use super::error::ApiError;
use super::instances;
use super::operations::Subject;
use super::page::page;
use super::resource::{Identity, Kind, extend, short_id};
use super::work::Work;
use crate::machines::{DiskId, SnapshotId};

/// What a snapshot keeps of a disk that was attached.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeptDisk {
    pub snapshot: SnapshotId,
    pub name: String,
    pub path: String,
    pub size_gb: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InstanceSnapshot {
    pub identity: Identity,
    pub snapshot: SnapshotId,
    pub from_instance: String,
    pub from_instance_arn: String,
    pub blueprint: String,
    pub bundle: String,
    pub disks: Vec<KeptDisk>,
    pub available: bool,
}

impl InstanceSnapshot {
    fn view(&self) -> Value {
        let size = catalog::find_bundle(&self.bundle).map_or(0, |bundle| bundle.disk_gb);
        let disks: Vec<Value> = self
            .disks
            .iter()
            .map(
                |disk| json!({ "name": disk.name, "path": disk.path, "sizeInGb": disk.size_gb, "isSystemDisk": false }),
            )
            .collect();
        extend(
            self.identity.view(),
            json!({
                "state": if self.available { "available" } else { "pending" },
                "progress": if self.available { "100%" } else { "0%" }, "fromAttachedDisks": disks,
                "fromInstanceName": self.from_instance, "fromInstanceArn": self.from_instance_arn,
                "fromBlueprintId": self.blueprint, "fromBundleId": self.bundle, "isFromAutoSnapshot": false,
                "sizeInGb": size + self.disks.iter().map(|disk| disk.size_gb).sum::<u32>(),
            }),
        )
    }

    fn subject<'a>(&'a self, details: &'a str) -> Subject<'a> {
        Subject { kind: Kind::InstanceSnapshot, name: &self.identity.name, zone: "all", details }
    }
}

fn find<'a>(call: &'a Call<'_>, name: &str) -> Result<&'a InstanceSnapshot, ApiError> {
    call.region.instance_snapshots.get(name).ok_or_else(|| ApiError::not_found("InstanceSnapshot", name))
}

pub fn create(call: &mut Call<'_>) -> Answer {
    let name = call.input.text("instanceSnapshotName")?.to_owned();
    call.check_new_name(&name)?;
    let instance = call.instance()?.clone();
    instance.check_settled()?;
    let source = instance.identity.name.clone();
    let kept = call.region.disks.values().filter_map(|disk| match &disk.state {
        DiskState::Attached { instance, path, .. } if *instance == source => Some(KeptDisk {
            snapshot: SnapshotId(short_id("snap")),
            name: disk.identity.name.clone(),
            path: path.clone(),
            size_gb: disk.size_gb,
        }),
        _ => None,
    });
    let snapshot = InstanceSnapshot {
        disks: kept.collect(),
        identity: call.identity(Kind::InstanceSnapshot, &name, "all", call.input.tags()?),
        snapshot: SnapshotId(short_id("snap")),
        from_instance: source.clone(),
        from_instance_arn: instance.identity.arn(),
        blueprint: instance.blueprint.clone(),
        bundle: instance.bundle.clone(),
        available: false,
    };
    call.region.instance_snapshots.insert(name.clone(), snapshot.clone());
    let of_instance = Subject { details: &name, ..instance.subject() };
    let work = Work::SnapshotInstance { snapshot: name.clone() };
    call.operations("CreateInstanceSnapshot", work, &[snapshot.subject(&source), of_instance])
}

pub fn delete(call: &mut Call<'_>) -> Answer {
    let name = call.input.text("instanceSnapshotName")?.to_owned();
    let snapshot = find(call, &name)?.clone();
    if !snapshot.available {
        return Err(ApiError::busy("instance snapshot", &name, "pending"));
    }
    let work = Work::DeleteInstanceSnapshot { snapshot: name };
    call.operations("DeleteInstanceSnapshot", work, &[snapshot.subject(&snapshot.from_instance)])
}

pub fn list(call: &Call<'_>) -> Answer {
    page(call, "instanceSnapshots", call.region.instance_snapshots.values().map(InstanceSnapshot::view))
}

pub fn get(call: &Call<'_>) -> Answer {
    Ok(json!({ "instanceSnapshot": find(call, call.input.text("instanceSnapshotName")?)?.view() }))
}

/// New instances from a snapshot, with copies of the disks that were attached to the old one.
pub fn create_instances(call: &mut Call<'_>) -> Answer {
    if call.input.optional_text("sourceInstanceName").is_some() {
        return Err(ApiError::failure("The lab keeps no automatic snapshots"));
    }
    let name = call.input.text("instanceSnapshotName")?.to_owned();
    let snapshot = find(call, &name)?.clone();
    if !snapshot.available {
        return Err(ApiError::busy("instance snapshot", &name, "pending"));
    }
    let wanted = call.input.text("bundleId")?;
    let least = catalog::find_bundle(&snapshot.bundle).map_or(0, |bundle| bundle.disk_gb);
    if catalog::find_bundle(wanted).is_some_and(|bundle| bundle.disk_gb < least) {
        return Err(ApiError::invalid(format!(
            "The bundle {wanted} is smaller than the snapshot {name}: {least} GB are needed"
        )));
    }
    let order = instances::order(call, &snapshot.blueprint, Some(name))?;
    let disks = new_disks(call, &order.names, &snapshot)?;
    let zone = call.input.text("availabilityZone")?.to_owned();
    let answer = instances::place(call, &order, "CreateInstancesFromSnapshot")?;
    for (disk, instance, kept) in disks {
        let state = DiskState::Attached { instance, path: kept.path, settled: false };
        let identity = call.identity(Kind::Disk, &disk, &zone, Vec::new());
        let from_snapshot = Some(snapshot.identity.name.clone());
        let id = DiskId(short_id("vol"));
        let made = Disk { identity, disk: id, size_gb: kept.size_gb, state, from_snapshot, add_ons: Vec::new() };
        call.region.disks.insert(disk, made);
    }
    Ok(answer)
}

/// A disk to make: its name, its instance, what it is a copy of.
type NewDisk = (String, String, KeptDisk);

/// Names each copy as `attachedDiskMapping` says, or after a random id as AWS does without it.
fn new_disks(call: &Call<'_>, instances: &[String], snapshot: &InstanceSnapshot) -> Result<Vec<NewDisk>, ApiError> {
    let mapping = call.input.get("attachedDiskMapping");
    let mut disks = Vec::new();
    for instance in instances {
        for kept in &snapshot.disks {
            let mapped = mapping.and_then(|mapping| mapping.get(instance)).and_then(Value::as_array);
            let entry = mapped.into_iter().flatten().find(|entry| entry["originalDiskPath"] == json!(kept.path));
            let name = entry.and_then(|entry| entry["newDiskName"].as_str());
            let name = name.map_or_else(|| short_id("Disk"), String::from);
            call.check_new_name(&name)?;
            disks.push((name, instance.clone(), kept.clone()));
        }
    }
    Ok(disks)
}
