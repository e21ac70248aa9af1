//! The desired state: one node for each resource that the plan asks for, with the names that they will carry.
//! Pure: plan and inputs in, graph out. Knows nothing of what exists.

mod build;
#[cfg(test)]
pub(crate) mod fixture;
mod names;
mod nodes;

pub use build::{GraphError, Inputs, UserData, build};
pub use names::Names;
pub use nodes::{
    AlarmNode, CloudHost, DiskNode, Existing, Graph, HostKind, HostNode, KeyPairNode, NodeId, ReleaseNode,
};
