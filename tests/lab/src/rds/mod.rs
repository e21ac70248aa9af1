//! Amazon RDS, as far as MiniStack does not do it. MiniStack keeps the account and starts a PostgreSQL container for each
//! instance; this module stands between it and the client, and beside its containers:
//!
//! - requests: refuses what AWS refuses, makes the master user's secret;
//! - answers: the instance's address on the lab's network, its secret, the state of its parameter group;
//! - containers: gives each a certificate, its parameter group's parameters and its security groups before PostgreSQL
//!   starts. The image (`images/rds`) waits for that.
//!
//! Single PostgreSQL instances are handled, and clusters of Aurora PostgreSQL with one instance, for which MiniStack
//! starts the same image; everything else passes through as it is.

mod authority;
mod behind;
mod checks;
mod clusters;
mod containers;
mod control;
mod create;
mod firewall;
mod parameters;
mod records;
mod service;
mod view;
mod xml;

pub use authority::Authority;
pub use control::remove_all;
pub use service::Rds;
