//! Connections for statements, with errors that tell which statement.

use std::ops::{Deref, DerefMut};

use futures::{Stream, TryStreamExt as _};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Config, NoTls, Row};

use super::dial::{CONNECT_TIMEOUT, dial};
use super::endpoint::Endpoint;
use super::error::PostgresError;
use super::settings;

/// A session with pinned settings. It ends with this value; a statement that runs at that time goes on at the server
/// unless [`Client::cancel`] was called. Everything of `tokio_postgres::Client` is there too.
pub struct Client {
    inner: tokio_postgres::Client,
    endpoint: Endpoint,
}

/// Opens a session. `application_name` is what the server's administrator sees in `pg_stat_activity`.
pub async fn connect(endpoint: &Endpoint, application_name: &str) -> Result<Client, PostgresError> {
    let silent = |_| PostgresError::Silent { address: endpoint.address(), waited: CONNECT_TIMEOUT };
    tokio::time::timeout(CONNECT_TIMEOUT, open(endpoint, application_name)).await.map_err(silent)?
}

async fn open(endpoint: &Endpoint, application_name: &str) -> Result<Client, PostgresError> {
    let stream = dial(endpoint).await?;
    let mut config = Config::new();
    config
        .user(endpoint.login())
        .password(endpoint.password.expose())
        .dbname(&endpoint.database)
        .application_name(application_name)
        // The stream is encrypted already.
        .ssl_mode(tokio_postgres::config::SslMode::Disable);
    let operation = format!("logging in as {} at {}", endpoint.login(), endpoint.address());
    let (inner, connection) =
        config.connect_raw(stream, NoTls).await.map_err(|error| PostgresError::of(operation, error))?;
    tokio::spawn(connection);
    let client = Client { inner, endpoint: endpoint.clone() };
    client.run("pinning the session's settings", &settings::pin()).await?;
    Ok(client)
}

/// Ends a transaction that made something, and sees its end on disk. A server that crashes before that, with the files of an
/// unlogged table gone whose making is in its log, does not start again: it finds one of them left, which waits for the
/// next checkpoint ("could not create file: File exists"; seen with 15 and 17).
pub const ROLL_BACK: &str = "ROLLBACK; BEGIN; SET LOCAL synchronous_commit = local; \
    SELECT pg_catalog.pg_logical_emit_message(true, 'infra', ''); COMMIT";

impl Client {
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Statements without results; several, separated by semicolons, are one transaction.
    pub async fn run(&self, operation: &str, sql: &str) -> Result<(), PostgresError> {
        self.inner.batch_execute(sql).await.map_err(|error| PostgresError::of(operation, error))
    }

    pub async fn rows(
        &self,
        operation: &str,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, PostgresError> {
        self.inner.query(sql, parameters).await.map_err(|error| PostgresError::of(operation, error))
    }

    /// Row by row, as they arrive: for answers that may be larger than memory.
    pub async fn stream<'a>(
        &self,
        operation: &'a str,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<impl Stream<Item = Result<Row, PostgresError>> + Send + use<'a>, PostgresError> {
        let rows = self.inner.query_raw(sql, parameters.iter().copied()).await;
        let rows = rows.map_err(|error| PostgresError::of(operation, error))?;
        Ok(rows.map_err(move |error| PostgresError::of(operation, error)))
    }

    /// Exactly one row.
    pub async fn row(
        &self,
        operation: &str,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Row, PostgresError> {
        self.inner.query_one(sql, parameters).await.map_err(|error| PostgresError::of(operation, error))
    }

    /// Asks the server to stop what this session does.
    pub async fn cancel(&self) -> Result<(), PostgresError> {
        let stream = dial(&self.endpoint).await?;
        let cancelled = self.inner.cancel_token().cancel_query_raw(stream, NoTls).await;
        cancelled.map_err(|error| PostgresError::of("cancelling a statement", error))
    }
}

impl Deref for Client {
    type Target = tokio_postgres::Client;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.inner
    }
}
