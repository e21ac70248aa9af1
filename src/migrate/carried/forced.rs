//! Row security that holds for a table's owner too: a user without BYPASSRLS, as managed servers have it, does not see all rows
//! once it is in force. In a pause it is lifted in a transaction that is never committed: whatever ends it, it is as it was.

use std::collections::BTreeSet;

use crate::migrate::catalog::{QualifiedName, is_users_schema};
use crate::postgres::{Client, PostgresError};

/// Tables of which this user does not see all rows.
pub async fn hidden(client: &Client) -> Result<BTreeSet<QualifiedName>, PostgresError> {
    let sql = format!(
        "SELECT n.nspname::text, c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relrowsecurity AND c.relforcerowsecurity AND {}
            AND NOT (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)",
        is_users_schema("n.nspname")
    );
    let rows = client.rows("looking for rows that are hidden", &sql, &[]).await?;
    Ok(rows.iter().map(|row| QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1))).collect())
}

/// While `work` runs, this session sees all rows. Nobody else may be using the tables.
pub async fn seeing_all<T, E: From<PostgresError>>(
    client: &Client,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let hidden = hidden(client).await?;
    if hidden.is_empty() {
        return work.await;
    }
    let lift: String =
        hidden.iter().map(|table| format!(" ALTER TABLE ONLY {table} NO FORCE ROW LEVEL SECURITY;")).collect();
    let lifted = client.run("lifting row security from owners for a moment", &format!("BEGIN;{lift}")).await;
    let done = match lifted {
        Ok(()) => work.await,
        Err(error) => Err(error.into()),
    };
    client.run("putting row security in force again", "ROLLBACK").await?;
    done
}
