//! Asking for changes: one arm an action, each one call that changes something.

use aws_sdk_ec2::types as sdk;

use super::convert::{labels, sdk_tags};
use super::errors::{error, not_of_ec2};
use super::ids::Kind;
use super::{Ec2, profile};
use crate::cloud::api::{CloudError, CloudErrorKind};
use crate::inventory::{ResourceName, Tags};
use crate::steps::CloudAction;

/// Sends a call whose answer says nothing that is needed.
macro_rules! send {
    ($name:literal, $call:expr) => {
        $call.send().await.map(drop).map_err(|e| error($name, e))
    };
}

/// Sends a call that makes something, and remembers its id.
macro_rules! make {
    ($name:literal, $call:expr, $id:ident, $ec2:ident, $kind:expr, $as:expr) => {{
        let answer = $call.send().await.map_err(|e| error($name, e))?;
        let id = answer.$id.ok_or_else(|| incomplete($name))?;
        $ec2.ids.made($kind, $as, &id);
        Ok(())
    }};
}

mod instance;
mod launch;
mod network;
mod volume;

pub(in crate::cloud::ec2) use launch::HOP_LIMIT;

pub(super) async fn submit(ec2: &Ec2, action: &CloudAction) -> Result<(), CloudError> {
    call(ec2, action).await.map_err(|error| match error.kind {
        CloudErrorKind::NotFound if ec2.ids.names_new(&error.message) => {
            CloudError { kind: CloudErrorKind::Transient, ..error }
        }
        _ => error,
    })
}

async fn call(ec2: &Ec2, action: &CloudAction) -> Result<(), CloudError> {
    match action {
        CloudAction::CreateInstance(_)
        | CloudAction::StartInstance { .. }
        | CloudAction::StopInstance { .. }
        | CloudAction::DeleteInstance { .. }
        | CloudAction::ResizeInstance { .. }
        | CloudAction::RequireTokens { .. }
        | CloudAction::SetCredits { .. }
        | CloudAction::SetProfile { .. }
        | CloudAction::SetFirewall { .. }
        | CloudAction::Protect { .. } => instance::call(ec2, action).await,
        CloudAction::CreateFirewall { .. }
        | CloudAction::OpenPorts { .. }
        | CloudAction::ClosePorts { .. }
        | CloudAction::DeleteFirewall { .. } => network::firewall(ec2, action).await,
        CloudAction::AllocateAddress { .. }
        | CloudAction::AttachAddress { .. }
        | CloudAction::DetachAddress { .. }
        | CloudAction::ReleaseAddress { .. } => network::address(ec2, action).await,
        CloudAction::CreateDisk { .. }
        | CloudAction::CreateDiskFromSnapshot { .. }
        | CloudAction::ModifyDisk { .. }
        | CloudAction::AttachDisk { .. }
        | CloudAction::DetachDisk { .. }
        | CloudAction::DeleteDisk { .. }
        | CloudAction::SnapshotDisk { .. }
        | CloudAction::DeleteSnapshot { .. } => volume::call(ec2, action).await,
        CloudAction::ImportKeyPair { name, public_key, tags } => {
            let key = aws_smithy_types::Blob::new(public_key.as_bytes());
            let call = ec2.changes.import_key_pair().key_name(name.as_str()).public_key_material(key);
            let call = call.tag_specifications(labels(sdk::ResourceType::KeyPair, name, tags));
            ec2.ids.note_made(name.as_str());
            send!("ImportKeyPair", call)
        }
        CloudAction::DeleteKeyPair { name } => {
            send!("DeleteKeyPair", ec2.changes.delete_key_pair().key_name(name.as_str()))
        }
        CloudAction::Profile { name, part } => profile::submit(&ec2.iam_changes, name, part).await,
        CloudAction::Tag { name, tags } => tag(ec2, name, tags).await,
        CloudAction::PutPorts { .. }
        | CloudAction::CreateContact { .. }
        | CloudAction::DeleteContact
        | CloudAction::PutAlarm(_)
        | CloudAction::DeleteAlarm { .. } => Err(not_of_ec2(action)),
    }
}

/// An instance or a disk.
async fn tag(ec2: &Ec2, name: &ResourceName, tags: &Tags) -> Result<(), CloudError> {
    let id = match (ec2.ids.get(Kind::Volume, name), ec2.ids.get(Kind::Instance, name)) {
        (Some(id), _) | (None, Some(id)) => id,
        (None, None) => match ec2.id(Kind::Volume, name).await {
            Ok(id) => id,
            Err(_) => ec2.id(Kind::Instance, name).await?,
        },
    };
    send!("CreateTags", ec2.changes.create_tags().resources(id).set_tags(Some(sdk_tags(tags))))
}
