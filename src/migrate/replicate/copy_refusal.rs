//! Why a subscriber fails to copy the rows of a table that came. Its server tells the reason to its log alone, as that of a change that is
//! stuck. So they are copied once more, by sessions of their own, in a transaction that nobody commits: what either server answers
//! there is the reason.

use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt as _, TryStreamExt as _};
use tokio::time::Instant;

use super::Channel;
use crate::migrate::catalog::QualifiedName;
use crate::postgres::{Client, PostgresError, connect};

const APPLICATION: &str = "infra migrate";
/// What is refused at the end of a large table only is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// As replication does it: without triggers and foreign keys. The subscriber may be copying at this moment.
const BEGIN: &str = "BEGIN; SET LOCAL session_replication_role = replica; SET LOCAL lock_timeout = '3s';
    SET LOCAL statement_timeout = '20s'";

/// A server's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyRefusal {
    Publisher(String),
    Subscriber(String),
}

enum Failure {
    Reading(PostgresError),
    Writing(PostgresError),
}

impl Channel<'_> {
    /// None: neither refuses, as far as it was tried, or all is there by now.
    pub async fn copy_refusal(&self, table: &QualifiedName) -> Result<Option<CopyRefusal>, PostgresError> {
        // They end with this, and what they had begun with them.
        let from = connect(self.publisher.endpoint(), APPLICATION).await?;
        let to = connect(self.subscriber.endpoint(), APPLICATION).await?;
        let (refusal, error): (fn(String) -> CopyRefusal, _) = match copied(&from, &to, table).await {
            Ok(()) => return Ok(None),
            Err(Failure::Reading(error)) => (CopyRefusal::Publisher, error),
            Err(Failure::Writing(error)) => (CopyRefusal::Subscriber, error),
        };
        match error {
            PostgresError::Server { report, .. } if is_of_the_attempt(report.sqlstate.code()) => Ok(None),
            PostgresError::Server { report, .. } if !report.sqlstate.is_transient() => {
                Ok(Some(refusal(report.message.clone())))
            }
            error => Err(error),
        }
    }
}

/// lock_not_available, query_canceled
fn is_of_the_attempt(sqlstate: &str) -> bool {
    ["55P03", "57014"].contains(&sqlstate)
}

async fn copied(from: &Client, to: &Client, table: &QualifiedName) -> Result<(), Failure> {
    const OPERATION: &str = "trying to copy a table";
    let reading = |error| Failure::Reading(PostgresError::of(OPERATION, error));
    let writing = |error| Failure::Writing(PostgresError::of(OPERATION, error));
    let Some((columns, only)) = columns(from, table).await.map_err(Failure::Reading)? else { return Ok(()) };
    to.run(OPERATION, BEGIN).await.map_err(Failure::Writing)?;
    let is_there = format!("SELECT EXISTS (SELECT FROM {table})");
    if to.row(OPERATION, &is_there, &[]).await.map_err(Failure::Writing)?.get(0) {
        return Ok(());
    }
    let began = Instant::now();
    let read =
        from.copy_out(&format!("COPY (SELECT {columns} FROM {only}{table}) TO STDOUT")).await.map_err(reading)?;
    let write = to.copy_in::<_, Bytes>(&format!("COPY {table} ({columns}) FROM STDIN")).await.map_err(writing)?;
    futures::pin_mut!(read, write);
    while began.elapsed() < PATIENCE {
        let Some(some) = read.try_next().await.map_err(reading)? else { break };
        write.send(some).await.map_err(writing)?;
    }
    write.finish().await.map(drop).map_err(writing)
}

/// What is sent of it, quoted; and whether its rows are its own. None: it is gone, or has no columns.
async fn columns(from: &Client, table: &QualifiedName) -> Result<Option<(String, &'static str)>, PostgresError> {
    let sql = "SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum),
                      pg_catalog.bool_or(c.relkind = 'p')
                 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
                WHERE c.oid = pg_catalog.to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''";
    let row = from.row("listing the columns of a table", sql, &[&table.to_string()]).await?;
    let Some(columns) = row.get::<_, Option<String>>(0) else { return Ok(None) };
    let only = if row.get::<_, Option<bool>>(1) == Some(true) { "" } else { "ONLY " };
    Ok(Some((columns, only)))
}
