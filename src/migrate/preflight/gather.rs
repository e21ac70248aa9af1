//! Gathers facts. At the source everything runs in sessions that refuse to write.

use crate::migrate::HELPER_SCHEMA;
use crate::migrate::catalog::is_users_schema;
use crate::postgres::{Client, PostgresError};

use super::facts::ServerFacts;

#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error("the server describes itself in a way that infra does not know")]
    Decode(#[from] serde_json::Error),
}

/// Facts of one server. From here on the session writes nothing.
pub async fn gather(client: &Client) -> Result<ServerFacts, PreflightError> {
    client.run("refusing to write", "SET default_transaction_read_only = on").await?;
    let jobs = if has(client, "cron.job").await? { "(SELECT count(*) FROM cron.job)" } else { "0" };
    let sql = include_str!("sql/facts.sql")
        .replace("{user_schema}", &is_users_schema("n.nspname"))
        .replace("{helper_schema}", HELPER_SCHEMA)
        .replace("{cron_jobs}", jobs);
    // As clients have it: here it is pinned.
    client.run("gathering facts", "RESET lc_monetary").await?;
    let row =
        client.row("gathering facts", &format!("SELECT row_to_json(facts)::text FROM ({sql}) AS facts"), &[]).await?;
    let mut facts: ServerFacts = serde_json::from_str(row.get(0))?;
    facts.pooled = is_pooled(client).await?;
    Ok(facts)
}

/// Exists, and may be read.
async fn has(client: &Client, table: &str) -> Result<bool, PostgresError> {
    let sql = "SELECT COALESCE(has_table_privilege(to_regclass($1), 'SELECT'), false)";
    Ok(client.row("looking for a table", sql, &[&table]).await?.get(0))
}

/// Behind a pooler that gives out servers by transaction, a session is not one: what is set is gone, or the process is
/// another.
async fn is_pooled(client: &Client) -> Result<bool, PostgresError> {
    let mut processes = std::collections::BTreeSet::new();
    client.run("looking for a pooler", "SET infra.session = 'one'").await?;
    for _ in 0..5 {
        let sql = "SELECT pg_backend_pid(), COALESCE(current_setting('infra.session', true), '')";
        let row = client.row("looking for a pooler", sql, &[]).await?;
        processes.insert((row.get::<_, i32>(0), row.get::<_, String>(1)));
    }
    Ok(processes.len() > 1 || processes.iter().any(|(_, session)| session != "one"))
}
