//! The way back is given up: nothing of the migration is left in either database. The old data stay where they are, for
//! readers, until somebody removes them.

use jiff::Timestamp;

use super::context::Context;
use super::{StageError, follow, identity, prepare, way_back};
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::kept::{KEEP, KEPT, Kept};
use crate::migrate::rehearse::drop_scratch;
use crate::migrate::replicate::empty_database;
use crate::migrate::saga::Mode;
use crate::plan::Migrate;

pub async fn perform(context: &Context) -> Result<String, StageError> {
    way_back::close(context).await?;
    if context.job.mode == Mode::Online {
        follow::undo(context).await?;
    }
    prepare::clean_old(context).await?;
    clean_new(context).await?;
    let kept = keep(context)?;
    Ok(format!("the old data in the bundle's service {}: {}", context.job.source.service, kept.told(Timestamp::now())))
}

/// Begun again, from the first time on.
fn keep(context: &Context) -> Result<Kept, StageError> {
    if let Some(kept) = context.folder.read(KEPT)? {
        return Ok(kept);
    }
    let seconds = context.folder.read(KEEP)?.unwrap_or(Migrate::KEEP.as_secs());
    let kept = Kept::from(Timestamp::now(), seconds);
    context.folder.write(KEPT, &kept)?;
    Ok(kept)
}

/// The old data go; an empty database that nobody writes to takes their place, since the bundle's service and whoever looks
/// after its health know it by name. May be repeated.
pub async fn remove_old(context: &Context) -> Result<(), StageError> {
    let maintenance = context.old_maintenance().await?;
    Ok(empty_database(&maintenance, &context.job.source.database).await?)
}

/// The helper objects of the migration; the data stay.
pub async fn clean_new(context: &Context) -> Result<(), StageError> {
    let new = context.new_database().await?;
    identity::back(&new).await?;
    drop_scratch(&new).await?;
    let sql = format!("DROP SCHEMA IF EXISTS {HELPER_SCHEMA} CASCADE");
    Ok(new.run("cleaning the new database", &sql).await?)
}
