//! Volumes attached to instances and taken off them.

use serde_json::Value;

use super::account::{Answer, Call};
use super::error::ApiError;
use super::instances::State;
use super::volumes::{Attachment, AttachmentState, Volume, VolumeState};
use super::work::Work;
use crate::lightsail::now;

/// Nitro's limit, the root and the network interface among them.
const MAX_ATTACHED: usize = 27;

/// Names that EC2 takes for a device: `/dev/sdf`, `/dev/xvdf`, `/dev/sda1`.
pub fn check_device(device: &str) -> Result<(), ApiError> {
    let name = device.strip_prefix("/dev/sd").or_else(|| device.strip_prefix("/dev/xvd")).unwrap_or_default();
    let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let valid = (1..=2).contains(&letters.len()) && letters.chars().all(|c| c.is_ascii_lowercase());
    match valid {
        true => Ok(()),
        false => {
            let reason = format!("{device} is not a valid EBS device name.");
            Err(ApiError::value("device", device, &reason))
        }
    }
}

pub fn attach(call: &mut Call<'_>) -> Answer {
    let (id, target) = (call.input.text("VolumeId")?, call.input.text("InstanceId")?);
    let device = call.input.text("Device")?;
    check_device(device)?;
    check(call, id, target, device)?;
    let volume = call.region.volume_mut(id)?;
    volume.state = VolumeState::InUse;
    volume.attachment = Some(Attachment {
        instance: target.to_owned(),
        device: device.to_owned(),
        state: AttachmentState::Attaching,
        since: now(),
        delete_on_termination: false,
    });
    let view = volume.attachment_view().unwrap_or(Value::Null);
    call.start(Work::Attach { volume: id.to_owned() });
    Ok(view)
}

fn check(call: &Call<'_>, id: &str, target: &str, device: &str) -> Result<(), ApiError> {
    let volume = call.region.volume(id)?;
    if volume.holder().is_some() {
        return Err(ApiError::new("VolumeInUse", format!("{id} is already attached to an instance")));
    }
    if volume.state != VolumeState::Available {
        return Err(ApiError::new("IncorrectState", format!("{id} is not 'available'.")));
    }
    let instance = call.region.instance(target)?;
    if !matches!(instance.state, State::Running | State::Stopped) {
        let message = format!("Instance '{target}' is not 'running'.");
        return Err(ApiError::new("IncorrectState", message));
    }
    if instance.zone != volume.zone {
        let message = format!("The volume '{id}' is not in the same availability zone as instance '{target}'");
        return Err(ApiError::new("InvalidVolume.ZoneMismatch", message));
    }
    let held: Vec<&Volume> = call.region.volumes_of(target).collect();
    if held.iter().any(|other| other.attachment.as_ref().is_some_and(|held| held.device == device)) {
        let message = format!("Invalid value '{device}' for unixDevice. Attachment point {device} is already in use");
        return Err(ApiError::invalid(message));
    }
    match held.len() >= MAX_ATTACHED {
        true => Err(ApiError::new("AttachmentLimitExceeded", "The maximum number of attachments is reached.")),
        false => Ok(()),
    }
}

pub fn detach(call: &mut Call<'_>) -> Answer {
    let id = call.input.text("VolumeId")?;
    let volume = call.region.volume(id)?;
    let named = (call.input.maybe("InstanceId"), call.input.maybe("Device"));
    let Some(held) = &volume.attachment else {
        let message = format!("Volume '{id}' is in the '{}' state.", volume.state.name());
        return Err(ApiError::new("IncorrectState", message));
    };
    if named.0.is_some_and(|instance| instance != held.instance) || named.1.is_some_and(|device| device != held.device)
    {
        let message = format!(
            "The volume '{id}' is not attached to instance '{}' as device '{}'.",
            named.0.unwrap_or(&held.instance),
            named.1.unwrap_or(&held.device)
        );
        return Err(ApiError::new("InvalidAttachment.NotFound", message));
    }
    let instance = call.region.instance(&held.instance)?;
    if volume.is_root {
        let message = format!("Unable to detach root volume '{id}' from instance '{}'", instance.id);
        return Err(ApiError::new("OperationNotPermitted", message));
    }
    let force = call.input.flag("Force").unwrap_or(false);
    let again = matches!(held.state, AttachmentState::Detaching | AttachmentState::Busy);
    if held.state == AttachmentState::Attaching || (again && !force) {
        let message = format!("Volume '{id}' is '{}'.", held.state.name());
        return Err(ApiError::new("IncorrectState", message));
    }
    let volume = call.region.volume_mut(id)?;
    if let Some(held) = &mut volume.attachment {
        held.state = AttachmentState::Detaching;
    }
    let view = volume.attachment_view().unwrap_or(Value::Null);
    call.start(Work::Detach { volume: id.to_owned(), force });
    Ok(view)
}
