//! Runs entries at the target. Each is one transaction together with a mark that it was done, so that a run that was
//! killed anywhere continues where it stopped: the target's own commit decides.

use std::collections::HashSet;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::entry::{Entry, EntryId};
use super::remove::remember;
use crate::migrate::HELPER_SCHEMA;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    pub done: usize,
    /// By an earlier run.
    pub already: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error("cannot prepare the target for its schema")]
    Prepare { source: tokio_postgres::Error },
    #[error("cannot make the {kind} {name} at the target")]
    Entry { kind: String, name: String, source: tokio_postgres::Error },
}

/// As pg_restore sets them: names are qualified, bodies are checked when everything they name exists.
const SESSION: &str = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;
    SET client_encoding = 'UTF8'; SET standard_conforming_strings = on; SET search_path = '';
    SET check_function_bodies = false; SET xmloption = content; SET client_min_messages = warning;
    SET row_security = off; SET synchronous_commit = off";

/// For every connection that runs entries; `apply` calls it itself.
pub async fn prepare_session(client: &Client) -> Result<(), ApplyError> {
    let prepare = |source| ApplyError::Prepare { source };
    client.batch_execute(SESSION).await.map_err(prepare)?;
    // Looked for first: to make it, the right to create schemas is needed even if it exists.
    let exists = format!("SELECT pg_catalog.to_regclass('{HELPER_SCHEMA}.entries') IS NOT NULL");
    if client.query_one(&exists, &[]).await.map_err(prepare)?.get(0) {
        return Ok(());
    }
    let markers = format!(
        "CREATE SCHEMA IF NOT EXISTS {HELPER_SCHEMA};
         CREATE TABLE IF NOT EXISTS {HELPER_SCHEMA}.entries
           (id pg_catalog.text PRIMARY KEY, at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now());
         {}",
        remember()
    );
    client.batch_execute(&markers).await.map_err(prepare)
}

/// In the order of the list; stops at the first that fails. `told` hears of each one that was run.
pub async fn apply<'a>(
    client: &Client,
    entries: impl IntoIterator<Item = &'a Entry>,
    mut told: impl FnMut(&Entry),
) -> Result<Applied, ApplyError> {
    prepare_session(client).await?;
    let done = done(client).await.map_err(|source| ApplyError::Prepare { source })?;
    let mut applied = Applied::default();
    for entry in entries {
        if done.contains(&entry.id) {
            applied.already += 1;
            continue;
        }
        if run(client, entry).await? {
            told(entry);
            applied.done += 1;
        } else {
            applied.already += 1;
        }
    }
    Ok(applied)
}

/// Commits of entries are not waited for, so a crash of the server can undo one that was counted. Once the log is on
/// disk, what is marked as done stays done; what is not is done again.
pub async fn settle<'a>(
    client: &Client,
    entries: impl IntoIterator<Item = &'a Entry> + Clone,
    mut told: impl FnMut(&Entry),
) -> Result<(), ApplyError> {
    loop {
        let flush = "SET synchronous_commit = local; SELECT pg_catalog.pg_logical_emit_message(true, 'infra', '')";
        client.batch_execute(flush).await.map_err(|source| ApplyError::Prepare { source })?;
        if apply(client, entries.clone(), &mut told).await?.done == 0 {
            return Ok(());
        }
    }
}

/// For workers that run entries side by side. False: an earlier run did it.
pub async fn apply_one(client: &Client, entry: &Entry) -> Result<bool, ApplyError> {
    let sql = format!("SELECT EXISTS (SELECT FROM {HELPER_SCHEMA}.entries WHERE id = $1)");
    let found = client.query_one(&sql, &[&entry.id.0]).await.map_err(|source| ApplyError::Prepare { source })?;
    if found.get(0) {
        return Ok(false);
    }
    run(client, entry).await
}

async fn done(client: &Client) -> Result<HashSet<EntryId>, tokio_postgres::Error> {
    let rows = client.query(&format!("SELECT id FROM {HELPER_SCHEMA}.entries"), &[]).await?;
    Ok(rows.iter().map(|row| EntryId(row.get(0))).collect())
}

/// One message, one round trip. The mark comes first: what a killed run left going at the server is waited for, and once
/// it is committed, this one knows. The identifier is hexadecimal: it needs no quoting.
async fn run(client: &Client, entry: &Entry) -> Result<bool, ApplyError> {
    let statements =
        entry.statements.iter().map(|statement| statement.trim_end().trim_end_matches(';')).collect::<Vec<_>>();
    let mark = format!("INSERT INTO {HELPER_SCHEMA}.entries (id) VALUES ('{}')", entry.id.0);
    let batch = format!("BEGIN;\n{mark};\n{};\nCOMMIT", statements.join(";\n"));
    let Err(error) = client.batch_execute(&batch).await else { return Ok(true) };
    // The connection may be gone, which the first error tells better.
    drop(client.batch_execute("ROLLBACK").await);
    if is_marked(&error) {
        return Ok(false);
    }
    Err(ApplyError::Entry { kind: entry.kind.clone(), name: entry.name.clone(), source: error })
}

/// The mark was there.
fn is_marked(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|error| {
        *error.code() == SqlState::UNIQUE_VIOLATION
            && error.schema() == Some(HELPER_SCHEMA)
            && error.table() == Some("entries")
    })
}
