//! What is put in force in the pause, when everything has arrived and was compared, and taken back when the pause fails.
//!
//! Row security: where a table forces it, it holds for the table's owner too, and then a user without BYPASSRLS, as managed
//! servers have it, neither reads all rows nor lets replication bring any. And the end of TimescaleDB's restore mode, in which
//! rows are not where its queries look, and its jobs do not run.
//!
//! Triggers that fire for replicated rows too: until then they would do again what they did at the old database.
//!
//! Without marks: the statements say the same however often they are run.

use super::archive::Item;
use super::build::Schema;
use super::entry::{Entry, Phase};
use super::split::statements;
use crate::migrate::catalog::QualifiedName;
use crate::migrate::timescale::restart_workers;
use crate::postgres::{Client, PostgresError};

pub(super) fn row_security(item: &Item, phase: Phase, name: String) -> Entry {
    let table = QualifiedName::new(item.schema.clone().unwrap_or_default(), item.tag.clone());
    Entry::new(phase, &item.kind, name, vec![item.definition.trim_end().to_owned()])
        .undone_by(format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;"))
}

/// pg_dump makes it in a first statement, and in another says when it fires. At a partition it writes the second only.
pub(super) fn trigger(item: &Item, phase: Phase, name: &str) -> Vec<Entry> {
    let (fires, makes): (Vec<&str>, Vec<&str>) =
        statements(&item.definition).into_iter().partition(|statement| fires_for_replicated(statement));
    let made = (!makes.is_empty()).then(|| {
        Entry::new(phase, &item.kind, name, makes.iter().map(ToString::to_string).collect()).undone_by(&item.drop)
    });
    let fires = fires.into_iter().map(|statement| {
        let undo = EVEN_FOR_REPLICATED
            .iter()
            .fold(statement.to_owned(), |text, word| text.replacen(word, " ENABLE TRIGGER ", 1));
        Entry::new(Phase::HandOver, &item.kind, name, vec![format!("{statement};")]).undone_by(format!("{undo};"))
    });
    made.into_iter().chain(fires).collect()
}

const EVEN_FOR_REPLICATED: [&str; 2] = [" ENABLE ALWAYS TRIGGER ", " ENABLE REPLICA TRIGGER "];

fn fires_for_replicated(statement: &str) -> bool {
    statement.starts_with("ALTER TABLE ") && EVEN_FOR_REPLICATED.iter().any(|word| statement.contains(word))
}

/// All of it, or nothing.
pub async fn hand_over(target: &Client, schema: &Schema) -> Result<(), PostgresError> {
    let statements = schema.phase(Phase::HandOver).flat_map(|entry| &entry.statements);
    all(target, "handing the new database over to its users", statements).await?;
    // The end of restore mode asks for them too, but they leave again when they come before it is committed.
    if schema.conversion.restore.is_some() { restart_workers(target).await } else { Ok(()) }
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
