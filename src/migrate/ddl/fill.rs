//! Values of a column that rows have and nobody sent: a default that was computed for each, a type that was changed with all of its
//! values. They are read by the rows' key and set at the old database, where changes go on to arrive: whatever is newer comes after
//! it, with the whole row.

use bytes::Bytes;
use futures::{SinkExt as _, TryStreamExt as _};

use crate::migrate::catalog::{QualifiedName, quote_identifier};
use crate::migrate::unseen::as_replica;
use crate::postgres::{Client, PostgresError};

/// Why it could not be done, if it could not.
pub async fn fill(
    new: &Client,
    old: &Client,
    table: &QualifiedName,
    column: &str,
) -> Result<Option<&'static str>, PostgresError> {
    let key = key(new, table).await?;
    if key.is_empty() {
        return Ok(Some("its rows have no key by which the values that they had could be carried"));
    }
    // Rows are known by it.
    if key.iter().any(|part| part == column) {
        return Ok(None);
    }
    let filled = as_replica(old, transaction(new, old, table, &key, column)).await;
    if filled.is_err() && !old.is_closed() {
        old.run("ending the attempt", "ROLLBACK").await?;
    }
    filled.map(|()| None)
}

/// The primary key's columns, or those that replication finds a row by.
async fn key(client: &Client, table: &QualifiedName) -> Result<Vec<String>, PostgresError> {
    let sql = "SELECT a.attname::text FROM pg_attribute a JOIN
                   (SELECT i.indrelid, i.indkey FROM pg_index i WHERE i.indrelid = pg_catalog.to_regclass($1)
                       AND (i.indisprimary OR i.indisreplident) AND i.indisvalid ORDER BY i.indisprimary DESC LIMIT 1) AS i
                     ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) ORDER BY a.attnum";
    let rows = client.rows("looking for a table's key", sql, &[&table.to_string()]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

async fn transaction(
    new: &Client,
    old: &Client,
    table: &QualifiedName,
    key: &[String],
    column: &str,
) -> Result<(), PostgresError> {
    let operation = format!("carrying the values of {}.{column}", table.plain());
    let failed = |error| PostgresError::of(operation.clone(), error);
    let key: Vec<String> = key.iter().map(|name| quote_identifier(name)).collect();
    let column = quote_identifier(column);
    let columns = key.iter().chain([&column]).map(String::as_str).collect::<Vec<_>>().join(", ");
    let place = "pg_temp.infra_values";
    old.run(
        &operation,
        &format!(
            "BEGIN; CREATE TEMPORARY TABLE infra_values ON COMMIT DROP AS SELECT {columns} FROM {table} WITH NO DATA"
        ),
    )
    .await?;
    let read = new.copy_out(&format!("COPY (SELECT {columns} FROM {table}) TO STDOUT")).await.map_err(failed)?;
    let write = old.copy_in::<_, Bytes>(&format!("COPY {place} FROM STDIN")).await.map_err(failed)?;
    futures::pin_mut!(read, write);
    while let Some(some) = read.try_next().await.map_err(failed)? {
        write.send(some).await.map_err(failed)?;
    }
    write.finish().await.map_err(failed)?;
    let same: Vec<String> = key.iter().map(|name| format!("t.{name} = v.{name}")).collect();
    let set = format!(
        "UPDATE {table} AS t SET {column} = v.{column} FROM {place} AS v
          WHERE {} AND t.{column}::pg_catalog.text IS DISTINCT FROM v.{column}::pg_catalog.text; COMMIT",
        same.join(" AND ")
    );
    old.run(&operation, &set).await
}
