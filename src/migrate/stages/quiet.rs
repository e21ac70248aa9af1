//! The old database while nobody but replication may write to it: after the cutover, and offline from the beginning.

use super::context::{APPLY_ROLE, Context};
use super::{StageError, pause, role};
use crate::migrate::catalog::Catalog;
use crate::migrate::replicate::{READ_ONLY, readmit, readmit_readers, refuse_writes};
use crate::postgres::Client;

/// In the migration's folder: roles whose own setting was overridden.
const OVERRIDDEN: &str = "overridden.json";

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
    Ok(context.folder.write(OVERRIDDEN, &overridden)?)
}

/// As it was before the migration. Nothing happens where nobody was kept out.
pub async fn open(context: &Context) -> Result<(), StageError> {
    let overridden = context.folder.read::<Vec<String>>(OVERRIDDEN)?.unwrap_or_default();
    Ok(readmit(&context.old_maintenance().await?, &context.job.source.database, &overridden).await?)
}

/// What keeps writers out is the migration's own, and goes nowhere.
pub fn without_ours(context: &Context, mut catalog: Catalog) -> Result<Catalog, StageError> {
    let paused = pause::is_on(context)?;
    catalog.roles.retain(|role| role.name != APPLY_ROLE);
    catalog.settings.retain(|setting| {
        let keeps_out = paused && setting.in_database && setting.name == READ_ONLY;
        !keeps_out && setting.role.as_deref() != Some(APPLY_ROLE)
    });
    Ok(catalog)
}
