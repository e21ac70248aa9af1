//! Reads what the extension says of a database by a fixed number of queries, which are in `sql/`: by its public views and
//! functions, and by what the server knows of every extension. Its own tables change from version to version.

use serde::de::DeserializeOwned;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::EXTENSION;
use super::catalog::Timescale;
use crate::migrate::catalog::quote_identifier;
use crate::postgres::PostgresError;

#[derive(Debug, thiserror::Error)]
pub enum TimescaleError {
    #[error("cannot read the {what} of TimescaleDB")]
    Query { what: &'static str, source: tokio_postgres::Error },
    #[error("TimescaleDB describes its {what} in a way that infra does not know")]
    Decode { what: &'static str, source: serde_json::Error },
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error("{what} of TimescaleDB is not what it was after it was written to the new database")]
    Differs { what: String },
    #[error("TimescaleDB counts {here} in the old database, and {there} in the new one")]
    Counts { here: String, there: String },
}

/// None: the database does not have the extension. Everything is as of one snapshot, and only read.
pub async fn read(client: &Client) -> Result<Option<Timescale>, TimescaleError> {
    let failed = |source| TimescaleError::Query { what: "catalogue", source };
    let there = format!(
        "SELECT n.nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace \
         WHERE e.extname = '{EXTENSION}'"
    );
    let answer = client.simple_query(&there).await.map_err(failed)?;
    let Some(functions) = texts(&answer).next().map(quote_identifier) else { return Ok(None) };
    // Names come out qualified.
    let begin =
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = pg_catalog; SET LOCAL jit = off";
    client.batch_execute(begin).await.map_err(failed)?;
    let timescale = within(client, &functions).await;
    client.batch_execute("ROLLBACK").await.map_err(failed)?;
    timescale.map(Some)
}

/// `schema` has the functions that people call.
async fn within(client: &Client, schema: &str) -> Result<Timescale, TimescaleError> {
    #[derive(serde::Deserialize)]
    struct Function {
        name: String,
    }
    let functions: Vec<Function> = rows(client, "functions", include_str!("sql/functions.sql")).await?;
    let hypertables = include_str!("sql/hypertables.sql").replace("{functions}", schema);
    Ok(Timescale {
        hypertables: rows(client, "hypertables", &hypertables).await?,
        chunks_elsewhere: rows(client, "chunks", include_str!("sql/chunks.sql")).await?,
        aggregates: rows(client, "continuous aggregates", include_str!("sql/aggregates.sql")).await?,
        jobs: rows(client, "jobs", include_str!("sql/jobs.sql")).await?,
        calls: rows(client, "callers", include_str!("sql/calls.sql")).await?,
        functions: functions.into_iter().map(|function| function.name).collect(),
        own_tables: rows(client, "own tables", include_str!("sql/own_tables.sql")).await?,
        own_sequences: rows(client, "own sequences", include_str!("sql/own_sequences.sql")).await?,
    })
}

async fn rows<T: DeserializeOwned>(client: &Client, what: &'static str, sql: &str) -> Result<Vec<T>, TimescaleError> {
    let sql = format!("SELECT row_to_json(described)::text FROM ({sql}) AS described");
    let answer = client.simple_query(&sql).await.map_err(|source| TimescaleError::Query { what, source })?;
    let decode = |text| serde_json::from_str(text).map_err(|source| TimescaleError::Decode { what, source });
    texts(&answer).map(decode).collect()
}

/// The first column of each row.
fn texts(messages: &[SimpleQueryMessage]) -> impl Iterator<Item = &str> {
    messages.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    })
}
