//! The old database while nobody but replication may write to it: after the cutover, and offline from the beginning.

use super::context::{APPLICATION, APPLY_ROLE, Context};
use super::{StageError, role};
use crate::migrate::files;
use crate::migrate::replicate::{lower_fence, raise_fence, readmit, readmit_readers, refuse_writes};
use crate::postgres::Client;

/// Ends every session, and lets in who reads only.
pub async fn readers_only(context: &Context) -> Result<(), StageError> {
    let (old, maintenance) = (context.old().await?, context.old_maintenance().await?);
    refuse_writes(&maintenance, &old).await?;
    admit_readers(context, &maintenance).await
}

/// Lets in who reads only, where nobody was let in.
pub async fn admit_readers(context: &Context, maintenance: &Client) -> Result<(), StageError> {
    // It may write where nobody else does. Without a password, so that nobody logs in as it.
    role::make(maintenance, APPLY_ROLE, "SUPERUSER PASSWORD NULL").await?;
    let overridden = readmit_readers(maintenance, &context.job.source.database, APPLY_ROLE).await?;
    Ok(context.folder.write(files::OVERRIDDEN_ROLES, &overridden)?)
}

/// From now on it only follows the new one: writers are refused also when they ask for READ WRITE. `old` is a session that is
/// open already.
pub async fn only_follow(context: &Context, old: &Client, maintenance: &Client) -> Result<(), StageError> {
    let left = raise_fence(old, APPLICATION).await?;
    if left > 0 {
        tracing::warn!("{left} tables of the old database are in use: they are closed to writers when that has ended");
    }
    admit_readers(context, maintenance).await
}

/// Tables that could not be had, and those that came since.
pub async fn close_the_rest(old: &Client) -> Result<(), StageError> {
    raise_fence(old, APPLICATION).await?;
    Ok(())
}

/// As it was before the migration. Nothing happens where nobody was kept out.
pub async fn open(context: &Context) -> Result<(), StageError> {
    let overridden = context.folder.read::<Vec<String>>(files::OVERRIDDEN_ROLES)?.unwrap_or_default();
    readmit(&context.old_maintenance().await?, &context.job.source.database, &overridden).await?;
    Ok(lower_fence(&context.old().await?).await?)
}
