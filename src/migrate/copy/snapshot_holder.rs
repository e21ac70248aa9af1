//! The process that keeps the snapshot: a connection that does nothing, for as long as anybody reads what it saw. It is
//! apart from the copier so that the copier may die.

use std::convert::Infallible;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::CopyError;
use super::event::CopyEvent;
use super::patience::patiently;
use crate::migrate::catalog::{quote_identifier, quote_literal};
use crate::migrate::files;
use crate::migrate::folder::Folder;
use crate::postgres::wire::{Answer, Connection, SessionKind};
use crate::postgres::{Endpoint, Lsn, PostgresError};

const VERSION: u32 = 1;
/// What the holder's session calls itself.
pub(super) const HOLDER: &str = "infra snapshot";

/// How the snapshot comes to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SnapshotSource {
    /// Nobody writes meanwhile: what is copied is all.
    Transaction,
    /// With a logical replication slot of this name, which yields exactly the changes that the snapshot does not show.
    /// One of this name that is not in use is replaced: its snapshot cannot be had again.
    Slot(String),
}

/// What the holder leaves in the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldSnapshot {
    pub v: u32,
    pub snapshot: String,
    /// Changes after it are not in the snapshot.
    pub lsn: Lsn,
    pub hold: SnapshotSource,
    /// Of the holder, and of its session at the source.
    pub process: u32,
    pub backend: i32,
    pub at: Timestamp,
}

impl HeldSnapshot {
    /// None before a holder has it. What is there may be left by a holder that died: the source knows.
    pub fn read(folder: &Folder) -> Result<Option<Self>, CopyError> {
        let held: Option<Self> = folder.read(files::SNAPSHOT)?;
        match held {
            Some(held) if held.v > VERSION => Err(CopyError::Newer { path: folder.file(files::SNAPSHOT) }),
            held => Ok(held),
        }
    }

    /// Its holder still runs.
    pub fn is_alive(&self) -> bool {
        let pid = i32::try_from(self.process).ok().and_then(rustix::process::Pid::from_raw);
        pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
    }
}

/// Takes a snapshot, writes `snapshot.json` into the folder, and stays. Returns only with an error: when the connection
/// is lost. Ends with its process, or when this future is dropped.
pub async fn hold(source: &Endpoint, folder: &Folder, hold: SnapshotSource) -> Result<Infallible, CopyError> {
    // A source without a free connection is waited for, as the copy's own sessions do.
    let tell = |event| {
        if let CopyEvent::Retrying { what, error, .. } = event {
            tracing::warn!("{what}: {error}; it is tried again");
        }
    };
    let (mut connection, snapshot, lsn) = patiently("the snapshot", &tell, || take(source, &hold)).await?;
    let (process, backend) = (std::process::id(), connection.process_id());
    let held = HeldSnapshot { v: VERSION, snapshot, lsn, hold, process, backend, at: Timestamp::now() };
    folder.write(files::SNAPSHOT, &held)?;
    // Any command would end an exported snapshot of a slot; the server speaks only when it leaves.
    let error = connection.until_closed("holding the snapshot").await;
    Err(CopyError::SnapshotGone { source: Some(error) })
}

/// A snapshot, and the session that has it.
async fn take(source: &Endpoint, hold: &SnapshotSource) -> Result<(Connection, String, Lsn), CopyError> {
    let kind = if *hold == SnapshotSource::Transaction { SessionKind::Sql } else { SessionKind::Replication };
    let mut connection = Connection::open(source, HOLDER, kind).await?;
    let (snapshot, lsn) = match hold {
        SnapshotSource::Transaction => in_transaction(&mut connection).await?,
        SnapshotSource::Slot(name) => with_slot(&mut connection, name).await?,
    };
    Ok((connection, snapshot, lsn))
}

async fn in_transaction(connection: &mut Connection) -> Result<(String, Lsn), PostgresError> {
    let operation = "exporting a snapshot";
    connection.query(operation, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let sql = "SELECT pg_catalog.pg_export_snapshot(), pg_catalog.pg_current_wal_lsn()";
    let answer = connection.query(operation, sql).await?;
    Ok((text(operation, &answer, 0)?, lsn(operation, &answer, 1)?))
}

async fn with_slot(connection: &mut Connection, name: &str) -> Result<(String, Lsn), PostgresError> {
    let operation = "making the replication slot";
    let quoted = quote_literal(name);
    let left_over = format!(
        "SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots \
         WHERE slot_name = {quoted} AND database = pg_catalog.current_database() AND NOT active"
    );
    connection.query(operation, &left_over).await?;
    // The form that all versions since 10 understand.
    let create = format!("CREATE_REPLICATION_SLOT {} LOGICAL pgoutput EXPORT_SNAPSHOT", quote_identifier(name));
    let answer = connection.query(operation, &create).await?;
    // slot_name, consistent_point, snapshot_name, output_plugin
    Ok((text(operation, &answer, 2)?, lsn(operation, &answer, 1)?))
}

fn text(operation: &str, answer: &Answer, column: usize) -> Result<String, PostgresError> {
    let value = answer.rows.last().and_then(|row| row.get(column)).cloned().flatten();
    value
        .ok_or_else(|| PostgresError::Protocol { operation: operation.to_owned(), detail: "a value is missing".into() })
}

fn lsn(operation: &str, answer: &Answer, column: usize) -> Result<Lsn, PostgresError> {
    let parsed = text(operation, answer, column)?.parse::<Lsn>();
    parsed.map_err(|error| PostgresError::Protocol { operation: operation.to_owned(), detail: error.to_string() })
}
