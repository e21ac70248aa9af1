//! Triggers that fire for replicated rows too, ENABLE ALWAYS or REPLICA, while changes are applied: what they do was done where
//! the row was written, and arrives as rows of its own. At the new database they are made so at last; at the old one they
//! are not for the time of the way back, which is remembered in the same transaction.

use super::all_or_nothing;
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::catalog::{IS_USERS_TRIGGER, is_users_schema};
use crate::postgres::{Client, PostgresError};

const HELD: &str = "held_triggers";

/// A query of `trigger` and `enabled`, what each is to be again, for the comparison of schemas.
pub async fn held_triggers(client: &Client) -> Result<String, PostgresError> {
    Ok(match is_there(client).await? {
        true => format!(
            "SELECT t.oid AS trigger, h.enabled FROM {HELPER_SCHEMA}.{HELD} h
               JOIN pg_trigger t ON t.tgrelid = h.relation AND t.tgname = h.name"
        ),
        false => "SELECT NULL::oid AS trigger, NULL::text AS enabled WHERE false".to_owned(),
    })
}

/// From here on they fire for what clients write, and for nothing else.
pub async fn hold_triggers(client: &Client) -> Result<(), PostgresError> {
    let sql = format!(
        "SELECT c.oid::int8, t.tgname::text, quote_literal(t.tgname), t.tgenabled::text,
                      format('ALTER TABLE ONLY %I.%I ENABLE TRIGGER %I;', n.nspname, c.relname, t.tgname)
                 FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                WHERE t.tgenabled IN ('A', 'R') AND {IS_USERS_TRIGGER} AND {}
                  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
                ORDER BY 1, 2",
        is_users_schema("n.nspname")
    );
    let rows = client.rows("listing triggers that fire for replicated rows", &sql, &[]).await?;
    if rows.is_empty() {
        return Ok(());
    }
    let remembered = rows
        .iter()
        .map(|row| format!("({}, {}, '{}')", row.get::<_, i64>(0), row.get::<_, &str>(2), row.get::<_, &str>(3)));
    let sql = format!(
        "BEGIN; CREATE SCHEMA IF NOT EXISTS {HELPER_SCHEMA};
         CREATE TABLE IF NOT EXISTS {HELPER_SCHEMA}.{HELD}
             (relation oid, name text, enabled text NOT NULL, PRIMARY KEY (relation, name));
         INSERT INTO {HELPER_SCHEMA}.{HELD} VALUES {} ON CONFLICT DO NOTHING; {} COMMIT",
        remembered.collect::<Vec<_>>().join(", "),
        rows.iter().map(|row| row.get::<_, &str>(4)).collect::<String>()
    );
    all_or_nothing(client, "letting triggers fire for clients only while changes come back", &sql).await
}

/// They are as they were. Nothing happens where none was held.
pub async fn release_triggers(client: &Client) -> Result<(), PostgresError> {
    if !is_there(client).await? {
        return Ok(());
    }
    let sql = format!(
        "SELECT format('ALTER TABLE ONLY %I.%I ENABLE %s TRIGGER %I;', n.nspname, c.relname,
                       CASE h.enabled WHEN 'A' THEN 'ALWAYS' ELSE 'REPLICA' END, t.tgname)
           FROM {HELPER_SCHEMA}.{HELD} h JOIN pg_trigger t ON t.tgrelid = h.relation AND t.tgname = h.name
           JOIN pg_class c ON c.oid = h.relation JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE t.tgenabled = 'O'"
    );
    let rows = client.rows("reading which triggers fire for clients only", &sql, &[]).await?;
    let enable = rows.iter().map(|row| row.get::<_, &str>(0)).collect::<String>();
    let sql = format!("BEGIN; {enable} DELETE FROM {HELPER_SCHEMA}.{HELD}; COMMIT");
    all_or_nothing(client, "letting triggers fire for replicated rows again", &sql).await
}

async fn is_there(client: &Client) -> Result<bool, PostgresError> {
    let sql = format!("SELECT pg_catalog.to_regclass('{HELPER_SCHEMA}.{HELD}') IS NOT NULL");
    Ok(client.row("looking for triggers that fire for clients only", &sql, &[]).await?.get(0))
}
