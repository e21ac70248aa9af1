//! TimescaleDB: what the extension knows of a database, how it is read by its public views, as 2.13 to 2.29 have them
//! ([`TRIED`]), how the source's catalogue looks with native partitions in place of hypertables ([`Conversion::seen`]), and
//! what is carried of it to a server that has it too. How a schema is built from that is for `strategy` to say.
//!
//! Pure, but for `read`, `carry` and `workers`.

mod carry;
mod catalog;
mod conversion;
mod helpers;
mod indexes;
mod partition;
mod read;
mod restore_mode;
mod workers;

pub use carry::{carry, same_counts};
pub use catalog::{Aggregate, Call, Hypertable, Job, OwnTable, Range, Timescale, ViewColumn};
pub use conversion::Conversion;
pub use helpers::{MANAGER, MANAGER_SCHEMA, SCHEDULER, instead_of};
pub use indexes::of_root;
pub use partition::{Converted, Partition, Time, converted};
pub use read::{TimescaleError, read};
pub use restore_mode::{MAY_RESTORE, RESTORE_MODE, Restore};
pub use workers::{restart_workers, start_workers, stop_workers};

use crate::migrate::catalog::Catalog;

/// The extension's name.
pub const EXTENSION: &str = "timescaledb";

/// The first and the last version that was tried, as far as 0077 says; another may have other views.
pub const TRIED: [(u32, u32); 2] = [(2, 13), (2, 29)];

/// Its own schemas, in all versions.
pub fn is_its_schema(name: &str) -> bool {
    name.starts_with("_timescaledb_") || matches!(name, "timescaledb_information" | "timescaledb_experimental")
}

/// The schema that holds what people call: `time_bucket` and the others.
pub fn schema_of_functions(catalog: &Catalog) -> &str {
    let extension = catalog.extensions.iter().find(|extension| extension.name == EXTENSION);
    extension.map_or("public", |extension| extension.schema.as_str())
}
