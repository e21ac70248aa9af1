//! What the user can do about a failed call.

use super::api::{CloudError, CloudErrorKind};

/// Codes by which EC2 says that a quota is used up, and what the quota is of.
const QUOTAS: [(&str, &str); 9] = [
    ("VcpuLimitExceeded", "running instances, which it counts in vCPUs"),
    ("InstanceLimitExceeded", "running instances"),
    ("AddressLimitExceeded", "Elastic IP addresses"),
    ("VolumeLimitExceeded", "volumes"),
    ("MaxIOPSLimitExceeded", "IOPS of volumes"),
    ("SnapshotLimitExceeded", "snapshots"),
    ("SecurityGroupLimitExceeded", "security groups"),
    ("RulesPerSecurityGroupLimitExceeded", "rules of a security group"),
    ("LimitExceeded", "roles, profiles and policies"),
];

pub(super) fn hint(error: &CloudError) -> Option<String> {
    match error.kind {
        CloudErrorKind::Denied => Some(denied(&error.operation)),
        CloudErrorKind::Unreachable => Some(
            "nobody answers there: check the network, a proxy (HTTPS_PROXY), the region's name, and AWS_ENDPOINT_URL if \
             it is set; then run the same command again"
                .into(),
        ),
        CloudErrorKind::Throttled | CloudErrorKind::Transient => {
            Some("this passes by itself: run the same command again, it continues where it stopped".into())
        }
        CloudErrorKind::Refused => refused(&error.code),
        CloudErrorKind::NotFound | CloudErrorKind::NameTaken => None,
    }
}

fn denied(operation: &str) -> String {
    format!(
        "check the credentials (AWS_PROFILE, AWS_ACCESS_KEY_ID, `aws sts get-caller-identity`), and that they allow \
         {operation}: docs/permissions.md has the whole list"
    )
}

fn refused(code: &str) -> Option<String> {
    // What an instance that ended at once has as its reason: `Client.VolumeLimitExceeded`.
    let code = code.rsplit('.').next().unwrap_or(code);
    if let Some((_, what)) = QUOTAS.iter().find(|(quota, _)| *quota == code) {
        return Some(format!(
            "the account's quota of {what} in this region is used up: remove some, or ask for more at \
             https://console.aws.amazon.com/servicequotas"
        ));
    }
    let remedy = match code {
        "InsufficientInstanceCapacity" | "InsufficientVolumeCapacity" => {
            "AWS has no room for it in this zone now: write another `zone`, or another `size`; the same may work later"
        }
        "Unsupported" => "this zone does not have that size: write another `zone` or another `size`",
        "VolumeModificationRateExceeded" => {
            "AWS changes a volume only a few times within a day: run the same command again when the time that it names is over"
        }
        "OperationNotPermitted" => {
            "if it is protected against deletion by somebody else than infra: aws ec2 modify-instance-attribute --instance-id ID \
             --no-disable-api-termination"
        }
        "OptInRequired" | "PendingVerification" => {
            "finish setting up the account in AWS's console, then run the same command again"
        }
        _ => return None,
    };
    Some(remedy.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint_of(kind: CloudErrorKind, code: &str) -> Option<String> {
        hint(&CloudError { kind, operation: "RunInstances".into(), code: code.into(), message: "…".into() })
    }

    #[test]
    fn who_may_not_is_told_which_call_to_allow() {
        let said = hint_of(CloudErrorKind::Denied, "UnauthorizedOperation").unwrap();
        assert!(said.contains("allow RunInstances: docs/permissions.md"), "{said}");
    }

    #[test]
    fn a_quota_a_full_zone_and_a_volumes_rate_have_their_remedies() {
        let refused = |code| hint_of(CloudErrorKind::Refused, code);
        assert!(refused("VcpuLimitExceeded").unwrap().contains("vCPUs"));
        assert!(refused("Client.VolumeLimitExceeded").unwrap().contains("quota of volumes"));
        assert!(refused("InsufficientInstanceCapacity").unwrap().contains("another `zone`"));
        assert!(refused("VolumeModificationRateExceeded").is_some());
        assert_eq!(refused("InvalidParameterValue"), None);
    }
}
