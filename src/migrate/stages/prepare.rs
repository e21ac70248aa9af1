//! What the migration itself needs in both databases: a table for heartbeats, a role for replication, the publication.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::context::{Context, FORWARD};
use super::{
    StageError, carry, chunks, cleanup, copy, definitions, encrypt, forward_replication, identity, pause, preflight,
    schema, source_schema, write_fence,
};
use crate::migrate::catalog;
use crate::migrate::replicate::{Channel, make_heartbeat, remove_fence};
use crate::migrate::saga::{Mode, Stage};
use crate::migrate::timescale::{start_workers, stop_workers};

/// After a failure the clients stand still until the old database lets them in: a server that restarts is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_secs(1);

pub async fn perform(context: &Context) -> Result<String, StageError> {
    // An earlier attempt may have been cut off while nobody was let in.
    write_fence::open(context).await?;
    remove_fence(&context.old().await?).await?;
    start_over(context).await?;
    look_again(context).await?;
    let (old, new) = (context.old().await?, context.new_database().await?);
    make_heartbeat(&new).await?;
    // Offline too: the way back needs both.
    make_heartbeat(&old).await?;
    identity::at_source(context, &old).await?;
    if context.job.mode == Mode::Offline {
        drop(old);
        stop_writers(context).await?;
        return Ok("the clients are paused, and the old database is read-only".into());
    }
    encrypt::perform(context, &old).await?;
    forward_replication::make_reader(context, &old).await?;
    Channel { name: FORWARD, publisher: &old, subscriber: &new }
        .publish(carry::published(&old, FORWARD, &catalog::read(&old).await?).await?.as_deref())
        .await?;
    Ok(String::new())
}

/// Offline, after a failure the clients ran again: what was made at the new database is of an old database that was another.
async fn start_over(context: &Context) -> Result<(), StageError> {
    if context.job.mode == Mode::Offline && context.folder.status()?.stages.contains_key(&Stage::Schema) {
        copy::undo(context).await?;
        schema::undo(context).await?;
    }
    Ok(())
}

/// What changed since the last look is told, and rehearsed, while the clients run.
async fn look_again(context: &Context) -> Result<(), StageError> {
    let offline = context.job.mode == Mode::Offline;
    if source_schema::is_read(context)? && !(offline && definitions::changed(context, &context.old().await?).await?) {
        return Ok(());
    }
    if pause::is_on(context)? {
        serve(context).await?;
    }
    let looked = preflight::perform(context).await;
    if looked.is_err() {
        // Nobody has agreed to it: the next attempt looks again.
        source_schema::forget(context)?;
    }
    looked.map(drop)
}

/// Offline, after everything that can fail before.
async fn stop_writers(context: &Context) -> Result<(), StageError> {
    pause::begin(context)?;
    context.host.stop_clients(context.site(), &context.job.source.clients).await?;
    let old = context.old().await?;
    stop_workers(&old).await?;
    drop(old);
    write_fence::readers_only(context).await?;
    chunks::take_in(context).await
}

/// After a failure in the pause.
pub async fn serve_again(context: &Context) -> Result<(), StageError> {
    let began = Instant::now();
    loop {
        match serve(context).await {
            Err(error) if began.elapsed() < PATIENCE => {
                tracing::warn!("starting the clients again, once more: {}", crate::error::chain(&error));
                sleep(AGAIN).await;
            }
            ended => return ended,
        }
    }
}

/// As before the pause.
pub async fn serve(context: &Context) -> Result<(), StageError> {
    write_fence::open(context).await?;
    start_workers(&context.old().await?).await?;
    context.host.start_clients(context.site(), &context.job.source.clients).await?;
    pause::end(context)
}

pub async fn undo(context: &Context) -> Result<(), StageError> {
    write_fence::open(context).await?;
    if context.job.mode == Mode::Offline {
        serve(context).await?;
    }
    cleanup::clean_old(context).await
}
