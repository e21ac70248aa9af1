//! Changes of an instance.

use aws_sdk_ec2::types as sdk;

use super::launch;
use crate::cloud::api::CloudError;
use crate::cloud::ec2::Ec2;
use crate::cloud::ec2::convert::filter;
use crate::cloud::ec2::errors::{error, not_of_ec2, refused};
use crate::cloud::ec2::ids::Kind;
use crate::cloud::ec2::instance::profile_of;
use crate::inventory::ResourceName;
use crate::plan::Credits;
use crate::steps::CloudAction;

pub(super) async fn call(ec2: &Ec2, action: &CloudAction) -> Result<(), CloudError> {
    let client = &ec2.changes;
    match action {
        CloudAction::CreateInstance(spec) => launch::run(ec2, spec).await,
        CloudAction::StartInstance { name } => {
            send!("StartInstances", client.start_instances().instance_ids(ec2.id(Kind::Instance, name).await?))
        }
        CloudAction::StopInstance { name } => {
            send!("StopInstances", client.stop_instances().instance_ids(ec2.id(Kind::Instance, name).await?))
        }
        CloudAction::DeleteInstance { name } => {
            send!("TerminateInstances", client.terminate_instances().instance_ids(ec2.id(Kind::Instance, name).await?))
        }
        CloudAction::ResizeInstance { name, size } => {
            let size = sdk::AttributeValue::builder().value(size).build();
            let call = client.modify_instance_attribute().instance_id(ec2.id(Kind::Instance, name).await?);
            send!("ModifyInstanceAttribute", call.instance_type(size))
        }
        CloudAction::SetFirewall { instance, firewall } => {
            let group = ec2.id(Kind::Firewall, firewall).await?;
            let call = client.modify_instance_attribute().instance_id(ec2.id(Kind::Instance, instance).await?);
            send!("ModifyInstanceAttribute", call.groups(group))
        }
        CloudAction::Protect { instance, on } => {
            let on = sdk::AttributeBooleanValue::builder().value(*on).build();
            let call = client.modify_instance_attribute().instance_id(ec2.id(Kind::Instance, instance).await?);
            send!("ModifyInstanceAttribute", call.disable_api_termination(on))
        }
        CloudAction::RequireTokens { instance } => {
            let call = client
                .modify_instance_metadata_options()
                .instance_id(ec2.id(Kind::Instance, instance).await?)
                .http_endpoint(sdk::InstanceMetadataEndpointState::Enabled)
                .http_tokens(sdk::HttpTokensState::Required)
                .http_put_response_hop_limit(launch::HOP_LIMIT);
            send!("ModifyInstanceMetadataOptions", call)
        }
        CloudAction::SetCredits { instance, credits } => set_credits(ec2, instance, *credits).await,
        CloudAction::SetProfile { instance, profile } => set_profile(ec2, instance, profile).await,
        _ => Err(not_of_ec2(action)),
    }
}

/// It answers that all is well, with those instances for which it is not.
async fn set_credits(ec2: &Ec2, name: &ResourceName, credits: Credits) -> Result<(), CloudError> {
    const CALL: &str = "ModifyInstanceCreditSpecification";
    let wanted = sdk::InstanceCreditSpecificationRequest::builder()
        .instance_id(ec2.id(Kind::Instance, name).await?)
        .cpu_credits(credits.to_string());
    let call = ec2.changes.modify_instance_credit_specification().instance_credit_specifications(wanted.build());
    let answer = call.send().await.map_err(|e| error(CALL, e))?;
    match answer.unsuccessful_instance_credit_specifications().first().and_then(|item| item.error()) {
        None => Ok(()),
        Some(failed) => {
            let code = failed.code().map(|code| code.as_str()).unwrap_or("failed");
            Err(refused(CALL, code, failed.message().unwrap_or_default()))
        }
    }
}

/// An instance that has another profile has it taken away in the same call.
async fn set_profile(ec2: &Ec2, name: &ResourceName, profile: &ResourceName) -> Result<(), CloudError> {
    let id = ec2.id(Kind::Instance, name).await?;
    let wanted = sdk::IamInstanceProfileSpecification::builder().name(profile.as_str()).build();
    match association(ec2, &id).await? {
        Some((_, has)) if has.as_ref() == Some(profile) => Ok(()),
        Some((association, _)) => {
            let call = ec2.changes.replace_iam_instance_profile_association().association_id(association);
            send!("ReplaceIamInstanceProfileAssociation", call.iam_instance_profile(wanted))
        }
        None => {
            let call = ec2.changes.associate_iam_instance_profile().instance_id(id).iam_instance_profile(wanted);
            send!("AssociateIamInstanceProfile", call)
        }
    }
}

async fn association(ec2: &Ec2, id: &str) -> Result<Option<(String, Option<ResourceName>)>, CloudError> {
    let call = ec2.reads.describe_iam_instance_profile_associations();
    let call = call.filters(filter("instance-id", [id.to_owned()]));
    let answer = call.send().await.map_err(|e| error("DescribeIamInstanceProfileAssociations", e))?;
    use sdk::IamInstanceProfileAssociationState::{Associated, Associating};
    let standing = answer.iam_instance_profile_associations.unwrap_or_default().into_iter();
    let standing = standing.filter(|a| matches!(a.state(), Some(Associated | Associating)));
    let told = |a: sdk::IamInstanceProfileAssociation| {
        let has = a.iam_instance_profile().and_then(|p| p.arn()).and_then(profile_of);
        a.association_id.map(|id| (id, has))
    };
    Ok(standing.filter_map(told).next())
}
