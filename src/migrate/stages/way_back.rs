//! The way back: replication from the new database to the old one, from the moment of the cutover on. And the ways that
//! the two servers take to each other.

use std::time::Duration;

use super::context::{APPLY_ROLE, BACK, Context, READ_ROLE, RELAY_PORT};
use super::{StageError, carry, identity, quiet, structure};
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::carried::{guide, release, tighten};
use crate::migrate::catalog::{Catalog, QualifiedName, quote_identifier, version};
use crate::migrate::drift::DriftError;
use crate::migrate::identity::look_for_new;
use crate::migrate::partitions::make_partitions;
use crate::migrate::replicate::{Channel, rows_written};
use crate::migrate::unseen::unseen;
use crate::postgres::{Client, Endpoint, Secret, Tls, connect};

/// When partitions were looked for last.
const LOOKED: &str = "way-back-looked";
const EVERY: Duration = Duration::from_secs(30);
/// When tables without an identity were looked for last: their UPDATE fails until they are found.
const LOOKED_FOR_NEW: &str = "identity-looked";
const OFTEN: Duration = Duration::from_secs(5);
/// `rows_written` of the new database when the clients were pointed to it, where nothing comes back.
const WRITTEN: &str = "written-new.json";
const COUNTED: Duration = Duration::from_millis(1500);

/// The old database as the new one's server sees it.
pub async fn source_for_target(context: &Context) -> Result<Endpoint, StageError> {
    let password: Option<Secret> = context.folder.read("replication.json")?;
    Ok(Endpoint {
        host: context.own_address().await?,
        port: RELAY_PORT,
        database: context.job.source.database.clone(),
        user: READ_ROLE.to_owned(),
        password: password.ok_or(StageError::NotPrepared)?,
        tls: Tls::ChannelBinding,
    })
}

/// Made while nobody writes: what is committed at the new database from here on comes back. The old one is open again
/// afterwards, for readers and for what comes back. `catalog` is the old one's.
pub async fn open(
    context: &Context,
    old: &Client,
    new: &Client,
    maintenance: &Client,
    catalog: &Catalog,
) -> Result<(), StageError> {
    let back = Channel { name: BACK, publisher: new, subscriber: old };
    guide(old, catalog).await?;
    // As the new server publishes them.
    let catalog = &catalog.at(version(new).await?);
    carry::prepare(old, catalog).await?;
    back.publish(carry::published(new, BACK, catalog).await?.as_deref()).await?;
    back.make_slot().await?;
    quiet::admit_readers(context, maintenance).await?;
    // A subscription's changes are applied by its owner, and who makes it owns it.
    let applier = as_applier(context).await?;
    Channel { name: BACK, publisher: new, subscriber: &applier }.subscribe(&target_for_source(context).await?).await?;
    Ok(())
}

/// Everything that was committed at the new database is at the old one, and so are its sequences.
pub async fn bring_home(context: &Context, patience: Duration) -> Result<(), StageError> {
    let (new, applier) = (context.new_database().await?, as_applier(context).await?);
    let back = Channel { name: BACK, publisher: &new, subscriber: &applier };
    back.subscribe(&target_for_source(context).await?).await?;
    back.drain_or_say(patience).await?;
    crate::migrate::sequences::carry(&new, &applier).await?;
    carry::home(&new, &applier).await
}

/// Partitions that the new database gets while it serves, so that their rows find a place on their way back. What it drops
/// stays in the old one: nobody needs it gone.
pub async fn carry_partitions(context: &Context) -> Result<(), StageError> {
    if !is_time(context, LOOKED_FOR_NEW, OFTEN)? || !comes_back(context).await? {
        return Ok(());
    }
    let (new, applier) = (context.new_database().await?, as_applier(context).await?);
    look_for_new(&new, &applier).await?;
    if !is_time(context, LOOKED, EVERY)? {
        return Ok(());
    }
    make_partitions(&new, &applier).await.map_err(DriftError::from)?;
    identity::of_new_tables(context, &applier, &new).await
}

/// So long after the last time; and this is one.
fn is_time(context: &Context, file: &str, every: Duration) -> Result<bool, StageError> {
    let written = std::fs::metadata(context.folder.file(file)).and_then(|file| file.modified());
    if written.is_ok_and(|at| at.elapsed().is_ok_and(|age| age < every)) {
        return Ok(false);
    }
    context.folder.write_text(file, "")?;
    Ok(true)
}

/// Replication writes into tables, and hypertables have their rows in chunks: what the new database gets for one that was
/// converted could come back only beside them.
pub async fn comes_back(context: &Context) -> Result<bool, StageError> {
    Ok(!structure::read(context).await?.conversion.has_hypertables())
}

/// Instead of `open`, where nothing comes back: as long as the clients have written nothing, the old database has every row.
pub async fn forgo(context: &Context, new: &Client, maintenance: &Client) -> Result<(), StageError> {
    context.folder.write(WRITTEN, &rows_written(new).await?)?;
    quiet::admit_readers(context, maintenance).await
}

/// Going back loses nothing. Ask it when no client is writing, or its answer may be late.
pub async fn is_there(context: &Context) -> Result<bool, StageError> {
    if comes_back(context).await? {
        return Ok(true);
    }
    // A server counts what a session wrote when that ends, or a second after.
    tokio::time::sleep(COUNTED).await;
    let written = rows_written(&context.new_database().await?).await?;
    Ok(context.folder.read::<i64>(WRITTEN)? == Some(written))
}

/// Nothing comes back any more.
pub async fn close(context: &Context) -> Result<(), StageError> {
    let (new, applier) = (context.new_database().await?, context.old().await?);
    Channel { name: BACK, publisher: &new, subscriber: &applier }.remove().await?;
    release(&applier).await?;
    Ok(tighten(&applier).await?)
}

/// Tables that the new database's user owns: whoever is no superuser can publish only these. The beat goes with them.
pub async fn tables(new: &Client) -> Result<Vec<QualifiedName>, StageError> {
    let sql = "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'
                 AND (n.nspname !~ '^(pg_|information_schema$)' AND n.nspname <> $1
                      OR n.nspname = $1 AND c.relname = 'beat')
               ORDER BY 1, 2";
    let rows = new.rows("listing the new database's tables", sql, &[&HELPER_SCHEMA]).await?;
    Ok(rows.iter().map(|row| QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1))).collect())
}

/// A session of the old database whose user is the role that applies changes.
async fn as_applier(context: &Context) -> Result<Client, StageError> {
    let client = connect(&context.source().await?, "infra migrate").await?;
    unseen(&client).await?;
    let role = format!("SET SESSION AUTHORIZATION {}", quote_identifier(APPLY_ROLE));
    client.run("taking the role that applies changes", &role).await?;
    Ok(client)
}

/// The new database as the old one's server sees it: the same, but for the place of the roots.
async fn target_for_source(context: &Context) -> Result<Endpoint, StageError> {
    let mut target = context.target().await?;
    if let Tls::VerifyFull { ca } = &target.tls {
        let pem = std::fs::read(ca).map_err(|source| StageError::Io { path: ca.clone(), source })?;
        let container = context.container().await?;
        let place = context.host.put_beside_data(&container, "infra-migrate-ca.pem", &pem).await?;
        target.tls = Tls::VerifyFull { ca: place.into() };
    }
    Ok(target)
}
