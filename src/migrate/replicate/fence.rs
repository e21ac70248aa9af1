//! A database that only follows refuses writers also when they ask for READ WRITE: a trigger of every table, which does not fire
//! for what replication applies, nor for infra's own sessions. Definitions may be changed: what came at the other side may have to be
//! made here.

use std::time::Duration;

use tokio::time::sleep;

use crate::migrate::HELPER_SCHEMA;
use crate::migrate::catalog::is_users_schema;
use crate::postgres::{Client, PostgresError};

/// No part of what is moved.
pub const FENCE_TRIGGER: &str = "infra_fence";
const FUNCTION: &str = "refuse_writer";
/// In one transaction: each takes a lock of its own.
const AT_ONCE: i64 = 1000;
const ROUNDS: usize = 60;
const BETWEEN: Duration = Duration::from_millis(500);

/// As far as tables can be had at once; how many could not. May be repeated, also for tables that came since.
pub async fn raise_fence(client: &Client, infra: &str) -> Result<i64, PostgresError> {
    // read_only_sql_transaction
    let body = format!(
        "IF pg_catalog.current_setting('application_name') = '{infra}' THEN RETURN NULL; END IF;
         RAISE EXCEPTION 'this database is read-only: its clients use another one, which it follows' USING ERRCODE = '25006',
           HINT = 'infra migrate status says which; infra migrate rollback makes this one the database again';"
    );
    client.run("closing the old database to writers", &function(&body)).await?;
    let mut left = i64::MAX;
    loop {
        let some = unfenced(client).await?;
        if some == 0 || some == left {
            return Ok(some);
        }
        left = some;
        let sql = format!(
            "DO $infra$ DECLARE name pg_catalog.text; BEGIN
               PERFORM pg_catalog.set_config('lock_timeout', '100ms', true);
               FOR name IN {} LIMIT {AT_ONCE} LOOP
                 BEGIN
                   EXECUTE pg_catalog.format('CREATE TRIGGER {FENCE_TRIGGER} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON %s
                                              FOR EACH STATEMENT EXECUTE FUNCTION {HELPER_SCHEMA}.{FUNCTION}()', name);
                 EXCEPTION WHEN lock_not_available OR undefined_table OR deadlock_detected THEN NULL;
                 END;
               END LOOP;
             END $infra$",
            tables_without()
        );
        client.run("closing the old database to writers", &sql).await?;
    }
}

/// At once, whoever reads meanwhile. The triggers go later.
pub async fn lower_fence(client: &Client) -> Result<(), PostgresError> {
    if !is_there(client).await? {
        return Ok(());
    }
    client.run("opening the old database to writers", &function("RETURN NULL;")).await
}

/// Nothing happens where it is not. Clients may be at work: each table is asked for by itself, and nobody waits behind it for
/// long; what is in use until the end of patience is waited for.
pub async fn remove_fence(client: &Client) -> Result<(), PostgresError> {
    if !is_there(client).await? {
        return Ok(());
    }
    let operation = "removing what keeps writers out";
    let all = format!(
        "SELECT tgrelid::pg_catalog.regclass::pg_catalog.text FROM pg_catalog.pg_trigger
          WHERE tgname = '{FENCE_TRIGGER}' AND tgparentid = 0 ORDER BY 1"
    );
    for round in 1..=ROUNDS {
        let tables = client.rows(operation, &all, &[]).await?;
        if tables.is_empty() {
            break;
        }
        for table in tables.iter().map(|row| row.get::<_, String>(0)) {
            let timeout = if round == ROUNDS { "0" } else { "200ms" };
            let drop =
                format!("BEGIN; SET LOCAL lock_timeout = '{timeout}'; DROP TRIGGER {FENCE_TRIGGER} ON {table}; COMMIT");
            match client.run(operation, &drop).await {
                // lock_not_available
                Err(error) if error.sqlstate() == Some("55P03") => client.run(operation, "ROLLBACK").await?,
                other => other?,
            }
        }
        sleep(BETWEEN).await;
    }
    client.run(operation, &format!("DROP FUNCTION IF EXISTS {HELPER_SCHEMA}.{FUNCTION}()")).await
}

/// Tables that can be written to by a statement of their own, and are open.
fn tables_without() -> String {
    format!(
        "SELECT c.oid::pg_catalog.regclass::pg_catalog.text
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND {} AND n.nspname !~ '^_timescaledb'
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                 WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
            AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND t.tgname = '{FENCE_TRIGGER}')",
        is_users_schema("n.nspname")
    )
}

async fn unfenced(client: &Client) -> Result<i64, PostgresError> {
    let sql = format!("SELECT count(*) FROM ({}) AS t", tables_without());
    Ok(client.row("counting tables that take writers", &sql, &[]).await?.get(0))
}

fn function(body: &str) -> String {
    format!(
        "CREATE OR REPLACE FUNCTION {HELPER_SCHEMA}.{FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $infra$
         BEGIN {body} END $infra$"
    )
}

async fn is_there(client: &Client) -> Result<bool, PostgresError> {
    let sql = format!("SELECT pg_catalog.to_regproc('{HELPER_SCHEMA}.{FUNCTION}') IS NOT NULL");
    Ok(client.row("looking for what keeps writers out", &sql, &[]).await?.get(0))
}
