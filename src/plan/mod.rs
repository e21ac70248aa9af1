//! The typed plan: schema, names, units, validation with all findings.

mod model;
pub mod names;
mod scalar;
pub mod units;

pub use model::{
    Alerts, Backup, Bundle, Database, Disk, Host, Metric, Migrate, MigrateRds, Plan, PortRule, Protocol, Provider,
    Threshold, VarValue, VolumeType,
};
pub use scalar::ScalarError;
