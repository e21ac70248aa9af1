//! Seeing what there is under one name, all at the same time.

use std::collections::BTreeMap;
use std::net::IpAddr;

use aws_sdk_rds::Client;
use futures::future::try_join_all;

use super::errors::error;
use super::{AmazonRds, cluster, convert, instance, parameters};
use crate::cloud::api::{CloudError, CloudErrorKind};
use crate::diff::topic_name;
use crate::inventory::{
    CloudKind, Database, DatabaseInventory, DatabaseSnapshot, Ingress, ParameterGroup, ResourceName, SubnetGroup, Tags,
};
use crate::plan::{Engine, PlanName, Port};
use crate::steps::database_name;

pub(super) async fn observe(rds: &AmazonRds, plan: &PlanName) -> Result<DatabaseInventory, CloudError> {
    let name = database_name(plan);
    let client = &rds.reads;
    let topic = topic_name(&name);
    let (peered, network, security_group, subnet_group, parameter_groups, database, snapshots, alarms, topic) = tokio::try_join!(
        peered(rds),
        rds.networks.default_network(),
        rds.networks.security_group(&name),
        subnet_group(client, &name),
        parameter_groups(client, &name),
        database(client, &name),
        snapshots(client, &name),
        rds.alarms.alarms(&name),
        rds.alarms.topic(&topic),
    )?;
    Ok(DatabaseInventory {
        peered,
        network,
        security_group,
        subnet_group,
        parameter_groups,
        database,
        snapshots,
        alarms,
        topic,
    })
}

pub(super) async fn find(rds: &AmazonRds, plan: &PlanName) -> Result<Option<DatabaseInventory>, CloudError> {
    match database(&rds.reads, &database_name(plan)).await? {
        Some(_) => observe(rds, plan).await.map(Some),
        None => Ok(None),
    }
}

pub(super) async fn peered(rds: &AmazonRds) -> Result<bool, CloudError> {
    match rds.lightsail_reads.is_vpc_peered().send().await.map_err(|e| error("IsVpcPeered", e)) {
        Ok(answer) => Ok(answer.is_peered.unwrap_or(false)),
        // Who has hosts of EC2 alone needs no right for it; who has others is told when they are to be joined.
        Err(error) if error.kind == CloudErrorKind::Denied => Ok(false),
        Err(error) => Err(error),
    }
}

/// A cluster goes before an instance of the same name; there is but one of them, unless somebody else made the other.
async fn database(client: &Client, name: &ResourceName) -> Result<Option<Database>, CloudError> {
    let (cluster, instance) = tokio::try_join!(cluster::read(client, name), instance::read(client, name))?;
    Ok(cluster.or(instance))
}

pub(super) async fn database_of(
    client: &Client,
    engine: Engine,
    name: &ResourceName,
) -> Result<Option<Database>, CloudError> {
    match engine {
        Engine::Rds => instance::read(client, name).await,
        Engine::Aurora => cluster::read(client, name).await,
    }
}

async fn parameter_groups(
    client: &Client,
    name: &ResourceName,
) -> Result<BTreeMap<Engine, ParameterGroup>, CloudError> {
    let group = |engine| parameters::group(client, engine, name);
    let found = try_join_all(Engine::ALL.map(group)).await?;
    Ok(Engine::ALL.into_iter().zip(found).filter_map(|(engine, group)| Some((engine, group?))).collect())
}

async fn snapshots(client: &Client, name: &ResourceName) -> Result<Vec<DatabaseSnapshot>, CloudError> {
    let found = tokio::try_join!(instance::snapshots(client, name), cluster::snapshots(client, name))?;
    Ok([found.0, found.1].concat())
}

pub(super) async fn subnet_group(client: &Client, name: &ResourceName) -> Result<Option<SubnetGroup>, CloudError> {
    let answer = client.describe_db_subnet_groups().db_subnet_group_name(name.as_str()).send().await;
    let answer = known(answer.map_err(|e| error("DescribeDBSubnetGroups", e)))?;
    let Some(group) = answer.and_then(|answer| answer.db_subnet_groups?.into_iter().next()) else { return Ok(None) };
    let tags = tags(client, group.db_subnet_group_arn.as_deref()).await?;
    Ok(Some(convert::subnet_group(&group, tags)))
}

pub(super) async fn tags(client: &Client, arn: Option<&str>) -> Result<Tags, CloudError> {
    let Some(arn) = arn else { return Ok(Tags::default()) };
    let answer = client.list_tags_for_resource().resource_name(arn).send().await;
    Ok(convert::tags(answer.map_err(|e| error("ListTagsForResource", e))?.tag_list.as_ref()))
}

/// Who is let in so that an instance is: its private address.
pub(super) async fn ingress_of(
    rds: &AmazonRds,
    at: CloudKind,
    instance: &ResourceName,
    port: Port,
) -> Result<Ingress, CloudError> {
    if at == CloudKind::Ec2 {
        return Ok(Ingress { port, from: rds.networks.private_address(instance).await?.into() });
    }
    let answer = rds.lightsail_reads.get_instance().instance_name(instance.as_str()).send().await;
    let answer = answer.map_err(|e| error("GetInstance", e))?;
    let address = answer.instance.and_then(|instance| instance.private_ip_address?.parse::<IpAddr>().ok());
    let address = address.ok_or_else(|| crate::cloud::errors::incomplete("GetInstance"))?;
    Ok(Ingress { port, from: address.into() })
}

/// What is not found is not there.
pub(super) fn known<T>(result: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind == CloudErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
