//! The way back: replication from the new database to the old one, from the moment of the cutover on.

use std::time::Duration;

use super::context::{APPLICATION, APPLY_ROLE, BACK, Context};
use super::{StageError, carry, home, source_schema, write_fence};
use crate::migrate::carried::{guide, hold_triggers, release, release_triggers, tighten};
use crate::migrate::catalog::{Catalog, quote_identifier, version};
use crate::migrate::files;
use crate::migrate::replicate::{Channel, remove_fence, rows_written};
use crate::migrate::unseen::unseen;
use crate::postgres::{Client, Endpoint, Tls, connect};

const COUNTED: Duration = Duration::from_millis(1500);

/// Made while nobody writes: what is committed at the new database from here on comes back. The old one is open again
/// afterwards, for readers and for what comes back. `catalog` is the old one's.
pub async fn start(
    context: &Context,
    old: &Client,
    new: &Client,
    maintenance: &Client,
    catalog: &Catalog,
) -> Result<(), StageError> {
    let back = Channel { name: BACK, publisher: new, subscriber: old };
    guide(old, catalog).await?;
    hold_triggers(old).await?;
    // As the new server publishes them.
    let catalog = &catalog.at(version(new).await?);
    carry::before_changes(old, catalog).await?;
    back.publish(carry::published(new, BACK, catalog).await?.as_deref()).await?;
    back.make_slot().await?;
    write_fence::only_follow(context, old, maintenance).await?;
    subscribe(context, new).await
}

/// A subscription's changes are applied by its owner, and who makes it owns it.
pub async fn subscribe(context: &Context, new: &Client) -> Result<(), StageError> {
    let applier = as_applier(context).await?;
    let back = Channel { name: BACK, publisher: new, subscriber: &applier };
    Ok(back.subscribe(&target_for_source(context).await?).await?)
}

/// The new database's password may be another by now.
pub async fn reconnect(context: &Context, new: &Client) -> Result<(), StageError> {
    let applier = as_applier(context).await?;
    let back = Channel { name: BACK, publisher: new, subscriber: &applier };
    if back.reconnect(&target_for_source(context).await?).await? {
        tracing::info!("the old server takes another way to the new one");
    }
    Ok(())
}

/// Replication writes into tables, and hypertables have their rows in chunks: what the new database gets for one that was
/// converted could come back only beside them.
pub async fn is_supported(context: &Context) -> Result<bool, StageError> {
    Ok(!source_schema::read(context).await?.conversion.has_hypertables())
}

/// Instead of `start`, where nothing comes back: as long as the clients have written nothing, the old database has every row.
pub async fn skip(context: &Context, new: &Client, maintenance: &Client) -> Result<(), StageError> {
    context.folder.write(files::WAY_HOME, &home::is_possible(context).await?)?;
    context.folder.write(files::ROWS_WRITTEN_BEFORE_CLIENTS, &rows_written(new).await?)?;
    write_fence::admit_readers(context, maintenance).await
}

/// Going back loses nothing. Ask it when no client is writing, or its answer may be late.
pub async fn is_lossless(context: &Context) -> Result<bool, StageError> {
    if is_supported(context).await? {
        return Ok(true);
    }
    is_unwritten(context, &context.new_database().await?).await
}

/// Nothing has to be brought back.
pub async fn is_unwritten(context: &Context, new: &Client) -> Result<bool, StageError> {
    // A server counts what a session wrote when that ends, or a second after.
    tokio::time::sleep(COUNTED).await;
    Ok(context.folder.read::<i64>(files::ROWS_WRITTEN_BEFORE_CLIENTS)? == Some(rows_written(new).await?))
}

/// Nothing comes back any more.
pub async fn stop(context: &Context) -> Result<(), StageError> {
    let (new, applier) = (context.new_database().await?, context.old().await?);
    Channel { name: BACK, publisher: &new, subscriber: &applier }.remove().await?;
    release(&applier).await?;
    release_triggers(&applier).await?;
    remove_fence(&applier).await?;
    Ok(tighten(&applier).await?)
}

/// A session of the old database whose user is the role that applies changes.
pub async fn as_applier(context: &Context) -> Result<Client, StageError> {
    let client = connect(&context.source().await?, APPLICATION).await?;
    unseen(&client).await?;
    let role = format!("SET SESSION AUTHORIZATION {}", quote_identifier(APPLY_ROLE));
    client.run("taking the role that applies changes", &role).await?;
    Ok(client)
}

/// The new database as the old one's server and its programs see it: the same, but for the place of the roots.
pub async fn target_for_source(context: &Context) -> Result<Endpoint, StageError> {
    let mut target = context.target().await?;
    if let Tls::VerifyFull { ca } = &target.tls {
        let pem = std::fs::read(ca).map_err(|source| StageError::Io { path: ca.clone(), source })?;
        let container = context.container().await?;
        let place = context.host.put_among_data(&container, "infra-migrate-ca.pem", &pem).await?;
        target.tls = Tls::VerifyFull { ca: place.into() };
    }
    Ok(target)
}
