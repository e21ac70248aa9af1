//! The switch. Everything up to the new clients' start undoes itself when it fails; from then on the new database may
//! hold rows that the old one lacks, and the way back goes through replication.
//!
//! pause the clients → let nobody else write → drain → sequences → what changed since it was verified → what replication
//! does not bring → make the way back → hand the new database over → point the clients → start them and see them healthy.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use super::context::{Context, FORWARD};
use super::pause::{self, Pause};
use super::{StageError, carry, drift, quiet, settle, structure, way_back};
use crate::host::{DatabaseLocation, Progress};
use crate::migrate::carried::CarriedError;
use crate::migrate::catalog;
use crate::migrate::replicate::{Channel, refuse_writes};
use crate::migrate::saga::Mode;
use crate::migrate::sequences;
use crate::postgres::{Endpoint, Tls};

/// Under load the last changes take a moment; more means that something is wrong, and the pause must end.
const DRAIN: Duration = Duration::from_secs(60);
/// The clients stand still until the old database serves again: a server that restarts is waited for, not a person.
const PATIENCE: Duration = Duration::from_secs(60);
const AGAIN: Duration = Duration::from_secs(1);

/// How far it came: what an undo has to look at. Kept in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reached {
    Paused,
    /// The clients may have written to the new database.
    Pointed,
    /// On the way back: every row is in the old one, and the clients are pointed to it. The new one has nothing to give.
    Home,
}

/// An error before the clients were pointed to the new database has been undone when it is returned; a later one asks
/// for the rollback, which loses nothing either.
pub async fn perform(context: &Context) -> Result<String, StageError> {
    let reached = context.folder.read::<Reached>("cutover.json")?;
    if reached == Some(Reached::Paused) {
        // It was cut off: the new database may be handed over already, and more is to come.
        structure::take_back(context, &context.new_database().await?).await?;
    }
    if reached.is_none() {
        // Nothing has been touched yet: there is nothing to undo.
        carry::check(context).await?;
        settle::ready(context).await?;
    }
    let result = match reached {
        Some(Reached::Pointed) => start(context, &mut Pause::default()).await,
        _ => switch(context).await,
    };
    let Err(error) = result else { return result };
    if context.folder.read::<Reached>("cutover.json")? == Some(Reached::Pointed) {
        return match way_back::is_there(context).await {
            Ok(false) => Err(StageError::MustGoOn { why: Box::new(error) }),
            _ => Err(StageError::MustRollBack { why: Box::new(error) }),
        };
    }
    match undo(context).await {
        Ok(()) => Err(StageError::CutoverUndone { why: Box::new(error) }),
        Err(undo) => Err(StageError::CutoverStuck { why: Box::new(error), undo: Box::new(undo) }),
    }
}

async fn switch(context: &Context) -> Result<String, StageError> {
    let (old, maintenance) = (context.old().await?, context.old_maintenance().await?);
    let new = context.new_database().await?;
    let forward = Channel { name: FORWARD, publisher: &old, subscriber: &new };
    let catalog = catalog::read(&old).await?;
    let online = context.job.mode == Mode::Online;
    if online {
        // Most of what is under way arrives before anybody waits for it.
        forward.drain_or_say(DRAIN).await?;
    }
    context.folder.write("cutover.json", &Reached::Paused)?;
    pause::begin(context)?;
    let since = Instant::now();
    let mut pause = Pause::default();
    context.host.stop_clients(context.site(), &context.job.source.clients).await?;
    refuse_writes(&maintenance, &old).await?;
    pause.stop_ms = millis(since);
    let since = Instant::now();
    if online {
        drift::same_schema(context, &old, &new).await?;
        forward.drain_or_say(DRAIN).await?;
    } else {
        settle::untouched(context, &old).await?;
    }
    pause.drain_ms = millis(since);
    let since = Instant::now();
    sequences::carry(&old, &new).await?;
    pause.sequences_ms = millis(since);
    let since = Instant::now();
    if online {
        settle::settled(context, &old, &new, &catalog).await?;
    }
    pause.changes_ms = millis(since);
    let since = Instant::now();
    if online {
        carry::forth(&old, &new, &catalog).await?;
    }
    pause.carried_ms = millis(since);
    let since = Instant::now();
    if online {
        forward.pause().await?;
    }
    if way_back::comes_back(context).await? {
        way_back::open(context, &old, &new, &maintenance, &catalog).await?;
    } else {
        way_back::forgo(context, &new, &maintenance).await?;
    }
    structure::hand_over(context, &new).await?;
    pause.way_back_ms = millis(since);
    context.folder.write("cutover.json", &Reached::Pointed)?;
    start(context, &mut pause).await
}

/// The clients, with the new database.
async fn start(context: &Context, pause: &mut Pause) -> Result<String, StageError> {
    let since = Instant::now();
    context.host.point_clients(context.site(), Some(&location(context, &context.target().await?)?)).await?;
    start_clients(context).await?;
    pause.start_ms = millis(since);
    pause.total_ms = pause::so_far(context)?;
    context.folder.write("pause.json", pause)?;
    serve(context).await?;
    settle::end_forward(context).await;
    Ok(format!("writers waited {}", pause.told()))
}

/// The old database serves again, with every row.
pub async fn undo(context: &Context) -> Result<(), StageError> {
    let began = Instant::now();
    loop {
        match serve_old(context).await {
            // What waiting does not change.
            Err(error @ (StageError::NoWayBack | StageError::Carried(CarriedError::Unreadable { .. }))) => {
                return Err(error);
            }
            Err(error) if began.elapsed() < PATIENCE => {
                tracing::warn!("going back to the old database, once more: {}", crate::error::chain(&error));
                sleep(AGAIN).await;
            }
            ended => return ended,
        }
    }
}

async fn serve_old(context: &Context) -> Result<(), StageError> {
    let reached = context.folder.read::<Reached>("cutover.json")?;
    let switched = reached >= Some(Reached::Pointed);
    if reached == Some(Reached::Pointed) {
        carry::can_come_home(&context.new_database().await?).await?;
        context.host.stop_clients(context.site(), &context.job.source.clients).await?;
        if way_back::comes_back(context).await? {
            way_back::bring_home(context, DRAIN).await?;
        } else if !way_back::is_there(context).await? {
            start_clients(context).await?;
            return Err(StageError::NoWayBack);
        }
        context.host.point_clients(context.site(), None).await?;
        context.folder.write("cutover.json", &Reached::Home)?;
    }
    quiet::open(context).await?;
    way_back::close(context).await?;
    let new = context.new_database().await?;
    structure::take_back(context, &new).await?;
    if !switched && context.job.mode == Mode::Offline {
        // The clients wait on, as since `prepare`.
        quiet::readers_only(context).await?;
        return Ok(context.folder.remove("cutover.json")?);
    }
    if !switched {
        // Replication goes on; the next cutover finds everything as this one did.
        let old = context.old().await?;
        let forward = Channel { name: FORWARD, publisher: &old, subscriber: &new };
        carry::prepare(&new, &catalog::read(&old).await?).await?;
        forward.subscribe(&way_back::source_for_target(context).await?).await?;
    }
    start_clients(context).await?;
    pause::end(context)?;
    serve(context).await?;
    Ok(context.folder.remove("cutover.json")?)
}

/// What writers wait for.
async fn start_clients(context: &Context) -> Result<(), StageError> {
    let clients = &context.job.source.clients;
    Ok(context.host.serve_clients(context.site(), clients, context.health_timeout()).await?)
}

/// The whole release, with the database that its clients are pointed to; in the host's audit log.
async fn serve(context: &Context) -> Result<(), StageError> {
    let (job, none) = (&context.job, Progress::none());
    let lock = context.host.lock(&job.by, "migrate").await?;
    let started = context.host.restart_release(&lock, context.site(), &job.by, context.health_timeout(), &none).await;
    lock.release().await;
    Ok(started.map(drop)?)
}

fn location(context: &Context, target: &Endpoint) -> Result<DatabaseLocation, StageError> {
    let ca = match &target.tls {
        Tls::Off | Tls::ChannelBinding => None,
        Tls::VerifyFull { ca } => {
            let read = std::fs::read_to_string(ca);
            Some(read.map_err(|source| StageError::Io { path: ca.clone(), source })?)
        }
    };
    Ok(DatabaseLocation {
        host: target.host.clone(),
        port: target.port,
        name: target.database.clone(),
        user: target.user.clone(),
        password: (context.job.source.password_variable.clone(), Zeroizing::new(target.password.expose().to_owned())),
        ca,
    })
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
