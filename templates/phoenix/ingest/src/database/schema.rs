//! The tables, made and changed under a lock that lets one instance at a time do it.
//!
//! With TimescaleDB `telemetry` is a hypertable that partitions and expires by itself; without it, it is partitioned by
//! day natively and [`super::partitions`] does that work. A database keeps the form it was made in.

use super::partitions::Partitions;
use tokio_postgres::Client;

/// Any constant that nobody else uses as an advisory lock: "phoenix\0" in ASCII.
pub const LOCK: i64 = 0x7068_6f65_6e69_7800;
/// The version that [`create`] makes.
const VERSION: i32 = 2;
/// What brings each older version to the next; the first is that of version 1.
const UPGRADES: [&str; 1] = ["ALTER TABLE telemetry_schema ADD PRIMARY KEY (version)"];

/// Two indexes, because every one is paid for on each insert: the primary key, which serves ranges of time and gives
/// each row an identity (replication and verification need one), and one by agent. `batch_id` is a UUIDv7 and grows
/// with time like `ts`, so that both are appended to rather than written all over.
const CREATE: &str = "
CREATE TABLE telemetry (
    ts             timestamptz NOT NULL,
    batch_id       uuid        NOT NULL,
    seq            int         NOT NULL,
    kind           text        NOT NULL,
    agent_id       text        NOT NULL,
    session_id     text,
    role           text,
    trace_id       text,
    span_id        text,
    parent_span_id text,
    name           text,
    duration_ms    float8,
    location       jsonb,
    payload        jsonb       NOT NULL,
    PRIMARY KEY (ts, batch_id, seq)
)";
const INDEX: &str = "CREATE INDEX telemetry_agent_ts ON telemetry (agent_id, ts DESC)";
/// Ordered by its UUIDv7 key, so that old batches are found by key and need no index on the time.
const CREATE_BATCHES: &str = "
CREATE TABLE telemetry_batch (
    batch_id        uuid        PRIMARY KEY,
    idempotency_key text        UNIQUE,
    fingerprint     bytea,
    records         int         NOT NULL,
    received_at     timestamptz NOT NULL DEFAULT now()
)";
const CREATE_VERSION: &str = "
CREATE TABLE IF NOT EXISTS telemetry_schema (version int PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())";

#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("cannot {action}")]
    Query { action: &'static str, source: tokio_postgres::Error },
    #[error("the schema has version {found}; this program knows {VERSION} and will not touch a newer one")]
    Newer { found: i32 },
}

/// How `telemetry` is partitioned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Hypertable,
    NativeByDay,
}

fn doing(action: &'static str) -> impl Fn(tokio_postgres::Error) -> SchemaError {
    move |source| SchemaError::Query { action, source }
}

/// Brings the schema to this program's version and says how `telemetry` is laid out.
pub async fn migrate(client: &mut Client, retention_days: u16) -> Result<Layout, SchemaError> {
    let timescale = try_timescale(client).await?;
    let transaction = client.transaction().await.map_err(doing("begin the migration"))?;
    transaction
        .batch_execute(&format!(
            "SET LOCAL lock_timeout = '60s'; SELECT pg_advisory_xact_lock({LOCK}); {CREATE_VERSION}"
        ))
        .await
        .map_err(doing("take the migration's lock"))?;
    let row = transaction.query_one("SELECT max(version) FROM telemetry_schema", &[]).await;
    match row.map_err(doing("read the schema's version"))?.get::<_, Option<i32>>(0) {
        Some(found) if found > VERSION => return Err(SchemaError::Newer { found }),
        Some(found) => upgrade(&transaction, found).await.map_err(doing("bring the tables to the next version"))?,
        None => create(&transaction, timescale).await.map_err(doing("create the tables"))?,
    }
    let layout = layout(&transaction).await.map_err(doing("look at the tables"))?;
    if layout == Layout::Hypertable {
        set_retention(&transaction, retention_days).await.map_err(doing("set the retention policy"))?;
    }
    transaction.commit().await.map_err(doing("commit the migration"))?;
    Ok(layout)
}

/// Creates the extension where the server has it and the role may; going without is no error.
async fn try_timescale(client: &Client) -> Result<bool, SchemaError> {
    const AVAILABLE: &str = "SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'";
    if client.query_opt(AVAILABLE, &[]).await.map_err(doing("list extensions"))?.is_none() {
        return Ok(false);
    }
    match client.batch_execute("CREATE EXTENSION IF NOT EXISTS timescaledb").await {
        Ok(()) => Ok(true),
        Err(error) if error.is_closed() => Err(doing("create the extension timescaledb")(error)),
        Err(error) => {
            tracing::warn!(error = %crate::service::chain(&error), "TimescaleDB is there but cannot be used; going without");
            Ok(false)
        }
    }
}

async fn create(transaction: &tokio_postgres::Transaction<'_>, timescale: bool) -> Result<(), tokio_postgres::Error> {
    let table = if timescale {
        // Its own index on the time would repeat the primary key's.
        format!(
            "{CREATE}; SELECT create_hypertable('telemetry', 'ts', chunk_time_interval => INTERVAL '1 day', \
             create_default_indexes => false)"
        )
    } else {
        format!("{CREATE} PARTITION BY RANGE (ts)")
    };
    let version = format!("INSERT INTO telemetry_schema (version) VALUES ({VERSION})");
    transaction.batch_execute(&format!("{table}; {INDEX}; {CREATE_BATCHES}; {version}")).await
}

async fn upgrade(transaction: &tokio_postgres::Transaction<'_>, found: i32) -> Result<(), tokio_postgres::Error> {
    for (version, upgrade) in (2..).zip(UPGRADES).filter(|(version, _)| *version > found) {
        let done = format!("INSERT INTO telemetry_schema (version) VALUES ({version})");
        transaction.batch_execute(&format!("{upgrade}; {done}")).await?;
    }
    Ok(())
}

async fn layout(transaction: &tokio_postgres::Transaction<'_>) -> Result<Layout, tokio_postgres::Error> {
    const KIND: &str = "SELECT relkind = 'p' FROM pg_class WHERE oid = 'telemetry'::regclass";
    let native = transaction.query_one(KIND, &[]).await?.get(0);
    Ok(if native { Layout::NativeByDay } else { Layout::Hypertable })
}

/// Replaces the policy, because the number of days may have changed. A day is added, so that what is still accepted is
/// never dropped at once.
async fn set_retention(transaction: &tokio_postgres::Transaction<'_>, days: u16) -> Result<(), tokio_postgres::Error> {
    let days = u32::from(days) + 1;
    transaction
        .batch_execute(&format!(
            "SELECT remove_retention_policy('telemetry', if_exists => true); \
             SELECT add_retention_policy('telemetry', INTERVAL '{days} days')"
        ))
        .await
}

/// Partitions to look after, if that is this program's work.
pub fn partitions(layout: Layout) -> Option<Partitions> {
    (layout == Layout::NativeByDay).then(Partitions::default)
}
