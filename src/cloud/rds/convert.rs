//! SDK types to the inventory's and back. What the API leaves out becomes the neutral value.

use std::collections::BTreeMap;

use aws_sdk_rds::types as sdk;

use crate::inventory::{
    Database, DatabaseAddress, DatabaseSnapshot, DatabaseState, Member, ResourceName, SubnetGroup, Tags,
};
use crate::plan::{Acu, Gigabytes, InstanceClass, ManagedSize, MigrateAurora, MigrateRds, Port};

/// States that only somebody's help ends.
const BROKEN: [&str; 6] = [
    "failed",
    "inaccessible-encryption-credentials",
    "insufficient-capacity",
    "restore-error",
    "storage-full",
    "upgrade-failed",
];

pub(super) fn tags(tags: Option<&Vec<sdk::Tag>>) -> Tags {
    let pairs = tags.into_iter().flatten();
    Tags(pairs.filter_map(|tag| Some((tag.key.clone()?, tag.value.clone().unwrap_or_default()))).collect())
}

pub(super) fn sdk_tags(tags: &Tags) -> Vec<sdk::Tag> {
    tags.0.iter().map(|(key, value)| sdk::Tag::builder().key(key).value(value).build()).collect()
}

/// None for an instance that is no PostgreSQL of a class as the plan can name it, or serves a cluster.
pub(super) fn database(instance: &sdk::DbInstance) -> Option<Database> {
    if instance.db_cluster_identifier().is_some_and(|cluster| !cluster.is_empty()) {
        return None;
    }
    let group = instance.db_parameter_groups.as_ref().and_then(|groups| groups.first());
    let secret = instance.master_user_secret.as_ref().and_then(|secret| secret.secret_arn.clone());
    Some(Database {
        name: ResourceName::new(instance.db_instance_identifier.clone()?),
        tags: tags(instance.tag_list.as_ref()),
        state: state(instance.db_instance_status.as_deref().unwrap_or_default()),
        size: ManagedSize::Rds(MigrateRds {
            class: class(instance.db_instance_class.as_deref()?)?,
            storage_gb: Gigabytes(count(instance.allocated_storage)),
        }),
        member: None,
        version: instance.engine_version.clone().unwrap_or_default(),
        master: instance.master_username.clone().unwrap_or_default(),
        endpoint: instance.endpoint.as_ref().and_then(address),
        secret,
        authority: instance.ca_certificate_identifier.clone(),
        parameter_group: ResourceName::new(group.and_then(|g| g.db_parameter_group_name.clone()).unwrap_or_default()),
        parameters_in_effect: group.and_then(|g| g.parameter_apply_status.as_deref()) != Some("pending-reboot"),
        backup_days: count(instance.backup_retention_period),
        deletion_protection: instance.deletion_protection.unwrap_or(false),
        encrypted: instance.storage_encrypted.unwrap_or(false),
        public: instance.publicly_accessible.unwrap_or(false),
    })
}

/// None for a cluster that is not serverless: it is not ours.
pub(super) fn cluster(cluster: &sdk::DbCluster, member: Option<&sdk::DbInstance>) -> Option<Database> {
    let capacity = cluster.serverless_v2_scaling_configuration.as_ref()?;
    let waits =
        |member: &sdk::DbClusterMember| member.db_cluster_parameter_group_status.as_deref() == Some("pending-reboot");
    let address = || {
        let port = Port::new(u16::try_from(cluster.port?).ok()?)?;
        Some(DatabaseAddress { host: cluster.endpoint.clone()?, port })
    };
    Some(Database {
        name: ResourceName::new(cluster.db_cluster_identifier.clone()?),
        tags: tags(cluster.tag_list.as_ref()),
        state: state(cluster.status.as_deref().unwrap_or_default()),
        size: ManagedSize::Aurora(MigrateAurora {
            min_acu: Acu(capacity.min_capacity?),
            max_acu: Acu(capacity.max_capacity?),
        }),
        member: member.and_then(served),
        version: cluster.engine_version.clone().unwrap_or_default(),
        master: cluster.master_username.clone().unwrap_or_default(),
        endpoint: address(),
        secret: cluster.master_user_secret.as_ref().and_then(|secret| secret.secret_arn.clone()),
        authority: member.and_then(|member| member.ca_certificate_identifier.clone()),
        parameter_group: ResourceName::new(cluster.db_cluster_parameter_group.clone().unwrap_or_default()),
        parameters_in_effect: !cluster.db_cluster_members().iter().any(waits),
        backup_days: count(cluster.backup_retention_period),
        deletion_protection: cluster.deletion_protection.unwrap_or(false),
        encrypted: cluster.storage_encrypted.unwrap_or(false),
        public: member.and_then(|member| member.publicly_accessible).unwrap_or(false),
    })
}

fn served(instance: &sdk::DbInstance) -> Option<Member> {
    Some(Member {
        name: ResourceName::new(instance.db_instance_identifier.clone()?),
        state: state(instance.db_instance_status.as_deref().unwrap_or_default()),
    })
}

fn count(number: Option<i32>) -> u32 {
    number.and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}

/// The plan's validation holds sizes far below.
pub(super) fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn class(text: &str) -> Option<InstanceClass> {
    text.to_owned().try_into().ok()
}

fn address(endpoint: &sdk::Endpoint) -> Option<DatabaseAddress> {
    let port = Port::new(u16::try_from(endpoint.port?).ok()?)?;
    Some(DatabaseAddress { host: endpoint.address.clone()?, port })
}

pub(super) fn state(text: &str) -> DatabaseState {
    match text {
        "available" => DatabaseState::Available,
        "stopped" => DatabaseState::Stopped,
        "deleting" => DatabaseState::Deleting,
        _ if BROKEN.contains(&text) || text.starts_with("incompatible-") => DatabaseState::Broken(text.to_owned()),
        _ => DatabaseState::Busy(text.to_owned()),
    }
}

pub(super) fn subnet_group(group: &sdk::DbSubnetGroup, tags: Tags) -> SubnetGroup {
    let subnets = group.subnets.iter().flatten().filter_map(|subnet| subnet.subnet_identifier.clone());
    SubnetGroup { tags, subnets: subnets.collect() }
}

pub(super) fn parameters(parameters: &[sdk::Parameter]) -> BTreeMap<String, String> {
    let pairs = parameters.iter().filter_map(|p| Some((p.parameter_name.clone()?, p.parameter_value.clone()?)));
    pairs.collect()
}

pub(super) fn snapshot(name: Option<&str>, status: Option<&str>) -> Option<DatabaseSnapshot> {
    Some(DatabaseSnapshot { name: ResourceName::new(name?), complete: status == Some("available") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_good_passing_or_broken() {
        assert_eq!(state("available"), DatabaseState::Available);
        assert_eq!(
            state("configuring-enhanced-monitoring"),
            DatabaseState::Busy("configuring-enhanced-monitoring".into())
        );
        assert_eq!(state("incompatible-parameters"), DatabaseState::Broken("incompatible-parameters".into()));
    }
}
