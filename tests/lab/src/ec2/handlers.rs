//! Which function answers which operation. What is not here, MiniStack answers.

use super::account::{Answer, Call};
use super::error::ApiError;
use super::{
    addresses, attachments, attributes, groups, images, instances, key_pairs, lifecycle, modification, profiles, rules,
    run, snapshots, spot, status, tags, types, volumes,
};

/// Every operation that the account answers.
pub const OPERATIONS: [&str; 58] = [
    "AllocateAddress",
    "AssociateAddress",
    "AssociateIamInstanceProfile",
    "AttachVolume",
    "AuthorizeSecurityGroupEgress",
    "AuthorizeSecurityGroupIngress",
    "CancelSpotInstanceRequests",
    "CreateKeyPair",
    "CreateSecurityGroup",
    "CreateSnapshot",
    "CreateTags",
    "CreateVolume",
    "DeleteKeyPair",
    "DeleteSecurityGroup",
    "DeleteSnapshot",
    "DeleteTags",
    "DeleteVolume",
    "DescribeAddresses",
    "DescribeIamInstanceProfileAssociations",
    "DescribeImages",
    "DescribeInstanceAttribute",
    "DescribeInstanceCreditSpecifications",
    "DescribeInstanceStatus",
    "DescribeInstanceTypeOfferings",
    "DescribeInstanceTypes",
    "DescribeInstances",
    "DescribeKeyPairs",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroupRules",
    "DescribeSecurityGroups",
    "DescribeSnapshots",
    "DescribeSpotInstanceRequests",
    "DescribeTags",
    "DescribeVolumes",
    "DescribeVolumesModifications",
    "DetachVolume",
    "DisassociateAddress",
    "DisassociateIamInstanceProfile",
    "GetConsoleOutput",
    "ImportKeyPair",
    "ModifyInstanceAttribute",
    "ModifyInstanceCreditSpecification",
    "ModifyInstanceMetadataOptions",
    "ModifyVolume",
    "RebootInstances",
    "ReleaseAddress",
    "ReplaceIamInstanceProfileAssociation",
    "RevokeSecurityGroupEgress",
    "RevokeSecurityGroupIngress",
    "RunInstances",
    "StartInstances",
    "StopInstances",
    "TerminateInstances",
    "DescribeVolumeStatus",
    "DescribeVolumeAttribute",
    "UpdateSecurityGroupRuleDescriptionsIngress",
    "UpdateSecurityGroupRuleDescriptionsEgress",
    "ModifySecurityGroupRules",
];

/// Operations that change nothing.
pub fn is_read(operation: &str) -> bool {
    operation.starts_with("Describe") || operation.starts_with("Get")
}

/// Operations that must know VPCs and subnets.
pub fn needs_network(operation: &str) -> bool {
    ["RunInstances", "CreateVolume", "CreateSecurityGroup", "DescribeInstanceTypeOfferings"].contains(&operation)
}

pub fn answer(operation: &str, call: &mut Call<'_>) -> Answer {
    match operation {
        "RunInstances" => run::run(call),
        "DescribeInstances" => instances::describe(call),
        "DescribeNetworkInterfaces" => instances::interfaces(call),
        "DescribeInstanceStatus" => status::describe(call),
        "GetConsoleOutput" => status::console(call),
        "StartInstances" => lifecycle::start(call),
        "StopInstances" => lifecycle::stop(call),
        "RebootInstances" => lifecycle::reboot(call),
        "TerminateInstances" => lifecycle::terminate(call),
        "ModifyInstanceAttribute" => attributes::modify(call),
        "DescribeInstanceAttribute" => attributes::describe(call),
        "ModifyInstanceMetadataOptions" => attributes::modify_metadata(call),
        "ModifyInstanceCreditSpecification" => attributes::modify_credits(call),
        "DescribeInstanceCreditSpecifications" => attributes::describe_credits(call),
        "DescribeInstanceTypes" => types::describe(call),
        "DescribeInstanceTypeOfferings" => types::offerings(call),
        "DescribeImages" => images::describe(call),
        "AssociateIamInstanceProfile" => profiles::associate(call),
        "ReplaceIamInstanceProfileAssociation" => profiles::replace(call),
        "DisassociateIamInstanceProfile" => profiles::disassociate(call),
        "DescribeIamInstanceProfileAssociations" => profiles::describe(call),
        "DescribeSpotInstanceRequests" => spot::describe(call),
        "CancelSpotInstanceRequests" => spot::cancel(call),
        _ => answer_more(operation, call),
    }
}

fn answer_more(operation: &str, call: &mut Call<'_>) -> Answer {
    match operation {
        "CreateVolume" => volumes::create(call),
        "DeleteVolume" => volumes::delete(call),
        "DescribeVolumes" => volumes::describe(call),
        "AttachVolume" => attachments::attach(call),
        "DetachVolume" => attachments::detach(call),
        "ModifyVolume" => modification::modify(call),
        "DescribeVolumesModifications" => modification::describe(call),
        "CreateSnapshot" => snapshots::create(call),
        "DeleteSnapshot" => snapshots::delete(call),
        "DescribeSnapshots" => snapshots::describe(call),
        "CreateSecurityGroup" => groups::create(call),
        "DeleteSecurityGroup" => groups::delete(call),
        "DescribeSecurityGroups" => groups::describe(call),
        "AuthorizeSecurityGroupIngress" => rules::authorize(call, false),
        "AuthorizeSecurityGroupEgress" => rules::authorize(call, true),
        "RevokeSecurityGroupIngress" => rules::revoke(call, false),
        "RevokeSecurityGroupEgress" => rules::revoke(call, true),
        "DescribeSecurityGroupRules" => rules::describe(call),
        "AllocateAddress" => addresses::allocate(call),
        "AssociateAddress" => addresses::associate(call),
        "DisassociateAddress" => addresses::disassociate(call),
        "ReleaseAddress" => addresses::release(call),
        "DescribeAddresses" => addresses::describe(call),
        "ImportKeyPair" => key_pairs::import(call),
        "CreateKeyPair" => key_pairs::create(call),
        "DeleteKeyPair" => key_pairs::delete(call),
        "DescribeKeyPairs" => key_pairs::describe(call),
        "CreateTags" => tags::create(call),
        "DeleteTags" => tags::delete(call),
        "DescribeTags" => tags::describe(call),
        // MiniStack's would be about resources that are not there.
        _ => Err(ApiError::new("UnsupportedOperation", format!("The lab has no operation {operation}"))),
    }
}
