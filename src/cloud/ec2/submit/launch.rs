//! Making an instance: one call, with everything that must hold from its first second.

use aws_sdk_ec2::types as sdk;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::cloud::api::CloudError;
use crate::cloud::ec2::Ec2;
use crate::cloud::ec2::convert::{labels, signed};
use crate::cloud::ec2::errors::{error, incomplete, refused};
use crate::cloud::ec2::ids::Kind;
use crate::cloud::ec2::volume::{self, sdk_kind};
use crate::inventory::{ResourceName, TAG_PLAN, Tags, VolumeSpec};
use crate::plan::Credits;
use crate::steps::InstanceSpec;

/// From a container on the host the way to the metadata is one network longer.
pub(in crate::cloud::ec2) const HOP_LIMIT: i32 = 2;

pub(super) async fn run(ec2: &Ec2, spec: &InstanceSpec) -> Result<(), CloudError> {
    let own = spec.ec2.as_ref().ok_or_else(|| refused("RunInstances", "incomplete", "the step does not say how"))?;
    let root_device = root_device(ec2, &own.image_id).await?;
    let firewall = ec2.id(Kind::Firewall, &own.firewall).await?;
    let call = ec2
        .changes
        .run_instances()
        .min_count(1)
        .max_count(1)
        .client_token(ec2.ids.token(Kind::Instance, &spec.name))
        .image_id(&own.image_id)
        .instance_type(sdk::InstanceType::from(spec.size.as_str()))
        .subnet_id(&own.subnet)
        .security_group_ids(firewall)
        .key_name(spec.key_pair.as_str())
        .user_data(STANDARD.encode(&spec.user_data))
        .iam_instance_profile(sdk::IamInstanceProfileSpecification::builder().name(own.profile.as_str()).build())
        .metadata_options(metadata())
        .block_device_mappings(root_volume(root_device, own.root_gb))
        // Whoever is root on the host may turn it off, not delete it.
        .instance_initiated_shutdown_behavior(sdk::ShutdownBehavior::Stop)
        .disable_api_termination(true)
        .set_credit_specification(own.credits.map(credits))
        .set_tag_specifications(Some(tags(spec)));
    let answer = call.send().await.map_err(|e| error("RunInstances", e))?;
    let made = answer.instances.unwrap_or_default();
    let id = made.first().and_then(|made| made.instance_id()).ok_or_else(|| incomplete("RunInstances"))?;
    ec2.ids.made(Kind::Instance, &spec.name, id);
    Ok(())
}

/// Each distribution's image has its own.
async fn root_device(ec2: &Ec2, image: &str) -> Result<String, CloudError> {
    if let Some(known) = ec2.ids.root_device(image) {
        return Ok(known);
    }
    let answer = ec2.reads.describe_images().image_ids(image).send().await.map_err(|e| error("DescribeImages", e))?;
    let found = answer.images.unwrap_or_default().into_iter().find_map(|found| found.root_device_name);
    let device =
        found.ok_or_else(|| refused("DescribeImages", "no such image", format!("there is no image {image}")))?;
    ec2.ids.learn_root_device(image, &device);
    Ok(device)
}

fn metadata() -> sdk::InstanceMetadataOptionsRequest {
    sdk::InstanceMetadataOptionsRequest::builder()
        .http_endpoint(sdk::InstanceMetadataEndpointState::Enabled)
        .http_tokens(sdk::HttpTokensState::Required)
        .http_put_response_hop_limit(HOP_LIMIT)
        .build()
}

fn root_volume(device: String, size_gb: u32) -> sdk::BlockDeviceMapping {
    let disk = sdk::EbsBlockDevice::builder()
        .volume_type(sdk_kind(VolumeSpec::GP3.kind))
        .volume_size(signed(size_gb))
        .encrypted(true)
        .delete_on_termination(true);
    sdk::BlockDeviceMapping::builder().device_name(device).ebs(disk.build()).build()
}

pub(super) fn credits(credits: Credits) -> sdk::CreditSpecificationRequest {
    sdk::CreditSpecificationRequest::builder().cpu_credits(credits.to_string()).build()
}

/// What comes with the instance belongs to the plan and stands for no node of it: nobody takes the root volume for a disk.
fn tags(spec: &InstanceSpec) -> Vec<sdk::TagSpecification> {
    let plan = spec.tags.get(TAG_PLAN).map(|plan| (TAG_PLAN.to_owned(), plan.to_owned()));
    let plan = Tags(plan.into_iter().collect());
    let root = ResourceName::new(format!("{}{}", spec.name, volume::ROOT));
    vec![
        labels(sdk::ResourceType::Instance, &spec.name, &spec.tags),
        labels(sdk::ResourceType::Volume, &root, &plan),
        labels(sdk::ResourceType::NetworkInterface, &spec.name, &plan),
    ]
}
