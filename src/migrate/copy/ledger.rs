//! Which parts the target has: a table there, written in the same transaction as the part's rows. Beside it, which tables
//! were started over, and from which file their parts are since then.

use std::collections::{HashMap, HashSet};

use super::error::CopyError;
use super::rewrite::File;
use super::sql;
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::catalog::{QualifiedName, quote_literal};
use crate::postgres::Client;

/// Makes the table if it is not there.
pub async fn prepare(target: &Client) -> Result<(), CopyError> {
    let operation = "preparing the target for the copy";
    // Looked for first: to make it, the right to create schemas is needed even if it exists.
    let exists = format!("SELECT pg_catalog.to_regclass('{HELPER_SCHEMA}.rewritten') IS NOT NULL");
    if target.row(operation, &exists, &[]).await?.get(0) {
        return Ok(());
    }
    let create = format!(
        "CREATE SCHEMA IF NOT EXISTS {HELPER_SCHEMA}; \
         CREATE TABLE IF NOT EXISTS {HELPER_SCHEMA}.parts (plan text NOT NULL, part int NOT NULL, \
         at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (plan, part)); \
         CREATE TABLE IF NOT EXISTS {HELPER_SCHEMA}.rewritten (plan text NOT NULL, schema text NOT NULL, name text NOT NULL, \
         file bigint NOT NULL, PRIMARY KEY (plan, schema, name))"
    );
    Ok(target.run(operation, &create).await?)
}

/// The first statement of a part's transaction. A copier that was killed while the server committed for it makes this
/// wait, and then fail as a duplicate: the part is done.
pub fn enter(plan: &str, part: i32) -> String {
    format!("INSERT INTO {HELPER_SCHEMA}.parts (plan, part) VALUES ({}, {part})", quote_literal(plan))
}

/// Of this plan.
pub async fn done(target: &Client, plan: &str) -> Result<HashSet<i32>, CopyError> {
    let sql = format!("SELECT part FROM {HELPER_SCHEMA}.parts WHERE plan = $1");
    let rows = target.rows("asking the target which parts it has", &sql, &[&plan]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// One transaction. A part whose commit was still under way comes before the table is locked, and so before its row goes.
pub fn start_over<'a>(
    plan: &str,
    table: &QualifiedName,
    emptied: impl IntoIterator<Item = &'a QualifiedName>,
    parts: &[i32],
    file: File,
) -> String {
    let (plan, parts) = (quote_literal(plan), parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "));
    let (schema, name) = (quote_literal(&table.schema), quote_literal(&table.name));
    format!(
        "BEGIN; {}; DELETE FROM {HELPER_SCHEMA}.parts WHERE plan OPERATOR(pg_catalog.=) {plan} AND part OPERATOR(pg_catalog.=) ANY (ARRAY[{parts}]::int[]); \
         INSERT INTO {HELPER_SCHEMA}.rewritten VALUES ({plan}, {schema}, {name}, {file}) \
         ON CONFLICT (plan, schema, name) DO UPDATE SET file = excluded.file; COMMIT",
        sql::truncate(emptied)
    )
}

/// Tables of this plan that were started over.
pub async fn rewritten(target: &Client, plan: &str) -> Result<HashMap<QualifiedName, File>, CopyError> {
    let sql = format!("SELECT schema, name, file FROM {HELPER_SCHEMA}.rewritten WHERE plan = $1");
    let rows = target.rows("asking the target for tables that were started over", &sql, &[&plan]).await?;
    let table = |row: &tokio_postgres::Row| QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1));
    let file = |row: &tokio_postgres::Row| File::try_from(row.get::<_, i64>(2)).unwrap_or_default();
    Ok(rows.iter().map(|row| (table(row), file(row))).collect())
}

/// Parts of any plan are there: what the tables hold is ours to throw away.
pub async fn is_used(target: &Client) -> Result<bool, CopyError> {
    let sql = format!("SELECT EXISTS (SELECT FROM {HELPER_SCHEMA}.parts)");
    Ok(target.row("asking the target for parts of an earlier copy", &sql, &[]).await?.get(0))
}

/// When the tables are empty again.
pub async fn forget(target: &Client) -> Result<(), CopyError> {
    let sql = format!("DELETE FROM {HELPER_SCHEMA}.parts; DELETE FROM {HELPER_SCHEMA}.rewritten");
    Ok(target.run("forgetting an earlier copy", &sql).await?)
}
