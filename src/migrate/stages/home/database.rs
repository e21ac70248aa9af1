//! The database beside the old one: made like it, given its name, or taken away again. Every act may be repeated, and is done by a
//! session in another database of the old server. Names are by the migration's number: they fit into what a name may have.

use super::super::StageError;
use super::super::context::Context;
use super::folder;
use crate::migrate::alike;
use crate::migrate::catalog::quote_identifier;
use crate::migrate::replicate::close_database;
use crate::migrate::saga::Side;
use crate::migrate::timescale::restart_workers;
use crate::postgres::{Client, PostgresError};

const OPERATION: &str = "making the database that rows come home to";

/// Of the database that rows come home to, until it has the old one's.
pub fn name(context: &Context) -> String {
    format!("infra_home_{}", context.job.id)
}

/// Of the old one from then on, until it goes.
fn superseded(context: &Context) -> String {
    format!("infra_before_{}", context.job.id)
}

/// Empty, with the old one's encoding, order of text, owner and place.
pub async fn make(context: &Context, maintenance: &Client) -> Result<(), StageError> {
    let old = &context.job.source.database;
    let Some(order) = alike::order(maintenance, old).await? else {
        return Err(StageError::NotHome { what: format!("the old server has no database {old}") });
    };
    let sql = "SELECT pg_catalog.pg_get_userbyid(d.datdba)::text, t.spcname::text, d.datconnlimit
                 FROM pg_catalog.pg_database d JOIN pg_catalog.pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = $1";
    let row = maintenance.row(OPERATION, sql, &[old]).await?;
    let (owner, place, limit): (String, String, i32) = (row.get(0), row.get(1), row.get(2));
    let sql = format!(
        "CREATE DATABASE {} TEMPLATE template0 OWNER {} {} TABLESPACE {} CONNECTION LIMIT {limit}",
        quote_identifier(&name(context)),
        quote_identifier(&owner),
        order.clause(),
        quote_identifier(&place)
    );
    Ok(maintenance.run(OPERATION, &sql).await?)
}

/// It takes the old one's name, which nobody can enter any more under its other one.
pub async fn give_name(context: &Context) -> Result<(), StageError> {
    let maintenance = context.old_maintenance().await?;
    if !is_there(&maintenance, &superseded(context)).await? {
        let (old, home) = (context.job.source.database.clone(), name(context));
        exchange(&maintenance, &old, [&superseded(context), &home]).await?;
    }
    // Whoever knew it by its other name has gone.
    Ok(restart_workers(&context.old().await?).await?)
}

/// `name` is called as the first of these, and the second is called `name`; all of it, or nothing.
async fn exchange(maintenance: &Client, name: &str, [away, here]: [&str; 2]) -> Result<(), StageError> {
    for database in [name, here] {
        close_database(maintenance, database).await?;
    }
    let [name, away, here] = [name, away, here].map(quote_identifier);
    let sql = format!(
        "ALTER DATABASE {name} RENAME TO {away}; ALTER DATABASE {here} RENAME TO {name};
         ALTER DATABASE {name} ALLOW_CONNECTIONS true"
    );
    Ok(maintenance.run("giving the old database's name to what came home", &sql).await?)
}

/// The clients are at the new database: the old one has its name, and nothing is beside it.
pub async fn discard(context: &Context) -> Result<(), StageError> {
    folder(context).remove_all()?;
    let (maintenance, name) = (context.old_maintenance().await?, name(context));
    if is_there(&maintenance, &superseded(context)).await? {
        let old = context.job.source.database.clone();
        exchange(&maintenance, &old, [&name, &superseded(context)]).await?;
    }
    Ok(drop_database(&maintenance, &name).await?)
}

/// Nothing is beside the database that the clients have, or that is kept.
pub async fn clean(context: &Context) -> Result<(), StageError> {
    if context.folder.status()?.at == Side::New {
        return discard(context).await;
    }
    let maintenance = context.old_maintenance().await?;
    for database in [superseded(context), name(context)] {
        drop_database(&maintenance, &database).await?;
    }
    Ok(folder(context).remove_all()?)
}

/// Servers of migrations that never come here may not know the word FORCE.
async fn drop_database(maintenance: &Client, name: &str) -> Result<(), PostgresError> {
    if !is_there(maintenance, name).await? {
        return Ok(());
    }
    let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quote_identifier(name));
    maintenance.run("removing the database beside the old one", &sql).await
}

async fn is_there(maintenance: &Client, name: &str) -> Result<bool, PostgresError> {
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_database WHERE datname = $1)";
    Ok(maintenance.row("looking for the database beside the old one", sql, &[&name]).await?.get(0))
}
