//! The way back is given up: nothing of the migration is left in either database. The old data stay where they are, for
//! readers, until somebody removes them.

use jiff::Timestamp;

use super::context::Context;
use super::{StageError, cleanup, switch};
use crate::migrate::files;
use crate::migrate::old_data_retention::OldDataRetention;
use crate::migrate::replicate::empty_database;
use crate::migrate::saga::Stage;
use crate::plan::Migrate;

/// `is_old_given_up`: what the migration made at the old server stays there, if it cannot be had.
pub async fn perform(context: &Context, is_old_given_up: bool) -> Result<String, StageError> {
    if !context.folder.status()?.is_done(Stage::Cutover)
        && let Err(error) = switch::start_clients(context).await
    {
        // They did not come up before, and the user has them as they are.
        tracing::warn!("{}", crate::error::chain(&error));
    }
    let left = match cleanup::clean_old(context).await {
        Err(error) if is_old_given_up => format!("; left at the old server: {}", crate::error::chain(&error)),
        done => done.map(|()| String::new())?,
    };
    cleanup::clean_new_end(context).await?;
    let kept = keep(context)?;
    let told = kept.told(Timestamp::now());
    Ok(format!("the old data in the bundle's service {}: {told}{left}", context.job.source.service))
}

/// Begun again, from the first time on.
fn keep(context: &Context) -> Result<OldDataRetention, StageError> {
    if let Some(kept) = context.folder.read(files::OLD_DATA)? {
        return Ok(kept);
    }
    let seconds = context.folder.read(files::OLD_DATA_SECONDS)?.unwrap_or(Migrate::KEEP.as_secs());
    let kept = OldDataRetention::from(Timestamp::now(), seconds);
    context.folder.write(files::OLD_DATA, &kept)?;
    Ok(kept)
}

/// The old data go; an empty database that nobody writes to takes their place, since the bundle's service and whoever looks
/// after its health know it by name. May be repeated.
pub async fn remove_old(context: &Context) -> Result<(), StageError> {
    let maintenance = context.old_maintenance().await?;
    Ok(empty_database(&maintenance, &context.job.source.database).await?)
}
