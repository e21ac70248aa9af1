//! The pair of connections of a worker: one reads under the snapshot, one writes.

use super::error::CopyError;
use super::snapshot_holder::{HOLDER, HeldSnapshot};
use crate::migrate::catalog::quote_literal;
use crate::migrate::rows_path::RowsPath;
use crate::migrate::timescale::RESTORE_MODE;
use crate::postgres::wire::{Connection, SessionKind};
use crate::postgres::{Endpoint, PostgresError, set};

const APPLICATION: &str = "infra copy";

/// A scan starts at the first block, runs alone, and is not compiled: it reads each row once and computes nothing.
const READING: [(&str, &str); 4] = [
    ("jit", "off"),
    ("max_parallel_workers_per_gather", "0"),
    // An error instead of rows that silently are not there.
    ("row_security", "off"),
    ("synchronize_seqscans", "off"),
];

/// A commit that was answered is on disk: a server that crashes must not lose a part that a running copier has counted.
/// Parts are large; waiting for the disk at the end of each costs nothing.
const WRITING: [(&str, &str); 1] = [("synchronous_commit", "local")];

pub struct Pair {
    pub source: Connection,
    pub target: Connection,
}

/// What all pairs have in common.
#[derive(Debug, Clone)]
pub struct Ends {
    pub source: Endpoint,
    pub target: Endpoint,
    pub held: HeldSnapshot,
    /// Of the source's database: bytes leave it as they are, and the target converts or checks them.
    pub encoding: String,
    pub restore_mode: bool,
    /// Of both sessions.
    pub path: RowsPath,
}

impl Ends {
    pub async fn open(&self) -> Result<Pair, CopyError> {
        Ok(Pair { source: self.reader().await?, target: self.writer().await? })
    }

    async fn reader(&self) -> Result<Connection, CopyError> {
        let mut source = Connection::open(&self.source, APPLICATION, SessionKind::Sql).await?;
        source.query("preparing to read", &set(&READING)).await?;
        source.query("preparing to read", &set(&[("client_encoding", &self.encoding)])).await?;
        if self.restore_mode {
            source.query("preparing to read", &set(&RESTORE_MODE)).await?;
        }
        // Not within the transaction, which ends with each part.
        source.query("preparing to read", &self.path.set()).await?;
        source.query("preparing to read", &enter_snapshot(&self.held)).await.map_err(gone)?;
        // After a restart of the server a name of a snapshot comes again, for another one.
        let holder = source.query("preparing to read", &same_holder(&self.held)).await?;
        if holder.rows.is_empty() { Err(CopyError::SnapshotGone { source: None }) } else { Ok(source) }
    }

    async fn writer(&self) -> Result<Connection, CopyError> {
        let mut target = Connection::open(&self.target, APPLICATION, SessionKind::Sql).await?;
        target.query("preparing to write", &set(&WRITING)).await?;
        target.query("preparing to write", &set(&[("client_encoding", &self.encoding)])).await?;
        target.query("preparing to write", &self.path.set()).await?;
        // Without the right to it, triggers would fire; none are there before the rows are.
        let replica = target.query("preparing to write", "SET session_replication_role = replica").await;
        match replica {
            Err(error) if error.sqlstate() != Some("42501") => Err(error.into()),
            _ => Ok(target),
        }
    }
}

/// Opens the transaction in which everything is read.
pub fn enter_snapshot(held: &HeldSnapshot) -> String {
    let name = quote_literal(&held.snapshot);
    format!("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT {name}")
}

fn same_holder(held: &HeldSnapshot) -> String {
    format!(
        "SELECT FROM pg_catalog.pg_stat_activity WHERE pid OPERATOR(pg_catalog.=) {} AND application_name OPERATOR(pg_catalog.=) {}",
        held.backend,
        quote_literal(HOLDER)
    )
}

/// The server knows no such snapshot, or the transaction that it belongs to ended.
pub fn gone(error: PostgresError) -> CopyError {
    match error.sqlstate() {
        Some("22023" | "42704" | "55000" | "58P01") => CopyError::SnapshotGone { source: Some(error) },
        _ => error.into(),
    }
}
