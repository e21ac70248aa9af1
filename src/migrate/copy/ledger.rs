//! Which parts the target has: a table there, written in the same transaction as the part's rows.

use std::collections::HashSet;

use super::error::CopyError;
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::catalog::quote_literal;
use crate::postgres::Client;

/// Makes the table if it is not there.
pub async fn prepare(target: &Client) -> Result<(), CopyError> {
    let operation = "preparing the target for the copy";
    // Looked for first: to make it, the right to create schemas is needed even if it exists.
    let exists = format!("SELECT pg_catalog.to_regclass('{HELPER_SCHEMA}.parts') IS NOT NULL");
    if target.row(operation, &exists, &[]).await?.get(0) {
        return Ok(());
    }
    let create = format!(
        "CREATE SCHEMA IF NOT EXISTS {HELPER_SCHEMA}; \
         CREATE TABLE IF NOT EXISTS {HELPER_SCHEMA}.parts (plan text NOT NULL, part int NOT NULL, \
         at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (plan, part))"
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

/// Parts of any plan are there: what the tables hold is ours to throw away.
pub async fn is_used(target: &Client) -> Result<bool, CopyError> {
    let sql = format!("SELECT EXISTS (SELECT FROM {HELPER_SCHEMA}.parts)");
    Ok(target.row("asking the target for parts of an earlier copy", &sql, &[]).await?.get(0))
}

/// When the tables are empty again.
pub async fn forget(target: &Client) -> Result<(), CopyError> {
    Ok(target.run("forgetting an earlier copy", &format!("DELETE FROM {HELPER_SCHEMA}.parts")).await?)
}
