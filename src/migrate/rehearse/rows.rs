//! A few real rows of each table, so that what runs on rows is rehearsed too: checks, domains, generated columns, and later
//! the expressions of indexes and materialized views.

use bytes::Bytes;
use futures::{SinkExt as _, TryStreamExt as _};

use super::run::RehearseError;
use crate::migrate::catalog::{Catalog, Table, quote_identifier};
use crate::migrate::rows_path::RowsPath;
use crate::postgres::{Client, PostgresError};

const ROWS: u32 = 3;
/// Tables with larger rows are left out.
const LARGEST_ROW: u64 = 1 << 20;
const OPERATION: &str = "rehearsing with a few rows";

/// Where the rows come from.
pub struct Source<'a> {
    pub client: &'a Client,
    pub catalog: &'a Catalog,
}

impl Source<'_> {
    pub fn tables(&self) -> impl Iterator<Item = &Table> {
        let small = |table: &&Table| table.bytes() / table.estimated_rows.unwrap_or(1).max(1) < LARGEST_ROW;
        self.catalog.with_rows().filter(|table| table.slice.is_none() && table.extension.is_none()).filter(small)
    }

    /// To a table that is there: a COPY that the server refuses at once leaves the session not knowing which answer is to what.
    /// Under a savepoint of the scratch's transaction. What the server has against them comes back.
    pub async fn bring(&self, table: &Table, scratch: &Client) -> Result<Option<PostgresError>, RehearseError> {
        let columns: Vec<String> = table.stored_columns().map(|column| quote_identifier(&column.name)).collect();
        let (name, columns) = (&table.name, columns.join(", "));
        if columns.is_empty() {
            return Ok(None);
        }
        // Whom an index keeps from planning it has a path that nobody knows of: then without.
        let rows = match self.read(&format!("COPY (SELECT {columns} FROM ONLY {name} LIMIT {ROWS}) TO STDOUT")).await {
            Err(error) if error.sqlstate().is_some() => return Ok(None),
            read => read?,
        };
        if rows.is_empty() {
            return Ok(None);
        }
        scratch.run(OPERATION, "SAVEPOINT infra").await?;
        // Under an empty path, as replication brings them; but names of objects were read without what the path finds.
        if table.columns.iter().any(|column| column.type_name.starts_with("reg")) {
            scratch.run(OPERATION, &RowsPath::of(self.catalog).set_local()).await?;
        }
        match into(scratch, (&name.to_string(), &columns), rows).await {
            Ok(()) => {
                scratch.run(OPERATION, "SET LOCAL search_path TO ''; RELEASE SAVEPOINT infra").await?;
                Ok(None)
            }
            Err(error) if error.sqlstate().is_some() => {
                scratch.run(OPERATION, "ROLLBACK TO SAVEPOINT infra; RELEASE SAVEPOINT infra").await?;
                Ok(Some(error))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn read(&self, sql: &str) -> Result<Vec<Bytes>, PostgresError> {
        let failed = |error| PostgresError::of(OPERATION, error);
        let rows = self.client.copy_out(sql).await.map_err(failed)?;
        rows.try_collect().await.map_err(failed)
    }
}

/// What a table refuses by itself, as when it is not there, is asked for before: after a COPY that did not begin, the next one was
/// seen to meet an answer that was not its own.
async fn into(scratch: &Client, (name, columns): (&str, &str), rows: Vec<Bytes>) -> Result<(), PostgresError> {
    let nothing =
        format!("INSERT INTO {name} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {name} WHERE false");
    scratch.run(OPERATION, &nothing).await?;
    write(scratch, &format!("COPY {name} ({columns}) FROM STDIN"), rows).await
}

async fn write(scratch: &Client, sql: &str, rows: Vec<Bytes>) -> Result<(), PostgresError> {
    let failed = |error| PostgresError::of(OPERATION, error);
    let sink = scratch.copy_in::<_, Bytes>(sql).await.map_err(failed)?;
    futures::pin_mut!(sink);
    for row in rows {
        sink.as_mut().feed(row).await.map_err(failed)?;
    }
    sink.as_mut().finish().await.map_err(failed).map(drop)
}
