//! The way back is given up: nothing of the migration is left in either database. The old data stay where they are, for
//! readers, until somebody removes them.

use jiff::Timestamp;

use super::context::{BACK, Context, FORWARD};
use super::{StageError, identity, prepare, switch};
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::kept::{KEEP, KEPT, Kept};
use crate::migrate::rehearse::drop_scratch;
use crate::migrate::replicate::{Channel, History, empty_database};
use crate::migrate::saga::Stage;
use crate::migrate::since::RECORD;
use crate::plan::Migrate;

/// `is_old_given_up`: what the migration made at the old server stays there, if it cannot be had.
pub async fn perform(context: &Context, is_old_given_up: bool) -> Result<String, StageError> {
    if !context.folder.status()?.is_done(Stage::Cutover)
        && let Err(error) = switch::start_clients(context).await
    {
        // They did not come up before, and the user has them as they are.
        tracing::warn!("{}", crate::error::chain(&error));
    }
    let left = match prepare::clean_old(context).await {
        Err(error) if is_old_given_up => format!("; left at the old server: {}", crate::error::chain(&error)),
        done => done.map(|()| String::new())?,
    };
    clean_new_end(context).await?;
    let kept = keep(context)?;
    let told = kept.told(Timestamp::now());
    Ok(format!("the old data in the bundle's service {}: {told}{left}", context.job.source.service))
}

/// Without asking the old server.
async fn clean_new_end(context: &Context) -> Result<(), StageError> {
    let new = context.new_database().await?;
    Channel { name: FORWARD, publisher: &new, subscriber: &new }.unsubscribe().await?;
    let back = Channel { name: BACK, publisher: &new, subscriber: &new };
    back.drop_slot().await?;
    back.unpublish().await?;
    History { name: RECORD, client: &new }.end().await?;
    context.folder.remove(crate::migrate::since::FILE)?;
    drop(new);
    clean_new(context).await
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
