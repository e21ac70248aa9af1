//! Foreign keys of carried tables, while changes are applied: TRUNCATE of the table that such a key points to arrives
//! without the carried table, and would be refused for good. They are taken away at the end that applies, remembered in the
//! same transaction, and made again when the rows are there.

use std::collections::BTreeSet;

use crate::migrate::HELPER_SCHEMA;
use crate::migrate::catalog::{QualifiedName, quote_identifier, quote_literal};
use crate::postgres::{Client, PostgresError};

const LOOSENED: &str = "loosened";
/// For whoever uses the tables meanwhile.
const WAIT: &str = "2s";

/// A query of `identity`, `name`, `facts` and `comment` of the keys that are to be there again, for the comparison of schemas.
pub async fn loosened(client: &Client) -> Result<String, PostgresError> {
    Ok(match is_there(client).await? {
        true => format!(
            "SELECT format('%I.%I', n.nspname, c.relname) AS identity, l.name, l.facts, l.comment
               FROM {HELPER_SCHEMA}.{LOOSENED} l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace"
        ),
        false => "SELECT ''::text AS identity, ''::text AS name, ''::text AS facts, ''::text AS comment WHERE false".to_owned(),
    })
}

/// Keys from these tables to others.
pub async fn loosen(client: &Client, carried: &BTreeSet<QualifiedName>) -> Result<(), PostgresError> {
    if carried.is_empty() {
        return Ok(());
    }
    let make = format!(
        "CREATE SCHEMA IF NOT EXISTS {HELPER_SCHEMA};
         CREATE TABLE IF NOT EXISTS {HELPER_SCHEMA}.{LOOSENED}
             (relation oid, name text, definition text NOT NULL, facts text NOT NULL, comment text, PRIMARY KEY (relation, name))"
    );
    client.run("making the memory of foreign keys", &make).await?;
    let sql =
        "SELECT k.conrelid::int8, tn.nspname::text, t.relname::text, k.conname::text, pg_get_constraintdef(k.oid),
                      obj_description(k.oid, 'pg_constraint'), fn.nspname::text, f.relname::text,
                      -- As the comparison of schemas says it.
                      concat_ws(' ', pg_get_constraintdef(k.oid), CASE WHEN NOT k.convalidated THEN 'not validated' END,
                        CASE WHEN k.condeferrable THEN 'deferrable' END, CASE WHEN k.condeferred THEN 'deferred' END, 'local')
                 FROM pg_constraint k
                 JOIN pg_class t ON t.oid = k.conrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
                 JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
                WHERE k.contype = 'f' AND k.conparentid = 0 ORDER BY 2, 3, 4";
    for row in client.rows("listing foreign keys", sql, &[]).await? {
        let name = |at: usize| QualifiedName::new(row.get::<_, String>(at), row.get::<_, String>(at + 1));
        let (table, referenced, constraint) = (name(1), name(6), row.get::<_, String>(3));
        if !carried.contains(&table) || carried.contains(&referenced) {
            continue;
        }
        let text = |text: Option<String>| text.map_or("NULL".to_owned(), |text| quote_literal(&text));
        let take = format!(
            "BEGIN; SET LOCAL lock_timeout = '{WAIT}';
             INSERT INTO {HELPER_SCHEMA}.{LOOSENED} VALUES ({}, {}, {}, {}, {}) ON CONFLICT DO NOTHING;
             ALTER TABLE {table} DROP CONSTRAINT {}; COMMIT",
            row.get::<_, i64>(0),
            quote_literal(&constraint),
            text(row.get(4)),
            text(row.get(8)),
            text(row.get(5)),
            quote_identifier(&constraint)
        );
        all_or_nothing(client, &format!("taking away {constraint} for a while"), &take).await?;
    }
    Ok(())
}

/// They are there again. Where old rows are left alone at last, and do not fit any more, a key holds for new rows.
pub async fn tighten(client: &Client) -> Result<(), PostgresError> {
    if !is_there(client).await? {
        return Ok(());
    }
    let sql = format!(
        "SELECT l.relation::int8, n.nspname::text, c.relname::text, l.name, l.definition, l.comment
           FROM {HELPER_SCHEMA}.{LOOSENED} l LEFT JOIN pg_class c ON c.oid = l.relation
           LEFT JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY 2, 3, 4"
    );
    for row in client.rows("reading remembered foreign keys", &sql, &[]).await? {
        let (relation, name, definition): (i64, String, String) = (row.get(0), row.get(3), row.get(4));
        let forget = format!(
            "DELETE FROM {HELPER_SCHEMA}.{LOOSENED} WHERE relation = {relation} AND name = {}",
            quote_literal(&name)
        );
        let (Some(schema), Some(table)) = (row.get::<_, Option<String>>(1), row.get::<_, Option<String>>(2)) else {
            client.run("forgetting a table that is gone", &forget).await?;
            continue;
        };
        let (table, quoted) = (QualifiedName::new(schema, table), quote_identifier(&name));
        let comment = row.get::<_, Option<String>>(5);
        let comment = comment
            .map(|text| format!("COMMENT ON CONSTRAINT {quoted} ON {table} IS {};", quote_literal(&text)))
            .unwrap_or_default();
        let make = |valid: &str| {
            format!(
                "BEGIN; ALTER TABLE {table} ADD CONSTRAINT {quoted} {definition}{valid}; {comment} {forget}; COMMIT"
            )
        };
        let operation = format!("making {name} again");
        match all_or_nothing(client, &operation, &make("")).await {
            // foreign_key_violation
            Err(error) if error.sqlstate() == Some("23503") => {
                all_or_nothing(client, &operation, &make(" NOT VALID")).await?;
            }
            other => other?,
        }
    }
    Ok(())
}

async fn all_or_nothing(client: &Client, operation: &str, sql: &str) -> Result<(), PostgresError> {
    let result = client.run(operation, sql).await;
    if result.is_err() {
        client.run("ending the attempt", "ROLLBACK").await?;
    }
    result
}

async fn is_there(client: &Client) -> Result<bool, PostgresError> {
    let sql = format!("SELECT pg_catalog.to_regclass('{HELPER_SCHEMA}.{LOOSENED}') IS NOT NULL");
    Ok(client.row("looking for remembered foreign keys", &sql, &[]).await?.get(0))
}
