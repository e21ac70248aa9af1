//! The desired state: one node for each resource that the plan asks for, with the names that they will carry.
//! Pure: plan and inputs in, graph out. Knows nothing of what exists.

mod build;
#[cfg(test)]
pub(crate) mod fixture;
mod names;
mod nodes;
pub mod settings;
mod ways;

pub use build::{DATABASE, GraphError, Inputs, UserData, build, database};
pub use names::Names;
pub use nodes::{
    AlarmNode, CloudHost, DatabaseNode, DiskNode, Existing, Graph, HostKind, HostNode, KeyPairNode, NodeId, ReleaseNode,
};
pub use ways::open as open_ways;
