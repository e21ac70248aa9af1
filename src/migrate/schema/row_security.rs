//! Row security of the target's tables. Where a table forces it, it holds for the table's owner too, and then a user without
//! BYPASSRLS, as managed servers have it, neither reads all rows nor lets replication bring any. So it is put in force in the
//! pause, when everything has arrived and was compared, and taken back when the pause fails.
//!
//! Without marks: the statements say the same however often they are run.

use super::archive::Item;
use super::build::Schema;
use super::entry::{Entry, Phase};
use crate::migrate::catalog::QualifiedName;
use crate::postgres::{Client, PostgresError};

pub(super) fn entry(item: &Item, phase: Phase, name: String) -> Entry {
    let table = QualifiedName::new(item.schema.clone().unwrap_or_default(), item.tag.clone());
    Entry::new(phase, &item.kind, name, vec![item.definition.trim_end().to_owned()])
        .undone_by(format!("ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;"))
}

/// Of all tables, or of none.
pub async fn enforce_row_security(target: &Client, schema: &Schema) -> Result<(), PostgresError> {
    let statements = schema.phase(Phase::RowSecurity).flat_map(|entry| &entry.statements);
    all(target, "putting row security in force", statements).await
}

pub async fn suspend_row_security(target: &Client, schema: &Schema) -> Result<(), PostgresError> {
    let statements = schema.phase(Phase::RowSecurity).filter_map(|entry| entry.undo.as_ref());
    all(target, "taking row security back", statements).await
}

/// Statements in one message are one transaction.
async fn all(target: &Client, what: &str, statements: impl Iterator<Item = &String>) -> Result<(), PostgresError> {
    let sql: String = statements.map(String::as_str).collect::<Vec<_>>().join("\n");
    if sql.is_empty() { Ok(()) } else { target.run(what, &sql).await }
}
