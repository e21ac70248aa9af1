//! The bundle's PostgreSQL, by one session that stays open and two queries. A role in `pg_monitor` is enough.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::time::timeout;
use tokio_postgres::Row;

use super::config::DatabaseConfig;
use super::counter::{increase, per_second, percent};
use super::http::PATIENCE;
use super::sample::{Reading, Series, Why};
use crate::postgres::{Client, Endpoint, PostgresError, connect};

/// Seen in pg_stat_activity.
const NAME: &str = "infra collect";
/// The size looks at every file of the database; that is too much for each reading.
const SIZE_EVERY: Duration = Duration::from_secs(300);
/// From this version on checkpoints are counted in a view of their own.
const CHECKPOINTER: i32 = 17_0000;

/// Everything that is cheap, in one row. A field that this server or role cannot tell is null.
const STATE: &str = include_str!("sql/state.sql");
const CHECKPOINTS: &str = "SELECT num_timed + num_requested FROM pg_catalog.pg_stat_checkpointer";
const CHECKPOINTS_BEFORE_17: &str = "SELECT checkpoints_timed + checkpoints_req FROM pg_catalog.pg_stat_bgwriter";
const SIZE: &str = "SELECT pg_catalog.pg_database_size(pg_catalog.current_database())";

pub struct Database {
    config: DatabaseConfig,
    session: Option<Client>,
    before: Option<(Instant, State)>,
    sized: Option<Instant>,
}

/// What the server says at one time.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct State {
    connections: Option<i64>,
    max_connections: Option<i64>,
    io_waits: Option<i64>,
    /// Of the oldest transaction of a client. None: there is none.
    oldest_seconds: Option<f64>,
    /// What slots keep, all of the log since the oldest of their places.
    slots_bytes: Option<i64>,
    xid_age: Option<i64>,
    // Counters.
    wal_bytes: Option<i64>,
    checkpoints: Option<i64>,
    blocks_hit: Option<i64>,
    blocks_read: Option<i64>,
}

#[derive(Debug, thiserror::Error)]
enum DatabaseError {
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error("cannot read {}", path.display())]
    Endpoint { path: PathBuf, source: std::io::Error },
    #[error("{} holds no endpoint", path.display())]
    Form { path: PathBuf, source: serde_json::Error },
    #[error("its container does not run")]
    Gone,
}

impl Database {
    pub fn new(config: &DatabaseConfig) -> Self {
        Self { config: config.clone(), session: None, before: None, sized: None }
    }

    /// `address`: of its container, where it is the bundle's own.
    pub async fn read(&mut self, address: Option<IpAddr>) -> Reading {
        let asked = Instant::now();
        let state = match timeout(PATIENCE, self.state(address)).await {
            Ok(Ok(state)) => Ok(state),
            Ok(Err(error)) => Err(Why::Failed(crate::error::chain(&error))),
            Err(_) => Err(Why::Silent),
        };
        let before = self.before.as_ref().map(|(then, state)| (asked.duration_since(*then), state));
        let mut reading = Reading::default();
        reading.host("database.up", Ok(f64::from(u8::from(state.is_ok()))));
        reading.add(between(before, state.as_ref().map_err(Clone::clone)));
        match state {
            Ok(state) => self.before = Some((asked, state)),
            // A session whose answer did not come, or came broken, is of no more use.
            Err(_) => self.session = None,
        }
        self.add_size(&mut reading).await;
        reading
    }

    async fn state(&mut self, address: Option<IpAddr>) -> Result<State, DatabaseError> {
        if self.session.as_ref().is_none_or(|session| session.is_closed()) {
            self.session = Some(connect(&self.endpoint(address)?, NAME).await?);
        }
        let session = self.session.as_ref().expect("it was just opened");
        let row = session.row("reading the server's state", STATE, &[]).await?;
        let version: i32 = row.get("version");
        let sql = if version >= CHECKPOINTER { CHECKPOINTS } else { CHECKPOINTS_BEFORE_17 };
        let checkpoints = session.row("counting checkpoints", sql, &[]).await?;
        Ok(State { checkpoints: checkpoints.get(0), ..told(&row) })
    }

    fn endpoint(&self, address: Option<IpAddr>) -> Result<Endpoint, DatabaseError> {
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let path = self.config.endpoint_file(credentials.as_deref());
        let text = std::fs::read(&path).map_err(|source| DatabaseError::Endpoint { path: path.clone(), source })?;
        let mut endpoint: Endpoint =
            serde_json::from_slice(&text).map_err(|source| DatabaseError::Form { path, source })?;
        if self.config.service.is_some() {
            endpoint.host = address.ok_or(DatabaseError::Gone)?.to_string();
        }
        Ok(endpoint)
    }

    /// Not with every reading: between two of them it is not missing, it is not due.
    async fn add_size(&mut self, reading: &mut Reading) {
        let due = self.sized.is_none_or(|last| last.elapsed() >= SIZE_EVERY);
        let Some(session) = self.session.as_ref().filter(|_| due) else { return };
        let size = timeout(PATIENCE, session.row("asking for the size", SIZE, &[])).await;
        self.sized = Some(Instant::now());
        match size {
            Ok(row) => {
                let size = row.map_err(|error| Why::Failed(crate::error::chain(&error)));
                reading.note(Series::of_host("database.size_bytes"), size.map(|row| row.get::<_, i64>(0) as f64));
            }
            // It goes on there; a new session does not wait for it.
            Err(_) => {
                self.session = None;
                reading.note(Series::of_host("database.size_bytes"), Err(Why::Silent));
            }
        }
    }
}

fn told(row: &Row) -> State {
    State {
        connections: row.get("connections"),
        max_connections: row.get("max_connections"),
        io_waits: row.get("io_waits"),
        oldest_seconds: row.get("oldest_seconds"),
        slots_bytes: row.get("slots_bytes"),
        xid_age: row.get("xid_age"),
        wal_bytes: row.get("wal_bytes"),
        checkpoints: None,
        blocks_hit: row.get("blocks_hit"),
        blocks_read: row.get("blocks_read"),
    }
}

fn between(before: Option<(Duration, &State)>, now: Result<&State, Why>) -> Reading {
    let value = |field: fn(&State) -> Option<i64>| field(now.clone()?).map(|value| value as f64).ok_or(Why::NotCounted);
    let counter = |field: fn(&State) -> Option<i64>| {
        let unsigned = |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok());
        let now = unsigned(field(now.clone()?)).ok_or(Why::NotCounted)?;
        increase(before.and_then(|(_, state)| unsigned(field(state))).ok_or(Why::First)?, now)
    };
    let elapsed = before.map_or(Duration::ZERO, |(elapsed, _)| elapsed);
    let hits = || {
        let (hit, read) = (counter(|state| state.blocks_hit)?, counter(|state| state.blocks_read)?);
        percent(hit as f64, (hit + read) as f64)
    };
    let connections = || percent(value(|state| state.connections)?, value(|state| state.max_connections)?);
    let mut reading = Reading::default();
    reading.host("database.connections", value(|state| state.connections));
    reading.host("database.connections_percent", connections());
    reading.host("database.io_waits", value(|state| state.io_waits));
    // No transaction is none that is old.
    reading.host("database.oldest_transaction_s", now.clone().map(|state| state.oldest_seconds.unwrap_or(0.0)));
    reading.host("database.slots_bytes", value(|state| state.slots_bytes));
    reading.host("database.xid_age", value(|state| state.xid_age));
    reading.host("database.wal_bytes_per_s", counter(|state| state.wal_bytes).and_then(|wal| per_second(wal, elapsed)));
    reading.host("database.checkpoints", counter(|state| state.checkpoints).map(|count| count as f64));
    reading.host("database.cache_hit_percent", hits());
    reading
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: State = State {
        connections: Some(20),
        max_connections: Some(80),
        io_waits: Some(3),
        oldest_seconds: None,
        slots_bytes: Some(0),
        xid_age: Some(1000),
        wal_bytes: Some(5000),
        checkpoints: Some(7),
        blocks_hit: Some(100),
        blocks_read: Some(10),
    };
    const SECONDS: Duration = Duration::from_secs(10);

    #[test]
    fn values_are_those_of_the_time_between() {
        let now = State {
            wal_bytes: Some(25_000),
            checkpoints: Some(8),
            blocks_hit: Some(190),
            blocks_read: Some(20),
            oldest_seconds: Some(4.5),
            ..BEFORE
        };
        let reading = between(Some((SECONDS, &BEFORE)), Ok(&now));
        assert_eq!(reading.value("database.connections_percent"), Some(25.0));
        assert_eq!(reading.value("database.wal_bytes_per_s"), Some(2000.0));
        assert_eq!(reading.value("database.checkpoints"), Some(1.0));
        assert_eq!(reading.value("database.cache_hit_percent"), Some(90.0));
        assert_eq!(reading.value("database.oldest_transaction_s"), Some(4.5));
        assert!(reading.missing.is_empty(), "{:?}", reading.missing);
    }

    #[test]
    fn a_restored_or_reset_server_gives_no_rate() {
        let now = State { wal_bytes: Some(100), blocks_hit: Some(1), ..BEFORE };
        let reading = between(Some((SECONDS, &BEFORE)), Ok(&now));
        assert_eq!(reading.why("database.wal_bytes_per_s"), Some(Why::CounterReset));
        assert_eq!(reading.why("database.cache_hit_percent"), Some(Why::CounterReset));
        assert_eq!(reading.value("database.oldest_transaction_s"), Some(0.0));
        assert_eq!(between(None, Ok(&now)).why("database.wal_bytes_per_s"), Some(Why::First));
        let idle = between(Some((SECONDS, &BEFORE)), Ok(&BEFORE));
        assert_eq!(idle.why("database.cache_hit_percent"), Some(Why::Idle));
    }

    #[test]
    fn a_silent_server_has_no_values_at_all() {
        let reading = between(Some((SECONDS, &BEFORE)), Err(Why::Silent));
        assert!(reading.samples.is_empty() && reading.missing.iter().all(|missing| missing.why == Why::Silent));
    }

    /// By hand, against a server: `INFRA_COLLECT_DATABASE` is a file with its endpoint.
    #[tokio::test]
    #[ignore = "needs a PostgreSQL server"]
    async fn a_real_server_tells_everything() {
        let endpoint = std::env::var_os("INFRA_COLLECT_DATABASE").expect("a file with an endpoint").into();
        let mut database = Database::new(&DatabaseConfig { endpoint, service: None });
        database.read(None).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let reading = database.read(None).await;
        let idle = |missing: &super::super::sample::Missing| missing.why != Why::Idle;
        assert!(!reading.missing.iter().any(idle), "{:?}", reading.missing);
        assert_eq!(reading.value("database.up"), Some(1.0));
        assert!(reading.value("database.connections").is_some_and(|count| count >= 0.0));
    }
}
