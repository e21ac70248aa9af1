//! The desired state: one node for each resource that the plan asks for, with the names that they will carry.
//! Pure: plan and inputs in, graph out. Knows nothing of what exists.

mod build;
#[cfg(test)]
pub(crate) mod fixture;
mod names;
mod nodes;
mod profile;
pub mod settings;
mod ways;

pub use build::{DATABASE, GraphError, Inputs, UserData, build, database};
pub use names::Names;
pub use nodes::{
    AlarmNode, CloudHost, CloudHostKind, DatabaseNode, DiskNode, Ec2Settings, Existing, Graph, HostKind, HostNode,
    KeyPairNode, NodeId, ProfileNode, ReleaseNode,
};
pub use ways::{POSTGRES, RELAY, is_way, open as open_ways};
