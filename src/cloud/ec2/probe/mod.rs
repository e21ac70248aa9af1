//! "Did this already happen?" — answered from lists that all who look share.

mod instance;
mod network;
mod volume;

use super::errors::not_of_ec2;
use super::{Ec2, convert, lists, profile};
use crate::cloud::api::{CloudError, Probe};
use crate::inventory::{ResourceName, Tags};
use crate::steps::CloudAction;

pub(super) async fn probe(ec2: &Ec2, action: &CloudAction) -> Result<Probe, CloudError> {
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
        | CloudAction::Protect { .. } => instance::probe(ec2, action).await,
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
        | CloudAction::DeleteDisk { .. } => volume::probe(ec2, action).await,
        CloudAction::SnapshotDisk { .. } | CloudAction::DeleteSnapshot { .. } => volume::snapshot(ec2, action).await,
        CloudAction::ImportKeyPair { name, .. } => Ok(done(has_key_pair(ec2, name).await?)),
        CloudAction::DeleteKeyPair { name } => Ok(done(!has_key_pair(ec2, name).await?)),
        CloudAction::Profile { name, part } => profile::probe(&ec2.iam_reads, name, part).await,
        CloudAction::Tag { name, tags } => Ok(done(is_tagged(ec2, name, tags).await?)),
        CloudAction::PutPorts { .. }
        | CloudAction::CreateContact { .. }
        | CloudAction::DeleteContact
        | CloudAction::PutAlarm(_)
        | CloudAction::DeleteAlarm { .. } => Err(not_of_ec2(action)),
    }
}

fn done(is: bool) -> Probe {
    if is { Probe::Done } else { Probe::Absent }
}

async fn has_key_pair(ec2: &Ec2, name: &ResourceName) -> Result<bool, CloudError> {
    Ok(!lists::key_pairs(&ec2.reads, &ec2.scope.plan, name.as_str()).await?.is_empty())
}

/// A disk or an instance.
async fn is_tagged(ec2: &Ec2, name: &ResourceName, wanted: &Tags) -> Result<bool, CloudError> {
    let found = match ec2.volume(name).await? {
        Some(volume) => Some(convert::tags(volume.tags())),
        None => ec2.instance(name).await?.map(|instance| convert::tags(instance.tags())),
    };
    Ok(found.is_some_and(|found| wanted.0.iter().all(|(key, value)| found.get(key) == Some(value))))
}
