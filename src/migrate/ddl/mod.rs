//! What releases change in the definitions of the new database while it serves, made at the old one, so that every row still finds its
//! place on the way back; what cannot be made is told at once (docs/decisions/0104-definitions-come-back-too.md).
//!
//! Nothing is remembered but what the new database was when all of it had been carried: what is missing is found in both catalogues at
//! each look, so that a look which was cut off anywhere is simply repeated.

mod changes;
mod fill;
mod follow;
mod make;
mod obstacle;
mod open;
mod publish;
mod seen;
mod turns;

pub use follow::{Arrival, Followed, Follower, begin, is_as_carried};
pub use obstacle::{Obstacle, since};

use super::catalog::CatalogError;
use super::folder::FolderError;
use super::partitions::PartitionError;
use super::replicate::ReplicateError;
use super::verify::VerifyError;
use crate::postgres::PostgresError;

#[derive(Debug, thiserror::Error)]
pub enum DdlError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
    #[error(transparent)]
    Replicate(#[from] ReplicateError),
    #[error(transparent)]
    Partition(#[from] PartitionError),
}
