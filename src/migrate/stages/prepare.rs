//! What the migration itself needs in both databases: tables for beats, a role for replication, the publication.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::context::{APPLY_ROLE, BACK, Context, FORWARD, READ_ROLE};
use super::{StageError, carry, chunks, definitions, encrypt, identity, look, pause, quiet, role, rows, structure};
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::carried::tighten;
use crate::migrate::catalog::{self, quote_identifier, quote_literal};
use crate::migrate::replicate::{Channel, History, make_beat, remove_fence};
use crate::migrate::saga::{Mode, Stage};
use crate::migrate::since::RECORD;
use crate::migrate::timescale::{start_workers, stop_workers};
use crate::postgres::{Client, Secret};

/// After a failure the clients stand still until the old database lets them in: a server that restarts is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_secs(1);

pub async fn perform(context: &Context) -> Result<String, StageError> {
    // An earlier attempt may have been cut off while nobody was let in.
    quiet::open(context).await?;
    remove_fence(&context.old().await?).await?;
    start_over(context).await?;
    look_again(context).await?;
    let (old, new) = (context.old().await?, context.new_database().await?);
    make_beat(&new).await?;
    // Offline too: the way back needs both.
    make_beat(&old).await?;
    identity::at_source(context, &old).await?;
    if context.job.mode == Mode::Offline {
        drop(old);
        stop_writers(context).await?;
        return Ok("the clients are paused, and the old database is read-only".into());
    }
    encrypt::perform(context, &old).await?;
    read_role(context, &old).await?;
    Channel { name: FORWARD, publisher: &old, subscriber: &new }
        .publish(carry::published(&old, FORWARD, &catalog::read(&old).await?).await?.as_deref())
        .await?;
    Ok(String::new())
}

/// Offline, after a failure the clients ran again: what was made at the new database is of an old database that was another.
async fn start_over(context: &Context) -> Result<(), StageError> {
    if context.job.mode == Mode::Offline && context.folder.status()?.stages.contains_key(&Stage::Schema) {
        rows::undo(context).await?;
        structure::undo(context).await?;
    }
    Ok(())
}

/// What changed since the last look is told, and rehearsed, while the clients run.
async fn look_again(context: &Context) -> Result<(), StageError> {
    let offline = context.job.mode == Mode::Offline;
    if structure::is_read(context)? && !(offline && definitions::changed(context, &context.old().await?).await?) {
        return Ok(());
    }
    if pause::is_on(context)? {
        serve(context).await?;
    }
    let looked = look::perform(context).await;
    if looked.is_err() {
        // Nobody has agreed to it: the next attempt looks again.
        structure::forget(context)?;
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
    quiet::readers_only(context).await?;
    chunks::settle(context).await
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
    quiet::open(context).await?;
    start_workers(&context.old().await?).await?;
    context.host.start_clients(context.site(), &context.job.source.clients).await?;
    pause::end(context)
}

/// Its password goes nowhere but into the subscription and a file of the migration's folder.
async fn read_role(context: &Context, old: &Client) -> Result<(), StageError> {
    let password = match context.folder.read::<Secret>("replication.json")? {
        Some(password) => password,
        None => {
            let password = Secret::random();
            context.folder.write("replication.json", &password)?;
            password
        }
    };
    role::make(old, READ_ROLE, "REPLICATION BYPASSRLS").await?;
    let name = quote_identifier(READ_ROLE);
    let database = quote_identifier(&context.job.source.database);
    let sql = format!(
        "SET password_encryption = 'scram-sha-256'; ALTER ROLE {name} PASSWORD {}; GRANT CONNECT ON DATABASE {database} TO {name}",
        quote_literal(password.expose())
    );
    Ok(old.run("setting the password of the role that replicates", &sql).await?)
}

/// Nothing of the migration is left in the old database. Also what `finish` does there.
pub async fn clean_old(context: &Context) -> Result<(), StageError> {
    let old = context.old().await?;
    // Without asking the new server, who may be gone.
    Channel { name: BACK, publisher: &old, subscriber: &old }.unsubscribe().await?;
    remove_fence(&old).await?;
    tighten(&old).await?;
    History { name: RECORD, client: &old }.end().await?;
    let forward = Channel { name: FORWARD, publisher: &old, subscriber: &old };
    forward.drop_slot().await?;
    forward.unpublish().await?;
    identity::back(&old).await?;
    old.run("cleaning the old database", &format!("DROP SCHEMA IF EXISTS {HELPER_SCHEMA} CASCADE")).await?;
    encrypt::undo(context, &old).await?;
    start_workers(&old).await?;
    for role in [READ_ROLE, APPLY_ROLE] {
        role::remove(&old, role).await?;
    }
    Ok(context.folder.remove("replication.json")?)
}

pub async fn undo(context: &Context) -> Result<(), StageError> {
    quiet::open(context).await?;
    if context.job.mode == Mode::Offline {
        serve(context).await?;
    }
    clean_old(context).await
}
