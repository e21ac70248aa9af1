//! Errors of RDS, Secrets Manager, EC2's networks and Lightsail's peering, by how they are to be met.

use aws_sdk_rds::error::{ProvideErrorMetadata, SdkError};

use crate::cloud::api::{CloudError, CloudErrorKind};
use crate::cloud::errors::{self, common_kind};

/// A resource in between refuses changes until it has settled. `InvalidDBParameterGroupState` and `DependencyViolation`
/// also are what deleting a group says while the database that used it is still going.
const PASSING: [&str; 8] = [
    "InvalidDBInstanceState",
    "InvalidDBInstanceStateFault",
    "InvalidDBParameterGroupState",
    "InvalidDBSubnetGroupStateFault",
    "InvalidDBSnapshotState",
    "InvalidDBClusterStateFault",
    "InvalidDBClusterSnapshotStateFault",
    "DependencyViolation",
];

pub(super) fn error<E, R>(operation: &str, error: SdkError<E, R>) -> CloudError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    errors::error(operation, error, |code, _| kind(code))
}

/// Codes name what they are about: `DBInstanceNotFound`, `DBSubnetGroupAlreadyExists`, `InvalidGroup.Duplicate`.
pub(super) fn kind(code: &str) -> CloudErrorKind {
    if let Some(kind) = common_kind(code) {
        return kind;
    }
    match code {
        _ if PASSING.contains(&code) => CloudErrorKind::Transient,
        _ if code.contains("NotFound") => CloudErrorKind::NotFound,
        _ if code.contains("AlreadyExists") || code.ends_with(".Duplicate") => CloudErrorKind::NameTaken,
        _ => CloudErrorKind::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_met_by_what_they_say() {
        assert_eq!(kind("DBInstanceNotFound"), CloudErrorKind::NotFound);
        assert_eq!(kind("InvalidGroup.NotFound"), CloudErrorKind::NotFound);
        assert_eq!(kind("DBSubnetGroupAlreadyExists"), CloudErrorKind::NameTaken);
        assert_eq!(kind("InvalidPermission.Duplicate"), CloudErrorKind::NameTaken);
        assert_eq!(kind("InvalidDBInstanceState"), CloudErrorKind::Transient);
        assert_eq!(kind("InvalidDBClusterStateFault"), CloudErrorKind::Transient);
        assert_eq!(kind("DBClusterNotFoundFault"), CloudErrorKind::NotFound);
        assert_eq!(kind("DBClusterAlreadyExistsFault"), CloudErrorKind::NameTaken);
        assert_eq!(kind("RequestLimitExceeded"), CloudErrorKind::Throttled);
        assert_eq!(kind("UnauthorizedOperation"), CloudErrorKind::Denied);
        assert_eq!(kind("InvalidParameterCombination"), CloudErrorKind::Refused);
    }
}
