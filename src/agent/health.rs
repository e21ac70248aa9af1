//! How the old server fares while it is migrated: its disk, and what it keeps for the new one. Reads only.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{sleep, timeout};

use crate::migrate::copy::{DiskLoad, Pressure as _, disk_of};
use crate::migrate::stages::{Context, StageError, is_given_up};

/// What the disk did is counted over this.
const SAMPLE: Duration = Duration::from_millis(500);
/// A server that is asked for longer is in trouble: then what is known of it is told without it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is not known is None.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceHealth {
    /// Requests that wait at its disk or are served, as `iostat`'s aqu-sz.
    pub queue_depth: Option<f64>,
    /// Milliseconds that one took, waiting included.
    pub await_ms: Option<f64>,
    /// WAL that is kept for the migration's slots.
    pub retained_wal_bytes: Option<u64>,
    /// It has kept less than they need, or they were dropped before it fills its disk.
    pub slot_lost: bool,
    /// Of the disk that holds its data.
    pub free_bytes: Option<u64>,
}

pub(super) async fn health(context: &Context) -> SourceHealth {
    let (disk, database) = tokio::join!(disk(context), timeout(PATIENCE, database(context)));
    let (queue_depth, await_ms) = (disk.map(|load| load.queue_depth), disk.and_then(|load| load.await_ms));
    SourceHealth { queue_depth, await_ms, ..database.ok().and_then(Result::ok).unwrap_or_default() }
}

async fn disk(context: &Context) -> Option<DiskLoad> {
    let mut disk = disk_of(Path::new(&context.site().state_dir()))?;
    disk.load();
    sleep(SAMPLE).await;
    disk.load()
}

async fn database(context: &Context) -> Result<SourceHealth, StageError> {
    let free_bytes = context.host.free_beside_data(&context.container().await?).await?;
    let sql = "SELECT max(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn))::bigint,
                      COALESCE(bool_or(wal_status = 'lost'), false)
               FROM pg_catalog.pg_replication_slots WHERE slot_name LIKE 'infra%'";
    let row = context.old().await?.row("asking what is kept for the migration", sql, &[]).await?;
    let kept: Option<i64> = row.get(0);
    Ok(SourceHealth {
        queue_depth: None,
        await_ms: None,
        retained_wal_bytes: kept.and_then(|bytes| u64::try_from(bytes).ok()),
        slot_lost: row.get::<_, bool>(1) || is_given_up(context)?,
        free_bytes,
    })
}
