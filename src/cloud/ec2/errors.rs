//! Errors of EC2, SSM and IAM, by how they are to be met.

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};

use crate::cloud::api::{CloudError, CloudErrorKind};
pub(super) use crate::cloud::errors::incomplete;
use crate::cloud::errors::{self, common_kind};
use crate::inventory::ResourceName;
use crate::steps::CloudAction;

/// A resource in between refuses changes until it has settled. Some of these are also said for a while after what stood in
/// the way is gone: a group whose last instance was deleted, an address that was just given free.
const PASSING: [&str; 12] = [
    "IncorrectInstanceState",
    "IncorrectState",
    "IncorrectModificationState",
    "VolumeInUse",
    "DependencyViolation",
    "InvalidGroup.InUse",
    "InvalidIPAddress.InUse",
    "Resource.AlreadyAssociated",
    // "The pending instance … is not in a valid state for this operation."
    "InvalidInstanceID",
    "ConcurrentTagAccess",
    "ConcurrentModification",
    "EntityTemporarilyUnmodifiable",
];
const SLOWER: [&str; 3] =
    ["EC2ThrottledException", "SnapshotCreationPerVolumeRateExceeded", "ConcurrentSnapshotLimitExceeded"];
/// What IAM has just made, or EC2 just changed, is not known to all of EC2 at once: a profile, the role in it, a stopped instance's
/// other size (hashicorp/terraform-provider-aws#16433).
const NOT_YET_KNOWN: [&str; 3] =
    ["Invalid IAM Instance Profile", "has no associated IAM Roles", "does not match attribute value"];
/// Behind it come some thousand characters that only `aws sts decode-authorization-message` can read.
const ENCODED: &str = "Encoded authorization failure message";

pub(super) fn error<E, R>(operation: &str, error: SdkError<E, R>) -> CloudError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let error = errors::error(operation, error, kind);
    CloudError { message: readable(error.message), ..error }
}

/// No capacity in the zone is refused, not waited for: it comes back after minutes or days, and another zone or size is
/// better. (Terraform waited fifty minutes, until its users asked for this: hashicorp/terraform-provider-aws#21293.)
fn kind(code: &str, message: &str) -> CloudErrorKind {
    if let Some(kind) = common_kind(code) {
        return kind;
    }
    match code {
        _ if SLOWER.contains(&code) => CloudErrorKind::Throttled,
        _ if PASSING.contains(&code) => CloudErrorKind::Transient,
        "InvalidParameterValue" if NOT_YET_KNOWN.iter().any(|text| message.contains(text)) => CloudErrorKind::Transient,
        // What infra has put into a role goes step by step; a policy that somebody attached does not go by itself.
        "DeleteConflict" if !message.contains("detach all policies") => CloudErrorKind::Transient,
        "NoSuchEntity" => CloudErrorKind::NotFound,
        "EntityAlreadyExists" => CloudErrorKind::NameTaken,
        _ if code.ends_with(".NotFound") => CloudErrorKind::NotFound,
        _ if code.ends_with(".Duplicate") => CloudErrorKind::NameTaken,
        _ => CloudErrorKind::Refused,
    }
}

fn readable(message: String) -> String {
    match message.split_once(ENCODED) {
        Some((said, _)) => said.trim_end().to_owned(),
        None => message,
    }
}

pub(super) fn refused(operation: &str, code: &str, message: impl Into<String>) -> CloudError {
    CloudError {
        kind: CloudErrorKind::Refused,
        operation: operation.into(),
        code: code.into(),
        message: message.into(),
    }
}

pub(super) fn no_such(kind: &str, name: &ResourceName) -> CloudError {
    CloudError {
        kind: CloudErrorKind::NotFound,
        operation: "the look for it".into(),
        code: "NotFound".into(),
        message: format!("this plan has no {kind} named {name} in EC2"),
    }
}

pub(super) fn several(name: &ResourceName, ids: &[&str]) -> CloudError {
    let message = format!(
        "{} of them are named {name}: {}; rename or remove those that are not wanted",
        ids.len(),
        ids.join(", ")
    );
    refused("the look for it", "ambiguous name", message)
}

pub(super) fn taken(name: &ResourceName) -> CloudError {
    CloudError {
        kind: CloudErrorKind::NameTaken,
        operation: "the look for it".into(),
        code: "NameTaken".into(),
        message: format!("{name} exists, but it is not tagged as this plan's"),
    }
}

pub(super) fn not_of_ec2(action: &CloudAction) -> CloudError {
    errors::not_of("EC2", action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_met_by_what_they_say() {
        let kind = |code| kind(code, "");
        assert_eq!(kind("RequestLimitExceeded"), CloudErrorKind::Throttled);
        assert_eq!(kind("InvalidInstanceID.NotFound"), CloudErrorKind::NotFound);
        assert_eq!(kind("InvalidVolume.NotFound"), CloudErrorKind::NotFound);
        assert_eq!(kind("InvalidKeyPair.Duplicate"), CloudErrorKind::NameTaken);
        assert_eq!(kind("InvalidPermission.Duplicate"), CloudErrorKind::NameTaken);
        assert_eq!(kind("IncorrectInstanceState"), CloudErrorKind::Transient);
        assert_eq!(kind("DependencyViolation"), CloudErrorKind::Transient);
        assert_eq!(kind("IncorrectModificationState"), CloudErrorKind::Transient);
        assert_eq!(kind("InsufficientInstanceCapacity"), CloudErrorKind::Refused);
        assert_eq!(kind("VolumeModificationRateExceeded"), CloudErrorKind::Refused);
        assert_eq!(kind("VcpuLimitExceeded"), CloudErrorKind::Refused);
        assert_eq!(kind("OperationNotPermitted"), CloudErrorKind::Refused);
        assert_eq!(kind("UnauthorizedOperation"), CloudErrorKind::Denied);
        assert_eq!(kind("NoSuchEntity"), CloudErrorKind::NotFound);
        assert_eq!(kind("EntityAlreadyExists"), CloudErrorKind::NameTaken);
    }

    #[test]
    fn a_profile_that_was_just_made_is_waited_for() {
        let told =
            "Value (demo-host) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name";
        assert_eq!(kind("InvalidParameterValue", told), CloudErrorKind::Transient);
        for told in [
            "IAM Instance Profile \"arn:aws:iam::1:instance-profile/demo-host\" has no associated IAM Roles",
            "The LaunchPlan instance type does not match attribute value: t3.large",
        ] {
            assert_eq!(kind("InvalidParameterValue", told), CloudErrorKind::Transient);
        }
        assert_eq!(kind("InvalidParameterValue", "Invalid availability zone"), CloudErrorKind::Refused);
    }

    #[test]
    fn a_role_goes_when_its_parts_are_gone_and_not_with_a_strangers_policy() {
        let own = "Cannot delete entity, must remove roles from instance profile first.";
        let attached = "Cannot delete entity, must detach all policies first.";
        assert_eq!(kind("DeleteConflict", own), CloudErrorKind::Transient);
        assert_eq!(kind("DeleteConflict", attached), CloudErrorKind::Refused);
    }

    #[test]
    fn what_only_aws_can_decode_is_left_out() {
        let said = "You are not authorized to perform this operation. User: u is not authorized to perform: ec2:RunInstances. \
                    Encoded authorization failure message: 4bTcbYFkS8eo";
        assert!(readable(said.into()).ends_with("ec2:RunInstances."));
        assert_eq!(readable("plain".into()), "plain");
    }

    #[test]
    fn an_action_of_lightsail_is_refused_by_its_name() {
        let error = not_of_ec2(&CloudAction::DeleteContact);
        assert_eq!((error.operation.as_str(), error.kind), ("delete_contact", CloudErrorKind::Refused));
    }
}
