//! What EC2 answers when it refuses: a code and a text, AWS's own where they are known.

use thiserror::Error;

/// An answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    pub code: String,
    pub message: String,
}

impl ApiError {
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    /// A value that a member may not have.
    pub fn value(member: &str, value: &str, reason: &str) -> Self {
        Self::invalid(format!("Value ({value}) for parameter {member} is invalid. {reason}"))
    }

    pub fn missing(member: &str) -> Self {
        Self::new("MissingParameter", format!("The request must contain the parameter {member}"))
    }

    pub fn combination(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterCombination", message)
    }

    /// `kind` is what stands before `.NotFound`, `what` how the text calls it.
    pub fn not_found(kind: &str, what: &str, id: &str) -> Self {
        Self::new(format!("{kind}.NotFound"), format!("The {what} '{id}' does not exist"))
    }

    /// The resource is in no state for it.
    pub fn state(code: &str, message: impl Into<String>) -> Self {
        Self::new(code, message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new("InternalError", message)
    }

    pub fn status(&self) -> u16 {
        match self.code.as_str() {
            "InternalError" => 500,
            "DryRunOperation" => 412,
            "AuthFailure" | "MissingAuthenticationToken" => 401,
            "RequestLimitExceeded" | "Unavailable" => 503,
            _ => 400,
        }
    }
}
