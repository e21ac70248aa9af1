//! What Lightsail answers when it refuses: the exceptions of its service model, with AWS's own wording where it is known.

use serde_json::{Value, json};
use thiserror::Error;

/// The exceptions of the service model, and those that every AWS service has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exception {
    InvalidInput,
    NotFound,
    OperationFailure,
    Service,
    Serialization,
    UnknownOperation,
    MissingAuthenticationToken,
    Throttling,
}

impl Exception {
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidInput => "InvalidInputException",
            Self::NotFound => "NotFoundException",
            Self::OperationFailure => "OperationFailureException",
            Self::Service => "ServiceException",
            Self::Serialization => "SerializationException",
            Self::UnknownOperation => "UnknownOperationException",
            Self::MissingAuthenticationToken => "MissingAuthenticationTokenException",
            Self::Throttling => "ThrottlingException",
        }
    }

    pub fn status(self) -> u16 {
        match self {
            Self::Service => 500,
            Self::UnknownOperation => 404,
            Self::MissingAuthenticationToken => 403,
            _ => 400,
        }
    }
}

/// An answer that is not a success.
#[derive(Debug, Clone, Error)]
#[error("{}: {message}", exception.name())]
pub struct ApiError {
    pub exception: Exception,
    /// Lightsail's finer code beside the exception's name, such as `DoesNotExist`.
    pub code: &'static str,
    pub message: String,
}

impl ApiError {
    pub fn new(exception: Exception, code: &'static str, message: impl Into<String>) -> Self {
        Self { exception, code, message: message.into() }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Exception::InvalidInput, "InvalidParams", message)
    }

    /// `kind` is Lightsail's resource type: `Instance`, `StaticIp`, …
    pub fn not_found(kind: &str, name: &str) -> Self {
        Self::new(Exception::NotFound, "DoesNotExist", format!("The {kind} does not exist: {name}"))
    }

    pub fn name_taken(name: &str) -> Self {
        Self::new(Exception::InvalidInput, "NameAlreadyExists", format!("Some names are already in use: {name}"))
    }

    pub fn quota(what: &str, limit: u32) -> Self {
        let message = format!(
            "Sorry, you've reached your maximum limit of Lightsail {what} : {limit}. If you're new to Lightsail, please \
             try again later. If the issue persists, please contact Customer Support."
        );
        Self::new(Exception::InvalidInput, "LimitExceeded", message)
    }

    /// The request is right, but the resource is in no state for it.
    pub fn failure(message: impl Into<String>) -> Self {
        Self::new(Exception::OperationFailure, "OperationFailed", message)
    }

    /// The resource is on its way to another state: the same request succeeds later.
    pub fn busy(kind: &str, name: &str, state: &str) -> Self {
        Self::failure(format!(
            "You can't perform this operation right now. The state of the {kind} \"{name}\" is: {state}. Please try again in \
             a few minutes."
        ))
    }

    pub fn body(&self) -> Value {
        json!({
            "__type": self.exception.name(),
            "code": self.code,
            "docs": "https://lightsail.aws.amazon.com/ls/docs",
            "message": self.message,
            "tip": "",
        })
    }
}
