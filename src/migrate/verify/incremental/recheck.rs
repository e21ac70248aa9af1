//! Compares rows that changed, by their keys, at both ends. What is the same is done with; what is not may still be on
//! its way, until the caller knows that nothing is.

use std::collections::HashMap;

use super::changed::{Changed, ChangedTable, Key};
use crate::migrate::catalog::{Catalog, Oid, QualifiedName, Table, Types};
use crate::migrate::rows_path::RowsPath;
use crate::migrate::verify::end::VerifyError;
use crate::migrate::verify::report::{Rechecked, RowDifference, RowFault};
use crate::migrate::verify::row::{self, ByKey, Operators};
use crate::postgres::Client;

/// Keys in one statement.
const BATCH: usize = 2000;
/// Differences that are told of one table.
const MOST_TOLD: usize = 20;
/// As verification's own sessions have it, outside of a transaction: what was committed last is to be seen.
const SESSION: &str = "SET row_security = off";

/// Once for each session that compares.
pub async fn prepare_recheck(client: &Client) -> Result<(), VerifyError> {
    Ok(client.run("preparing the verification", SESSION).await?)
}

/// All rows of a table, in sessions that may be in the middle of anything, under the path of rows.
pub async fn same_rows(here: &Client, there: &Client, table: &Table, types: &Types<'_>) -> Result<bool, VerifyError> {
    let sql = row::sums(&row::of_table(table, &[], types), 1, None);
    let operation = format!("comparing {}", table.name.plain());
    tokio::try_join!(prepare_recheck(here), prepare_recheck(there))?;
    let (here, there) = tokio::try_join!(here.rows(&operation, &sql, &[]), there.rows(&operation, &sql, &[]))?;
    let sum = |rows: &[tokio_postgres::Row]| rows.first().map(|row| (row.get::<_, i64>(1), row.get::<_, String>(2)));
    Ok(sum(&here) == sum(&there))
}

/// Leaves in `changed` what is not the same; returns a result for each table that was looked at. Tables that the source
/// has no more are left to the comparison of the schema. `catalog` is the source's.
pub async fn recheck(
    source: &Client,
    target: &Client,
    changed: &mut Changed,
    catalog: &Catalog,
) -> Result<Vec<Rechecked>, VerifyError> {
    let tables: HashMap<&QualifiedName, &Table> = catalog.tables.iter().map(|table| (&table.name, table)).collect();
    changed.tables.retain(|table| tables.contains_key(&table.name));
    let (operators, types) = (operators(source).await?, catalog.types_by_oid());
    let path = RowsPath::of(catalog);
    path.within((source, target), compared((source, target), changed, &tables, (&operators, &types))).await
}

async fn compared(
    (source, target): (&Client, &Client),
    changed: &mut Changed,
    tables: &HashMap<&QualifiedName, &Table>,
    (operators, types): (&Operators, &Types<'_>),
) -> Result<Vec<Rechecked>, VerifyError> {
    let mut results = vec![];
    for table in &mut changed.tables {
        let described = row::by_key(tables[&table.name], &table.key, operators, types);
        let rows = table.rows.len();
        let mut left = std::mem::take(&mut table.rows).into_iter();
        let mut differences = vec![];
        loop {
            let batch: Vec<Key> = left.by_ref().take(BATCH).collect();
            if batch.is_empty() {
                break;
            }
            for row in compare(source, target, &described, batch).await? {
                if differences.len() < MOST_TOLD {
                    differences.push(difference(source, target, &described, &row).await?);
                }
                table.rows.insert(row.key);
            }
        }
        let more = table.rows.len() > MOST_TOLD;
        differences.extend(without_key(table));
        let (emptied, crowded) = (table.emptied, table.crowded);
        results.push(Rechecked { name: table.name.clone(), rows, differences, more, emptied, crowded });
    }
    changed.tidy();
    Ok(results)
}

/// Those by which a unique index tells values apart. Somebody may have made others of that name, with another meaning.
async fn operators(client: &Client) -> Result<Operators, VerifyError> {
    let sql = "SELECT c.opcintype::int8, n.nspname::text FROM pg_opclass c
                 JOIN pg_am m ON m.oid = c.opcmethod AND m.amname = 'btree'
                 JOIN pg_amop a ON (a.amopfamily, a.amoplefttype, a.amoprighttype) = (c.opcfamily, c.opcintype, c.opcintype) AND a.amopstrategy = 3
                 JOIN pg_operator o ON o.oid = a.amopopr AND o.oprname = '='
                 JOIN pg_namespace n ON n.oid = o.oprnamespace
                WHERE c.opcdefault AND n.nspname <> 'pg_catalog'";
    let rows = client.rows("looking for operators", sql, &[]).await?;
    let oid = |row: &tokio_postgres::Row| Oid(u32::try_from(row.get::<_, i64>(0)).unwrap_or_default());
    Ok(rows.iter().map(|row| (oid(row), row.get(1))).collect())
}

/// A row's hashes at both ends; none where it is not there.
struct Row {
    key: Key,
    here: Option<i64>,
    there: Option<i64>,
}

/// Those that are not the same.
async fn compare(source: &Client, target: &Client, table: &ByKey, batch: Vec<Key>) -> Result<Vec<Row>, VerifyError> {
    let (here, there) = tokio::try_join!(hashes(source, table, &batch), hashes(target, table, &batch))?;
    let rows = (1_i64..).zip(batch).map(|(place, key)| Row {
        key,
        here: here.get(&place).copied(),
        there: there.get(&place).copied(),
    });
    Ok(rows.filter(|row| row.here != row.there).collect())
}

/// Which row it is cannot be said, only that one end has it more often.
fn without_key(table: &ChangedTable) -> impl Iterator<Item = RowDifference> {
    let sides = [(1, RowFault::Missing), (-1, RowFault::Extra)];
    let found = sides.into_iter().filter(|(sign, _)| table.balance.values().any(|count| count.signum() == *sign));
    found.map(|(_, fault)| RowDifference { fault, key: None, source_place: None, target_place: None, columns: vec![] })
}

/// By the place in the batch, from 1 on.
async fn hashes(client: &Client, table: &ByKey, batch: &[Key]) -> Result<HashMap<i64, i64>, VerifyError> {
    let columns: Vec<Vec<&str>> =
        (0..table.width).map(|column| batch.iter().map(|key| key[column].as_str()).collect()).collect();
    let parameters: Vec<_> =
        columns.iter().map(|column| column as &(dyn tokio_postgres::types::ToSql + Sync)).collect();
    let operation = format!("comparing rows of {} that changed", table.relation.name.plain());
    let rows = client.rows(&operation, &table.hashes, &parameters).await?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn difference(source: &Client, target: &Client, table: &ByKey, row: &Row) -> Result<RowDifference, VerifyError> {
    let fault = match (row.here, row.there) {
        (_, None) => RowFault::Missing,
        (None, _) => RowFault::Extra,
        _ => RowFault::Changed,
    };
    let columns = if fault == RowFault::Changed {
        let (here, there) = tokio::try_join!(columns(source, table, &row.key), columns(target, table, &row.key))?;
        let names = table.relation.columns.iter().map(|(name, _)| name.clone());
        names.zip(here.iter().zip(&there)).filter(|(_, (a, b))| a != b).map(|(name, _)| name).collect()
    } else {
        vec![]
    };
    Ok(RowDifference { fault, key: Some(json(&row.key)), source_place: None, target_place: None, columns })
}

/// Empty if the row is gone meanwhile.
async fn columns(client: &Client, table: &ByKey, key: &Key) -> Result<Vec<i64>, VerifyError> {
    let operation = format!("comparing columns of a row of {}", table.relation.name.plain());
    let parameters: Vec<_> = key.iter().map(|part| part as &(dyn tokio_postgres::types::ToSql + Sync)).collect();
    let rows = client.rows(&operation, &table.columns, &parameters).await?;
    Ok(rows.first().map(|row| row.get(0)).unwrap_or_default())
}

/// As the verification of whole tables writes keys.
fn json(key: &Key) -> String {
    let parts: Vec<_> = key.iter().map(|part| serde_json::Value::from(part.as_str()).to_string()).collect();
    format!("[{}]", parts.join(", "))
}
