//! Aurora PostgreSQL, Serverless v2: a cluster, which is its storage, its addresses and its settings, and one instance
//! that serves it.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::ServerlessV2ScalingConfiguration;

use super::convert::{self, number};
use super::errors::error;
use super::instance::{self, AUTHORITY};
use super::observe::known;
use crate::cloud::api::CloudError;
use crate::inventory::{Database, DatabaseSnapshot, ResourceName, Tags};
use crate::plan::MigrateAurora;
use crate::steps::{DatabaseChange, DatabaseSpec, member_name};

const ENGINE: &str = "aurora-postgresql";
const CLASS: &str = "db.serverless";

/// With its instance.
pub(super) async fn read(client: &Client, name: &ResourceName) -> Result<Option<Database>, CloudError> {
    let answer = client.describe_db_clusters().db_cluster_identifier(name.as_str()).send().await;
    let answer = known(answer.map_err(|e| error("DescribeDBClusters", e)))?;
    let Some(cluster) = answer.and_then(|answer| answer.db_clusters?.into_iter().next()) else { return Ok(None) };
    let member = client.describe_db_instances().db_instance_identifier(member_name(name).as_str()).send().await;
    let member = known(member.map_err(|e| error("DescribeDBInstances", e)))?;
    Ok(convert::cluster(&cluster, member.as_ref().and_then(|answer| answer.db_instances().first())))
}

pub(super) async fn snapshots(client: &Client, name: &ResourceName) -> Result<Vec<DatabaseSnapshot>, CloudError> {
    let (mut all, mut marker) = (vec![], None);
    loop {
        let call = client.describe_db_cluster_snapshots().db_cluster_identifier(name.as_str()).snapshot_type("manual");
        let answer = known(call.set_marker(marker).send().await.map_err(|e| error("DescribeDBClusterSnapshots", e)))?;
        let Some(answer) = answer else { return Ok(all) };
        let found = answer.db_cluster_snapshots().iter();
        all.extend(found.filter_map(|one| convert::snapshot(one.db_cluster_snapshot_identifier(), one.status())));
        marker = answer.marker;
        if marker.is_none() {
            return Ok(all);
        }
    }
}

pub(super) async fn snapshot_state(client: &Client, name: &ResourceName) -> Result<Option<String>, CloudError> {
    let answer = client.describe_db_cluster_snapshots().db_cluster_snapshot_identifier(name.as_str()).send().await;
    let answer = known(answer.map_err(|e| error("DescribeDBClusterSnapshots", e)))?;
    Ok(answer.and_then(|answer| answer.db_cluster_snapshots().first()?.status.clone()))
}

pub(super) async fn create(
    client: &Client,
    spec: &DatabaseSpec,
    size: &MigrateAurora,
    security_group: &str,
) -> Result<(), CloudError> {
    let capacity =
        ServerlessV2ScalingConfiguration::builder().min_capacity(size.min_acu.0).max_capacity(size.max_acu.0).build();
    let call = client
        .create_db_cluster()
        .db_cluster_identifier(spec.name.as_str())
        .engine(ENGINE)
        .engine_version(&spec.version)
        .serverless_v2_scaling_configuration(capacity)
        .storage_encrypted(true)
        .master_username(&spec.master)
        .manage_master_user_password(true)
        .set_database_name(spec.database.clone())
        .vpc_security_group_ids(security_group)
        .db_subnet_group_name(spec.subnet_group.as_str())
        .db_cluster_parameter_group_name(spec.parameter_group.as_str())
        .backup_retention_period(number(spec.backup_days))
        .copy_tags_to_snapshot(true)
        .deletion_protection(true)
        .set_tags(Some(convert::sdk_tags(&spec.tags)));
    call.send().await.map(drop).map_err(|e| error("CreateDBCluster", e))
}

/// What its cluster has, it takes from there.
pub(super) async fn create_member(client: &Client, cluster: &ResourceName, tags: &Tags) -> Result<(), CloudError> {
    let call = client
        .create_db_instance()
        .db_instance_identifier(member_name(cluster).as_str())
        .db_cluster_identifier(cluster.as_str())
        .engine(ENGINE)
        .db_instance_class(CLASS)
        .publicly_accessible(false)
        .ca_certificate_identifier(AUTHORITY)
        .set_tags(Some(convert::sdk_tags(tags)));
    call.send().await.map(drop).map_err(|e| error("CreateDBInstance", e))
}

pub(super) async fn modify(client: &Client, name: &ResourceName, change: &DatabaseChange) -> Result<(), CloudError> {
    let capacity = change.capacity.as_ref().map(|size| {
        ServerlessV2ScalingConfiguration::builder().min_capacity(size.min_acu.0).max_capacity(size.max_acu.0).build()
    });
    let call = client
        .modify_db_cluster()
        .set_serverless_v2_scaling_configuration(capacity)
        .db_cluster_identifier(name.as_str())
        .set_backup_retention_period(change.backup_days.map(number))
        .set_deletion_protection(change.deletion_protection)
        .set_db_cluster_parameter_group_name(change.parameter_group.as_ref().map(ToString::to_string))
        .apply_immediately(true);
    call.send().await.map(drop).map_err(|e| error("ModifyDBCluster", e))
}

pub(super) async fn reboot(client: &Client, name: &ResourceName) -> Result<(), CloudError> {
    instance::reboot(client, &member_name(name)).await
}

pub(super) async fn snapshot(
    client: &Client,
    name: &ResourceName,
    snapshot: &ResourceName,
    tags: &Tags,
) -> Result<(), CloudError> {
    let call = client
        .create_db_cluster_snapshot()
        .db_cluster_identifier(name.as_str())
        .db_cluster_snapshot_identifier(snapshot.as_str())
        .set_tags(Some(convert::sdk_tags(tags)));
    call.send().await.map(drop).map_err(|e| error("CreateDBClusterSnapshot", e))
}

/// Its data are its cluster's: it says nothing of a snapshot.
pub(super) async fn delete_member(client: &Client, cluster: &ResourceName) -> Result<(), CloudError> {
    let call = client.delete_db_instance().db_instance_identifier(member_name(cluster).as_str());
    call.send().await.map(drop).map_err(|e| error("DeleteDBInstance", e))
}

pub(super) async fn delete(
    client: &Client,
    name: &ResourceName,
    final_snapshot: Option<&ResourceName>,
) -> Result<(), CloudError> {
    let call = client
        .delete_db_cluster()
        .db_cluster_identifier(name.as_str())
        .skip_final_snapshot(final_snapshot.is_none())
        .set_final_db_snapshot_identifier(final_snapshot.map(ToString::to_string));
    call.send().await.map(drop).map_err(|e| error("DeleteDBCluster", e))
}
