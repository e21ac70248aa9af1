//! Tables that come while everything is published: an event trigger gives them an identity in the transaction that makes
//! them, so that there is no moment in which their UPDATE fails. Where this user may make none, `give` is repeated instead.

use super::{IdentityError, REMEMBERED, give};
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::catalog::is_users_schema;
use crate::postgres::{Client, PostgresError};

/// No part of what is moved.
pub const TRIGGER: &str = "infra_identity";

/// Of `pg_class AS c`: what may be published, and refuses UPDATE and DELETE when it is.
const LACKS: &str = "c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND (
    c.relreplident = 'n'
    OR c.relreplident = 'd' AND NOT EXISTS (
         SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND i.indimmediate)
    OR c.relreplident = 'i' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident))";

/// Where there is no trigger: a cheap look, and what is to be done if it finds something.
pub async fn look_for_new(client: &Client, like: &Client) -> Result<(), IdentityError> {
    if is_made(client).await? {
        return Ok(());
    }
    let sql = format!(
        "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE {} AND {LACKS}
            AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))",
        is_users_schema("n.nspname")
    );
    if client.row("looking for tables without an identity", &sql, &[]).await?.get(0) {
        give(client, Some(like)).await?;
    }
    Ok(())
}

/// False: this user may not.
pub async fn give_to_new(client: &Client) -> Result<bool, PostgresError> {
    // What goes wrong in it is not the application's concern: `give` comes by later.
    let sql = format!(
        "BEGIN;
         CREATE OR REPLACE FUNCTION {HELPER_SCHEMA}.give_identity() RETURNS event_trigger
         LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $infra$
         DECLARE made pg_catalog.oid;
         BEGIN
           FOR made IN
             SELECT c.oid FROM pg_event_trigger_ddl_commands() d JOIN pg_class c ON c.oid = d.objid
              WHERE d.classid = 'pg_class'::regclass AND {LACKS}
                AND NOT EXISTS (SELECT FROM {HELPER_SCHEMA}.{REMEMBERED} m WHERE m.relation = c.oid)
           LOOP
             INSERT INTO {HELPER_SCHEMA}.{REMEMBERED} SELECT oid, relreplident FROM pg_class WHERE oid = made;
             EXECUTE format('ALTER TABLE ONLY %s REPLICA IDENTITY FULL', made::regclass);
           END LOOP;
         EXCEPTION WHEN OTHERS THEN NULL;
         END $infra$;
         CREATE EVENT TRIGGER {TRIGGER} ON ddl_command_end
           WHEN TAG IN ('CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'ALTER TABLE')
           EXECUTE FUNCTION {HELPER_SCHEMA}.give_identity();
         COMMIT"
    );
    if is_made(client).await? {
        return Ok(true);
    }
    let made = client.run("giving new tables an identity", &sql).await;
    if made.is_err() {
        client.run("ending the attempt", "ROLLBACK").await?;
    }
    match made {
        Ok(()) => Ok(true),
        Err(error) if error.sqlstate() == Some("42501") => Ok(false),
        Err(error) => Err(error),
    }
}

/// Before identities are taken back.
pub(super) async fn remove(client: &Client) -> Result<(), PostgresError> {
    if !is_made(client).await? {
        return Ok(());
    }
    client.run("giving new tables an identity no more", &format!("DROP EVENT TRIGGER IF EXISTS {TRIGGER}")).await
}

async fn is_made(client: &Client) -> Result<bool, PostgresError> {
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_event_trigger WHERE evtname = $1)";
    Ok(client.row("looking for the event trigger", sql, &[&TRIGGER]).await?.get(0))
}
