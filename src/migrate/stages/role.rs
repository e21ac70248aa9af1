//! Roles of the migration's own, at the old server.

use super::StageError;
use crate::migrate::catalog::quote_identifier;
use crate::postgres::{Client, PostgresError};

/// Nothing happens where it is there.
pub async fn make(client: &Client, name: &str, options: &str) -> Result<(), StageError> {
    if !is_there(client, name).await? {
        let sql = format!("CREATE ROLE {} LOGIN {options}", quote_identifier(name));
        client.run("making a role of the migration", &sql).await?;
    }
    Ok(())
}

pub async fn remove(client: &Client, name: &str) -> Result<(), StageError> {
    if is_there(client, name).await? {
        let name = quote_identifier(name);
        client.run("removing a role of the migration", &format!("DROP OWNED BY {name}; DROP ROLE {name}")).await?;
    }
    Ok(())
}

async fn is_there(client: &Client, name: &str) -> Result<bool, PostgresError> {
    let known = "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1";
    Ok(!client.rows("looking for a role of the migration", known, &[&name]).await?.is_empty())
}
