//! The typed plan: schema, names, units, validation with all findings.
//!
//! Pure: bytes in; a plan, or everything that is wrong with it, out. No file system, no environment, no clock.
//! `model` is the one definition of the format: its types give the JSON Schema, and the schema decides what decodes.

mod advice;
mod compose;
mod conceal;
mod database_host;
mod decode;
mod finding;
pub mod init;
mod managed;
mod measured;
mod model;
pub mod names;
mod parse;
mod render;
mod rules;
mod scalar;
mod schema;
mod shape;
mod spans;
mod template;
mod text;
mod threshold;
mod unbuilt;
pub mod units;

pub use compose::{Alone, Build, Bundled, ComposeError, ComposeFile, External, Presence, check_bundle};
pub use finding::{Finding, Findings, Severity};
pub use managed::{Engine, ManagedSize};
pub use measured::{Unmeasured, bursts, unmeasured};
pub use model::{
    Alerts, Backup, Bundle, Credits, Database, Disk, Host, Migrate, MigrateAurora, MigrateEc2, MigrateMode, MigrateRds,
    Plan, PortRule, Protocol, Provider, VarValue, VolumeType,
};
pub use names::{
    Blueprint, DatabaseName, Email, FindingCode, InstanceClass, NetworkName, NodeName, PlanName, ProfileName, Region,
    SecretName, ServiceName, SizeName, SshAddress, VarName, Zone,
};
pub use parse::{Checked, parse};
pub use scalar::ScalarError;
pub use schema::schema;
pub use template::{TEMPLATES, Template, template};
pub use threshold::{Action, Combination, Condition, Metric, Scope, Threshold};
pub use unbuilt::check_built;
pub use units::{
    Acu, CutoverTime, Destination, Gigabytes, MountPath, Port, PortRange, Rate, Schedule, Source, Span, TimeOfDay,
    Weekday,
};
