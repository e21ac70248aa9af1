//! Snapshots of volumes. One of a root volume exists in the account only: a root is part of its machine.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Answer, Call, Region};
use super::error::ApiError;
use super::filters::{Values, matches, one, page, tag_set};
use super::input::Tags;
use super::time;
use super::volumes::VolumeState;
use super::work::Work;
use crate::lightsail::{ACCOUNT, now, short_id};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotState {
    Pending,
    Completed,
    Error,
}

impl SnapshotState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Error => "error",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Snapshot {
    pub id: String,
    pub volume: String,
    pub size_gb: u32,
    pub encrypted: bool,
    pub kms_key: Option<String>,
    pub state: SnapshotState,
    pub description: String,
    pub started_at: f64,
    pub tags: Tags,
    /// Of a root volume: nothing stands behind it.
    pub of_root: bool,
}

impl Snapshot {
    pub fn view(&self) -> Value {
        let done = self.state == SnapshotState::Completed;
        let mut view = json!({
            "SnapshotId": self.id, "VolumeId": self.volume, "VolumeSize": self.size_gb, "State": self.state.name(),
            "Progress": if done { "100%" } else { "0%" }, "StartTime": time(self.started_at), "OwnerId": ACCOUNT,
            "Description": self.description, "Encrypted": self.encrypted, "KmsKeyId": self.kms_key,
            "StorageTier": "standard",
        });
        if !self.tags.is_empty() {
            view["Tags"] = tag_set(&self.tags);
        }
        view
    }

    fn filter(&self, name: &str) -> Values {
        match name {
            "snapshot-id" => one(&self.id),
            "volume-id" => one(&self.volume),
            "volume-size" => one(self.size_gb),
            "status" => one(self.state.name()),
            "description" => one(&self.description),
            "encrypted" => one(self.encrypted),
            "owner-id" => one(ACCOUNT),
            "start-time" => one(time(self.started_at).as_str().unwrap_or_default()),
            "storage-tier" => one("standard"),
            _ => None,
        }
    }
}

/// A snapshot that a volume can be made from.
pub fn usable<'a>(region: &'a Region, id: &str) -> Result<&'a Snapshot, ApiError> {
    let found = region.snapshots.get(id).ok_or_else(|| not_found(id))?;
    match found.state {
        SnapshotState::Completed => Ok(found),
        state => Err(ApiError::new("IncorrectState", format!("Snapshot is in invalid state - {}", state.name()))),
    }
}

fn not_found(id: &str) -> ApiError {
    ApiError::not_found("InvalidSnapshot", "snapshot", id)
}

pub fn create(call: &mut Call<'_>) -> Answer {
    call.input.tags_only_for(&["snapshot"])?;
    let volume = call.region.volume(call.input.text("VolumeId")?)?;
    if !matches!(volume.state, VolumeState::Available | VolumeState::InUse) {
        let message = format!("The state of volume {} is '{}'", volume.id, volume.state.name());
        return Err(ApiError::new("IncorrectState", message));
    }
    let snapshot = Snapshot {
        id: short_id("snap"),
        volume: volume.id.clone(),
        size_gb: volume.size_gb,
        encrypted: volume.encrypted,
        kms_key: volume.kms_key.clone(),
        state: SnapshotState::Pending,
        description: call.input.maybe("Description").unwrap_or_default().to_owned(),
        started_at: now(),
        tags: call.input.tags_for("snapshot")?,
        of_root: volume.is_root,
    };
    let (id, view) = (snapshot.id.clone(), snapshot.view());
    call.region.snapshots.insert(id.clone(), snapshot);
    call.start(Work::Snapshot { snapshot: id });
    Ok(view)
}

pub fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.input.text("SnapshotId")?;
    let snapshot = call.region.snapshots.get(id).ok_or_else(|| not_found(id))?;
    // A volume is a copy from its first moment here; one that is being made still reads it.
    let read = call
        .region
        .volumes
        .values()
        .any(|volume| volume.state == VolumeState::Creating && volume.snapshot.as_deref() == Some(id));
    if read || snapshot.state == SnapshotState::Pending {
        return Err(ApiError::new("InvalidSnapshot.InUse", format!("The snapshot {id} is currently in use")));
    }
    call.region.snapshots.remove(id);
    call.start(Work::DeleteSnapshot { snapshot: id.to_owned() });
    Ok(json!({}))
}

/// The lab has no snapshots of others.
pub fn describe(call: &Call<'_>) -> Answer {
    let (ids, owners) = (call.input.texts("SnapshotIds"), call.input.texts("OwnerIds"));
    if let Some(id) = ids.iter().find(|id| !call.region.snapshots.contains_key(*id)) {
        return Err(not_found(id));
    }
    let own = owners.is_empty() || owners.iter().any(|owner| owner == "self" || owner == ACCOUNT);
    let mut shown = Vec::new();
    for snapshot in call.region.snapshots.values().filter(|it| own && (ids.is_empty() || ids.contains(&it.id))) {
        if matches(call.input, &snapshot.tags, |name| snapshot.filter(name))? {
            shown.push(snapshot.view());
        }
    }
    page(call, "Snapshots", shown)
}
