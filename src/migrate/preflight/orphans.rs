//! Foreign keys that count as valid although rows break them: written while triggers were off, or restored in parts. The
//! target would refuse them after hours of copying. Reads all rows of the tables concerned, so it is asked for.

use super::facts::Orphans;
use crate::migrate::catalog::{Catalog, Constraint, ConstraintKind, Table, TableKind, quote_identifier};
use crate::postgres::{Client, PostgresError};

pub async fn find_orphans(client: &Client, catalog: &Catalog) -> Result<Vec<Orphans>, PostgresError> {
    let tables = catalog.tables_by_oid();
    let mut found = Vec::new();
    // Keys of types that extensions bring compare with operators that are where the database's own path finds them.
    client.run("looking for foreign keys", "RESET search_path").await?;
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
            found.push(Orphans { table: table.name.plain(), constraint: key.name.clone(), rows });
        }
    }
    client.run("looking for foreign keys", "SET search_path = pg_catalog").await?;
    Ok(found)
}

/// Rows whose key is whole (MATCH SIMPLE: a null in it points nowhere by right) and has no row at the other end.
fn query(key: &Constraint, table: &Table, parent: &Table) -> String {
    // An inheritance child is no part of a key; a partition is.
    let from = |table: &Table| match table.kind {
        TableKind::Partitioned => table.name.to_string(),
        _ => format!("ONLY {}", table.name),
    };
    let given: Vec<_> =
        key.columns.iter().map(|column| format!("c.{} IS NOT NULL", quote_identifier(column))).collect();
    let pairs = key.columns.iter().zip(&key.referenced_columns);
    let equal: Vec<_> =
        pairs.map(|(own, other)| format!("p.{} = c.{}", quote_identifier(other), quote_identifier(own))).collect();
    format!(
        "SELECT count(*) FROM {} AS c WHERE {} AND NOT EXISTS (SELECT FROM {} AS p WHERE {})",
        from(table),
        given.join(" AND "),
        from(parent),
        equal.join(" AND ")
    )
}
