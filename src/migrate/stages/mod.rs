//! What each stage does on the host, and how it is undone. Every one may be cut off anywhere and begun again.

mod context;
mod cutover;
mod way_back;

use std::path::PathBuf;

pub use context::Context;
pub use cutover::Pause;

use super::folder::FolderError;
use super::replicate::{QuietError, ReplicateError};
use super::sequences::SequenceError;
use crate::host::HostError;
use crate::postgres::PostgresError;

#[derive(Debug, thiserror::Error)]
pub enum StageError {
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error(transparent)]
    Replicate(#[from] ReplicateError),
    #[error(transparent)]
    Sequence(#[from] SequenceError),
    #[error(transparent)]
    Quiet(#[from] QuietError),
    #[error("cannot use {}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("the new database is not known yet: it has not been provisioned")]
    NoTarget,
    #[error("the migration has not been prepared")]
    NotPrepared,
    #[error("the cutover was undone, the old database serves: {}", crate::error::chain(why.as_ref()))]
    CutoverUndone { why: Box<StageError> },
    #[error("the cutover failed, and undoing it failed too: {}; {}", crate::error::chain(why.as_ref()), crate::error::chain(undo.as_ref()))]
    CutoverStuck { why: Box<StageError>, undo: Box<StageError> },
    #[error("the clients do not work with the new database: {}", crate::error::chain(why.as_ref()))]
    MustRollBack { why: Box<StageError> },
}
