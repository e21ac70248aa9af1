//! What goes wrong with the file of a ring.

use std::path::PathBuf;

use super::block::BlockError;

#[derive(Debug, thiserror::Error)]
pub enum RingError {
    #[error("{operation} the ring in {}", path.display())]
    Sqlite { operation: &'static str, path: PathBuf, source: rusqlite::Error },
    #[error("cannot use {}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{} was made by a newer infra (format {found}; this one knows {known}): bring the newer one back", path.display())]
    Newer { path: PathBuf, found: u32, known: u32 },
    #[error("{} is the file of another program", path.display())]
    Foreign { path: PathBuf },
    #[error(transparent)]
    Block(#[from] BlockError),
}

impl RingError {
    /// The file, not the disk or the way to it, is what is wrong.
    pub fn is_torn(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};

        match self {
            Self::Sqlite { source, .. } => {
                matches!(source.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
            }
            _ => false,
        }
    }
}
