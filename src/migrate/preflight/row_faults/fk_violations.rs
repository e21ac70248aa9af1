//! Foreign keys that count as valid although rows break them: written while triggers were off, or restored in parts. The
//! target would refuse the key.
//!
//! What is asked is what the server asks when it validates a key (`RI_Initial_Check`): a `=` between the two columns may be
//! another operator, which calls rows equal that the key does not, or the other way round.

use crate::migrate::catalog::{Catalog, Constraint, ConstraintKind, Table, TableKind, quote_identifier};
use crate::migrate::preflight::facts::FkViolations;
use crate::postgres::{Client, PostgresError};

pub async fn find(client: &Client, catalog: &Catalog) -> Result<Vec<FkViolations>, PostgresError> {
    let tables = catalog.tables_by_oid();
    let mut found = Vec::new();
    // Those of partitions are covered by their parents'.
    let keys = catalog.constraints.iter().filter(|key| key.kind == ConstraintKind::ForeignKey && key.parent.is_none());
    for key in keys.filter(|key| key.validated) {
        let (Some(table), Some(parent)) = (tables.get(&key.table), key.references.and_then(|oid| tables.get(&oid)))
        else {
            continue;
        };
        let operation = format!("looking for rows of {} that point to nothing", table.name.plain());
        let rows: i64 = client.row(&operation, &query(key, table, parent), &[]).await?.get(0);
        if rows > 0 {
            found.push(FkViolations { table: table.name.plain(), constraint: key.name.clone(), rows });
        }
    }
    Ok(found)
}

/// Rows whose key has no row at the other end. A null in it points nowhere by right, unless the others must be null too
/// (MATCH FULL): no row is equal to it.
fn query(key: &Constraint, table: &Table, parent: &Table) -> String {
    // An inheritance child is no part of a key; a partition is.
    let from = |table: &Table| match table.kind {
        TableKind::Partitioned => table.name.to_string(),
        _ => format!("ONLY {}", table.name),
    };
    let given: Vec<_> =
        key.columns.iter().map(|column| format!("c.{} IS NOT NULL", quote_identifier(column))).collect();
    let given = given.join(if key.match_full { " OR " } else { " AND " });
    let (from_own, from_other) = (from(table), from(parent));
    let equal = key.comparisons.join(" AND ");
    let is_met = match key.columns.last().zip(key.referenced_columns.last()).filter(|_| key.period) {
        None => format!("EXISTS (SELECT FROM {from_other} AS p WHERE {equal})"),
        Some((own, other)) => format!(
            "coalesce((SELECT c.{} OPERATOR(pg_catalog.<@) pg_catalog.range_agg(p.{}) FROM {from_other} AS p WHERE {equal}), false)",
            quote_identifier(own),
            quote_identifier(other)
        ),
    };
    format!("SELECT pg_catalog.count(*) FROM {from_own} AS c WHERE ({given}) AND NOT {is_met}")
}
