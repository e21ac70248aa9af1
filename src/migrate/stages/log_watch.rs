//! Beside the long stages: the log that the old server keeps for the migration. Before it fills the disk, the migration
//! stops and gives the slots away.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::sleep;

use super::StageError;
use super::context::{Context, FORWARD};
use crate::host::unit;
use crate::migrate::files;
use crate::migrate::replicate::{Bound, Channel, ReplicateError, RetainedWal};
use crate::migrate::saga::{Mode, Stage};
use crate::migrate::verify::incremental::CHANGES;
use crate::postgres::Client;

const EVERY: Duration = Duration::from_secs(5);
const UNIT: &str = "infra-migrate-log";

/// Stages during which the log grows for as long as they take. The cutover is short, and must not lose its slot.
pub fn is_watched(stage: Stage, mode: Mode) -> bool {
    mode == Mode::Online && matches!(stage, Stage::Copy | Stage::Index | Stage::Follow | Stage::Verify)
}

/// Ends only when too much is kept, or when a slot has lost its log.
pub async fn log_watch(context: &Context) -> Result<Infallible, StageError> {
    loop {
        match check_log(context).await {
            // A server that restarts is the stage's own affair.
            Err(StageError::Postgres(error)) if error.is_transient() => {}
            Err(StageError::Host(_)) | Ok(_) => {}
            Err(error) => return Err(error),
        }
        sleep(EVERY).await;
    }
}

/// While the migration stands still, somebody else watches: a process of its own, until it goes on or no slot is left.
pub async fn leave_watch(context: &Context) {
    if context.job.mode == Mode::Offline {
        return;
    }
    relieve_watch().await;
    if let Err(error) = unit::start(UNIT, "watch-log", context.folder.path()).await {
        tracing::warn!("nobody watches the old server's log: {}", crate::error::chain(&error));
    }
}

pub async fn relieve_watch() {
    unit::stop(UNIT).await;
}

/// What that process does.
pub async fn watch_log(context: &Context) -> Result<(), StageError> {
    loop {
        match check_log(context).await {
            Ok(false) => return Ok(()),
            Ok(true) => {}
            // What was given up is in the log of the unit; a server that is not there now comes back.
            Err(error) => tracing::warn!("{}", crate::error::chain(&error)),
        }
        sleep(EVERY).await;
    }
}

/// One look; whether any log is kept.
pub async fn check_log(context: &Context) -> Result<bool, StageError> {
    let old = context.old().await?;
    let bound = bound(context, &old).await?;
    let kept = RetainedWal::read(&old, &[FORWARD, CHANGES]).await?;
    if let Err(error) = RetainedWal::check_all(&kept, &bound) {
        // First, so that nobody finds no slots and no reason.
        context.folder.write(files::LOG_GIVEN_UP, &crate::error::chain(&error))?;
        give_up(context, &old).await?;
        return Err(error.into());
    }
    Ok(!kept.is_empty())
}

/// Without the slot the snapshot is worth nothing: a copy that is resumed takes both anew.
async fn give_up(context: &Context, old: &Client) -> Result<(), ReplicateError> {
    for name in [CHANGES, FORWARD] {
        Channel { name, publisher: old, subscriber: old }.drop_slot().await?;
    }
    if let Err(error) = context.folder.remove(files::SNAPSHOT) {
        tracing::warn!("{}", crate::error::chain(&error));
    }
    Ok(())
}

/// The changes since the copy are lost.
pub fn is_given_up(context: &Context) -> Result<bool, StageError> {
    Ok(context.folder.read::<String>(files::LOG_GIVEN_UP)?.is_some())
}

/// What is copied from now on has a slot of its own.
pub fn begin_anew(context: &Context) -> Result<(), StageError> {
    Ok(context.folder.remove(files::LOG_GIVEN_UP)?)
}

/// Of the beginning: later the log itself takes from what is free.
async fn bound(context: &Context, old: &Client) -> Result<Bound, StageError> {
    if let Some(bound) = context.folder.read(files::LOG_BOUND)? {
        return Ok(bound);
    }
    let limit = Bound::server_limit(old).await?;
    let bound = Bound::new(free_disk(context, old).await?, limit);
    context.folder.write(files::LOG_BOUND, &bound)?;
    Ok(bound)
}

/// Where the server's data are, as its container sees it. None: it cannot be seen.
async fn free_disk(context: &Context, old: &Client) -> Result<Option<u64>, StageError> {
    let place: String = old.row("asking for the data's place", "SHOW data_directory", &[]).await?.get(0);
    let free = context.container().await?.free_bytes(&place).await;
    free.map_err(|source| StageError::Io { path: "docker".into(), source })
}
