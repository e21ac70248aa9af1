//! The old database while nobody but replication may write to it: after the cutover, and offline from the beginning.

use super::StageError;
use super::context::{APPLY_ROLE, Context};
use crate::migrate::catalog::quote_identifier;
use crate::migrate::replicate::{readmit, readmit_readers, refuse_writes};
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
    apply_role(maintenance).await?;
    let overridden = readmit_readers(maintenance, &context.job.source.database, APPLY_ROLE).await?;
    Ok(context.folder.write(OVERRIDDEN, &overridden)?)
}

/// As it was before the migration. Nothing happens where nobody was kept out.
pub async fn open(context: &Context) -> Result<(), StageError> {
    let overridden = context.folder.read::<Vec<String>>(OVERRIDDEN)?.unwrap_or_default();
    Ok(readmit(&context.old_maintenance().await?, &context.job.source.database, &overridden).await?)
}

/// It may write where nobody else does. Without a password, so that nobody logs in as it.
async fn apply_role(maintenance: &Client) -> Result<(), StageError> {
    let role = quote_identifier(APPLY_ROLE);
    let known = "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1";
    if maintenance.rows("looking for the role that applies changes", known, &[&APPLY_ROLE]).await?.is_empty() {
        let sql = format!("CREATE ROLE {role} LOGIN SUPERUSER PASSWORD NULL");
        maintenance.run("making the role that applies changes", &sql).await?;
    }
    Ok(())
}
