//! The extension's jobs at the old database: while it is copied, a retention policy must not drop chunks and nothing be
//! compressed. They act below the level at which a database is read-only.

use crate::postgres::{Client, PostgresError};

pub async fn stop_workers(client: &Client) -> Result<(), PostgresError> {
    call(client, "stop").await
}

pub async fn start_workers(client: &Client) -> Result<(), PostgresError> {
    call(client, "start").await
}

/// Also where some are about to leave, to which a start says nothing.
pub async fn restart_workers(client: &Client) -> Result<(), PostgresError> {
    call(client, "restart").await
}

/// Nothing happens where the extension is not there. Before 2.12 the functions were in another schema.
async fn call(client: &Client, word: &str) -> Result<(), PostgresError> {
    for schema in ["_timescaledb_functions", "_timescaledb_internal"] {
        let function = format!("{schema}.{word}_background_workers()");
        let there = "SELECT to_regprocedure($1) IS NOT NULL";
        if client.row("looking for TimescaleDB's jobs", there, &[&function]).await?.get(0) {
            return client.run("pausing or resuming TimescaleDB's jobs", &format!("SELECT {function}")).await;
        }
    }
    Ok(())
}
