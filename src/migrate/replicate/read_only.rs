//! A database that nobody writes to: for a moment its writers are held up by locks; for the seconds of a cutover it takes
//! no sessions at all, whatever a role's own settings say; while it is only the way back it is read-only by default for
//! everybody.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::migrate::HELPER_SCHEMA;
use crate::migrate::catalog::quote_identifier;
use crate::postgres::{Client, PostgresError};

const PATIENCE: Duration = Duration::from_secs(10);
/// The setting by which a database takes no writes by default.
pub const READ_ONLY: &str = "default_transaction_read_only";
const POLL: Duration = Duration::from_millis(20);
/// How long writers may be held up by a lock that is not given at once. Twice the server's `deadlock_timeout` of 1 s: of
/// two that wait for each other, the one that finds out first is ended, and that must not be the writer.
const LOCK_TIMEOUT: &str = "2s";
const ATTEMPTS: u32 = 10;
/// Writers are let through before the next attempt.
const BETWEEN: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum ReadOnlyError {
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error("{count} sessions of {database} did not end within {} s: {who}", PATIENCE.as_secs())]
    Stubborn { database: String, count: usize, who: String },
}

/// What was found when writes were refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WritesRefused {
    /// Sessions that were ended.
    pub ended: usize,
}

/// From here on only `keep`, which must be open already, and replication go on in its database, whatever a session says of
/// itself. `maintenance` is a session of the same server in another database, of the database's owner or a superuser.
pub async fn refuse_writes(maintenance: &Client, keep: &Client) -> Result<WritesRefused, ReadOnlyError> {
    let own: i32 = keep.row("asking for the session's number", "SELECT pg_catalog.pg_backend_pid()", &[]).await?.get(0);
    close(maintenance, &keep.endpoint().database, own).await
}

/// Nobody enters it from here on, and nobody is left in it.
pub async fn close_database(maintenance: &Client, database: &str) -> Result<WritesRefused, ReadOnlyError> {
    close(maintenance, database, NOBODY).await
}

/// The number of no session.
const NOBODY: i32 = 0;

async fn close(maintenance: &Client, database: &str, own: i32) -> Result<WritesRefused, ReadOnlyError> {
    let close = format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", quote_identifier(database));
    maintenance.run(&format!("closing the database {database}"), &close).await?;
    let began = Instant::now();
    let mut ended = 0;
    loop {
        // Whoever can write: sessions and workers that run statements. Walsenders, autovacuum and the like go on; so do those
        // of a provider's superusers, whom nobody else may end.
        let sql = "SELECT pid, coalesce(nullif(application_name, ''), usename, backend_type, '?'),
                          pg_catalog.pg_terminate_backend(pid)
                   FROM pg_catalog.pg_stat_activity
                   WHERE datname = $1 AND pid <> $2 AND backend_type NOT IN ('walsender', 'autovacuum worker')
                     AND ((SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
                          OR usesysid IN (SELECT oid FROM pg_catalog.pg_roles WHERE NOT rolsuper))";
        let rows = maintenance.rows("ending sessions of the closed database", sql, &[&database, &own]).await?;
        if rows.is_empty() {
            return Ok(WritesRefused { ended });
        }
        ended = ended.max(rows.len());
        if began.elapsed() > PATIENCE {
            let who: Vec<String> = rows.iter().map(|row| row.get(1)).collect();
            return Err(ReadOnlyError::Stubborn {
                database: database.to_owned(),
                count: rows.len(),
                who: who.join(", "),
            });
        }
        sleep(POLL).await;
    }
}

/// Writers of these tables wait until `locks` commits, or its connection ends; since when, comes back.
pub async fn hold_writers(locks: &Client, tables: &[String]) -> Result<Instant, PostgresError> {
    let mut attempt = 0;
    loop {
        let began = Instant::now();
        match lock(locks, tables).await {
            Ok(()) => return Ok(began),
            Err(error) if is_taken(&error) && attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error),
        }
        locks.run("letting writers go on", "ROLLBACK").await?;
        sleep(BETWEEN).await;
    }
}

async fn lock(locks: &Client, tables: &[String]) -> Result<(), PostgresError> {
    let operation = "holding writers up";
    locks.run(operation, &format!("BEGIN; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")).await?;
    if tables.is_empty() {
        return Ok(());
    }
    locks.run(operation, &format!("LOCK TABLE {} IN SHARE MODE", tables.join(", "))).await
}

/// lock_not_available: somebody has had a table for long. deadlock_detected: a writer has one of them and wants another
/// that is locked already.
fn is_taken(error: &PostgresError) -> bool {
    matches!(error.sqlstate(), Some("55P03" | "40P01"))
}

/// How many rows were ever written in the client's database, but for the migration's own, and what TimescaleDB notes down
/// about its jobs. A crash of the server begins anew: what differs may have changed, what is equal has not.
pub async fn rows_written(client: &Client) -> Result<i64, PostgresError> {
    let sql = "SELECT coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint
               FROM pg_catalog.pg_stat_user_tables
               WHERE schemaname NOT IN ($1, '_timescaledb_cache', '_timescaledb_catalog', '_timescaledb_config')
                 AND NOT (schemaname = '_timescaledb_internal' AND relname LIKE 'bgw\\_%')";
    Ok(client.row("counting what was written", sql, &[&HELPER_SCHEMA]).await?.get(0))
}

/// Lets sessions in again to read only, but for `writer`, the role that replication applies changes as. Returns the
/// roles whose own setting was overridden: `readmit` takes that back.
pub async fn readmit_readers(maintenance: &Client, database: &str, writer: &str) -> Result<Vec<String>, ReadOnlyError> {
    let overridden = overriding(maintenance, writer).await?;
    let roles = overridden.iter().map(|role| (role.as_str(), "on")).chain([(writer, "off")]);
    readers(maintenance, database, roles).await?;
    Ok(overridden)
}

/// Lets sessions in again to read only, whoever they are, until `readmit_all`.
pub async fn readmit_only_readers(maintenance: &Client, database: &str) -> Result<(), ReadOnlyError> {
    let overridden = overriding(maintenance, "").await?;
    readers(maintenance, database, overridden.iter().map(|role| (role.as_str(), "on"))).await
}

async fn readers(
    maintenance: &Client,
    database: &str,
    roles: impl Iterator<Item = (&str, &str)>,
) -> Result<(), ReadOnlyError> {
    let name = quote_identifier(database);
    let mut sql = vec![format!("ALTER DATABASE {name} SET {READ_ONLY} = on")];
    for (role, value) in roles {
        sql.push(format!("ALTER ROLE {} IN DATABASE {name} SET {READ_ONLY} = {value}", quote_identifier(role)));
    }
    sql.push(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
    Ok(maintenance.run(&format!("opening the database {database} for readers"), &sql.join(";\n")).await?)
}

/// After `readmit_only_readers`, or where nobody was kept out.
pub async fn readmit_all(maintenance: &Client, database: &str) -> Result<(), ReadOnlyError> {
    let overridden = overriding(maintenance, "").await?;
    readmit(maintenance, database, &overridden).await
}

/// Lets everybody in again whom `refuse_writes` kept out.
pub async fn reopen_database(maintenance: &Client, database: &str) -> Result<(), ReadOnlyError> {
    let open = format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", quote_identifier(database));
    Ok(maintenance.run(&format!("opening the database {database} again"), &open).await?)
}

/// Lets sessions in again as before.
pub async fn readmit(maintenance: &Client, database: &str, overridden: &[String]) -> Result<(), ReadOnlyError> {
    let name = quote_identifier(database);
    let mut sql = vec![format!("ALTER DATABASE {name} RESET {READ_ONLY}")];
    for role in overridden {
        sql.push(format!("ALTER ROLE {} IN DATABASE {name} RESET {READ_ONLY}", quote_identifier(role)));
    }
    sql.push(format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true"));
    Ok(maintenance.run(&format!("opening the database {database} again"), &sql.join(";\n")).await?)
}

/// All that is in it goes, whoever looks at it, and an empty one that is read-only by default takes its name and owner.
/// `maintenance` is a session of the same server in another database. May be repeated.
pub async fn empty_database(maintenance: &Client, database: &str) -> Result<(), ReadOnlyError> {
    let name = quote_identifier(database);
    let sql =
        "SELECT coalesce((SELECT pg_catalog.pg_get_userbyid(datdba) FROM pg_catalog.pg_database WHERE datname = $1),
                               current_user)::text";
    let owner: String = maintenance.row("reading the old database's owner", sql, &[&database]).await?.get(0);
    let owner = quote_identifier(&owner);
    // Neither may stand in a transaction with something else.
    maintenance.run("removing the old data", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await?;
    maintenance.run("making an empty database", &format!("CREATE DATABASE {name} OWNER {owner}")).await?;
    let close = format!("ALTER DATABASE {name} SET {READ_ONLY} = on");
    Ok(maintenance.run("making it read-only", &close).await?)
}

/// Roles that write by default wherever they are: their own setting would win over the database's.
async fn overriding(maintenance: &Client, writer: &str) -> Result<Vec<String>, PostgresError> {
    let sql =
        "SELECT r.rolname::text FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
               WHERE s.setdatabase = 0 AND r.rolname <> $1 AND EXISTS (
                   SELECT 1 FROM pg_catalog.unnest(s.setconfig) c
                   WHERE c IN ('default_transaction_read_only=off', 'default_transaction_read_only=false',
                               'default_transaction_read_only=0', 'default_transaction_read_only=no'))";
    let rows = maintenance.rows("reading roles' settings", sql, &[&writer]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
