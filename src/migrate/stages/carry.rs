//! What is carried while nobody writes, because replication does not bring it: when, in which direction, and how much of it
//! a pause may hold without being asked.

use super::StageError;
use super::context::{Context, FORWARD};
use crate::migrate::carried::{
    self, ACCEPTED_BY, MOST_IN_PAUSE, carry_objects, carry_rows, foreign_objects, loosen, tighten,
};
use crate::migrate::catalog::{self, Catalog, QualifiedName, Table};
use crate::migrate::replicate::logged_tables;
use crate::migrate::saga::Mode;
use crate::postgres::Client;

/// What a channel publishes; None is all tables. `catalog` is that of either end.
pub async fn published(
    client: &Client,
    channel: &str,
    catalog: &Catalog,
) -> Result<Option<Vec<QualifiedName>>, StageError> {
    let left_out = carried::unpublished(catalog);
    if channel == FORWARD && left_out.is_empty() {
        return Ok(None);
    }
    let mut tables = logged_tables(client).await?;
    tables.retain(|table| !left_out.contains(table));
    Ok(Some(tables))
}

/// Before changes of `like` are applied at `client`.
pub async fn before_changes(client: &Client, like: &Catalog) -> Result<(), StageError> {
    Ok(loosen(client, &carried::with_roots(like)).await?)
}

/// Before anybody waits: so much that the pause would be long is a decision of the user's.
pub async fn check(context: &Context) -> Result<(), StageError> {
    if context.job.mode == Mode::Offline || context.accepted()?.iter().any(|code| code == ACCEPTED_BY) {
        return Ok(());
    }
    let bytes = carried::bytes(&catalog::read(&*context.old().await?).await?);
    if bytes > MOST_IN_PAUSE { Err(StageError::LongPause { megabytes: bytes >> 20 }) } else { Ok(()) }
}

/// In the pause, when everything else is the same.
pub async fn forth(old: &Client, new: &Client, catalog: &Catalog) -> Result<(), StageError> {
    carry(old, new, catalog).await?;
    Ok(tighten(new).await?)
}

/// In the pause of a rollback, when everything else has arrived. `catalog` is the new database's.
pub async fn home(new: &Client, old: &Client, catalog: &Catalog) -> Result<(), StageError> {
    carry(new, old, catalog).await
}

/// The same, without tables that the old database does not have as they are.
pub async fn home_what_fits(new: &Client, old: &Client, catalog: &Catalog) -> Result<(), StageError> {
    let there = catalog::read(old).await?;
    let columns = |table: &Table| table.stored_columns().map(|column| column.name.clone()).collect::<Vec<_>>();
    let fits = |table: &Table| there.tables.iter().any(|it| it.name == table.name && columns(it) == columns(table));
    let carried = carried::names(catalog);
    let mut catalog = catalog.clone();
    catalog.tables.retain(|table| !carried.contains(&table.name) || fits(table));
    carry(new, old, &catalog).await
}

/// What could not be carried home, before anybody is stopped for it.
pub async fn can_come_home(new: &Client) -> Result<(), StageError> {
    let objects = foreign_objects(new).await.map_err(StageError::Postgres)?;
    if objects.is_empty() {
        return Ok(());
    }
    Err(carried::unreadable(&objects, new).into())
}

async fn carry(from: &Client, to: &Client, catalog: &Catalog) -> Result<(), StageError> {
    carry_rows(from, to, catalog).await?;
    carry_objects(from, to).await?;
    Ok(())
}
