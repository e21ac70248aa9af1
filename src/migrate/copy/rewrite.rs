//! A table that is rewritten while it is copied. Rows are read by their addresses, part by part; VACUUM FULL, CLUSTER and
//! the like give them other ones, in another file. So all parts of a table must come from one file. A part's own transaction
//! says which it read: its lock keeps everybody from rewriting the table until it is committed at the target.
//!
//! VACUUM FULL and CLUSTER leave rows visible to the snapshot; what ALTER TABLE rewrites, no older snapshot shows.

use std::collections::BTreeSet;

use super::error::CopyError;
use super::ledger;
use super::plan::{Part, Relation};
use super::session::{Ends, Pair};
use crate::migrate::catalog::{QualifiedName, quote_literal};
use crate::postgres::PostgresError;
use crate::postgres::wire::{Answer, Connection, SessionKind};

/// A table's file, `relfilenode`: another number after each rewrite.
pub type File = u32;

/// A table that has another file than at the snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewritten {
    pub table: QualifiedName,
    pub file: File,
}

/// Of these relations, after they were read, in the same transaction.
pub async fn rewritten(
    source: &mut Connection,
    operation: &str,
    relations: &[Relation],
) -> Result<Vec<Rewritten>, PostgresError> {
    let own: Vec<&QualifiedName> = relations.iter().filter(|one| one.slice.is_none()).map(|one| &one.name).collect();
    if own.is_empty() {
        return Ok(vec![]);
    }
    let answer = source.query(operation, &other_files(&own)).await?;
    let found = answer.rows.iter().map(|row| {
        let number = |column: usize| row.get(column)?.as_deref()?.parse::<u32>().ok();
        let (place, file) = (number(0)?, number(1)?);
        Some(Rewritten { table: (*own.get(place as usize)?).clone(), file })
    });
    found.collect::<Option<_>>().ok_or_else(|| odd(operation))
}

/// Tables are looked up as the snapshot has them; the file's function looks at the present. One that the snapshot does not
/// know has no rows in it.
fn other_files(tables: &[&QualifiedName]) -> String {
    let values: Vec<String> = (0..)
        .zip(tables)
        .map(|(place, table): (u32, _)| {
            let (schema, name) = (quote_literal(&table.schema), quote_literal(&table.name));
            format!("({place}, {schema}, {name}, {})", quote_literal(&table.to_string()))
        })
        .collect();
    format!(
        "SELECT t.place, f.file FROM (VALUES {}) AS t (place, schema, name, quoted) \
         JOIN pg_catalog.pg_namespace AS n ON n.nspname OPERATOR(pg_catalog.=) t.schema::name \
         JOIN pg_catalog.pg_class AS c ON c.relnamespace OPERATOR(pg_catalog.=) n.oid AND c.relname OPERATOR(pg_catalog.=) t.name::name \
         CROSS JOIN LATERAL pg_catalog.pg_relation_filenode(pg_catalog.to_regclass(t.quoted)) AS f (file) \
         WHERE c.relfilenode OPERATOR(pg_catalog.<>) f.file",
        values.join(", ")
    )
}

/// Fails for a table of which the snapshot shows nothing any more because it was altered. One that was emptied has
/// nothing to show.
pub async fn still_shown(pair: &mut Pair, ends: &Ends, table: &QualifiedName) -> Result<(), CopyError> {
    let operation = format!("looking whether {} was altered", table.plain());
    let any = format!("SELECT FROM ONLY {table} LIMIT 1");
    if !pair.source.query(&operation, &any).await?.rows.is_empty() {
        return Ok(());
    }
    let then = first(&operation, &pair.source.query(&operation, &shape(table)).await?)?;
    let mut present = Connection::open(&ends.source, "infra copy", SessionKind::Sql).await?;
    let now = first(&operation, &present.query(&operation, &shape(table)).await?)?;
    if then == now { Ok(()) } else { Err(CopyError::Altered { table: table.plain() }) }
}

/// What every change by ALTER TABLE that rewrites changes: a row of the catalogue has another transaction then.
fn shape(table: &QualifiedName) -> String {
    format!(
        "SELECT (SELECT pg_catalog.concat_ws(' ', c.oid, c.relam, c.relpersistence, (SELECT pg_catalog.string_agg( \
             pg_catalog.concat_ws(' ', a.attnum, a.atttypid, a.xmin), ',' ORDER BY a.attnum) \
             FROM pg_catalog.pg_attribute AS a WHERE a.attrelid OPERATOR(pg_catalog.=) c.oid AND a.attnum OPERATOR(pg_catalog.>) 0)) \
         FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace \
         WHERE n.nspname OPERATOR(pg_catalog.=) {} AND c.relname OPERATOR(pg_catalog.=) {})",
        quote_literal(&table.schema),
        quote_literal(&table.name)
    )
}

fn first(operation: &str, answer: &Answer) -> Result<Option<String>, PostgresError> {
    answer.rows.first().and_then(|row| row.first()).cloned().ok_or_else(|| odd(operation))
}

fn odd(operation: &str) -> PostgresError {
    PostgresError::Protocol { operation: operation.to_owned(), detail: "a value is missing".into() }
}

/// Throws away what the target has of a table: from here on its parts count when they were read from this file. Of a partition
/// whose rows go through their root nobody knows where they are: the whole of that root begins again.
pub async fn start_over(
    ends: &Ends,
    plan: &str,
    parts: &[Part],
    Rewritten { table, file }: &Rewritten,
) -> Result<(), CopyError> {
    let mut pair = ends.open().await?;
    still_shown(&mut pair, ends, table).await?;
    let relations = || parts.iter().flat_map(|part| part.work.relations());
    let counted = relations().find(|relation| relation.name == *table).map_or(table, Relation::counted);
    let own = |relation: &&Relation| relation.counted() == counted;
    let is_own = |part: &&Part| part.work.relations().iter().any(|relation| own(&relation));
    let numbers: Vec<i32> = parts.iter().filter(is_own).map(|part| part.number).collect();
    let emptied: BTreeSet<&QualifiedName> = relations().filter(own).map(|relation| &relation.name).collect();
    let operation = format!("emptying {}, which was rewritten at the source", table.plain());
    pair.target.query(&operation, &ledger::start_over(plan, table, emptied, &numbers, *file)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_tables_may_hold_anything() {
        let sql = other_files(&[&QualifiedName::new("it's", "T\"able")]);
        assert!(sql.contains(r#"(VALUES (0, 'it''s', 'T"able', '"it''s"."T""able"'))"#), "{sql}");
    }
}
