//! Block device mappings: the volumes that an instance is born with.

use super::account::Call;
use super::attachments::check_device;
use super::error::ApiError;
use super::images::Image;
use super::input::{Input, Tags};
use super::volumes::{Attachment, AttachmentState, Volume, Wanted, wanted};
use crate::lightsail::now;

pub struct Mapping {
    device: String,
    wanted: Wanted,
    delete_on_termination: bool,
    is_root: bool,
}

impl Mapping {
    pub fn volume(&self, instance: &str, zone: &str, tags: Tags) -> Volume {
        let attachment = Attachment {
            instance: instance.to_owned(),
            device: self.device.clone(),
            state: AttachmentState::Attaching,
            since: now(),
            delete_on_termination: self.delete_on_termination,
        };
        Volume { attachment: Some(attachment), is_root: self.is_root, ..self.wanted.volume(zone, tags) }
    }
}

/// The image's root with what the request says of it, then the request's own.
pub fn read(call: &Call<'_>, image: &Image) -> Result<Vec<Mapping>, ApiError> {
    let given: Vec<Input<'_>> = call.input.list("BlockDeviceMappings").collect();
    let none = serde_json::json!({});
    let of_root = given.iter().find(|mapping| mapping.maybe("DeviceName") == Some(image.root_device));
    let root = of_root.and_then(|mapping| mapping.part("Ebs")).unwrap_or(Input(&none));
    let mut mappings = vec![Mapping {
        device: image.root_device.to_owned(),
        wanted: wanted(call, root, ("VolumeSize", Some(image.root_gb)), "gp3")?,
        delete_on_termination: root.flag("DeleteOnTermination").unwrap_or(true),
        is_root: true,
    }];
    for mapping in given {
        let device = mapping.text("DeviceName")?;
        // Instance stores of Nitro types are there without being asked for.
        let (Some(ebs), true) = (mapping.part("Ebs"), device != image.root_device) else { continue };
        check_device(device)?;
        if mappings.iter().any(|other| other.device == device) {
            let message = format!("The device '{device}' is used in more than one block-device mapping");
            return Err(ApiError::new("InvalidBlockDeviceMapping", message));
        }
        mappings.push(Mapping {
            device: device.to_owned(),
            wanted: wanted(call, ebs, ("VolumeSize", None), "gp2")?,
            delete_on_termination: ebs.flag("DeleteOnTermination").unwrap_or(true),
            is_root: false,
        });
    }
    Ok(mappings)
}
