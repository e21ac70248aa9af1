//! The list calls, with all their pages. Those by plan are what both the inventory and the looks for an effect are made of.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::error::ProvideErrorMetadata as _;
use aws_sdk_ec2::types as sdk;
use futures::future::try_join_all;

use super::convert::{Resource as _, filter};
use super::errors::error;
use crate::cloud::api::CloudError;
use crate::inventory::TAG_PLAN;
use crate::plan::PlanName;

/// EC2 takes no more values in a filter.
const FILTER_VALUES: usize = 200;
/// DescribeInstanceTypes takes no more of them.
const TYPES: usize = 100;

/// Follows a paginated call to its end.
macro_rules! pages {
    ($name:literal, $call:expr) => {
        $call.into_paginator().items().send().try_collect().await.map_err(|e| error($name, e))
    };
}

fn by_plan(plan: &PlanName) -> sdk::Filter {
    filter(&format!("tag:{TAG_PLAN}"), [plan.to_string()])
}

pub(super) async fn instances(client: Client, plan: PlanName) -> Result<Vec<sdk::Instance>, CloudError> {
    let found: Vec<sdk::Reservation> =
        pages!("DescribeInstances", client.describe_instances().filters(by_plan(&plan)))?;
    Ok(found.into_iter().flat_map(|reservation| reservation.instances.unwrap_or_default()).collect())
}

pub(super) async fn volumes(client: Client, plan: PlanName) -> Result<Vec<sdk::Volume>, CloudError> {
    pages!("DescribeVolumes", client.describe_volumes().filters(by_plan(&plan)))
}

pub(super) async fn snapshots(client: Client, plan: PlanName) -> Result<Vec<sdk::Snapshot>, CloudError> {
    pages!("DescribeSnapshots", client.describe_snapshots().owner_ids("self").filters(by_plan(&plan)))
}

pub(super) async fn addresses(client: Client, plan: PlanName) -> Result<Vec<sdk::Address>, CloudError> {
    let answer = client.describe_addresses().filters(by_plan(&plan)).send().await;
    Ok(answer.map_err(|e| error("DescribeAddresses", e))?.addresses.unwrap_or_default())
}

pub(super) async fn own_firewalls(client: Client, plan: PlanName) -> Result<Vec<sdk::SecurityGroup>, CloudError> {
    pages!("DescribeSecurityGroups", client.describe_security_groups().filters(by_plan(&plan)))
}

/// By name, which EC2 keeps unique in a VPC: a stranger's is seen too.
pub(super) async fn firewalls(client: &Client, plan: &PlanName) -> Result<Vec<sdk::SecurityGroup>, CloudError> {
    let names = filter("group-name", [format!("{plan}-*")]);
    pages!("DescribeSecurityGroups", client.describe_security_groups().filters(names))
}

/// The plan's own: a stranger's of the same name is refused when it is to be made, and never removed.
pub(super) async fn key_pairs(
    client: &Client,
    plan: &PlanName,
    name: &str,
) -> Result<Vec<sdk::KeyPairInfo>, CloudError> {
    let call = client.describe_key_pairs().filters(filter("key-name", [name.to_owned()]));
    let answer = call.filters(by_plan(plan)).send().await;
    Ok(answer.map_err(|e| error("DescribeKeyPairs", e))?.key_pairs.unwrap_or_default())
}

/// Those of these ids that are there: what is deleted has tags for a while longer.
pub(super) async fn living_instances(client: &Client, ids: Vec<String>) -> Result<Vec<String>, CloudError> {
    let states = ["pending", "running", "stopping", "stopped"].map(str::to_owned);
    let found: Vec<sdk::Reservation> = each(ids, FILTER_VALUES, |some| async {
        let call = client.describe_instances().filters(filter("instance-id", some));
        pages!("DescribeInstances", call.filters(filter("instance-state-name", states.clone())))
    })
    .await?;
    let found = found.into_iter().flat_map(|reservation| reservation.instances.unwrap_or_default());
    Ok(found.filter_map(|instance| instance.instance_id).collect())
}

/// The same of volumes.
pub(super) async fn living_volumes(client: &Client, ids: Vec<String>) -> Result<Vec<String>, CloudError> {
    let found: Vec<sdk::Volume> = each(ids, FILTER_VALUES, |some| async {
        pages!("DescribeVolumes", client.describe_volumes().filters(filter("volume-id", some)))
    })
    .await?;
    Ok(found.into_iter().filter(|volume| !volume.is_gone()).filter_map(|volume| volume.volume_id).collect())
}

/// The same of snapshots.
pub(super) async fn living_snapshots(client: &Client, ids: Vec<String>) -> Result<Vec<String>, CloudError> {
    let found: Vec<sdk::Snapshot> = each(ids, FILTER_VALUES, |some| async {
        pages!("DescribeSnapshots", client.describe_snapshots().owner_ids("self").filters(filter("snapshot-id", some)))
    })
    .await?;
    Ok(found.into_iter().filter_map(|snapshot| snapshot.snapshot_id).collect())
}

/// Everything whose name begins as the plan's resources do, whoever made it.
pub(super) async fn named(client: &Client, plan: &PlanName) -> Result<Vec<sdk::TagDescription>, CloudError> {
    let (key, value) = (filter("key", ["Name".to_owned()]), filter("value", [format!("{plan}-*")]));
    pages!("DescribeTags", client.describe_tags().filters(key).filters(value))
}

pub(super) async fn vpcs(client: &Client) -> Result<Vec<sdk::Vpc>, CloudError> {
    pages!("DescribeVpcs", client.describe_vpcs())
}

pub(super) async fn subnets(client: &Client) -> Result<Vec<sdk::Subnet>, CloudError> {
    pages!("DescribeSubnets", client.describe_subnets())
}

/// Those with events: EC2 cannot be asked for them by tags, and they are few in any account.
pub(super) async fn statuses(client: &Client) -> Result<Vec<sdk::InstanceStatus>, CloudError> {
    let codes = sdk::EventCode::values().iter().map(|code| (*code).to_owned());
    let call = client.describe_instance_status().include_all_instances(true).filters(filter("event.code", codes));
    pages!("DescribeInstanceStatus", call)
}

pub(super) async fn spot_requests(
    client: &Client,
    ids: Vec<String>,
) -> Result<Vec<sdk::SpotInstanceRequest>, CloudError> {
    each(ids, FILTER_VALUES, |some| async {
        let call = client.describe_spot_instance_requests().filters(filter("spot-instance-request-id", some));
        pages!("DescribeSpotInstanceRequests", call)
    })
    .await
}

/// By filter: of a volume that was never changed EC2 would say that there is no such change.
pub(super) async fn modifications(
    client: Client,
    volumes: Vec<String>,
) -> Result<Vec<sdk::VolumeModification>, CloudError> {
    each(volumes, FILTER_VALUES, |some| async {
        pages!(
            "DescribeVolumesModifications",
            client.describe_volumes_modifications().filters(filter("volume-id", some))
        )
    })
    .await
}

/// A thousand ids a call, which is more hosts than a plan has.
pub(super) async fn credits(
    client: &Client,
    instances: Vec<String>,
) -> Result<Vec<sdk::InstanceCreditSpecification>, CloudError> {
    each(instances, 1_000, |some| async {
        let call = client.describe_instance_credit_specifications().set_instance_ids(Some(some));
        let answer = call.send().await.map_err(|e| error("DescribeInstanceCreditSpecifications", e))?;
        Ok(answer.instance_credit_specifications.unwrap_or_default())
    })
    .await
}

/// Sizes that do not exist are left out.
pub(super) async fn types(client: &Client, sizes: Vec<String>) -> Result<Vec<sdk::InstanceTypeInfo>, CloudError> {
    each(sizes, TYPES, |some| some_types(client, some)).await
}

/// One unknown size makes the whole call fail. The filter leaves it out, but goes through all sizes that there are.
async fn some_types(client: &Client, sizes: Vec<String>) -> Result<Vec<sdk::InstanceTypeInfo>, CloudError> {
    let types = sizes.iter().map(|size| sdk::InstanceType::from(size.as_str())).collect();
    let found = client.describe_instance_types().set_instance_types(Some(types)).send().await;
    match found {
        Ok(answer) => Ok(answer.instance_types.unwrap_or_default()),
        Err(e) if e.code() == Some("InvalidInstanceType") => {
            let call = client.describe_instance_types().filters(filter("instance-type", sizes));
            pages!("DescribeInstanceTypes", call)
        }
        Err(e) => Err(error("DescribeInstanceTypes", e)),
    }
}

/// Nothing is asked where there is nothing to ask for: an empty list means everything to EC2.
async fn each<T, F>(all: Vec<String>, size: usize, ask: impl Fn(Vec<String>) -> F) -> Result<Vec<T>, CloudError>
where
    F: Future<Output = Result<Vec<T>, CloudError>>,
{
    Ok(try_join_all(all.chunks(size).map(|some| ask(some.to_vec()))).await?.into_iter().flatten().collect())
}
