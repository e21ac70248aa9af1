//! Beside the long stages: the log that the old server keeps for the migration. Before it fills the disk, the migration
//! stops and gives the slots away.

use std::convert::Infallible;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::sleep;

use super::StageError;
use super::context::{Context, FORWARD};
use crate::migrate::replicate::{Bound, Channel, Kept, ReplicateError};
use crate::migrate::saga::{Mode, Stage};
use crate::migrate::since::RECORD;
use crate::postgres::Client;

const EVERY: Duration = Duration::from_secs(5);
const FILE: &str = "log-bound.json";

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
            Err(StageError::Host(_)) | Ok(()) => {}
            Err(error) => return Err(error),
        }
        sleep(EVERY).await;
    }
}

/// One look.
pub async fn check_log(context: &Context) -> Result<(), StageError> {
    let old = context.old().await?;
    let bound = bound(context, &old).await?;
    for kept in Kept::read(&old, &[FORWARD, RECORD]).await? {
        if let Err(error) = kept.check(&bound) {
            give_up(context, &old).await?;
            return Err(error.into());
        }
    }
    Ok(())
}

/// Without the slot the snapshot is worth nothing: a copy that is resumed takes both anew.
async fn give_up(context: &Context, old: &Client) -> Result<(), ReplicateError> {
    for name in [RECORD, FORWARD] {
        Channel { name, publisher: old, subscriber: old }.drop_slot().await?;
    }
    if let Err(error) = context.folder.remove("snapshot.json") {
        tracing::warn!("{}", crate::error::chain(&error));
    }
    Ok(())
}

/// Of the beginning: later the log itself takes from what is free.
async fn bound(context: &Context, old: &Client) -> Result<Bound, StageError> {
    if let Some(bound) = context.folder.read(FILE)? {
        return Ok(bound);
    }
    let limit = Bound::server_limit(old).await?;
    let bound = Bound::new(free_disk(context, old).await?, limit);
    context.folder.write(FILE, &bound)?;
    Ok(bound)
}

/// Where the server's data are, as its container sees it. None: it cannot be seen.
async fn free_disk(context: &Context, old: &Client) -> Result<Option<u64>, StageError> {
    let place: String = old.row("asking for the data's place", "SHOW data_directory", &[]).await?.get(0);
    let container = context.container().await?;
    let mut df = Command::new("docker");
    df.args(["exec", &container.id, "df", "-Pk", &place]);
    let output = df.output().await.map_err(|source| StageError::Io { path: "docker".into(), source })?;
    Ok(free_of(&String::from_utf8_lossy(&output.stdout)))
}

/// POSIX's form: a line of heads, then device, total, used and free, in kilobytes.
fn free_of(text: &str) -> Option<u64> {
    let kilobytes: u64 = text.lines().nth(1)?.split_whitespace().nth(3)?.parse().ok()?;
    Some(kilobytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_space_is_read_from_df() {
        let text = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/sdb 1000 400 600 40% /data\n";
        assert_eq!(free_of(text), Some(600 << 10));
        assert_eq!(free_of("df: no such file"), None);
    }
}
