//! Asking for changes: one arm an action, each one call.

use aws_sdk_rds::Client;

use super::errors::error;
use super::{AmazonRds, cluster, convert, instance, observe, parameters};
use crate::cloud::api::CloudError;
use crate::inventory::{ResourceName, Tags};
use crate::plan::{Engine, ManagedSize};
use crate::steps::DatabaseAction;

pub(super) async fn submit(rds: &AmazonRds, action: &DatabaseAction) -> Result<(), CloudError> {
    use DatabaseAction as A;
    let client = &rds.changes;
    match action {
        A::PeerNetworks => rds.lightsail_changes.peer_vpc().send().await.map(drop).map_err(|e| error("PeerVpc", e)),
        A::CreateSecurityGroup { name, network, tags } => rds.networks.create_security_group(name, network, tags).await,
        A::Allow { group, ingress } => rds.networks.allow(group, ingress).await,
        A::AllowInstance { group, at, instance, port } => {
            let ingress = observe::ingress_of(rds, *at, instance, *port).await?;
            rds.networks.allow(group, &ingress).await
        }
        A::Forbid { group, ingress } => rds.networks.forbid(group, ingress).await,
        A::DeleteSecurityGroup { name } => rds.networks.delete_security_group(name).await,
        A::PutTopic { name, tags } => rds.alarms.create_topic(name, tags).await,
        A::Subscribe { topic, email } => rds.alarms.subscribe(topic, email.as_ref()).await,
        A::PutAlarm { alarm, instance, topic, tags } => rds.alarms.put(alarm, instance, topic.as_ref(), tags).await,
        A::DeleteAlarms { names } => rds.alarms.delete(names).await,
        A::DeleteTopic { name } => rds.alarms.delete_topic(name).await,
        A::CreateSubnetGroup { name, subnets, tags } => create_subnet_group(client, name, subnets, tags).await,
        A::DeleteSubnetGroup { name } => delete_subnet_group(client, name).await,
        A::CreateParameterGroup { name, engine, family, tags } => {
            parameters::create(client, *engine, name, family, tags).await
        }
        A::SetParameters { group, engine, parameters } => {
            parameters::set(client, *engine, group, parameters::given(parameters)).await
        }
        A::ResetParameters { group, engine, names } => parameters::reset(client, *engine, group, names).await,
        A::DeleteParameterGroup { name, engine } => parameters::delete(client, *engine, name).await,
        _ => database(rds, action).await,
    }
}

/// The database itself, each kind by its own calls.
async fn database(rds: &AmazonRds, action: &DatabaseAction) -> Result<(), CloudError> {
    use DatabaseAction as A;
    let client = &rds.changes;
    match action {
        A::CreateDatabase(spec) => {
            let security_group = rds.networks.id_of(&spec.security_group).await?;
            match &spec.size {
                ManagedSize::Rds(size) => instance::create(client, spec, size, &security_group).await,
                ManagedSize::Aurora(size) => cluster::create(client, spec, size, &security_group).await,
            }
        }
        A::CreateMember { cluster, tags } => cluster::create_member(client, cluster, tags).await,
        A::DeleteMember { cluster } => cluster::delete_member(client, cluster).await,
        A::ChangeDatabase { name, engine: Engine::Rds, change } => instance::modify(client, name, change).await,
        A::ChangeDatabase { name, engine: Engine::Aurora, change } => cluster::modify(client, name, change).await,
        A::RebootDatabase { name, engine: Engine::Rds } => instance::reboot(client, name).await,
        A::RebootDatabase { name, engine: Engine::Aurora } => cluster::reboot(client, name).await,
        A::SnapshotDatabase { name, engine: Engine::Rds, snapshot, tags } => {
            instance::snapshot(client, name, snapshot, tags).await
        }
        A::SnapshotDatabase { name, engine: Engine::Aurora, snapshot, tags } => {
            cluster::snapshot(client, name, snapshot, tags).await
        }
        A::DeleteDatabase { name, engine: Engine::Rds, final_snapshot } => {
            instance::delete(client, name, final_snapshot.as_ref()).await
        }
        A::DeleteDatabase { name, engine: Engine::Aurora, final_snapshot } => {
            cluster::delete(client, name, final_snapshot.as_ref()).await
        }
        _ => unreachable!("submit sends actions about databases here"),
    }
}

async fn create_subnet_group(
    client: &Client,
    name: &ResourceName,
    subnets: &[String],
    tags: &Tags,
) -> Result<(), CloudError> {
    let call = client
        .create_db_subnet_group()
        .db_subnet_group_name(name.as_str())
        .db_subnet_group_description("subnets of the default VPC: made by infra")
        .set_subnet_ids(Some(subnets.to_vec()))
        .set_tags(Some(convert::sdk_tags(tags)));
    call.send().await.map(drop).map_err(|e| error("CreateDBSubnetGroup", e))
}

async fn delete_subnet_group(client: &Client, name: &ResourceName) -> Result<(), CloudError> {
    let call = client.delete_db_subnet_group().db_subnet_group_name(name.as_str());
    call.send().await.map(drop).map_err(|e| error("DeleteDBSubnetGroup", e))
}
