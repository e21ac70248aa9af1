//! Nothing of the migration is left: in the old database when it is undone or finished, in the new one as well. Each end by
//! itself, since the other may be gone; each may be repeated.

use super::context::{APPLY_ROLE, BACK, Context, FORWARD, READ_ROLE};
use super::{StageError, encrypt, home, identity, role};
use crate::migrate::carried::tighten;
use crate::migrate::rehearse::drop_scratch;
use crate::migrate::replicate::{ChangeStream, Channel, remove_fence};
use crate::migrate::timescale::start_workers;
use crate::migrate::verify::incremental::CHANGES;
use crate::migrate::{HELPER_SCHEMA, files};

/// The old database, and its server.
pub async fn clean_old(context: &Context) -> Result<(), StageError> {
    home::clean(context).await?;
    let old = context.old().await?;
    // Without asking the new server, who may be gone.
    Channel { name: BACK, publisher: &old, subscriber: &old }.unsubscribe().await?;
    remove_fence(&old).await?;
    tighten(&old).await?;
    ChangeStream { name: CHANGES, client: &old }.end().await?;
    let forward = Channel { name: FORWARD, publisher: &old, subscriber: &old };
    forward.drop_slot().await?;
    forward.unpublish().await?;
    identity::back(&old).await?;
    old.run("cleaning the old database", &format!("DROP SCHEMA IF EXISTS {HELPER_SCHEMA} CASCADE")).await?;
    encrypt::undo(context, &old).await?;
    start_workers(&old).await?;
    for role in [READ_ROLE, APPLY_ROLE] {
        role::remove(&old, role).await?;
    }
    Ok(context.folder.remove(files::REPLICATION_PASSWORD)?)
}

/// Without asking the old server.
pub async fn clean_new_end(context: &Context) -> Result<(), StageError> {
    let new = context.new_database().await?;
    Channel { name: FORWARD, publisher: &new, subscriber: &new }.unsubscribe().await?;
    let back = Channel { name: BACK, publisher: &new, subscriber: &new };
    back.drop_slot().await?;
    back.unpublish().await?;
    ChangeStream { name: CHANGES, client: &new }.end().await?;
    context.folder.remove(files::CHANGED)?;
    drop(new);
    clean_new(context).await
}

/// The helper objects of the migration; the data stay.
pub async fn clean_new(context: &Context) -> Result<(), StageError> {
    let new = context.new_database().await?;
    identity::back(&new).await?;
    drop_scratch(&new).await?;
    let sql = format!("DROP SCHEMA IF EXISTS {HELPER_SCHEMA} CASCADE");
    Ok(new.run("cleaning the new database", &sql).await?)
}
