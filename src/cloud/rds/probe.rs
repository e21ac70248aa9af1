//! "Did this already happen?" — one read an action, mostly.

use super::AmazonRds;
use super::errors::error;
use super::observe;
use crate::cloud::api::{CloudError, CloudErrorKind, Probe};
use crate::inventory::{Database, DatabaseState, Ingress, ResourceName};
use crate::steps::{DatabaseAction, DatabaseChange};

pub(super) async fn probe(rds: &AmazonRds, action: &DatabaseAction) -> Result<Probe, CloudError> {
    use DatabaseAction as A;
    let reads = &rds.reads;
    match action {
        A::PeerNetworks => Ok(done_if(observe::peered(rds).await?)),
        A::CreateSecurityGroup { name, .. } => Ok(done_if(rds.networks.security_group(name).await?.is_some())),
        A::DeleteSecurityGroup { name } => Ok(done_if(rds.networks.security_group(name).await?.is_none())),
        A::Allow { group, ingress } => Ok(done_if(lets_in(rds, group, ingress).await?)),
        A::Forbid { group, ingress } => Ok(done_if(!lets_in(rds, group, ingress).await?)),
        A::CreateSubnetGroup { name, .. } => Ok(done_if(observe::subnet_group(reads, name).await?.is_some())),
        A::DeleteSubnetGroup { name } => Ok(done_if(observe::subnet_group(reads, name).await?.is_none())),
        A::CreateParameterGroup { name, .. } => Ok(done_if(observe::parameter_group(reads, name).await?.is_some())),
        A::DeleteParameterGroup { name } => Ok(done_if(observe::parameter_group(reads, name).await?.is_none())),
        A::SetParameters { group, parameters } => {
            let found = observe::parameters(reads, group).await?;
            Ok(done_if(parameters.iter().all(|(name, value)| found.get(name) == Some(value))))
        }
        A::ResetParameters { group, names } => {
            let found = observe::parameters(reads, group).await?;
            Ok(done_if(!names.iter().any(|name| found.contains_key(name))))
        }
        A::SnapshotDatabase { snapshot, .. } => snapshot_state(rds, snapshot).await,
        A::PutTopic { name, .. } => Ok(done_if(rds.alarms.topic(name).await?.is_some())),
        A::DeleteTopic { name } => Ok(done_if(rds.alarms.topic(name).await?.is_none())),
        A::Subscribe { topic, email } => {
            let found = rds.alarms.topic(topic).await?;
            Ok(done_if(found.is_some_and(|topic| topic.emails.contains(email.as_ref()))))
        }
        A::PutAlarm { alarm, .. } => {
            Ok(done_if(rds.alarms.named(std::slice::from_ref(&alarm.name)).await?.contains(alarm)))
        }
        A::DeleteAlarms { names } => Ok(done_if(rds.alarms.named(names).await?.is_empty())),
        A::CreateDatabase(spec) => stands(observe::database(reads, &spec.name).await?),
        A::ChangeDatabase { name, change } => changed(observe::database(reads, name).await?, change),
        A::RebootDatabase { name } => rebooted(observe::database(reads, name).await?),
        A::DeleteDatabase { name, .. } => Ok(gone(observe::database(reads, name).await?)),
    }
}

fn done_if(there: bool) -> Probe {
    if there { Probe::Done } else { Probe::Absent }
}

async fn lets_in(rds: &AmazonRds, group: &ResourceName, ingress: &Ingress) -> Result<bool, CloudError> {
    let found = rds.networks.security_group(group).await?;
    Ok(found.is_some_and(|group| group.ingress.contains(ingress)))
}

fn stands(database: Option<Database>) -> Result<Probe, CloudError> {
    let Some(database) = database else { return Ok(Probe::Absent) };
    match &database.state {
        // Available a moment before it has an address is normal.
        DatabaseState::Available if database.endpoint.is_some() => Ok(Probe::Done),
        DatabaseState::Available | DatabaseState::Busy(_) => Ok(Probe::InProgress),
        DatabaseState::Deleting => Ok(Probe::NotYet { waiting_for: format!("{} to be deleted", database.name) }),
        DatabaseState::Stopped => Err(broken(&database, "stopped")),
        DatabaseState::Broken(state) => Err(broken(&database, state)),
    }
}

fn changed(database: Option<Database>, change: &DatabaseChange) -> Result<Probe, CloudError> {
    let Some(database) = database else { return Ok(Probe::Absent) };
    let differs = change.backup_days.is_some_and(|days| days != database.backup_days)
        || change.deletion_protection.is_some_and(|on| on != database.deletion_protection)
        || change.parameter_group.as_ref().is_some_and(|group| *group != database.parameter_group);
    match &database.state {
        DatabaseState::Broken(state) => Err(broken(&database, state)),
        DatabaseState::Busy(_) if !differs => Ok(Probe::InProgress),
        DatabaseState::Busy(state) => Ok(Probe::NotYet { waiting_for: format!("the end of {state}") }),
        _ if differs => Ok(Probe::Absent),
        _ => Ok(Probe::Done),
    }
}

fn rebooted(database: Option<Database>) -> Result<Probe, CloudError> {
    let Some(database) = database else { return Ok(Probe::Absent) };
    match &database.state {
        DatabaseState::Available if database.parameters_in_effect => Ok(Probe::Done),
        DatabaseState::Available => Ok(Probe::Absent),
        DatabaseState::Broken(state) => Err(broken(&database, state)),
        _ => Ok(Probe::InProgress),
    }
}

fn gone(database: Option<Database>) -> Probe {
    match database.map(|database| database.state) {
        None => Probe::Done,
        Some(DatabaseState::Deleting) => Probe::InProgress,
        Some(DatabaseState::Busy(state)) => Probe::NotYet { waiting_for: format!("the end of {state}") },
        Some(_) => Probe::Absent,
    }
}

async fn snapshot_state(rds: &AmazonRds, name: &ResourceName) -> Result<Probe, CloudError> {
    let answer = rds.reads.describe_db_snapshots().db_snapshot_identifier(name.as_str()).send().await;
    let answer = match answer.map_err(|e| error("DescribeDBSnapshots", e)) {
        Ok(answer) => answer,
        Err(error) if error.kind == CloudErrorKind::NotFound => return Ok(Probe::Absent),
        Err(error) => return Err(error),
    };
    match answer.db_snapshots().first().and_then(|snapshot| snapshot.status()) {
        None => Ok(Probe::Absent),
        Some("available") => Ok(Probe::Done),
        Some("failed") => Err(refused("CreateDBSnapshot", "failed", format!("the snapshot {name} has failed"))),
        Some(_) => Ok(Probe::InProgress),
    }
}

fn broken(database: &Database, state: &str) -> CloudError {
    let message = format!("the database {} is {state}; its events in the RDS console say why", database.name);
    refused("DescribeDBInstances", state, message)
}

fn refused(operation: &str, code: &str, message: String) -> CloudError {
    CloudError { kind: CloudErrorKind::Refused, operation: operation.into(), code: code.into(), message }
}
