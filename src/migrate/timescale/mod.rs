//! TimescaleDB to a server that has it: everything stays what it is (`restore`, `carry`).
//!
//! And to a server that does not have it. A hypertable becomes a table of native RANGE partitions by its time column, one
//! for each chunk interval and a default one; a continuous aggregate becomes a materialized view; policies become rows of
//! pg_partman and jobs of pg_cron where the target has these. What has no counterpart is a loss, by name. The catalogue and
//! pg_dump's archive of the source are rewritten once to what they would be if it had native partitions (`build`,
//! [`Conversion::seen`]). Everything after that works as with any other database. Rows of a partition are those of the
//! hypertable in its range of time: only the hypertable itself can read chunks that are compressed.
//!
//! Pure, but for `read`, `carry` and `workers`. The extension is read by its public views, as 2.13 to 2.29 have them: [`TRIED`].

mod bucket;
mod build;
mod carry;
mod catalog;
mod conversion;
mod indexes;
mod items;
mod loss;
mod objects;
mod partition;
mod policy;
mod read;
mod restore;
#[cfg(test)]
mod tests;
mod workers;

pub use build::build;
pub use carry::{carry, same_counts};
pub use catalog::{Aggregate, Call, Hypertable, Job, OwnTable, Range, Timescale, ViewColumn};
pub use conversion::Conversion;
pub use objects::is_its_object;
pub use partition::{Converted, Partition};
pub use policy::instead_of;
pub use read::{TimescaleError, read};
pub use restore::{MAY_RESTORE, RESTORE_MODE, Restore};
pub use workers::{restart_workers, start_workers, stop_workers};

use crate::migrate::catalog::Catalog;
use crate::migrate::schema::{ExtensionState, Target};

/// The extension's name.
pub const EXTENSION: &str = "timescaledb";

/// The first and the last version that was tried, as far as 0077 says; another may have other views.
pub const TRIED: [(u32, u32); 2] = [(2, 13), (2, 29)];

/// The target has the extension or can have it, and lets its user restore into it: nothing is converted for it.
pub fn is_there(target: &Target) -> bool {
    let state = target.extensions.get(EXTENSION);
    matches!(state, Some(ExtensionState::Available { .. } | ExtensionState::Installed { .. }))
}

/// Its own schemas, in all versions.
pub fn is_its_schema(name: &str) -> bool {
    name.starts_with("_timescaledb_") || matches!(name, "timescaledb_information" | "timescaledb_experimental")
}

/// The schema that holds what people call: `time_bucket` and the others.
fn schema_of_functions(catalog: &Catalog) -> &str {
    let extension = catalog.extensions.iter().find(|extension| extension.name == EXTENSION);
    extension.map_or("public", |extension| extension.schema.as_str())
}
