//! What infra makes for itself in somebody's database is not the DDL that their event triggers record or refuse.

use crate::postgres::{Client, PostgresError};

/// Event triggers of the user's do not fire for this session from now on, as far as it may say so: from 17 on none does, before
/// those that are not told to fire always. TimescaleDB's have to.
pub async fn unseen(client: &Client) -> Result<(), PostgresError> {
    let sql = "DO $infra$ BEGIN
          IF EXISTS (SELECT FROM pg_event_trigger e WHERE NOT EXISTS (
                SELECT FROM pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e'))
             AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
            BEGIN
              IF current_setting('event_triggers', true) IS NOT NULL THEN SET event_triggers = off; END IF;
            EXCEPTION WHEN insufficient_privilege THEN NULL;
            END;
            SET session_replication_role = replica;
          END IF;
        EXCEPTION WHEN insufficient_privilege THEN NULL;
        END $infra$";
    client.run("keeping out of the user's event triggers", sql).await
}

/// As replication does it, while `work` runs, if this user may: without triggers, foreign keys, event triggers. A session
/// that was so before stays so.
pub async fn as_replica<T, E: From<PostgresError>>(
    client: &Client,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let operation = "writing as replication does";
    let sql = "SELECT pg_catalog.current_setting('session_replication_role')";
    let before: String = client.row(operation, sql, &[]).await?.get(0);
    let is_set = match client.run(operation, "SET session_replication_role = replica").await {
        Ok(()) => true,
        Err(error) if error.sqlstate() == Some("42501") => false,
        Err(error) => return Err(error.into()),
    };
    let done = work.await;
    if is_set {
        let back = client.run(operation, &format!("SET session_replication_role = {before}")).await;
        if done.is_ok() {
            back?;
        }
    }
    done
}
