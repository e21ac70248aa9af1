//! What is particular to the way over to the new database: what changed since the verification is compared before the pause and
//! within, then the channel is turned round.

use tokio::time::Instant;

use super::context::{Context, FORWARD};
use super::pause::Pause;
use super::switch_ends::{DRAIN, Ends, millis};
use super::{
    StageError, carry, changes_back, client_connections, copy, drift, forward_replication, home, incremental_verify,
    reverse_replication, schema, way_back_watch, write_fence,
};
use crate::migrate::carried::tighten;
use crate::migrate::catalog;
use crate::migrate::replicate::{Channel, reopen_database};
use crate::migrate::saga::{Event, Mode, Side};
use crate::migrate::sequences;

/// Everything that can be compared or that can fail before anybody waits.
pub async fn drain(context: &Context) -> Result<(), StageError> {
    if was_tried(context)? {
        restore(context).await?;
    }
    carry::check(context).await?;
    incremental_verify::before_pause(context).await?;
    if context.job.mode == Mode::Online {
        let (old, new) = (context.old().await?, context.new_database().await?);
        // Most of what is under way arrives before anybody waits for it.
        Channel { name: FORWARD, publisher: &old, subscriber: &new }.drain_or_say(DRAIN).await?;
    }
    Ok(())
}

/// An earlier attempt may have left the new database handed over, and the channel turned.
fn was_tried(context: &Context) -> Result<bool, StageError> {
    let records = context.folder.records()?;
    let steps = records.iter().filter(|record| matches!(record.entry, Event::Step { to: Side::New, .. }));
    Ok(steps.count() > 1)
}

pub async fn ends(context: &Context, is_resumed: bool) -> Result<Ends, StageError> {
    let maintenance = context.old_maintenance().await?;
    if is_resumed {
        reopen_database(&maintenance, &context.job.source.database).await?;
        restore(context).await?;
    }
    let (old, new) = (context.old().await?, context.new_database().await?);
    let catalog = catalog::read(&old).await?;
    Ok(Ends { old, new, maintenance, catalog })
}

pub async fn carry_over(context: &Context, ends: &Ends, pause: &mut Pause) -> Result<(), StageError> {
    let Ends { old, new, catalog, .. } = ends;
    let online = context.job.mode == Mode::Online;
    let since = Instant::now();
    if online {
        drift::same_schema(context, old, new).await?;
        Channel { name: FORWARD, publisher: old, subscriber: new }.drain_or_say(DRAIN).await?;
    } else {
        incremental_verify::assert_no_writes(context, old).await?;
    }
    pause.drain_ms = millis(since);
    let since = Instant::now();
    sequences::carry(old, new).await?;
    pause.sequences_ms = millis(since);
    let since = Instant::now();
    if online {
        incremental_verify::within_pause(context, old, new, catalog).await?;
    }
    pause.changes_ms = millis(since);
    let since = Instant::now();
    if online {
        carry::forth(old, new, catalog).await?;
    }
    pause.carried_ms = millis(since);
    Ok(())
}

/// The channel the other way, and what puts the new database into its users' hands.
pub async fn open(context: &Context, ends: &Ends) -> Result<(), StageError> {
    let Ends { old, new, maintenance, catalog } = ends;
    if context.job.mode == Mode::Online {
        Channel { name: FORWARD, publisher: old, subscriber: new }.pause().await?;
    }
    let comes_back = reverse_replication::is_supported(context).await?;
    if comes_back {
        changes_back::begin(context, old, new).await?;
        reverse_replication::start(context, old, new, maintenance, catalog).await?;
    } else {
        reverse_replication::skip(context, new, maintenance).await?;
    }
    schema::hand_over(context, new).await?;
    if comes_back { way_back_watch::begin(context, new).await } else { Ok(()) }
}

/// Every row of the copy, whatever was begun since.
pub fn all_is_there(context: &Context) -> Result<(), StageError> {
    if copy::is_complete(context)? { Ok(()) } else { Err(StageError::NotPrepared) }
}

/// Rows that arrived before the old server was gone. Sequences go on behind them.
pub async fn carry_alone(context: &Context) -> Result<(), StageError> {
    let new = context.new_database().await?;
    Channel { name: FORWARD, publisher: &new, subscriber: &new }.unsubscribe().await?;
    tighten(&new).await?;
    Ok(sequences::past_rows(&new).await?)
}

pub async fn open_alone(context: &Context) -> Result<(), StageError> {
    schema::hand_over(context, &context.new_database().await?).await
}

/// What brought rows here is over.
pub async fn served(context: &Context) {
    if let Err(error) = client_connections::begin(context) {
        tracing::warn!("whether every client comes is not looked at: {}", crate::error::chain(&error));
    }
    forward_replication::end_after_switch(context).await;
}

/// The old database takes its clients again.
pub async fn reopen(context: &Context) -> Result<(), StageError> {
    write_fence::open(context).await?;
    if context.job.mode == Mode::Offline {
        write_fence::readers_only(context).await?;
    }
    Ok(())
}

/// Replication goes on; the next cutover finds everything as this one did.
pub async fn restore(context: &Context) -> Result<(), StageError> {
    let (old, new) = (context.old().await?, context.new_database().await?);
    reverse_replication::stop(context).await?;
    schema::take_back(context, &new).await?;
    if context.job.mode == Mode::Online {
        carry::before_changes(&new, &catalog::read(&old).await?).await?;
        let forward = Channel { name: FORWARD, publisher: &old, subscriber: &new };
        forward.subscribe(&forward_replication::source_for_target(context).await?).await?;
    }
    Ok(())
}

/// After the clients have left it, or before they came: nothing comes back from it any more.
pub async fn undo(context: &Context) -> Result<(), StageError> {
    // Closed by a rollback, from another database of its server; or read-only, where everything was read from it.
    if home::is_possible(context).await? {
        home::let_in(context).await?;
    } else if context.new_database().await.is_err() {
        let maintenance = context.new_maintenance().await?;
        reopen_database(&maintenance, &context.target().await?.database).await?;
    }
    reverse_replication::stop(context).await?;
    incremental_verify::end_records(context).await?;
    schema::take_back(context, &context.new_database().await?).await
}
