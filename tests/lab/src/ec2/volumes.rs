//! Volumes: what they are and what they show; made, described, deleted.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Answer, Call};
use super::error::ApiError;
use super::filters::{Values, matches, maybe, one, page, tag_set};
use super::input::Tags;
use super::modification::Modification;
use super::time;
use super::volume_types::{self, Figures};
use super::work::Work;
use crate::lightsail::{ACCOUNT, now, short_id};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeState {
    Creating,
    Available,
    InUse,
    Deleting,
    Error,
}

impl VolumeState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Available => "available",
            Self::InUse => "in-use",
            Self::Deleting => "deleting",
            Self::Error => "error",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttachmentState {
    Attaching,
    Attached,
    Detaching,
    /// It is to be detached, but the instance still has it mounted.
    Busy,
}

impl AttachmentState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Attaching => "attaching",
            Self::Attached => "attached",
            Self::Detaching => "detaching",
            Self::Busy => "busy",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Attachment {
    pub instance: String,
    pub device: String,
    pub state: AttachmentState,
    pub since: f64,
    pub delete_on_termination: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Volume {
    pub id: String,
    pub kind: String,
    pub size_gb: u32,
    pub iops: Option<u32>,
    pub throughput: Option<u32>,
    pub encrypted: bool,
    pub kms_key: Option<String>,
    pub zone: String,
    /// Where its first bytes come from.
    pub snapshot: Option<String>,
    pub state: VolumeState,
    pub created_at: f64,
    pub tags: Tags,
    pub attachment: Option<Attachment>,
    /// An instance's root is part of its machine: no disk stands behind it.
    pub is_root: bool,
    pub modification: Option<Modification>,
    /// When modifications began.
    pub modified_at: Vec<f64>,
}

impl Volume {
    /// The instance that has it, or is getting or losing it.
    pub fn holder(&self) -> Option<&str> {
        self.attachment.as_ref().map(|attachment| attachment.instance.as_str())
    }

    pub fn view(&self) -> Value {
        let attachments: Vec<Value> = self.attachment_view().into_iter().collect();
        let mut view = json!({
            "VolumeId": self.id, "VolumeType": self.kind, "Size": self.size_gb, "Iops": self.iops,
            "Throughput": self.throughput, "Encrypted": self.encrypted, "KmsKeyId": self.kms_key,
            "AvailabilityZone": self.zone, "SnapshotId": self.snapshot.as_deref().unwrap_or_default(),
            "State": self.state.name(), "CreateTime": time(self.created_at), "MultiAttachEnabled": false,
            "Attachments": attachments,
        });
        if !self.tags.is_empty() {
            view["Tags"] = tag_set(&self.tags);
        }
        view
    }

    pub fn attachment_view(&self) -> Option<Value> {
        let Attachment { instance, device, state, since, delete_on_termination } = self.attachment.as_ref()?;
        Some(json!({
            "VolumeId": self.id, "InstanceId": instance, "Device": device, "State": state.name(),
            "AttachTime": time(*since), "DeleteOnTermination": delete_on_termination,
        }))
    }

    /// As its instance shows it.
    pub fn device_view(&self) -> Option<Value> {
        let held = self.attachment.as_ref()?;
        let status = if held.state == AttachmentState::Busy { AttachmentState::Detaching } else { held.state };
        Some(json!({ "DeviceName": held.device, "Ebs": {
            "VolumeId": self.id, "Status": status.name(), "AttachTime": time(held.since),
            "DeleteOnTermination": held.delete_on_termination,
        }}))
    }

    fn filter(&self, name: &str) -> Values {
        let held = self.attachment.as_ref();
        match name {
            "volume-id" => one(&self.id),
            "volume-type" => one(&self.kind),
            "size" => one(self.size_gb),
            "status" => one(self.state.name()),
            "encrypted" => one(self.encrypted),
            "availability-zone" => one(&self.zone),
            "snapshot-id" => maybe(self.snapshot.as_ref()),
            "create-time" => maybe(time(self.created_at).as_str()),
            "attachment.instance-id" => maybe(self.holder()),
            "attachment.device" => maybe(held.map(|held| &held.device)),
            "attachment.status" => maybe(held.map(|held| held.state.name())),
            "attachment.delete-on-termination" => maybe(held.map(|held| held.delete_on_termination)),
            "multi-attach-enabled" => one(false),
            _ => None,
        }
    }
}

/// What a new volume is to be, checked.
pub struct Wanted {
    pub kind: String,
    pub figures: Figures,
    pub encrypted: bool,
    pub kms_key: Option<String>,
    pub snapshot: Option<String>,
}

impl Wanted {
    pub fn volume(&self, zone: &str, tags: Tags) -> Volume {
        Volume {
            id: short_id("vol"),
            kind: self.kind.clone(),
            size_gb: self.figures.size_gb,
            iops: self.figures.iops,
            throughput: self.figures.throughput,
            encrypted: self.encrypted,
            kms_key: self.kms_key.clone(),
            zone: zone.to_owned(),
            snapshot: self.snapshot.clone(),
            state: VolumeState::Creating,
            created_at: now(),
            tags,
            attachment: None,
            is_root: false,
            modification: None,
            modified_at: Vec::new(),
        }
    }
}

/// Size or snapshot decide how large it is; the larger of a snapshot's and none is refused.
pub fn wanted(
    call: &Call<'_>,
    given: super::input::Input<'_>,
    size: (&str, Option<u32>),
    default_kind: &str,
) -> Result<Wanted, ApiError> {
    let (member, least) = size;
    let snapshot = given.maybe("SnapshotId").filter(|id| !id.is_empty());
    let held = snapshot.map(|id| super::snapshots::usable(call.region, id)).transpose()?;
    let least = held.map(|snapshot| snapshot.size_gb).or(least);
    let asked = given.amount(member)?;
    if let (Some(asked), Some(least)) = (asked, least)
        && asked < least
    {
        let code = if member == "Size" { "InvalidParameterValue" } else { "InvalidBlockDeviceMapping" };
        let message = format!("Volume of size {asked}GB is smaller than snapshot, expect size >= {least}GB");
        return Err(ApiError::new(code, message));
    }
    let size_gb = asked
        .or(least)
        .ok_or_else(|| ApiError::new("MissingParameter", "The request must contain the parameter size/snapshot"))?;
    let kind = given.maybe("VolumeType").unwrap_or(default_kind).to_owned();
    let figures = Figures { size_gb, iops: given.amount("Iops")?, throughput: given.amount("Throughput")? };
    let was_encrypted = held.is_some_and(|snapshot| snapshot.encrypted);
    let encrypted = given.flag("Encrypted").unwrap_or(false) || was_encrypted || given.maybe("KmsKeyId").is_some();
    let default_key = format!("arn:aws:kms:{}:{ACCOUNT}:key/aws-ebs", call.region_name);
    let kms_key = given.maybe("KmsKeyId").map(str::to_owned).unwrap_or(default_key);
    Ok(Wanted {
        figures: volume_types::grant(&kind, figures)?,
        kind,
        encrypted,
        kms_key: encrypted.then_some(kms_key),
        snapshot: snapshot.map(str::to_owned),
    })
}

pub fn create(call: &mut Call<'_>) -> Answer {
    if let Some(made) = call.made_before("CreateVolume")? {
        return Ok(call.region.volume(&made[0])?.view());
    }
    let input = call.input;
    input.tags_only_for(&["volume"])?;
    let zone = input.text("AvailabilityZone")?;
    call.check_zone(zone)?;
    let volume = wanted(call, input, ("Size", None), "gp2")?.volume(zone, input.tags_for("volume")?);
    let (id, view) = (volume.id.clone(), volume.view());
    call.region.volumes.insert(id.clone(), volume);
    call.remember("CreateVolume", vec![id.clone()]);
    call.start(Work::CreateVolume { volume: id });
    Ok(view)
}

pub fn delete(call: &mut Call<'_>) -> Answer {
    let id = call.input.text("VolumeId")?;
    let volume = call.region.volume_mut(id)?;
    if let Some(holder) = volume.holder() {
        let message = format!("Volume {id} is currently attached to {holder}");
        return Err(ApiError::new("VolumeInUse", message));
    }
    match volume.state {
        VolumeState::Available | VolumeState::Error => volume.state = VolumeState::Deleting,
        VolumeState::Deleting => return Err(ApiError::not_found("InvalidVolume", "volume", id)),
        state => return Err(ApiError::new("IncorrectState", format!("The volume '{id}' is '{}'", state.name()))),
    }
    call.start(Work::DeleteVolume { volume: id.to_owned() });
    Ok(json!({}))
}

pub fn describe(call: &Call<'_>) -> Answer {
    let ids = call.input.texts("VolumeIds");
    for id in &ids {
        call.region.volume(id)?;
    }
    let mut shown = Vec::new();
    for volume in call.region.volumes.values().filter(|volume| ids.is_empty() || ids.contains(&volume.id)) {
        if matches(call.input, &volume.tags, |name| volume.filter(name))? {
            shown.push(volume.view());
        }
    }
    page(call, "Volumes", shown)
}
