//! "Did this already happen?" — one read an action, mostly.

use super::observe;
use super::{AmazonRds, cluster, instance, parameters};
use crate::cloud::api::{CloudError, CloudErrorKind, Probe};
use crate::inventory::{Database, DatabaseState, Ingress, Member, ResourceName};
use crate::plan::{Engine, ManagedSize};
use crate::steps::{DatabaseAction, DatabaseChange};

pub(super) async fn probe(rds: &AmazonRds, action: &DatabaseAction) -> Result<Probe, CloudError> {
    use DatabaseAction as A;
    let reads = &rds.reads;
    match action {
        A::PeerNetworks => Ok(done_if(observe::peered(rds).await?)),
        A::CreateSecurityGroup { name, .. } => Ok(done_if(rds.networks.security_group(name).await?.is_some())),
        A::DeleteSecurityGroup { name } => Ok(done_if(rds.networks.security_group(name).await?.is_none())),
        A::Allow { group, ingress } => Ok(done_if(lets_in(rds, group, ingress).await?)),
        A::AllowInstance { group, at, instance, port } => {
            let ingress = observe::ingress_of(rds, *at, instance, *port).await?;
            Ok(done_if(lets_in(rds, group, &ingress).await?))
        }
        A::Forbid { group, ingress } => Ok(done_if(!lets_in(rds, group, ingress).await?)),
        A::CreateSubnetGroup { name, .. } => Ok(done_if(observe::subnet_group(reads, name).await?.is_some())),
        A::DeleteSubnetGroup { name } => Ok(done_if(observe::subnet_group(reads, name).await?.is_none())),
        A::CreateParameterGroup { name, engine, .. } => {
            Ok(done_if(parameters::group(reads, *engine, name).await?.is_some()))
        }
        A::DeleteParameterGroup { name, engine } => {
            Ok(done_if(parameters::group(reads, *engine, name).await?.is_none()))
        }
        A::SetParameters { group, engine, parameters } => {
            let found = parameters::read(reads, *engine, group).await?;
            Ok(done_if(parameters.iter().all(|(name, value)| found.get(name) == Some(value))))
        }
        A::ResetParameters { group, engine, names } => {
            let found = parameters::read(reads, *engine, group).await?;
            Ok(done_if(!names.iter().any(|name| found.contains_key(name))))
        }
        A::SnapshotDatabase { snapshot, engine, .. } => snapshot_state(rds, *engine, snapshot).await,
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
        A::CreateDatabase(spec) => stands(observe::database_of(reads, spec.size.engine(), &spec.name).await?),
        A::CreateMember { cluster, .. } => serves(cluster::read(reads, cluster).await?),
        A::DeleteMember { cluster } => {
            let member = cluster::read(reads, cluster).await?.and_then(|cluster| cluster.member);
            Ok(gone(member.map(|member| member.state)))
        }
        A::ChangeDatabase { name, engine, change } => {
            changed(observe::database_of(reads, *engine, name).await?, change)
        }
        A::RebootDatabase { name, engine } => rebooted(observe::database_of(reads, *engine, name).await?),
        A::DeleteDatabase { name, engine, .. } => {
            Ok(gone(observe::database_of(reads, *engine, name).await?.map(|database| database.state)))
        }
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
        DatabaseState::Stopped => Err(broken(&database.name, "stopped")),
        DatabaseState::Broken(state) => Err(broken(&database.name, state)),
    }
}

fn serves(database: Option<Database>) -> Result<Probe, CloudError> {
    let Some(Member { name, state }) = database.and_then(|cluster| cluster.member) else { return Ok(Probe::Absent) };
    match &state {
        DatabaseState::Available => Ok(Probe::Done),
        DatabaseState::Busy(_) => Ok(Probe::InProgress),
        DatabaseState::Deleting => Ok(Probe::NotYet { waiting_for: format!("{name} to be deleted") }),
        DatabaseState::Stopped => Err(broken(&name, "stopped")),
        DatabaseState::Broken(state) => Err(broken(&name, state)),
    }
}

fn changed(database: Option<Database>, change: &DatabaseChange) -> Result<Probe, CloudError> {
    let Some(database) = database else { return Ok(Probe::Absent) };
    let differs = change.backup_days.is_some_and(|days| days != database.backup_days)
        || change.deletion_protection.is_some_and(|on| on != database.deletion_protection)
        || change.public.is_some_and(|public| public != database.public)
        || has_other_size(&database, change)
        || change.parameter_group.as_ref().is_some_and(|group| *group != database.parameter_group);
    match &database.state {
        DatabaseState::Broken(state) => Err(broken(&database.name, state)),
        DatabaseState::Busy(_) if !differs => Ok(Probe::InProgress),
        DatabaseState::Busy(state) => Ok(Probe::NotYet { waiting_for: format!("the end of {state}") }),
        _ if differs => Ok(Probe::Absent),
        _ => Ok(Probe::Done),
    }
}

fn has_other_size(database: &Database, change: &DatabaseChange) -> bool {
    match &database.size {
        ManagedSize::Rds(found) => {
            change.class.as_ref().is_some_and(|class| *class != found.class)
                || change.storage_gb.is_some_and(|storage| storage != found.storage_gb)
        }
        ManagedSize::Aurora(found) => change.capacity.as_ref().is_some_and(|capacity| capacity != found),
    }
}

/// A cluster is as its instance is.
fn rebooted(database: Option<Database>) -> Result<Probe, CloudError> {
    let Some(database) = database else { return Ok(Probe::Absent) };
    match database.member.as_ref().map_or(&database.state, |member| &member.state) {
        DatabaseState::Available if database.parameters_in_effect => Ok(Probe::Done),
        DatabaseState::Available => Ok(Probe::Absent),
        DatabaseState::Broken(state) => Err(broken(&database.name, state)),
        _ => Ok(Probe::InProgress),
    }
}

fn gone(state: Option<DatabaseState>) -> Probe {
    match state {
        None => Probe::Done,
        Some(DatabaseState::Deleting) => Probe::InProgress,
        Some(DatabaseState::Busy(state)) => Probe::NotYet { waiting_for: format!("the end of {state}") },
        Some(_) => Probe::Absent,
    }
}

async fn snapshot_state(rds: &AmazonRds, engine: Engine, name: &ResourceName) -> Result<Probe, CloudError> {
    let state = match engine {
        Engine::Rds => instance::snapshot_state(&rds.reads, name).await?,
        Engine::Aurora => cluster::snapshot_state(&rds.reads, name).await?,
    };
    match state.as_deref() {
        None => Ok(Probe::Absent),
        Some("available") => Ok(Probe::Done),
        Some("failed") => Err(refused("CreateDBSnapshot", "failed", format!("the snapshot {name} has failed"))),
        Some(_) => Ok(Probe::InProgress),
    }
}

fn broken(name: &ResourceName, state: &str) -> CloudError {
    let message = format!("the database {name} is {state}; its events in the RDS console say why");
    refused("DescribeDBInstances", state, message)
}

fn refused(operation: &str, code: &str, message: String) -> CloudError {
    CloudError { kind: CloudErrorKind::Refused, operation: operation.into(), code: code.into(), message }
}
