//! Replication brings what was written since the snapshot, until it arrives as it is written.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::context::{Context, FORWARD};
use super::{StageError, carry, drift, settle, way_back};
use crate::migrate::catalog;
use crate::migrate::replicate::{Channel, ReplicateError};

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
    carry::prepare(&new, &catalog::read(&old).await?).await?;
    forward.subscribe(&way_back::source_for_target(context).await?).await?;
    let (mut best, mut since) = (u64::MAX, Instant::now());
    let mut refused = Instant::now();
    loop {
        drift::same_schema(context, &old, &new).await?;
        match forward.drain(NEAR).await {
            Ok(took) => return Ok(format!("changes arrive within {} ms", took.as_millis())),
            Err(ReplicateError::NotDrained { lag, .. }) => {
                drop(context.folder.write("progress.json", &lag));
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
    let ended = end(context).await;
    settle::stop_recording(context).await?;
    ended
}

/// Each end by itself: one of them may be gone.
pub async fn end(context: &Context) -> Result<(), StageError> {
    let there = async {
        let new = context.new_database().await?;
        Ok::<_, StageError>(Channel { name: FORWARD, publisher: &new, subscriber: &new }.unsubscribe().await?)
    };
    let there = there.await;
    let here = async {
        let old = context.old().await?;
        Ok::<_, StageError>(Channel { name: FORWARD, publisher: &old, subscriber: &old }.drop_slot().await?)
    };
    let here = here.await;
    there.and(here)
}
