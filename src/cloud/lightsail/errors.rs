//! Lightsail's errors, by how they are to be met. Throttling is HTTP 400; some transient states show in the text only.

use aws_sdk_lightsail::error::{ProvideErrorMetadata, SdkError};

use crate::cloud::api::{CloudError, CloudErrorKind};
pub(super) use crate::cloud::errors::incomplete;
use crate::cloud::errors::{self, common_kind};

/// Texts of refusals that pass by themselves.
const PASSING: [&str; 3] = ["try again", "wait for it to complete", "currently in transition"];
const TAKEN: [&str; 2] = ["already in use", "already exist"];

pub(super) fn error<E, R>(operation: &str, error: SdkError<E, R>) -> CloudError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    errors::error(operation, error, service_kind)
}

fn service_kind(code: &str, message: &str) -> CloudErrorKind {
    if let Some(kind) = common_kind(code) {
        return kind;
    }
    let text = message.to_lowercase();
    match code {
        "AccountSetupInProgressException" | "RegionSetupInProgressException" => CloudErrorKind::Transient,
        "NotFoundException" => CloudErrorKind::NotFound,
        _ if PASSING.iter().any(|p| text.contains(p)) => CloudErrorKind::Transient,
        _ if TAKEN.iter().any(|p| text.contains(p)) => CloudErrorKind::NameTaken,
        _ if text.replace(' ', "").contains("doesnotexist") => CloudErrorKind::NotFound,
        _ => CloudErrorKind::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttling_and_try_again_are_worth_a_retry_and_refusals_are_not() {
        let kind = |code, message| service_kind(code, message);
        assert_eq!(kind("ThrottlingException", "Rate exceeded"), CloudErrorKind::Throttled);
        assert_eq!(kind("InvalidInputException", "Please try again in a few minutes."), CloudErrorKind::Transient);
        assert_eq!(
            kind("OperationFailureException", "Please wait for it to complete before trying again."),
            CloudErrorKind::Transient
        );
        assert_eq!(kind("InvalidInputException", "Some names are already in use: x"), CloudErrorKind::NameTaken);
        assert_eq!(kind("InvalidInputException", "The KeyPair DoesNotExist"), CloudErrorKind::NotFound);
        assert_eq!(kind("InvalidInputException", "Bundle is not valid"), CloudErrorKind::Refused);
        assert_eq!(kind("AccessDeniedException", ""), CloudErrorKind::Denied);
    }
}
