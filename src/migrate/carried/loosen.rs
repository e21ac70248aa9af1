//! Foreign keys of carried tables, while changes are applied: TRUNCATE of the table that such a key points to arrives
//! without the carried table, and would be refused for good. They are taken away at the end that applies, remembered in the
//! same transaction, and made again when the rows are there.

use std::collections::BTreeSet;

use super::all_or_nothing;
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::catalog::{QualifiedName, quote_identifier, quote_literal};
use crate::postgres::{Client, PostgresError};

const LOOSENED: &str = "loosened";
/// For whoever uses the tables meanwhile.
const WAIT: &str = "2s";

/// A query of `object`, `facts`, `identity`, `name` and `comment` of the keys that are to be there again, for the comparison of schemas;
/// what a key becomes at partitions is an object too, without a comment.
pub async fn loosened(client: &Client) -> Result<String, PostgresError> {
    Ok(match is_there(client).await? {
        true => format!(
            "SELECT l.object, l.facts, format('%I.%I', n.nspname, c.relname) AS identity, l.name, l.comment
               FROM {HELPER_SCHEMA}.{LOOSENED} l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace"
        ),
        false => "SELECT ''::text AS object, ''::text AS facts, ''::text AS identity, ''::text AS name, ''::text AS comment WHERE false"
            .to_owned(),
    })
}

/// Of each key and of what it became at partitions: as the comparison of schemas says it.
const KEYS: &str = "WITH RECURSIVE original(id, top) AS (
      SELECT oid, oid FROM pg_constraint WHERE contype = 'f' AND conparentid = 0
      UNION ALL SELECT c.oid, o.top FROM pg_constraint c JOIN original o ON c.conparentid = o.id)
    SELECT top.conrelid::int8, tn.nspname::text, t.relname::text, top.conname::text, pg_get_constraintdef(top.oid),
           CASE WHEN k.oid = top.oid THEN obj_description(k.oid, 'pg_constraint') END, fn.nspname::text, f.relname::text,
           concat_ws(' ', pg_get_constraintdef(k.oid), CASE WHEN NOT k.convalidated THEN 'not validated' END,
             CASE WHEN k.condeferrable THEN 'deferrable' END, CASE WHEN k.condeferred THEN 'deferred' END,
             CASE WHEN k.conislocal AND NOT (own.relispartition AND k.coninhcount > 0) THEN 'local' END),
           CASE WHEN k.oid = top.oid THEN format('%I.%I.%I', tn.nspname, t.relname, top.conname)
                ELSE format('%s: of %I at %s to %s', k.conrelid::regclass, top.conname, top.conrelid::regclass, k.confrelid::regclass) END,
           t.relkind = 'p' OR f.relkind = 'p', k.oid = top.oid
      FROM original o JOIN pg_constraint k ON k.oid = o.id JOIN pg_constraint top ON top.oid = o.top
      JOIN pg_class own ON own.oid = k.conrelid
      JOIN pg_class t ON t.oid = top.conrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
      JOIN pg_class f ON f.oid = top.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
     -- The parts first: they go with the key.
     ORDER BY 2, 3, 4, k.oid = top.oid";

/// Keys from these tables to others. Partitions are emptied one by one: there no key may point from one tree to another.
pub async fn loosen(client: &Client, carried: &BTreeSet<QualifiedName>) -> Result<(), PostgresError> {
    if carried.is_empty() {
        return Ok(());
    }
    let make = format!(
        "CREATE SCHEMA IF NOT EXISTS {HELPER_SCHEMA};
         CREATE TABLE IF NOT EXISTS {HELPER_SCHEMA}.{LOOSENED}
             (relation oid, name text, object text, definition text NOT NULL, facts text NOT NULL, comment text,
              PRIMARY KEY (relation, name, object))"
    );
    client.run("making the memory of foreign keys", &make).await?;
    let mut remembered: Vec<String> = vec![];
    for row in client.rows("listing foreign keys", KEYS, &[]).await? {
        let name = |at: usize| QualifiedName::new(row.get::<_, String>(at), row.get::<_, String>(at + 1));
        let (table, referenced, constraint) = (name(1), name(6), row.get::<_, String>(3));
        let between_plain = carried.contains(&referenced) && !row.get::<_, bool>(10);
        if !carried.contains(&table) || between_plain {
            continue;
        }
        let text = |at: usize| row.get::<_, Option<String>>(at).map_or("NULL".to_owned(), |text| quote_literal(&text));
        let relation: i64 = row.get(0);
        remembered.push(format!("({relation}, {}, {}, {}, {}, {})", text(3), text(9), text(4), text(8), text(5)));
        if !row.get::<_, bool>(11) {
            continue;
        }
        let take = format!(
            "BEGIN; SET LOCAL lock_timeout = '{WAIT}';
             INSERT INTO {HELPER_SCHEMA}.{LOOSENED} VALUES {} ON CONFLICT DO NOTHING;
             ALTER TABLE {table} DROP CONSTRAINT {}; COMMIT",
            std::mem::take(&mut remembered).join(", "),
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
        "SELECT l.relation::int8, n.nspname::text, c.relname::text, l.name, l.definition, max(l.comment)
           FROM {HELPER_SCHEMA}.{LOOSENED} l LEFT JOIN pg_class c ON c.oid = l.relation
           LEFT JOIN pg_namespace n ON n.oid = c.relnamespace GROUP BY 1, 2, 3, 4, 5 ORDER BY 2, 3, 4"
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
                tracing::warn!("{name} of {} holds for new rows only: {}", table.plain(), crate::error::chain(&error));
                match all_or_nothing(client, &operation, &make(" NOT VALID")).await {
                    // wrong_object_type: before 18 a partitioned table's key is valid, or there is none.
                    Err(error) if error.sqlstate() == Some("42809") => {
                        tracing::warn!("{name} of {} is left out: old rows do not fit it", table.plain());
                        client.run("forgetting a foreign key", &forget).await?;
                    }
                    other => other?,
                }
            }
            other => other?,
        }
    }
    Ok(())
}

async fn is_there(client: &Client) -> Result<bool, PostgresError> {
    let sql = format!("SELECT pg_catalog.to_regclass('{HELPER_SCHEMA}.{LOOSENED}') IS NOT NULL");
    Ok(client.row("looking for remembered foreign keys", &sql, &[]).await?.get(0))
}
