//! The new database while everything is read from it: it takes sessions, and none that writes.

use super::super::StageError;
use super::super::context::Context;
use super::folder;
use crate::migrate::replicate::{READ_ONLY, readmit_all, readmit_only_readers, refuse_writes};
use crate::migrate::timescale::{start_workers, stop_workers};
use crate::postgres::Client;

/// Ends every session but `keep`. TimescaleDB's jobs act below the level at which a database is read-only.
pub async fn close_new(maintenance: &Client, keep: &Client) -> Result<(), StageError> {
    // Begun again, the session is one of a database that is read-only by now.
    keep.run("taking the new database for the way home", &format!("SET {READ_ONLY} = off")).await?;
    stop_workers(keep).await?;
    refuse_writes(maintenance, keep).await?;
    Ok(readmit_only_readers(maintenance, &keep.endpoint().database).await?)
}

/// Lets everybody in, as before. What was brought so far is of a database that nobody wrote to: it is not gone on with.
pub async fn let_in(context: &Context) -> Result<(), StageError> {
    folder(context).remove_all()?;
    let maintenance = context.new_maintenance().await?;
    Ok(readmit_all(&maintenance, &context.target().await?.database).await?)
}

/// For its clients, whose jobs run again.
pub async fn reopen_new(context: &Context) -> Result<(), StageError> {
    let_in(context).await?;
    Ok(start_workers(&context.new_database().await?).await?)
}
