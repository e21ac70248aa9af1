//! Replication brings what was written since the snapshot, until it arrives as it is written.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::context::{Context, FORWARD};
use super::{StageError, carry, drift, forward_replication, incremental_verify};
use crate::migrate::replicate::{Channel, ReplicateError};
use crate::migrate::{catalog, files};

/// Caught up: what is committed now arrives within this.
const NEAR: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_secs(1);
/// Without any progress for so long, something is wrong.
const STALLED: Duration = Duration::from_secs(300);
/// The new server tries a change again every five seconds.
const PATIENCE: Duration = Duration::from_secs(30);

pub async fn perform(context: &Context) -> Result<String, StageError> {
    let (old, new) = (context.old().await?, context.new_database().await?);
    let forward = Channel { name: FORWARD, publisher: &old, subscriber: &new };
    carry::before_changes(&new, &catalog::read(&old).await?).await?;
    forward.subscribe(&forward_replication::source_for_target(context).await?).await?;
    let (mut best, mut since) = (u64::MAX, Instant::now());
    let mut refused = Instant::now();
    loop {
        drift::same_schema(context, &old, &new).await?;
        match forward.drain(NEAR).await {
            Ok(took) => return Ok(format!("changes arrive within {} ms", took.as_millis())),
            Err(ReplicateError::NotDrained { lag, .. }) => {
                drop(context.folder.write(files::PROGRESS, &lag));
                if lag.bytes < best {
                    (best, since) = (lag.bytes, Instant::now());
                } else if since.elapsed() > STALLED {
                    return Err(ReplicateError::NotDrained { after: STALLED, lag }.into());
                }
            }
            // A partition that was made a moment ago: it is made here before the next look.
            Err(ReplicateError::ApplyFailed { message }) => {
                if refused.elapsed() > PATIENCE {
                    return Err(forward.said(ReplicateError::ApplyFailed { message }).await.into());
                }
                sleep(LOOK).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        refused = Instant::now();
        sleep(LOOK).await;
    }
}

pub async fn undo(context: &Context) -> Result<(), StageError> {
    let ended = forward_replication::end(context).await;
    incremental_verify::stop_recording(context).await?;
    ended
}
