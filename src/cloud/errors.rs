//! The SDK's errors in the project's terms. What a service's own codes mean is the provider's to say.

use aws_sdk_lightsail::error::{ProvideErrorMetadata, SdkError};

use super::api::{CloudError, CloudErrorKind};
use crate::steps::CloudAction;

/// `kind` tells how to meet a code and its message.
pub(super) fn error<E, R>(
    operation: &str,
    error: SdkError<E, R>,
    kind: impl Fn(&str, &str) -> CloudErrorKind,
) -> CloudError
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    let code = error.code().map(str::to_owned);
    let message = error.message().map(str::to_owned);
    let kind = match (&error, &code) {
        (SdkError::ServiceError(_), Some(code)) => kind(code, message.as_deref().unwrap_or_default()),
        // An answer without a code is a gateway's 5xx page.
        (SdkError::ServiceError(_) | SdkError::ResponseError(_) | SdkError::TimeoutError(_), _) => {
            CloudErrorKind::Transient
        }
        (SdkError::DispatchFailure(failure), _) if failure.is_io() => CloudErrorKind::Unreachable,
        _ => dispatch_kind(&said(&error)),
    };
    CloudError {
        kind,
        operation: operation.into(),
        code: code.unwrap_or_else(|| transport_code(&error).into()),
        message: message.unwrap_or_else(|| said(&error)),
    }
}

/// What is the same in every service; None where its own codes decide.
pub(super) fn common_kind(code: &str) -> Option<CloudErrorKind> {
    match code {
        "ThrottlingException" | "Throttling" | "Throttled" | "TooManyRequestsException" | "RequestLimitExceeded" => {
            Some(CloudErrorKind::Throttled)
        }
        "ServiceException"
        | "InternalFailure"
        | "InternalError"
        | "InternalServerError"
        | "InternalServiceError"
        | "ServiceUnavailable"
        | "Unavailable"
        | "RequestTimeout" => Some(CloudErrorKind::Transient),
        "AccessDenied"
        | "AccessDeniedException"
        | "AuthFailure"
        | "AuthorizationError"
        | "UnauthorizedOperation"
        | "UnauthenticatedException"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "MissingAuthenticationToken"
        | "IncompleteSignature" => Some(CloudErrorKind::Denied),
        _ => None,
    }
}

/// In words only: the SDK's debug form holds whole answers, and an answer may hold a key.
fn said(error: &(dyn std::error::Error + 'static)) -> String {
    crate::error::chain(error)
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

/// An action that this cloud has no call for: whoever built the steps made a mistake.
pub(super) fn not_of(cloud: &str, action: &CloudAction) -> CloudError {
    let action = serde_json::to_value(action).unwrap_or_default();
    CloudError {
        kind: CloudErrorKind::Refused,
        operation: action["call"].as_str().unwrap_or("this").to_owned(),
        code: format!("not of {cloud}"),
        message: format!("{cloud} has no such call; this is a defect of infra"),
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
