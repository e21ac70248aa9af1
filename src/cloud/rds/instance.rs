//! PostgreSQL of RDS: one instance.

use aws_sdk_rds::Client;

use super::convert::{self, number};
use super::errors::error;
use super::observe::known;
use crate::cloud::api::CloudError;
use crate::inventory::{Database, DatabaseSnapshot, ResourceName, Tags};
use crate::plan::MigrateRds;
use crate::steps::{DatabaseChange, DatabaseSpec};

/// Amazon's present default, named so that a new default changes nothing behind a plan's back.
pub(super) const AUTHORITY: &str = "rds-ca-rsa2048-g1";

pub(super) async fn read(client: &Client, name: &ResourceName) -> Result<Option<Database>, CloudError> {
    let answer = client.describe_db_instances().db_instance_identifier(name.as_str()).send().await;
    let answer = known(answer.map_err(|e| error("DescribeDBInstances", e)))?;
    Ok(answer.and_then(|answer| convert::database(answer.db_instances().first()?)))
}

pub(super) async fn snapshots(client: &Client, name: &ResourceName) -> Result<Vec<DatabaseSnapshot>, CloudError> {
    let (mut all, mut marker) = (vec![], None);
    loop {
        let call = client.describe_db_snapshots().db_instance_identifier(name.as_str()).snapshot_type("manual");
        let answer = known(call.set_marker(marker).send().await.map_err(|e| error("DescribeDBSnapshots", e)))?;
        let Some(answer) = answer else { return Ok(all) };
        let found = answer.db_snapshots().iter();
        all.extend(found.filter_map(|one| convert::snapshot(one.db_snapshot_identifier(), one.status())));
        marker = answer.marker;
        if marker.is_none() {
            return Ok(all);
        }
    }
}

pub(super) async fn snapshot_state(client: &Client, name: &ResourceName) -> Result<Option<String>, CloudError> {
    let answer = client.describe_db_snapshots().db_snapshot_identifier(name.as_str()).send().await;
    let answer = known(answer.map_err(|e| error("DescribeDBSnapshots", e)))?;
    Ok(answer.and_then(|answer| answer.db_snapshots().first()?.status.clone()))
}

pub(super) async fn create(
    client: &Client,
    spec: &DatabaseSpec,
    size: &MigrateRds,
    security_group: &str,
) -> Result<(), CloudError> {
    let call = client
        .create_db_instance()
        .db_instance_identifier(spec.name.as_str())
        .engine("postgres")
        .engine_version(&spec.version)
        .db_instance_class(size.class.as_ref())
        .allocated_storage(number(size.storage_gb.0))
        .storage_type("gp3")
        .storage_encrypted(true)
        .master_username(&spec.master)
        .manage_master_user_password(true)
        .set_db_name(spec.database.clone())
        .vpc_security_group_ids(security_group)
        .db_subnet_group_name(spec.subnet_group.as_str())
        .db_parameter_group_name(spec.parameter_group.as_str())
        .publicly_accessible(false)
        .multi_az(false)
        .ca_certificate_identifier(AUTHORITY)
        .backup_retention_period(number(spec.backup_days))
        .copy_tags_to_snapshot(true)
        .deletion_protection(true)
        .set_tags(Some(convert::sdk_tags(&spec.tags)));
    call.send().await.map(drop).map_err(|e| error("CreateDBInstance", e))
}

pub(super) async fn modify(client: &Client, name: &ResourceName, change: &DatabaseChange) -> Result<(), CloudError> {
    let call = client
        .modify_db_instance()
        .db_instance_identifier(name.as_str())
        .set_backup_retention_period(change.backup_days.map(number))
        .set_deletion_protection(change.deletion_protection)
        .set_db_instance_class(change.class.as_ref().map(ToString::to_string))
        .set_allocated_storage(change.storage_gb.map(|storage| number(storage.0)))
        .set_publicly_accessible(change.public)
        .set_db_parameter_group_name(change.parameter_group.as_ref().map(ToString::to_string))
        .apply_immediately(true);
    call.send().await.map(drop).map_err(|e| error("ModifyDBInstance", e))
}

/// Also of the instance of a cluster.
pub(super) async fn reboot(client: &Client, name: &ResourceName) -> Result<(), CloudError> {
    let call = client.reboot_db_instance().db_instance_identifier(name.as_str());
    call.send().await.map(drop).map_err(|e| error("RebootDBInstance", e))
}

pub(super) async fn snapshot(
    client: &Client,
    name: &ResourceName,
    snapshot: &ResourceName,
    tags: &Tags,
) -> Result<(), CloudError> {
    let call = client
        .create_db_snapshot()
        .db_instance_identifier(name.as_str())
        .db_snapshot_identifier(snapshot.as_str())
        .set_tags(Some(convert::sdk_tags(tags)));
    call.send().await.map(drop).map_err(|e| error("CreateDBSnapshot", e))
}

pub(super) async fn delete(
    client: &Client,
    name: &ResourceName,
    final_snapshot: Option<&ResourceName>,
) -> Result<(), CloudError> {
    let call = client
        .delete_db_instance()
        .db_instance_identifier(name.as_str())
        .skip_final_snapshot(final_snapshot.is_none())
        .set_final_db_snapshot_identifier(final_snapshot.map(ToString::to_string));
    call.send().await.map(drop).map_err(|e| error("DeleteDBInstance", e))
}
