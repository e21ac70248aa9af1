//! One of the two databases: sessions that all see the same moment.

use crate::migrate::catalog::CatalogError;
use crate::migrate::rows_path::RowsPath;
use crate::migrate::timescale::RESTORE_MODE;
use crate::postgres::{Client, Endpoint, PostgresError, connect, set};

#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error("a worker of the verification ended without a result")]
    Worker,
    /// Compared at another moment, it can be told whether it is the same.
    #[error("{table} was rewritten while it was compared (VACUUM FULL, CLUSTER, ALTER TABLE or TRUNCATE)")]
    Rewritten { table: String },
}

/// Where it is, and the exported snapshot to look through; without one, all sessions share a new one.
#[derive(Debug, Clone)]
pub struct End {
    pub endpoint: Endpoint,
    pub snapshot: Option<String>,
    /// TimescaleDB's, in which its chunks are tables like others.
    pub restore_mode: bool,
}

impl End {
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, snapshot: None, restore_mode: false }
    }
}

/// An end while it is looked at. The snapshot lives as long as the first session.
pub struct SnapshotSessions {
    pub first: Client,
    /// With the shared snapshot.
    end: End,
}

impl SnapshotSessions {
    pub async fn open(end: &End) -> Result<Self, VerifyError> {
        let first = session(end, None).await?;
        let snapshot = match &end.snapshot {
            Some(snapshot) => snapshot.clone(),
            None => first.row("exporting a snapshot", "SELECT pg_catalog.pg_export_snapshot()", &[]).await?.get(0),
        };
        Ok(Self { first, end: End { snapshot: Some(snapshot), ..end.clone() } })
    }

    /// One that reads rows.
    pub async fn another(&self, path: &RowsPath) -> Result<Client, VerifyError> {
        session(&self.end, Some(path)).await
    }

    /// Outside of the snapshot, for what begins a transaction itself.
    pub async fn another_to_describe(&self) -> Result<Client, VerifyError> {
        Ok(connect(&self.end.endpoint, "infra verify").await?)
    }

    /// Gives its locks back at once, not when the server notices that the session is gone.
    pub async fn close(self) -> Result<(), VerifyError> {
        Ok(done(&self.first).await?)
    }

    pub fn snapshot(&self) -> &str {
        self.end.snapshot.as_deref().expect("made when it was opened")
    }

    pub fn address(&self) -> String {
        format!("{}/{}", self.end.endpoint.address(), self.end.endpoint.database)
    }
}

/// Gives the locks of what was read back, and looks through the same snapshot again: whoever wants to drop a table that was
/// compared long ago must not wait for the end of the verification, and everybody else behind him.
pub async fn let_go(client: &Client, snapshot: &str) -> Result<(), PostgresError> {
    let snapshot = crate::migrate::catalog::quote_literal(snapshot);
    let sql = format!("ROLLBACK; {BEGIN}; SET TRANSACTION SNAPSHOT {snapshot}");
    client.run("looking through the exported snapshot", &sql).await
}

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// After the last statement of a session.
pub async fn done(client: &Client) -> Result<(), PostgresError> {
    client.run("ending to read", "ROLLBACK").await
}

/// In a transaction that only reads. One process a session: how many work side by side is said by the number of sessions.
/// A policy that would hide rows makes the query fail.
async fn session(end: &End, path: Option<&RowsPath>) -> Result<Client, VerifyError> {
    let client = connect(&end.endpoint, "infra verify").await?;
    let begin = "SET row_security = off; SET max_parallel_workers_per_gather = 0";
    client.run("preparing the verification", begin).await?;
    if end.restore_mode {
        client.run("preparing the verification", &set(&RESTORE_MODE)).await?;
    }
    // Not within the transaction, which ends with each part.
    if let Some(path) = path {
        path.enter(&client).await?;
    }
    client.run("beginning to read", BEGIN).await?;
    if let Some(snapshot) = &end.snapshot {
        let import = format!("SET TRANSACTION SNAPSHOT {}", crate::migrate::catalog::quote_literal(snapshot));
        client.run("looking through the exported snapshot", &import).await?;
    }
    Ok(client)
}
