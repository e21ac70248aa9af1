//! Lightsail's errors, by how they are to be met. Throttling is HTTP 400; some transient states show in the text only.

use crate::cloud::api::{CloudError, CloudErrorKind};
use aws_sdk_lightsail::error::{ProvideErrorMetadata, SdkError};

/// Texts of refusals that pass by themselves.
const PASSING: [&str; 3] = ["try again", "wait for it to complete", "currently in transition"];
const TAKEN: [&str; 2] = ["already in use", "already exist"];

pub(super) fn error<E, R>(operation: &str, error: SdkError<E, R>) -> CloudError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let code = error.code().map(str::to_owned);
    let message = error.message().map(str::to_owned);
    let kind = match (&error, &code) {
        (SdkError::ServiceError(_), Some(code)) => service_kind(code, message.as_deref().unwrap_or_default()),
        // An answer without a code is a gateway's 5xx page.
        (SdkError::ServiceError(_) | SdkError::ResponseError(_) | SdkError::TimeoutError(_), _) => {
            CloudErrorKind::Transient
        }
        _ => dispatch_kind(&said(&error)),
    };
    CloudError {
        kind,
        operation: operation.into(),
        code: code.unwrap_or_else(|| transport_code(&error).into()),
        message: message.unwrap_or_else(|| said(&error)),
    }
}

/// In words only: the SDK's debug form holds whole answers, and an answer may hold a key.
fn said(error: &(dyn std::error::Error + 'static)) -> String {
    crate::error::chain(error)
}

fn service_kind(code: &str, message: &str) -> CloudErrorKind {
    let text = message.to_lowercase();
    match code {
        "ThrottlingException" | "Throttling" | "TooManyRequestsException" | "RequestLimitExceeded" => {
            CloudErrorKind::Throttled
        }
        "AccountSetupInProgressException"
        | "RegionSetupInProgressException"
        | "ServiceException"
        | "InternalFailure"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "RequestTimeout" => CloudErrorKind::Transient,
        "NotFoundException" => CloudErrorKind::NotFound,
        "AccessDeniedException"
        | "UnauthenticatedException"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "ExpiredTokenException"
        | "MissingAuthenticationToken"
        | "IncompleteSignature" => CloudErrorKind::Denied,
        _ if PASSING.iter().any(|p| text.contains(p)) => CloudErrorKind::Transient,
        _ if TAKEN.iter().any(|p| text.contains(p)) => CloudErrorKind::NameTaken,
        _ if text.replace(' ', "").contains("doesnotexist") => CloudErrorKind::NotFound,
        _ => CloudErrorKind::Refused,
    }
}

/// The SDK says in words only that there were no credentials to sign with.
fn dispatch_kind(text: &str) -> CloudErrorKind {
    let text = text.to_lowercase();
    if text.contains("credential") || text.contains("identity") {
        CloudErrorKind::Denied
    } else {
        CloudErrorKind::Transient
    }
}

fn transport_code<E, R>(error: &SdkError<E, R>) -> &'static str {
    match error {
        SdkError::TimeoutError(_) => "timed out",
        SdkError::DispatchFailure(_) => "no connection",
        SdkError::ResponseError(_) => "unreadable answer",
        SdkError::ServiceError(_) => "server error",
        _ => "request not sent",
    }
}

pub(super) fn incomplete(operation: &str) -> CloudError {
    CloudError {
        kind: CloudErrorKind::Transient,
        operation: operation.into(),
        code: "incomplete answer".into(),
        message: "a required part is missing".into(),
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
