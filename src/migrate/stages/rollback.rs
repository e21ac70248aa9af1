//! What is particular to the way back to the old database. Everything that stands in its way is said before anybody is stopped
//! for it: what its server cannot apply, and what it has no place for.

use tokio::time::Instant;

use super::context::{BACK, Context};
use super::pause::{self, Pause};
use super::switch_ends::{DRAIN, Ends, millis};
use super::{StageError, carry, changes_back, home, reverse_replication, way_back_watch, write_fence};
use crate::migrate::carried::{self, tighten};
use crate::migrate::catalog;
use crate::migrate::prose::{FEW, wrapped};
use crate::migrate::replicate::{Channel, lacking, refuse_writes, reopen_database};
use crate::migrate::saga::{Side, Stage};
use crate::migrate::sequences;
use crate::postgres::Client;

/// With the clients running.
pub async fn drain(context: &Context) -> Result<(), StageError> {
    if context.folder.status()?.is_done(Stage::Cutover) {
        // The clock of the way there still goes; they run.
        pause::end(context)?;
    }
    if !reverse_replication::is_supported(context).await? {
        return can_be_offline(context).await;
    }
    let (new, old) = (context.new_database().await?, reverse_replication::as_applier(context).await?);
    // Sees to it that there is one which may close it.
    context.new_maintenance().await?;
    carry::can_come_home(&new).await?;
    restore(context).await?;
    way_back_watch::is_free(context, DRAIN).await?;
    nothing_lacks(&new, &old).await?;
    let back = Channel { name: BACK, publisher: &new, subscriber: &old };
    back.drain_or_say(DRAIN).await?;
    back.all_copied(DRAIN).await?;
    changes_back::catch_up(context).await;
    Ok(())
}

/// Where nothing follows: nothing was written, or the clients may wait and everything can come home.
async fn can_be_offline(context: &Context) -> Result<(), StageError> {
    if reverse_replication::is_unwritten(context, &context.new_database().await?).await? {
        return Ok(());
    }
    if !home::is_agreed(context).await? {
        return Err(home::refusal(context).await);
    }
    restore(context).await?;
    // Each of these holds whole stages: a stack need not.
    Box::pin(home::look(context)).await
}

/// Rows that would have no place at the old database are named.
async fn nothing_lacks(new: &Client, old: &Client) -> Result<(), StageError> {
    let carried = carried::with_roots(&catalog::read(new).await?);
    let lacking = lacking(new, old, BACK, &carried).await?;
    if lacking.is_empty() {
        return Ok(());
    }
    let mut lines: Vec<String> = lacking.iter().take(FEW).map(|lack| wrapped("  ", 4, &lack.to_string())).collect();
    let more = lacking.len().saturating_sub(FEW);
    lines.extend((more > 0).then(|| format!("  and {more} more")));
    Err(StageError::Lacks { what: lines.join("\n") })
}

pub async fn ends(context: &Context, is_resumed: bool) -> Result<Ends, StageError> {
    let maintenance = context.new_maintenance().await?;
    if !reverse_replication::is_supported(context).await? {
        return ends_offline(context, maintenance).await;
    }
    if is_resumed {
        reopen_database(&maintenance, &context.target().await?.database).await?;
        restore(context).await?;
    }
    let (old, new) = (reverse_replication::as_applier(context).await?, context.new_database().await?);
    let catalog = catalog::read(&new).await?;
    Ok(Ends { old, new, maintenance, catalog })
}

/// Nobody is in the old database, which may have to give its name away. Its server takes what comes home beside it.
async fn ends_offline(context: &Context, maintenance: Client) -> Result<Ends, StageError> {
    reopen_database(&maintenance, &context.target().await?.database).await?;
    let (old, new) = (context.old_maintenance().await?, context.new_database().await?);
    let catalog = catalog::read(&new).await?;
    Ok(Ends { old, new, maintenance, catalog })
}

/// Nobody else writes at the new database; where everything is to be read from it, sessions may come that read.
pub async fn fence(context: &Context, ends: &Ends) -> Result<(), StageError> {
    if home::is_begun(context)? {
        // It is closed since, but for readers, and one of them holds the snapshot. Whoever writes all the same is seen at the end.
        return Ok(());
    }
    match home::is_agreed(context).await? {
        true => home::close_new(&ends.maintenance, &ends.new).await,
        false => Ok(refuse_writes(&ends.maintenance, &ends.new).await.map(drop)?),
    }
}

/// Everything that was committed at the new database is at the old one, and so are its sequences.
pub async fn carry_over(context: &Context, ends: &Ends, pause: &mut Pause) -> Result<(), StageError> {
    let Ends { old, new, catalog, .. } = ends;
    if !reverse_replication::is_supported(context).await? {
        let since = Instant::now();
        come_home(context, new).await?;
        pause.carried_ms = millis(since);
        return Ok(());
    }
    let since = Instant::now();
    let back = Channel { name: BACK, publisher: new, subscriber: old };
    back.drain_or_say(DRAIN).await?;
    // What was made since the look before the pause.
    way_back_watch::nothing_came(context, new).await?;
    nothing_lacks(new, old).await?;
    back.all_copied(DRAIN).await?;
    pause.drain_ms = millis(since);
    let since = Instant::now();
    sequences::carry_known(new, old).await?;
    pause.sequences_ms = millis(since);
    let since = Instant::now();
    changes_back::within_pause(context, old, new).await?;
    pause.changes_ms = millis(since);
    let since = Instant::now();
    carry::home(new, old, catalog).await?;
    pause.carried_ms = millis(since);
    Ok(())
}

/// Where nothing follows: there is nothing to bring, or all of it is brought, since somebody said that the clients may wait.
async fn come_home(context: &Context, new: &Client) -> Result<(), StageError> {
    if reverse_replication::is_unwritten(context, new).await? {
        return Ok(());
    }
    if home::is_agreed(context).await? {
        Box::pin(home::bring(context, new)).await
    } else {
        Err(home::refusal(context).await)
    }
}

/// The old database is as before the migration: nothing comes in any more but by its clients.
pub async fn open(context: &Context) -> Result<(), StageError> {
    if home::is_ready(context)? {
        home::give_name(context).await?;
    }
    let old = context.old().await?;
    // Without asking the new one, who may be gone; its slot goes when the switch is undone, and until then keeps all that
    // a switch which is taken back still has to bring.
    Channel { name: BACK, publisher: &old, subscriber: &old }.unsubscribe().await?;
    tighten(&old).await?;
    write_fence::open(context).await
}

/// As much of it as its server takes, where the rest is left by the user's word.
pub async fn drain_what_comes(context: &Context) -> Result<(), StageError> {
    restore(context).await?;
    let (new, old) = (context.new_database().await?, reverse_replication::as_applier(context).await?);
    Channel { name: BACK, publisher: &new, subscriber: &old }.drain(DRAIN).await?;
    Ok(())
}

/// What came in while the clients stopped, and what replication does not bring.
pub async fn last_of(context: &Context, to: Side, left: &Client) -> Result<(), StageError> {
    if to == Side::New || !reverse_replication::is_supported(context).await? {
        return Ok(());
    }
    let old = reverse_replication::as_applier(context).await?;
    Channel { name: BACK, publisher: left, subscriber: &old }.drain(DRAIN).await?;
    sequences::carry_known(left, &old).await?;
    carry::home_what_fits(left, &old, &catalog::read(left).await?).await
}

/// Sequences go on behind the rows that are there.
pub async fn carry_alone(context: &Context) -> Result<(), StageError> {
    Ok(sequences::past_rows(&reverse_replication::as_applier(context).await?).await?)
}

/// The new database takes its clients again.
pub async fn reopen(context: &Context) -> Result<(), StageError> {
    if home::is_possible(context).await? {
        return home::reopen_new(context).await;
    }
    let maintenance = context.new_maintenance().await?;
    Ok(reopen_database(&maintenance, &context.target().await?.database).await?)
}

/// The old database follows, and takes no other writer.
pub async fn restore(context: &Context) -> Result<(), StageError> {
    let maintenance = context.old_maintenance().await?;
    if !reverse_replication::is_supported(context).await? {
        home::discard(context).await?;
        return write_fence::admit_readers(context, &maintenance).await;
    }
    let (new, old) = (context.new_database().await?, context.old().await?);
    write_fence::only_follow(context, &old, &maintenance).await?;
    carry::before_changes(&old, &catalog::read(&new).await?).await?;
    reverse_replication::subscribe(context, &new).await
}
