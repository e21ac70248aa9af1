//! Parameter groups: an instance's, and an Aurora cluster's, which have calls of their own.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{ApplyMethod, Parameter};

use super::convert;
use super::errors::error;
use super::observe::{known, tags};
use crate::cloud::api::CloudError;
use crate::inventory::{ParameterGroup, Parameters, ResourceName, Tags};
use crate::plan::Engine;

/// Parameters of ours that only a reboot changes; RDS refuses to apply them at once.
const STATIC: [&str; 1] = ["rds.logical_replication"];
const DESCRIPTION: &str = "parameters of the database: made by infra";

pub(super) async fn group(
    client: &Client,
    engine: Engine,
    name: &ResourceName,
) -> Result<Option<ParameterGroup>, CloudError> {
    let Some((family, arn)) = found(client, engine, name).await? else { return Ok(None) };
    let tags = tags(client, arn.as_deref()).await?;
    let parameters = read(client, engine, name).await?;
    Ok(Some(ParameterGroup { tags, family: family.unwrap_or_default(), parameters }))
}

/// Its family and its ARN.
async fn found(
    client: &Client,
    engine: Engine,
    name: &ResourceName,
) -> Result<Option<(Option<String>, Option<String>)>, CloudError> {
    match engine {
        Engine::Rds => {
            let answer = client.describe_db_parameter_groups().db_parameter_group_name(name.as_str()).send().await;
            let answer = known(answer.map_err(|e| error("DescribeDBParameterGroups", e)))?;
            let group = answer.and_then(|a| a.db_parameter_groups?.into_iter().next());
            Ok(group.map(|group| (group.db_parameter_group_family, group.db_parameter_group_arn)))
        }
        Engine::Aurora => {
            let call = client.describe_db_cluster_parameter_groups().db_cluster_parameter_group_name(name.as_str());
            let answer = known(call.send().await.map_err(|e| error("DescribeDBClusterParameterGroups", e)))?;
            let group = answer.and_then(|a| a.db_cluster_parameter_groups?.into_iter().next());
            Ok(group.map(|group| (group.db_parameter_group_family, group.db_cluster_parameter_group_arn)))
        }
    }
}

/// Those that somebody has set.
pub(super) async fn read(client: &Client, engine: Engine, group: &ResourceName) -> Result<Parameters, CloudError> {
    let (mut all, mut marker) = (Parameters::new(), None);
    loop {
        let (page, next) = page(client, engine, group, marker).await?;
        all.extend(convert::parameters(&page));
        marker = next;
        if marker.is_none() {
            return Ok(all);
        }
    }
}

async fn page(
    client: &Client,
    engine: Engine,
    group: &ResourceName,
    marker: Option<String>,
) -> Result<(Vec<Parameter>, Option<String>), CloudError> {
    match engine {
        Engine::Rds => {
            let call = client.describe_db_parameters().db_parameter_group_name(group.as_str()).source("user");
            let answer = call.set_marker(marker).send().await.map_err(|e| error("DescribeDBParameters", e))?;
            Ok((answer.parameters.unwrap_or_default(), answer.marker))
        }
        Engine::Aurora => {
            let call = client.describe_db_cluster_parameters().db_cluster_parameter_group_name(group.as_str());
            let answer = call.source("user").set_marker(marker).send().await;
            let answer = answer.map_err(|e| error("DescribeDBClusterParameters", e))?;
            Ok((answer.parameters.unwrap_or_default(), answer.marker))
        }
    }
}

pub(super) async fn create(
    client: &Client,
    engine: Engine,
    name: &ResourceName,
    family: &str,
    tags: &Tags,
) -> Result<(), CloudError> {
    let tags = Some(convert::sdk_tags(tags));
    match engine {
        Engine::Rds => {
            let call = client.create_db_parameter_group().db_parameter_group_name(name.as_str());
            let call = call.db_parameter_group_family(family).description(DESCRIPTION).set_tags(tags);
            call.send().await.map(drop).map_err(|e| error("CreateDBParameterGroup", e))
        }
        Engine::Aurora => {
            let call = client.create_db_cluster_parameter_group().db_cluster_parameter_group_name(name.as_str());
            let call = call.db_parameter_group_family(family).description(DESCRIPTION).set_tags(tags);
            call.send().await.map(drop).map_err(|e| error("CreateDBClusterParameterGroup", e))
        }
    }
}

pub(super) async fn set(
    client: &Client,
    engine: Engine,
    group: &ResourceName,
    parameters: Vec<Parameter>,
) -> Result<(), CloudError> {
    match engine {
        Engine::Rds => {
            let call = client.modify_db_parameter_group().db_parameter_group_name(group.as_str());
            let answer = call.set_parameters(Some(parameters)).send().await;
            answer.map(drop).map_err(|e| error("ModifyDBParameterGroup", e))
        }
        Engine::Aurora => {
            let call = client.modify_db_cluster_parameter_group().db_cluster_parameter_group_name(group.as_str());
            let answer = call.set_parameters(Some(parameters)).send().await;
            answer.map(drop).map_err(|e| error("ModifyDBClusterParameterGroup", e))
        }
    }
}

pub(super) async fn reset(
    client: &Client,
    engine: Engine,
    group: &ResourceName,
    names: &[String],
) -> Result<(), CloudError> {
    let parameters = names.iter().map(|name| parameter(name, None)).collect();
    match engine {
        Engine::Rds => {
            let call = client.reset_db_parameter_group().db_parameter_group_name(group.as_str());
            let answer = call.reset_all_parameters(false).set_parameters(Some(parameters)).send().await;
            answer.map(drop).map_err(|e| error("ResetDBParameterGroup", e))
        }
        Engine::Aurora => {
            let call = client.reset_db_cluster_parameter_group().db_cluster_parameter_group_name(group.as_str());
            let answer = call.reset_all_parameters(false).set_parameters(Some(parameters)).send().await;
            answer.map(drop).map_err(|e| error("ResetDBClusterParameterGroup", e))
        }
    }
}

pub(super) async fn delete(client: &Client, engine: Engine, name: &ResourceName) -> Result<(), CloudError> {
    match engine {
        Engine::Rds => {
            let call = client.delete_db_parameter_group().db_parameter_group_name(name.as_str());
            call.send().await.map(drop).map_err(|e| error("DeleteDBParameterGroup", e))
        }
        Engine::Aurora => {
            let call = client.delete_db_cluster_parameter_group().db_cluster_parameter_group_name(name.as_str());
            call.send().await.map(drop).map_err(|e| error("DeleteDBClusterParameterGroup", e))
        }
    }
}

pub(super) fn given(parameters: &Parameters) -> Vec<Parameter> {
    parameters.iter().map(|(name, value)| parameter(name, Some(value))).collect()
}

fn parameter(name: &str, value: Option<&String>) -> Parameter {
    let method = if STATIC.contains(&name) { ApplyMethod::PendingReboot } else { ApplyMethod::Immediate };
    Parameter::builder().parameter_name(name).set_parameter_value(value.cloned()).apply_method(method).build()
}
