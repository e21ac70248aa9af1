//! What infra makes for itself in somebody's database is not the DDL that their event triggers record or refuse.

use crate::postgres::{Client, PostgresError};

/// Event triggers of the user's do not fire for this session from now on, as far as it may say so: they fire for what is
/// not replicated. TimescaleDB's have to.
pub async fn unseen(client: &Client) -> Result<(), PostgresError> {
    let sql = "DO $infra$ BEGIN
          IF EXISTS (SELECT FROM pg_event_trigger e WHERE NOT EXISTS (
                SELECT FROM pg_depend d WHERE d.classid = 'pg_event_trigger'::regclass AND d.objid = e.oid AND d.deptype = 'e'))
             AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
            SET session_replication_role = replica;
          END IF;
        EXCEPTION WHEN insufficient_privilege THEN NULL;
        END $infra$";
    client.run("keeping out of the user's event triggers", sql).await
}
