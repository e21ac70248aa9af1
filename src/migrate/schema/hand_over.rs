//! What is put in force in the pause, when everything has arrived and was compared, and taken back when the pause fails.
//!
//! Row security: where a table forces it, it holds for the table's owner too, and then a user without BYPASSRLS, as managed
//! servers have it, neither reads all rows nor lets replication bring any. And the end of TimescaleDB's restore mode, in which
//! rows are not where its queries look, and its jobs do not run.
//!
//! Without marks: the statements say the same however often they are run.

use super::archive::Item;
use super::build::Schema;
use super::entry::{Entry, Phase};
use crate::migrate::catalog::QualifiedName;
use crate::migrate::timescale::start_workers;
use crate::postgres::{Client, PostgresError};

pub(super) fn row_security(item: &Item, phase: Phase, name: String) -> Entry {
    let table = QualifiedName::new(item.schema.clone().unwrap_or_default(), item.tag.clone());
    Entry::new(phase, &item.kind, name, vec![item.definition.trim_end().to_owned()])
        .undone_by(format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;"))
}

/// All of it, or nothing.
pub async fn hand_over(target: &Client, schema: &Schema) -> Result<(), PostgresError> {
    let statements = schema.phase(Phase::HandOver).flat_map(|entry| &entry.statements);
    all(target, "handing the new database over to its users", statements).await?;
    // The end of restore mode asks for them too, but they leave again when they come before it is committed.
    if schema.conversion.restore.is_some() { start_workers(target).await } else { Ok(()) }
}

pub async fn take_back(target: &Client, schema: &Schema) -> Result<(), PostgresError> {
    let undo: Vec<&String> = schema.phase(Phase::HandOver).filter_map(|entry| entry.undo.as_ref()).collect();
    all(target, "taking the new database back from its users", undo.into_iter().rev()).await
}

/// Statements in one message are one transaction.
async fn all(target: &Client, what: &str, statements: impl Iterator<Item = &String>) -> Result<(), PostgresError> {
    let sql: String = statements.map(String::as_str).collect::<Vec<_>>().join("\n");
    if sql.is_empty() { Ok(()) } else { target.run(what, &sql).await }
}
