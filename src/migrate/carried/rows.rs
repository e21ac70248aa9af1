//! Rows of whole tables, through two sessions that are open already: in the pause the old database lets no other in.

use std::collections::BTreeSet;

use bytes::Bytes;
use futures::{SinkExt as _, TryStreamExt as _};

use super::CarriedError;
use crate::migrate::catalog::{Catalog, Constraint, Oid, Persistence, QualifiedName, Table, quote_identifier};
use crate::migrate::rows_path::RowsPath;
use crate::migrate::unseen::as_replica;
use crate::migrate::verify::same_rows;
use crate::postgres::{Client, PostgresError};

/// Empties what is carried at `to` and fills it as it is at `from`, in one transaction, and compares it there. `catalog` is
/// that of either end.
pub async fn carry_rows(from: &Client, to: &Client, catalog: &Catalog) -> Result<u64, CarriedError> {
    let tables = super::tables(catalog);
    if tables.is_empty() {
        return Ok(0);
    }
    // Triggers have fired where the rows were written. Who may not say so has none that fire.
    let path = RowsPath::of(catalog);
    let carried = path.within((from, to), or_nothing((from, to), &tables, catalog));
    as_replica(to, super::seeing_all(from, carried)).await
}

async fn or_nothing((from, to): (&Client, &Client), tables: &[&Table], catalog: &Catalog) -> Result<u64, CarriedError> {
    let carried = transaction(from, to, tables, catalog).await;
    if carried.is_err() {
        to.run("taking back what was carried", "ROLLBACK").await?;
    }
    carried
}

async fn transaction(from: &Client, to: &Client, tables: &[&Table], catalog: &Catalog) -> Result<u64, CarriedError> {
    let operation = "carrying tables that replication does not bring";
    to.run(operation, &format!("BEGIN; {}", emptied(tables, catalog))).await?;
    let (mut rows, types) = (0, catalog.types_by_oid());
    for table in tables {
        rows += copy(from, to, table).await?;
        if !same_rows(from, to, table, &types).await? {
            return Err(CarriedError::Differs { table: table.name.clone() });
        }
    }
    to.run(operation, "COMMIT").await?;
    Ok(rows)
}

/// All at once: they may point to each other. What a table that is followed points to cannot be truncated without it. An unlogged
/// one must not be: this transaction may be rolled back, and then a crash would leave a server that never starts again
/// (see [`crate::postgres::ROLL_BACK`]); it may be the only one.
fn emptied(tables: &[&Table], catalog: &Catalog) -> String {
    let carried: BTreeSet<Oid> = tables.iter().map(|table| table.oid).collect();
    let to_carried = |key: &Constraint| key.references.is_some_and(|table| carried.contains(&table));
    let is_pointed_to = catalog.constraints.iter().any(|key| to_carried(key) && !carried.contains(&key.table));
    let unlogged = tables.iter().any(|table| table.persistence == Persistence::Unlogged);
    let names = tables.iter().map(|table| format!("ONLY {}", table.name));
    match is_pointed_to || unlogged {
        true => names.map(|name| format!("DELETE FROM {name};")).collect(),
        false => format!("TRUNCATE {}", names.collect::<Vec<_>>().join(", ")),
    }
}

async fn copy(from: &Client, to: &Client, table: &Table) -> Result<u64, PostgresError> {
    let name: &QualifiedName = &table.name;
    let operation = format!("carrying {}", name.plain());
    let columns: Vec<String> = table.stored_columns().map(|column| quote_identifier(&column.name)).collect();
    let list = if columns.is_empty() { String::new() } else { format!(" ({})", columns.join(", ")) };
    let failed = |error| PostgresError::of(operation.clone(), error);
    let read = from.copy_out(&format!("COPY {name}{list} TO STDOUT")).await.map_err(failed)?;
    let write = to.copy_in::<_, Bytes>(&format!("COPY {name}{list} FROM STDIN")).await.map_err(failed)?;
    futures::pin_mut!(read, write);
    while let Some(some) = read.try_next().await.map_err(failed)? {
        write.send(some).await.map_err(failed)?;
    }
    write.finish().await.map_err(failed)
}
