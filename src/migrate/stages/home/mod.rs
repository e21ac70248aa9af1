//! The way home for hypertables that stayed what they are: replication cannot write into chunks, so every row is copied back and
//! compared while the clients wait, by the same stages that brought them, with the ends exchanged
//! ([0120](../../../../docs/decisions/0120-hypertables-come-home-as-they-went.md)). It happens in a fresh database beside the old one, which takes
//! its name at the end; until the clients are served there, everything can be taken back.

mod bring;
mod database;
mod dump;
mod fence;
mod look;

pub use bring::{bring, is_begun, is_ready};
pub use database::{clean, discard, give_name};
pub use dump::pg_dump;
pub use fence::{close_new, let_in, reopen_new};
pub use look::{look, refusal};

use super::context::Context;
use super::{StageError, source_schema};
use crate::migrate::files;
use crate::migrate::folder::{Folder, FolderError};

/// Every row can come home, if the clients wait for it: the new database has hypertables as the old one had.
pub async fn is_possible(context: &Context) -> Result<bool, StageError> {
    let conversion = source_schema::read(context).await?.conversion;
    Ok(conversion.restore.is_some() && conversion.has_hypertables())
}

/// And somebody said that they may.
pub async fn is_agreed(context: &Context) -> Result<bool, StageError> {
    Ok(context.folder.status()?.waits_for_rows && is_possible(context).await?)
}

/// What `is_possible` said when the clients were switched, for whoever looks from outside.
pub fn is_there(folder: &Folder) -> Result<bool, FolderError> {
    Ok(folder.read(files::WAY_HOME)?.unwrap_or(false))
}

/// The migration within this one.
fn folder(context: &Context) -> Folder {
    context.folder.within(files::HOME)
}
