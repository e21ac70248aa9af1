//! Functions that checks, generated columns and indexes call, while changes are applied: replication's workers have an empty
//! search_path, and what such a function finds by name is not found. At the new database the schema is made so; the old one's
//! functions get the path when changes are about to come back, which is remembered in the same transaction, and lose it with
//! the way back.

use super::all_or_nothing;
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::catalog::{Catalog, Routine, quote_identifier};
use crate::migrate::schema::Paths;
use crate::postgres::{Client, PostgresError};

const GUIDED: &str = "guided";

/// A query of `function`, the numbers of those that have a path for a while, for the comparison of schemas.
pub async fn guided(client: &Client) -> Result<String, PostgresError> {
    Ok(match is_there(client).await? {
        true => format!("SELECT function FROM {HELPER_SCHEMA}.{GUIDED}"),
        false => "SELECT NULL::oid AS function WHERE false".to_owned(),
    })
}

/// `catalog` is this database's own.
pub async fn guide(client: &Client, catalog: &Catalog) -> Result<(), PostgresError> {
    let functions: Vec<&Routine> = catalog.routines.iter().filter(|routine| routine.is_guided()).collect();
    if functions.is_empty() {
        return Ok(());
    }
    let paths = Paths::of(catalog);
    let numbers: Vec<String> = functions.iter().map(|routine| format!("({})", routine.oid)).collect();
    let set = functions.iter().map(|routine| {
        let path = paths.longest(Some(&routine.name.schema));
        format!("ALTER FUNCTION {}({}) SET search_path TO {path}", routine.name, routine.arguments)
    });
    let sql = format!(
        "BEGIN; CREATE SCHEMA IF NOT EXISTS {HELPER_SCHEMA};
         CREATE TABLE IF NOT EXISTS {HELPER_SCHEMA}.{GUIDED} (function oid PRIMARY KEY);
         INSERT INTO {HELPER_SCHEMA}.{GUIDED} VALUES {} ON CONFLICT DO NOTHING; {}; COMMIT",
        numbers.join(", "),
        set.collect::<Vec<_>>().join("; ")
    );
    all_or_nothing(client, "giving functions the search_path while changes come back", &sql).await
}

/// They are as they were. Nothing happens where none was changed.
pub async fn release(client: &Client) -> Result<(), PostgresError> {
    if !is_there(client).await? {
        return Ok(());
    }
    let sql = format!(
        "SELECT n.nspname::text, p.proname::text, pg_get_function_identity_arguments(p.oid)
           FROM {HELPER_SCHEMA}.{GUIDED} g JOIN pg_proc p ON p.oid = g.function JOIN pg_namespace n ON n.oid = p.pronamespace"
    );
    let rows = client.rows("reading which functions have a search_path for a while", &sql, &[]).await?;
    let reset = rows.iter().map(|row| {
        let (schema, name) = (quote_identifier(row.get(0)), quote_identifier(row.get(1)));
        format!("ALTER FUNCTION {schema}.{name}({}) RESET search_path;", row.get::<_, &str>(2))
    });
    let sql = format!("BEGIN; {} DELETE FROM {HELPER_SCHEMA}.{GUIDED}; COMMIT", reset.collect::<String>());
    all_or_nothing(client, "taking the search_path of functions back", &sql).await
}

async fn is_there(client: &Client) -> Result<bool, PostgresError> {
    let sql = format!("SELECT pg_catalog.to_regclass('{HELPER_SCHEMA}.{GUIDED}') IS NOT NULL");
    Ok(client.row("looking for functions with a search_path for a while", &sql, &[]).await?.get(0))
}
