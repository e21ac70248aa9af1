//! The way back is given up: nothing of the migration is left in either database. The old data stay where they are.

use super::context::Context;
use super::{StageError, follow, prepare, quiet, way_back};
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::saga::Mode;

pub async fn perform(context: &Context) -> Result<String, StageError> {
    quiet::open(context).await?;
    way_back::close(context).await?;
    if context.job.mode == Mode::Online {
        follow::undo(context).await?;
    }
    prepare::clean_old(context).await?;
    clean_new(context).await?;
    Ok(format!("the old data stay in the bundle's service {}", context.job.source.service))
}

/// The helper objects of the migration; the data stay.
pub async fn clean_new(context: &Context) -> Result<(), StageError> {
    let new = context.new_database().await?;
    let sql = format!("DROP SCHEMA IF EXISTS {HELPER_SCHEMA} CASCADE");
    Ok(new.run("cleaning the new database", &sql).await?)
}
