//! Why a copy stopped.

use std::path::PathBuf;

use super::rewrite::Rewritten;
use crate::migrate::catalog::CatalogError;
use crate::migrate::folder::FolderError;
use crate::postgres::PostgresError;

#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("no snapshot is held for this copy: {} is not there", path.display())]
    NoSnapshot { path: PathBuf },
    /// Hold a new one and call again: it starts over.
    #[error("the snapshot that this copy reads is gone: its holder or the source's server ended")]
    SnapshotGone { source: Option<PostgresError> },
    /// Hold a new one and call again: it starts over.
    #[error("the snapshot that this copy reads shows no rows of {table} any more: it was altered at the source")]
    Altered { table: String },
    /// Each time it was copied again from its beginning.
    #[error("{} is rewritten at the source again and again while it is copied, as by VACUUM FULL or CLUSTER", rewritten.table.plain())]
    Rewritten { rewritten: Rewritten },
    #[error("{table} has rows at the target that infra did not put there")]
    TargetNotEmpty { table: String },
    #[error("cannot copy {what}")]
    Part { what: String, source: PostgresError },
    #[error("cannot copy {what}: {after} attempts failed")]
    Exhausted { what: String, after: u32, source: PostgresError },
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error("{} was written by a later version of infra", path.display())]
    Newer { path: PathBuf },
}

impl CopyError {
    /// What the user can do, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Rewritten { .. } => Some("end the job that rewrites it, and resume the migration"),
            Self::SnapshotGone { .. } | Self::Altered { .. } => {
                Some("resume the migration: it takes a new snapshot and starts the copy over")
            }
            Self::TargetNotEmpty { .. } => Some("empty the target, or choose another one"),
            Self::Part { .. } | Self::Exhausted { .. } => {
                Some("remove the cause and resume the migration: parts that are done stay done")
            }
            _ => None,
        }
    }
}
