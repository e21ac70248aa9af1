//! How fast the old database is read, and how much is written to it: a look of a few seconds, reading only, from which
//! durations are estimated.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::catalog::{Catalog, Table, quote_identifier};
use super::rows_path::RowsPath;
use crate::postgres::wire::{Connection, SessionKind, discard};
use crate::postgres::{Client, Endpoint, PostgresError};

/// Enough that the cost of a query does not count, little enough that the service does not feel it.
const SAMPLE: u64 = 64 << 20;
/// The sample is read in so many pieces from all over the table: its beginning alone may be in memory.
const PIECES: u64 = 8;
const AT_MOST: Duration = Duration::from_secs(3);
/// The server's usual size of a block.
const BLOCK: u64 = 8192;
/// What writes are counted over at least.
const WRITES: Duration = Duration::from_secs(1);

/// What one session read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    pub table: String,
    /// As the table has them on disk, TOAST included.
    pub bytes: u64,
    pub microseconds: u64,
}

impl Reading {
    pub fn bytes_per_second(&self) -> u64 {
        let rate = u128::from(self.bytes) * 1_000_000 / u128::from(self.microseconds.max(1));
        u64::try_from(rate).unwrap_or(u64::MAX).max(1)
    }
}

/// Reads from the largest table. None: there is nothing to read, or not even one piece came in time.
pub async fn read(source: &Endpoint, catalog: &Catalog) -> Result<Option<Reading>, PostgresError> {
    let readable = catalog.with_rows().filter(|table| table.pages > 0 && table.stored_columns().next().is_some());
    let Some(table) = readable.max_by_key(|table| table.bytes()) else { return Ok(None) };
    let mut connection = Connection::open(source, "infra look", SessionKind::Sql).await?;
    let limits = format!("SET default_transaction_read_only = on; SET statement_timeout = {}", AT_MOST.as_millis());
    connection.query("preparing to measure", &limits).await?;
    connection.query("preparing to measure", &RowsPath::of(catalog).set()).await?;
    let operation = format!("measuring how fast {} is read", table.name.plain());
    let began = Instant::now();
    let mut bytes = 0;
    for piece in pieces(table) {
        match discard(&mut connection, &statement(table, catalog, &piece), &operation).await {
            Ok(_) => bytes += (piece.end - piece.start) * table.bytes() / table.pages,
            // query_canceled: what came until then counts.
            Err(error) if error.sqlstate() == Some("57014") => break,
            Err(error) => return Err(error),
        }
        if began.elapsed() > AT_MOST {
            break;
        }
    }
    let microseconds = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    Ok((bytes > 0).then(|| Reading { table: table.name.plain(), bytes, microseconds }))
}

/// Ranges of blocks, which together have the sample's bytes or are the whole table.
fn pieces(table: &Table) -> Vec<std::ops::Range<u64>> {
    // Of a table whose rows are mostly in TOAST, few blocks are enough.
    let a_block = (table.bytes() / table.pages).max(BLOCK);
    let wanted = SAMPLE / a_block;
    if table.pages <= wanted.max(PIECES) {
        return std::iter::once(0..table.pages).collect();
    }
    let length = (wanted / PIECES).max(1);
    (0..PIECES).map(|piece| piece * table.pages / PIECES).map(|start| start..start + length).collect()
}

fn statement(table: &Table, catalog: &Catalog, blocks: &std::ops::Range<u64>) -> String {
    let types = catalog.types_by_oid();
    let binary = table.stored_columns().all(|column| types.get(&column.type_oid).is_some_and(|known| known.binary));
    let columns: Vec<_> = table.stored_columns().map(|column| quote_identifier(&column.name)).collect();
    format!(
        "COPY (SELECT {} FROM ONLY {} WHERE ctid OPERATOR(pg_catalog.>=) '({},0)' AND ctid OPERATOR(pg_catalog.<) '({},0)') \
         TO STDOUT (FORMAT {})",
        columns.join(", "),
        table.name,
        blocks.start,
        blocks.end,
        if binary { "binary" } else { "text" }
    )
}

/// Bytes of WAL that the old server writes in a second, with what `meanwhile` does not write.
pub async fn written<T>(client: &Client, meanwhile: impl Future<Output = T>) -> Result<(T, u64), PostgresError> {
    let (before, began) = (position(client).await?, Instant::now());
    let result = meanwhile.await;
    tokio::time::sleep(WRITES.saturating_sub(began.elapsed())).await;
    let bytes = position(client).await?.saturating_sub(before).unsigned_abs();
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
    Ok((result, bytes.saturating_mul(1000) / millis))
}

async fn position(client: &Client) -> Result<i64, PostgresError> {
    let sql = "SELECT pg_catalog.pg_wal_lsn_diff(CASE WHEN pg_catalog.pg_is_in_recovery()
                 THEN pg_catalog.pg_last_wal_replay_lsn() ELSE pg_catalog.pg_current_wal_lsn() END, '0/0')::bigint";
    Ok(client.row("asking where the WAL ends", sql, &[]).await?.get(0))
}
