//! The clouds. `steps::CloudAction` is the one language for changes; a provider submits actions, tells how their
//! operations stand, and answers whether an action's effect is there. It decides nothing and retries nothing: that is
//! `executor`. SDK types stop here.

mod api;
mod clouds;
mod config;
mod databases;
pub mod ec2;
mod errors;
#[cfg(test)]
pub(crate) mod fake;
mod hints;
pub mod lightsail;
pub mod rds;

pub use api::{Access, Cloud, CloudError, CloudErrorKind, HostKey, Identity, Operation, OperationState, Probe};
pub use clouds::Clouds;
pub use config::http_client;
pub use databases::Databases;
