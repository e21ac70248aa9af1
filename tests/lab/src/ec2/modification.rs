//! ModifyVolume: larger, faster, of another type, while it is in use.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Answer, Call};
use super::error::ApiError;
use super::filters::{Values, matches, one, page};
use super::input::Tags;
use super::time;
use super::volume_types::{self, Figures};
use super::volumes::{Volume, VolumeState};
use super::work::Work;
use crate::lightsail::now;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    Modifying,
    /// The volume has its new size; it gets faster yet.
    Optimizing,
    Completed,
    Failed,
}

impl Progress {
    fn name(self) -> &'static str {
        match self {
            Self::Modifying => "modifying",
            Self::Optimizing => "optimizing",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    fn percent(self) -> u8 {
        match self {
            Self::Modifying | Self::Failed => 0,
            Self::Optimizing => 50,
            Self::Completed => 100,
        }
    }

    fn is_running(self) -> bool {
        matches!(self, Self::Modifying | Self::Optimizing)
    }
}

/// What a volume is or is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    pub kind: String,
    pub size_gb: u32,
    pub iops: Option<u32>,
    pub throughput: Option<u32>,
}

impl Shape {
    fn of(volume: &Volume) -> Self {
        let Volume { kind, size_gb, iops, throughput, .. } = volume;
        Self { kind: kind.clone(), size_gb: *size_gb, iops: *iops, throughput: *throughput }
    }
}

/// The last modification of a volume.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Modification {
    pub progress: Progress,
    pub original: Shape,
    pub target: Shape,
    pub started_at: f64,
    pub ended_at: Option<f64>,
}

impl Modification {
    fn view(&self, volume: &str) -> Value {
        let Self { progress, original, target, started_at, ended_at } = self;
        json!({
            "VolumeId": volume, "ModificationState": progress.name(), "Progress": progress.percent(),
            "TargetSize": target.size_gb, "TargetIops": target.iops, "TargetVolumeType": target.kind,
            "TargetThroughput": target.throughput, "TargetMultiAttachEnabled": false,
            "OriginalSize": original.size_gb, "OriginalIops": original.iops, "OriginalVolumeType": original.kind,
            "OriginalThroughput": original.throughput, "OriginalMultiAttachEnabled": false,
            "StartTime": time(*started_at), "EndTime": ended_at.map(time),
        })
    }

    fn filter(&self, volume: &str, name: &str) -> Values {
        match name {
            "volume-id" => one(volume),
            "modification-state" => one(self.progress.name()),
            "target-size" => one(self.target.size_gb),
            "target-volume-type" => one(&self.target.kind),
            "original-size" => one(self.original.size_gb),
            "original-volume-type" => one(&self.original.kind),
            _ => None,
        }
    }
}

pub fn modify(call: &mut Call<'_>) -> Answer {
    let id = call.input.text("VolumeId")?;
    let volume = call.region.volume(id)?;
    check_rate(call, volume)?;
    let target = target(call, volume)?;
    let original = Shape::of(volume);
    if target == original {
        let message = "The request does not change the volume: size, type, iops and throughput are the same";
        return Err(ApiError::invalid(message));
    }
    let started_at = now();
    let modification = Modification { progress: Progress::Modifying, original, target, started_at, ended_at: None };
    let view = modification.view(id);
    let volume = call.region.volume_mut(id)?;
    volume.modification = Some(modification);
    volume.modified_at.push(started_at);
    call.start(Work::Modify { volume: id.to_owned() });
    Ok(json!({ "VolumeModification": view }))
}

/// One at a time, and few a day.
fn check_rate(call: &Call<'_>, volume: &Volume) -> Result<(), ApiError> {
    let id = &volume.id;
    if !matches!(volume.state, VolumeState::Available | VolumeState::InUse) {
        let message = format!("Volume '{id}' is in the '{}' state.", volume.state.name());
        return Err(ApiError::new("IncorrectState", message));
    }
    if let Some(running) = volume.modification.as_ref().filter(|last| last.progress.is_running()) {
        let state = running.progress.name().to_uppercase();
        let message = format!("Volume '{id}' cannot be modified in modification state {state}");
        return Err(ApiError::new("IncorrectModificationState", message));
    }
    #[expect(clippy::cast_precision_loss, reason = "a span of days in milliseconds is exact in a double")]
    let since = now() - call.settings.volume_modification_ms as f64 / 1000.0;
    let recent = volume.modified_at.iter().filter(|at| **at > since).count();
    match recent >= call.settings.volume_modifications {
        true => Err(ApiError::new(
            "VolumeModificationRateExceeded",
            format!(
                "You've reached the maximum modification rate per volume limit for '{id}'. Wait until a modification of the \
                 last 24 hours is older than that."
            ),
        )),
        false => Ok(()),
    }
}

/// What is left out stays, as far as the type has it.
fn target(call: &Call<'_>, volume: &Volume) -> Result<Shape, ApiError> {
    let input = call.input;
    let kind = input.maybe("VolumeType").unwrap_or(&volume.kind).to_owned();
    let same = kind == volume.kind;
    // gp2's IOPS are a consequence of its size, which it does not take.
    let kept = |figure: Option<u32>| figure.filter(|_| same && kind != "gp2");
    let size_gb = input.amount("Size")?.unwrap_or(volume.size_gb);
    if size_gb < volume.size_gb {
        return Err(ApiError::invalid(format!(
            "New size cannot be smaller than existing size. Volume '{}' has {}GiB",
            volume.id, volume.size_gb
        )));
    }
    let asked = Figures {
        size_gb,
        iops: input.amount("Iops")?.or(kept(volume.iops)),
        throughput: input.amount("Throughput")?.or(kept(volume.throughput)),
    };
    let Figures { size_gb, iops, throughput } = volume_types::grant(&kind, asked)?;
    Ok(Shape { kind, size_gb, iops, throughput })
}

pub fn describe(call: &Call<'_>) -> Answer {
    let ids = call.input.texts("VolumeIds");
    for id in &ids {
        let volume = call.region.volume(id)?;
        if volume.modification.is_none() {
            let message = format!("Modification for volume '{id}' does not exist.");
            return Err(ApiError::new("InvalidVolumeModification.NotFound", message));
        }
    }
    let mut shown = Vec::new();
    for volume in call.region.volumes.values().filter(|volume| ids.is_empty() || ids.contains(&volume.id)) {
        let Some(last) = &volume.modification else { continue };
        if matches(call.input, &Tags::new(), |name| last.filter(&volume.id, name))? {
            shown.push(last.view(&volume.id));
        }
    }
    page(call, "VolumesModifications", shown)
}
