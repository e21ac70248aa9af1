//! "Did this already happen?" — one read an action.

use aws_sdk_lightsail::Client;
use aws_sdk_lightsail::types as sdk;

use super::convert;
use super::errors::error;
use crate::cloud::api::{CloudError, CloudErrorKind, Probe};
use crate::cloud::errors::not_of;
use crate::inventory::{Disk, Instance, InstanceState, ResourceName, TAG_NODE, TAG_PLAN, Tags};
use crate::steps::CloudAction;

pub(super) async fn probe(client: &Client, action: &CloudAction) -> Result<Probe, CloudError> {
    match action {
        CloudAction::CreateInstance(spec) => {
            let found = instance(client, &spec.name).await?;
            let found = found.map(|i| ours(&spec.name, &i.tags, &spec.tags).map(|()| i.state)).transpose()?;
            Ok(running(found, InstanceState::Running))
        }
        CloudAction::StartInstance { name } => {
            Ok(running(instance(client, name).await?.map(|i| i.state), InstanceState::Running))
        }
        CloudAction::StopInstance { name } => {
            Ok(running(instance(client, name).await?.map(|i| i.state), InstanceState::Stopped))
        }
        CloudAction::DeleteInstance { name } => Ok(match instance(client, name).await? {
            None => Probe::Done,
            Some(i) if i.state == InstanceState::Gone => Probe::InProgress,
            Some(i) => settled(&i),
        }),
        CloudAction::PutPorts { instance: name, ports } => {
            let mut wanted = ports.clone();
            wanted.sort();
            Ok(match instance(client, name).await? {
                Some(i) if sorted(&i) == wanted => Probe::Done,
                Some(i) => settled(&i),
                None => Probe::Absent,
            })
        }
        CloudAction::Tag { name, tags } => {
            let found = match find_disk(client, name).await? {
                Some(disk) => Some(disk.tags),
                None => instance(client, name).await?.map(|i| i.tags),
            };
            let has = |found: &Tags| tags.0.iter().all(|(key, value)| found.get(key) == Some(value));
            Ok(if found.is_some_and(|found| has(&found)) { Probe::Done } else { Probe::Absent })
        }
        CloudAction::ImportKeyPair { name, .. } => exists(key_pair(client, name).await),
        CloudAction::DeleteKeyPair { name } => gone(key_pair(client, name).await),
        CloudAction::AllocateAddress { .. }
        | CloudAction::AttachAddress { .. }
        | CloudAction::DetachAddress { .. }
        | CloudAction::ReleaseAddress { .. } => address(client, action).await,
        CloudAction::SnapshotDisk { .. } | CloudAction::DeleteSnapshot { .. } => snapshot(client, action).await,
        CloudAction::CreateContact { .. }
        | CloudAction::DeleteContact
        | CloudAction::PutAlarm(_)
        | CloudAction::DeleteAlarm { .. } => alarm(client, action).await,
        _ => disk(client, action).await,
    }
}

/// The name is there: is it what was asked for, or has somebody else taken it since it was looked for?
fn ours(name: &ResourceName, found: &Tags, wanted: &Tags) -> Result<(), CloudError> {
    let same = |tag: &str| found.get(tag) == wanted.get(tag);
    if same(TAG_PLAN) && same(TAG_NODE) {
        return Ok(());
    }
    Err(CloudError {
        kind: CloudErrorKind::NameTaken,
        operation: "the look for it".into(),
        code: "NameTaken".into(),
        message: format!("{name} exists, but it is not tagged as this plan's"),
    })
}

fn sorted(instance: &Instance) -> Vec<crate::inventory::OpenPort> {
    let mut ports = instance.ports.clone();
    ports.sort();
    ports
}

/// An instance in between refuses changes: they wait.
fn settled(instance: &Instance) -> Probe {
    match instance.state {
        InstanceState::Pending | InstanceState::Stopping => {
            Probe::NotYet { waiting_for: format!("{} to leave state {:?}", instance.name, instance.state) }
        }
        _ => Probe::Absent,
    }
}

/// An instance on its way to the other state must arrive there before it can be sent back.
fn running(state: Option<InstanceState>, wanted: InstanceState) -> Probe {
    match (state, wanted) {
        (Some(state), wanted) if state == wanted => Probe::Done,
        (Some(InstanceState::Pending), InstanceState::Running)
        | (Some(InstanceState::Stopping), InstanceState::Stopped) => Probe::InProgress,
        (Some(state @ (InstanceState::Pending | InstanceState::Stopping)), _) => {
            Probe::NotYet { waiting_for: format!("the instance to leave state {state:?}") }
        }
        _ => Probe::Absent,
    }
}

fn exists<T>(found: Result<T, CloudError>) -> Result<Probe, CloudError> {
    presence(found, Probe::Done, Probe::Absent)
}

fn gone<T>(found: Result<T, CloudError>) -> Result<Probe, CloudError> {
    presence(found, Probe::Absent, Probe::Done)
}

fn presence<T>(found: Result<T, CloudError>, there: Probe, missing: Probe) -> Result<Probe, CloudError> {
    match found {
        Ok(_) => Ok(there),
        Err(e) if e.kind == CloudErrorKind::NotFound => Ok(missing),
        Err(e) => Err(e),
    }
}

/// None where there is none.
fn optional<T>(found: Result<Option<T>, CloudError>) -> Result<Option<T>, CloudError> {
    match found {
        Err(e) if e.kind == CloudErrorKind::NotFound => Ok(None),
        other => other,
    }
}

async fn instance(client: &Client, name: &ResourceName) -> Result<Option<Instance>, CloudError> {
    let answer = client.get_instance().instance_name(name.as_str()).send().await;
    optional(answer.map(|a| a.instance.as_ref().map(convert::instance)).map_err(|e| error("GetInstance", e)))
}

async fn key_pair(client: &Client, name: &ResourceName) -> Result<(), CloudError> {
    let answer = client.get_key_pair().key_pair_name(name.as_str()).send().await;
    answer.map(|_| ()).map_err(|e| error("GetKeyPair", e))
}

async fn address(client: &Client, action: &CloudAction) -> Result<Probe, CloudError> {
    let (CloudAction::AllocateAddress { name, .. }
    | CloudAction::AttachAddress { name, .. }
    | CloudAction::DetachAddress { name }
    | CloudAction::ReleaseAddress { name }) = action
    else {
        unreachable!("probe sends address actions here")
    };
    let answer = client.get_static_ip().static_ip_name(name.as_str()).send().await;
    let found =
        optional(answer.map(|a| a.static_ip.as_ref().map(convert::address)).map_err(|e| error("GetStaticIp", e)))?;
    Ok(match (action, found) {
        (CloudAction::AllocateAddress { .. }, Some(_)) | (CloudAction::ReleaseAddress { .. }, None) => Probe::Done,
        (CloudAction::DetachAddress { .. }, None) => Probe::Done,
        (CloudAction::DetachAddress { .. }, Some(a)) if a.attached_to.is_none() => Probe::Done,
        (CloudAction::AttachAddress { instance: wanted, .. }, Some(a)) if a.attached_to.as_ref() == Some(wanted) => {
            Probe::Done
        }
        (CloudAction::AttachAddress { instance: wanted, .. }, Some(_)) => {
            instance(client, wanted).await?.map_or(Probe::Absent, |i| settled(&i))
        }
        _ => Probe::Absent,
    })
}

async fn find_disk(client: &Client, name: &ResourceName) -> Result<Option<Disk>, CloudError> {
    let answer = client.get_disk().disk_name(name.as_str()).send().await;
    optional(answer.map(|a| a.disk.as_ref().map(convert::disk)).map_err(|e| error("GetDisk", e)))
}

async fn disk(client: &Client, action: &CloudAction) -> Result<Probe, CloudError> {
    Ok(match action {
        CloudAction::CreateDisk { name, tags, .. } | CloudAction::CreateDiskFromSnapshot { name, tags, .. } => {
            let found = find_disk(client, name).await?;
            match found.map(|d| ours(name, &d.tags, tags).map(|()| d.ready)).transpose()? {
                Some(true) => Probe::Done,
                Some(false) => Probe::InProgress,
                None => Probe::Absent,
            }
        }
        CloudAction::AttachDisk { name, instance: wanted, .. } => match find_disk(client, name).await? {
            Some(d) if d.attached_to.as_ref() == Some(wanted) => Probe::Done,
            Some(d) if !d.ready => Probe::NotYet { waiting_for: format!("disk {name} to be available") },
            Some(_) => instance(client, wanted).await?.map_or(Probe::Absent, |i| settled(&i)),
            None => Probe::Absent,
        },
        CloudAction::DetachDisk { name } => match find_disk(client, name).await? {
            Some(d) if d.attached_to.is_some() => Probe::Absent,
            Some(d) if !d.ready => Probe::InProgress,
            _ => Probe::Done,
        },
        CloudAction::DeleteDisk { name } => match find_disk(client, name).await? {
            Some(_) => Probe::Absent,
            None => Probe::Done,
        },
        _ => return Err(not_of("Lightsail", action)),
    })
}

async fn snapshot(client: &Client, action: &CloudAction) -> Result<Probe, CloudError> {
    let (CloudAction::SnapshotDisk { snapshot: name, .. } | CloudAction::DeleteSnapshot { name }) = action else {
        unreachable!("probe sends snapshot actions here")
    };
    let answer = client.get_disk_snapshot().disk_snapshot_name(name.as_str()).send().await;
    let found = optional(
        answer.map(|a| a.disk_snapshot.as_ref().map(convert::snapshot)).map_err(|e| error("GetDiskSnapshot", e)),
    )?;
    if let (CloudAction::SnapshotDisk { tags, .. }, Some(snapshot)) = (action, &found) {
        ours(name, &snapshot.tags, tags)?;
    }
    let deleting = matches!(action, CloudAction::DeleteSnapshot { .. });
    Ok(match found {
        Some(_) if deleting => Probe::Absent,
        Some(s) if s.complete => Probe::Done,
        Some(_) => Probe::InProgress,
        None if deleting => Probe::Done,
        None => Probe::Absent,
    })
}

async fn alarm(client: &Client, action: &CloudAction) -> Result<Probe, CloudError> {
    match action {
        CloudAction::CreateContact { .. } | CloudAction::DeleteContact => contact(client, action).await,
        CloudAction::PutAlarm(spec) => Ok(match find_alarm(client, &spec.name).await? {
            Some(a)
                if a.monitored == spec.monitored
                    && a.comparison == spec.comparison
                    && (a.threshold - spec.threshold).abs() < f64::EPSILON
                    && a.evaluation_periods == spec.evaluation_periods
                    && a.notifies_email == spec.notify_email =>
            {
                Probe::Done
            }
            _ => instance(client, &spec.monitored).await?.map_or(Probe::Absent, |i| settled(&i)),
        }),
        CloudAction::DeleteAlarm { name } => {
            Ok(if find_alarm(client, name).await?.is_none() { Probe::Done } else { Probe::Absent })
        }
        _ => unreachable!("probe sends alarm actions here"),
    }
}

async fn find_alarm(client: &Client, name: &ResourceName) -> Result<Option<crate::inventory::Alarm>, CloudError> {
    let answer = client.get_alarms().alarm_name(name.as_str()).send().await;
    let found = answer.map(|a| a.alarms.unwrap_or_default().first().map(convert::alarm));
    optional(found.map_err(|e| error("GetAlarms", e)))
}

async fn contact(client: &Client, action: &CloudAction) -> Result<Probe, CloudError> {
    let answer = client.get_contact_methods().protocols(sdk::ContactProtocol::Email).send().await;
    let found = answer.map_err(|e| error("GetContactMethods", e))?.contact_methods.unwrap_or_default();
    let found = found.iter().find_map(convert::contact);
    Ok(match (action, found) {
        (CloudAction::CreateContact { email, .. }, Some(c)) if c.email.eq_ignore_ascii_case(email) => Probe::Done,
        (CloudAction::DeleteContact, None) => Probe::Done,
        _ => Probe::Absent,
    })
}
