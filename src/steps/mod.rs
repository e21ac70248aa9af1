//! Steps: what will be done, fully specified, with what each waits for. Built from a diff, checked by an independent
//! lint, described in words. Pure.

mod action;
mod build;
mod check;
mod consent;
mod database;
mod describe;
mod ec2;
#[cfg(test)]
mod ec2_tests;
mod host;
mod of_node;
mod remove;
#[cfg(test)]
pub(crate) mod tests;

use serde::{Deserialize, Serialize};

pub use action::{
    Action, AlarmSpec, CloudAction, DiskOnHost, HostAction, HostRef, InstanceSpec, LocalAction, ReleaseRef,
};
pub use build::{build, deploy};
pub use check::{Violation, check, losses};
pub use consent::{Consent, Loss, Question, questions};
pub use database::{
    DatabaseAction, DatabaseChange, DatabaseSpec, DatabaseWish, database_name, describe as describe_database,
    member_name, provision, remove as remove_database, revert, secure, watch,
};
pub use describe::{describe, interrupts};
pub use ec2::{Ec2Spec, POLICY, ProfileCall, TRUST};
pub use of_node::of_node;
pub use remove::{Removal, Scope, Services, remove};

use crate::graph::NodeId;

/// Names a step within its run, and the same step in the next: `hosts.vault/create_instance`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub String);

impl std::fmt::Display for StepId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub id: StepId,
    pub node: NodeId,
    pub action: Action,
    /// Steps that must be done before.
    pub needs: Vec<StepId>,
}
