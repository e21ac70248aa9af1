//! Seeing what there is under one name, all at the same time.

use aws_sdk_rds::Client;

use super::AmazonRds;
use super::convert;
use super::errors::error;
use crate::cloud::api::{CloudError, CloudErrorKind};
use crate::inventory::{
    Database, DatabaseInventory, DatabaseSnapshot, ParameterGroup, Parameters, ResourceName, SubnetGroup, Tags,
};
use crate::plan::PlanName;
use crate::steps::{database_name, topic_name};

pub(super) async fn observe(rds: &AmazonRds, plan: &PlanName) -> Result<DatabaseInventory, CloudError> {
    let name = database_name(plan);
    let client = &rds.reads;
    let topic = topic_name(&name);
    let (peered, network, security_group, subnet_group, parameter_group, instance, snapshots, alarms, topic) = tokio::try_join!(
        peered(rds),
        rds.networks.default_network(),
        rds.networks.security_group(&name),
        subnet_group(client, &name),
        parameter_group(client, &name),
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
        parameter_group,
        instance,
        snapshots,
        alarms,
        topic,
    })
}

pub(super) async fn peered(rds: &AmazonRds) -> Result<bool, CloudError> {
    let answer = rds.lightsail_reads.is_vpc_peered().send().await.map_err(|e| error("IsVpcPeered", e))?;
    Ok(answer.is_peered.unwrap_or(false))
}

pub(super) async fn database(client: &Client, name: &ResourceName) -> Result<Option<Database>, CloudError> {
    let answer = client.describe_db_instances().db_instance_identifier(name.as_str()).send().await;
    let answer = known(answer.map_err(|e| error("DescribeDBInstances", e)))?;
    Ok(answer.and_then(|answer| convert::database(answer.db_instances().first()?)))
}

pub(super) async fn subnet_group(client: &Client, name: &ResourceName) -> Result<Option<SubnetGroup>, CloudError> {
    let answer = client.describe_db_subnet_groups().db_subnet_group_name(name.as_str()).send().await;
    let answer = known(answer.map_err(|e| error("DescribeDBSubnetGroups", e)))?;
    let Some(group) = answer.and_then(|answer| answer.db_subnet_groups?.into_iter().next()) else { return Ok(None) };
    let tags = tags(client, group.db_subnet_group_arn.as_deref()).await?;
    Ok(Some(convert::subnet_group(&group, tags)))
}

pub(super) async fn parameter_group(
    client: &Client,
    name: &ResourceName,
) -> Result<Option<ParameterGroup>, CloudError> {
    let answer = client.describe_db_parameter_groups().db_parameter_group_name(name.as_str()).send().await;
    let answer = known(answer.map_err(|e| error("DescribeDBParameterGroups", e)))?;
    let Some(group) = answer.and_then(|a| a.db_parameter_groups?.into_iter().next()) else { return Ok(None) };
    let tags = tags(client, group.db_parameter_group_arn.as_deref()).await?;
    let parameters = parameters(client, name).await?;
    Ok(Some(ParameterGroup { tags, family: group.db_parameter_group_family.unwrap_or_default(), parameters }))
}

/// Those that somebody has set.
pub(super) async fn parameters(client: &Client, group: &ResourceName) -> Result<Parameters, CloudError> {
    let (mut all, mut marker) = (Parameters::new(), None);
    loop {
        let call = client.describe_db_parameters().db_parameter_group_name(group.as_str()).source("user");
        let answer = call.set_marker(marker).send().await.map_err(|e| error("DescribeDBParameters", e))?;
        all.extend(convert::parameters(answer.parameters()));
        marker = answer.marker;
        if marker.is_none() {
            return Ok(all);
        }
    }
}

async fn snapshots(client: &Client, name: &ResourceName) -> Result<Vec<DatabaseSnapshot>, CloudError> {
    let (mut all, mut marker) = (vec![], None);
    loop {
        let call = client.describe_db_snapshots().db_instance_identifier(name.as_str()).snapshot_type("manual");
        let answer = known(call.set_marker(marker).send().await.map_err(|e| error("DescribeDBSnapshots", e)))?;
        let Some(answer) = answer else { return Ok(all) };
        all.extend(answer.db_snapshots().iter().filter_map(convert::snapshot));
        marker = answer.marker;
        if marker.is_none() {
            return Ok(all);
        }
    }
}

async fn tags(client: &Client, arn: Option<&str>) -> Result<Tags, CloudError> {
    let Some(arn) = arn else { return Ok(Tags::default()) };
    let answer = client.list_tags_for_resource().resource_name(arn).send().await;
    Ok(convert::tags(answer.map_err(|e| error("ListTagsForResource", e))?.tag_list.as_ref()))
}

/// What is not found is not there.
fn known<T>(result: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind == CloudErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
