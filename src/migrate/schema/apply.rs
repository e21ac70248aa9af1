//! Runs entries at the target. Each has its transaction together with a mark that it was done, so that a run that was
//! killed anywhere continues where it stopped: the target's own commit decides. Quick ones share transactions: with
//! thousands of tables, round trips and commits are most of the time.

use std::collections::HashSet;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::entry::{Entry, EntryId};
use super::remove::remember;
use crate::migrate::HELPER_SCHEMA;
use crate::postgres::ROLL_BACK;

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

/// Of quick entries in one transaction. Each object that is made is locked, some with four or five others that belong to
/// it, and the server has a few thousand locks for all of its sessions.
const TOGETHER: usize = 100;

/// As pg_restore sets them: names are qualified, bodies are checked when everything they name exists.
const SESSION: &str = "SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0;
    SET client_encoding = 'UTF8'; SET standard_conforming_strings = on; SET search_path = '';
    SET check_function_bodies = false; SET xmloption = content; SET client_min_messages = warning;
    SET row_security = off; SET synchronous_commit = off";

/// As entries are run, without marks.
pub async fn set_session(client: &Client) -> Result<(), ApplyError> {
    client.batch_execute(SESSION).await.map_err(|source| ApplyError::Prepare { source })
}

/// For every connection that runs entries; `apply` calls it itself.
pub async fn prepare_session(client: &Client) -> Result<(), ApplyError> {
    let prepare = |source| ApplyError::Prepare { source };
    set_session(client).await?;
    // Looked for first: to make it, the right to create schemas is needed even if it exists.
    if has_marks(client).await? {
        return Ok(());
    }
    let markers = format!(
        "CREATE SCHEMA IF NOT EXISTS {HELPER_SCHEMA};
         CREATE TABLE IF NOT EXISTS {HELPER_SCHEMA}.entries
           (id pg_catalog.text PRIMARY KEY, at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now());
         {}",
        remember()
    );
    let Err(error) = client.batch_execute(&markers).await else { return Ok(()) };
    // What a killed run left going at the server may have made them meanwhile: it was waited for.
    if has_marks(client).await? { Ok(()) } else { Err(prepare(error)) }
}

async fn has_marks(client: &Client) -> Result<bool, ApplyError> {
    let exists = format!("SELECT pg_catalog.to_regclass('{HELPER_SCHEMA}.entries') IS NOT NULL");
    let row = client.query_one(&exists, &[]).await.map_err(|source| ApplyError::Prepare { source })?;
    Ok(row.get(0))
}

/// In the order of the list; stops at the first that fails. `told` hears of each one that was run.
pub async fn apply<'a>(
    client: &Client,
    entries: impl IntoIterator<Item = &'a Entry>,
    mut told: impl FnMut(&Entry),
) -> Result<Applied, ApplyError> {
    prepare_session(client).await?;
    let done = done(client).await?;
    let (already, open): (Vec<&Entry>, Vec<&Entry>) = entries.into_iter().partition(|entry| done.contains(&entry.id));
    let mut applied = Applied { done: 0, already: already.len() };
    let together = |one: &&Entry, next: &&Entry| one.phase == next.phase && !is_alone(one) && !is_alone(next);
    let batches = open.chunk_by(together);
    for batch in batches.flat_map(|batch| batch.chunks(TOGETHER)) {
        let before = applied.done;
        apply_together(client, batch, |entry| {
            told(entry);
            applied.done += 1;
        })
        .await?;
        applied.already += batch.len() - (applied.done - before);
    }
    Ok(applied)
}

/// Of extensions some load a library that a session takes once: made again after a rollback, they fail.
pub fn is_alone(entry: &Entry) -> bool {
    !entry.phase.is_quick() || entry.kind == "EXTENSION"
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

/// In one transaction: all or nothing. Where that fails, one after the other, which names the one that fails and passes
/// over those that an earlier run did. `told` hears of each that was run.
pub async fn apply_together(
    client: &Client,
    entries: &[&Entry],
    mut told: impl FnMut(&Entry),
) -> Result<(), ApplyError> {
    if entries.len() > 1 && transact(client, entries).await.is_ok() {
        entries.iter().for_each(|entry| told(entry));
        return Ok(());
    }
    for entry in entries {
        match transact(client, &[entry]).await {
            Ok(()) => told(entry),
            Err(error) if is_marked(&error) => {}
            Err(source) => {
                let (kind, name) = (entry.kind.clone(), entry.name.clone());
                return Err(ApplyError::Entry { kind, name, source });
            }
        }
    }
    Ok(())
}

/// What earlier runs did.
pub async fn done(client: &Client) -> Result<HashSet<EntryId>, ApplyError> {
    let rows = client.query(&format!("SELECT id FROM {HELPER_SCHEMA}.entries"), &[]).await;
    let rows = rows.map_err(|source| ApplyError::Prepare { source })?;
    Ok(rows.iter().map(|row| EntryId(row.get(0))).collect())
}

/// One message, one round trip. The marks come first: what a killed run left going at the server is waited for, and once
/// it is committed, this one knows. Identifiers are hexadecimal: they need no quoting.
async fn transact(client: &Client, entries: &[&Entry]) -> Result<(), tokio_postgres::Error> {
    let marks: Vec<String> = entries.iter().map(|entry| format!("('{}')", entry.id.0)).collect();
    let statements = entries.iter().flat_map(|entry| &entry.statements);
    let statements: Vec<&str> = statements.map(|one| one.trim_end().trim_end_matches(';')).collect();
    let (marks, statements) = (marks.join(", "), statements.join(";\n"));
    let batch = format!("BEGIN;\nINSERT INTO {HELPER_SCHEMA}.entries (id) VALUES {marks};\n{statements};\nCOMMIT");
    let Err(error) = client.batch_execute(&batch).await else { return Ok(()) };
    // The connection may be gone, which the first error tells better.
    drop(client.batch_execute(ROLL_BACK).await);
    Err(error)
}

/// The mark was there.
fn is_marked(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|error| {
        *error.code() == SqlState::UNIQUE_VIOLATION
            && error.schema() == Some(HELPER_SCHEMA)
            && error.table() == Some("entries")
    })
}
