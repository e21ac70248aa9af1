//! Asking for changes: one arm an action, each one call.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{ApplyMethod, Parameter};

use super::AmazonRds;
use super::convert;
use super::errors::error;
use crate::cloud::api::CloudError;
use crate::inventory::{Parameters, ResourceName};
use crate::steps::{DatabaseAction, DatabaseChange, DatabaseSpec};

/// Parameters of ours that only a reboot changes; RDS refuses to apply them at once.
const STATIC: [&str; 1] = ["rds.logical_replication"];
/// Amazon's present default, named so that a new default changes nothing behind a plan's back.
const AUTHORITY: &str = "rds-ca-rsa2048-g1";

pub(super) async fn submit(rds: &AmazonRds, action: &DatabaseAction) -> Result<(), CloudError> {
    use DatabaseAction as A;
    match action {
        A::PeerNetworks => rds.lightsail_changes.peer_vpc().send().await.map(drop).map_err(|e| error("PeerVpc", e)),
        A::CreateSecurityGroup { name, network, tags } => rds.networks.create_security_group(name, network, tags).await,
        A::Allow { group, ingress } => rds.networks.rule("AuthorizeSecurityGroupIngress", group, ingress).await,
        A::Forbid { group, ingress } => rds.networks.rule("RevokeSecurityGroupIngress", group, ingress).await,
        A::DeleteSecurityGroup { name } => rds.networks.delete_security_group(name).await,
        A::PutTopic { name, tags } => rds.alarms.create_topic(name, tags).await,
        A::Subscribe { topic, email } => rds.alarms.subscribe(topic, email.as_ref()).await,
        A::PutAlarm { alarm, database, topic, tags } => rds.alarms.put(alarm, database, topic.as_ref(), tags).await,
        A::DeleteAlarms { names } => rds.alarms.delete(names).await,
        A::DeleteTopic { name } => rds.alarms.delete_topic(name).await,
        A::CreateDatabase(spec) => {
            let security_group = rds.networks.id_of(&spec.security_group).await?;
            create(&rds.changes, spec, &security_group).await
        }
        A::ChangeDatabase { name, change } => modify(&rds.changes, name, change).await,
        A::RebootDatabase { .. } | A::SnapshotDatabase { .. } | A::DeleteDatabase { .. } => {
            instance(&rds.changes, action).await
        }
        _ => group(&rds.changes, action).await,
    }
}

async fn create(client: &Client, spec: &DatabaseSpec, security_group: &str) -> Result<(), CloudError> {
    let call = client
        .create_db_instance()
        .db_instance_identifier(spec.name.as_str())
        .engine("postgres")
        .engine_version(&spec.version)
        .db_instance_class(spec.class.as_ref())
        .allocated_storage(number(spec.storage_gb))
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

async fn modify(client: &Client, name: &ResourceName, change: &DatabaseChange) -> Result<(), CloudError> {
    let call = client
        .modify_db_instance()
        .db_instance_identifier(name.as_str())
        .set_backup_retention_period(change.backup_days.map(number))
        .set_deletion_protection(change.deletion_protection)
        .set_db_parameter_group_name(change.parameter_group.as_ref().map(ToString::to_string))
        .apply_immediately(true);
    call.send().await.map(drop).map_err(|e| error("ModifyDBInstance", e))
}

async fn instance(client: &Client, action: &DatabaseAction) -> Result<(), CloudError> {
    match action {
        DatabaseAction::RebootDatabase { name } => {
            let call = client.reboot_db_instance().db_instance_identifier(name.as_str());
            call.send().await.map(drop).map_err(|e| error("RebootDBInstance", e))
        }
        DatabaseAction::SnapshotDatabase { name, snapshot, tags } => {
            let call = client
                .create_db_snapshot()
                .db_instance_identifier(name.as_str())
                .db_snapshot_identifier(snapshot.as_str())
                .set_tags(Some(convert::sdk_tags(tags)));
            call.send().await.map(drop).map_err(|e| error("CreateDBSnapshot", e))
        }
        DatabaseAction::DeleteDatabase { name, final_snapshot } => {
            let call = client
                .delete_db_instance()
                .db_instance_identifier(name.as_str())
                .skip_final_snapshot(final_snapshot.is_none())
                .set_final_db_snapshot_identifier(final_snapshot.as_ref().map(ToString::to_string));
            call.send().await.map(drop).map_err(|e| error("DeleteDBInstance", e))
        }
        _ => unreachable!("submit sends actions about instances here"),
    }
}

async fn group(client: &Client, action: &DatabaseAction) -> Result<(), CloudError> {
    match action {
        DatabaseAction::CreateSubnetGroup { name, subnets, tags } => {
            let call = client
                .create_db_subnet_group()
                .db_subnet_group_name(name.as_str())
                .db_subnet_group_description("subnets of the default VPC: made by infra")
                .set_subnet_ids(Some(subnets.clone()))
                .set_tags(Some(convert::sdk_tags(tags)));
            call.send().await.map(drop).map_err(|e| error("CreateDBSubnetGroup", e))
        }
        DatabaseAction::CreateParameterGroup { name, family, tags } => {
            let call = client
                .create_db_parameter_group()
                .db_parameter_group_name(name.as_str())
                .db_parameter_group_family(family)
                .description("parameters of the database: made by infra")
                .set_tags(Some(convert::sdk_tags(tags)));
            call.send().await.map(drop).map_err(|e| error("CreateDBParameterGroup", e))
        }
        DatabaseAction::SetParameters { group, parameters } => {
            let call = client.modify_db_parameter_group().db_parameter_group_name(group.as_str());
            let call = call.set_parameters(Some(set(parameters)));
            call.send().await.map(drop).map_err(|e| error("ModifyDBParameterGroup", e))
        }
        DatabaseAction::ResetParameters { group, names } => {
            let call = client.reset_db_parameter_group().db_parameter_group_name(group.as_str());
            let call = call.reset_all_parameters(false).set_parameters(Some(names.iter().map(|n| reset(n)).collect()));
            call.send().await.map(drop).map_err(|e| error("ResetDBParameterGroup", e))
        }
        DatabaseAction::DeleteParameterGroup { name } => {
            let call = client.delete_db_parameter_group().db_parameter_group_name(name.as_str());
            call.send().await.map(drop).map_err(|e| error("DeleteDBParameterGroup", e))
        }
        DatabaseAction::DeleteSubnetGroup { name } => {
            let call = client.delete_db_subnet_group().db_subnet_group_name(name.as_str());
            call.send().await.map(drop).map_err(|e| error("DeleteDBSubnetGroup", e))
        }
        _ => unreachable!("submit sends actions about groups here"),
    }
}

fn set(parameters: &Parameters) -> Vec<Parameter> {
    let parameter = |(name, value): (&String, &String)| {
        Parameter::builder().parameter_name(name).parameter_value(value).apply_method(method(name)).build()
    };
    parameters.iter().map(parameter).collect()
}

fn reset(name: &str) -> Parameter {
    Parameter::builder().parameter_name(name).apply_method(method(name)).build()
}

fn method(name: &str) -> ApplyMethod {
    if STATIC.contains(&name) { ApplyMethod::PendingReboot } else { ApplyMethod::Immediate }
}

/// The plan's validation holds sizes far below.
fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
