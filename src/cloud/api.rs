//! What every provider must answer.

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::inventory::{Inventory, ResourceName};
use crate::steps::CloudAction;

#[async_trait]
pub trait Cloud: Send + Sync {
    /// Everything that may concern a plan, in a number of calls that does not grow with the number of resources.
    async fn observe(&self) -> Result<Inventory, CloudError>;

    /// Asks for the change. What comes back are its operations, none of which need be done.
    async fn submit(&self, action: &CloudAction) -> Result<Vec<Operation>, CloudError>;

    async fn operation(&self, operation: &Operation) -> Result<OperationState, CloudError>;

    /// Is the effect of this action there?
    async fn probe(&self, action: &CloudAction) -> Result<Probe, CloudError>;

    /// How to reach an instance over SSH, and by which keys to know it. Where `keys` is not set they may be left out: they are
    /// known already, and not every provider tells them with the rest.
    async fn access(&self, instance: &ResourceName, keys: bool) -> Result<Access, CloudError>;

    /// What the device of an attached disk calls itself on the host. None: the provider has no such name.
    async fn serial(&self, disk: &ResourceName) -> Result<Option<String>, CloudError>;

    /// The latest measure of an instance's burst capacity; None while there is none.
    async fn burst_percent(&self, instance: &ResourceName) -> Result<Option<f64>, CloudError>;
}

/// The provider's id of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation(pub String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationState {
    Running,
    Done,
    Failed { code: String, details: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// The effect is there and stable.
    Done,
    /// It is coming.
    InProgress,
    /// It is not there, and something else must settle before it can be asked for.
    NotYet {
        waiting_for: String,
    },
    Absent,
}

#[derive(Debug, Clone)]
pub struct Access {
    pub address: String,
    pub user: String,
    /// Empty in the first minutes of an instance's life.
    pub host_keys: Vec<HostKey>,
    pub identity: Option<Identity>,
}

/// `algorithm` and base64 key, as in a known_hosts line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    pub algorithm: String,
    pub key: String,
}

/// A short-lived key with its certificate: the way in for an operator who does not have the plan's own key.
#[derive(Clone)]
pub struct Identity {
    pub private_key: Zeroizing<String>,
    pub certificate: String,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(redacted)")
    }
}

/// How a failed call is to be met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloudErrorKind {
    /// Slow down.
    Throttled,
    /// Worth another try; the effect may or may not be there.
    Transient,
    /// Nobody answers at the endpoint. Worth another try within a run; it does not have to pass.
    Unreachable,
    NotFound,
    /// Somebody has that name.
    NameTaken,
    /// No right to do it, or no valid credentials.
    Denied,
    /// Refused for good.
    Refused,
}

#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation}: {code}: {message}")]
pub struct CloudError {
    pub kind: CloudErrorKind,
    /// The API's name of the call.
    pub operation: String,
    pub code: String,
    pub message: String,
}

impl CloudError {
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, CloudErrorKind::Throttled | CloudErrorKind::Transient | CloudErrorKind::Unreachable)
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        super::hints::hint(self)
    }
}
