//! A row that is changed now and then at one end and read at the other. Changes arrive in the order of their commits, so
//! a beat that has arrived proves that everything before it has: no position of the log needs to be compared, and an
//! idle server is drained at once.

use crate::migrate::HELPER_SCHEMA;
use crate::postgres::{Client, PostgresError};

/// One beat of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Heartbeat(pub i64);

/// Makes the table of beats, at both ends. Nothing happens where it is.
pub async fn make_heartbeat(client: &Client) -> Result<(), PostgresError> {
    let sql = format!(
        "CREATE SCHEMA IF NOT EXISTS {HELPER_SCHEMA};
         CREATE TABLE IF NOT EXISTS {HELPER_SCHEMA}.beat
             (channel text PRIMARY KEY, number bigint NOT NULL, at timestamptz NOT NULL);"
    );
    client.run("making the table of beats", &sql).await
}

impl Heartbeat {
    /// Sends the next one.
    pub(super) async fn send(from: &Client, channel: &str) -> Result<Self, PostgresError> {
        let sql = format!(
            "INSERT INTO {HELPER_SCHEMA}.beat AS b VALUES ($1, 1, clock_timestamp())
             ON CONFLICT (channel) DO UPDATE SET number = b.number + 1, at = excluded.at RETURNING number"
        );
        let row = from.row("sending a beat", &sql, &[&channel]).await?;
        Ok(Self(row.get(0)))
    }

    /// Of the last that arrived, by the sender's clock alone. None before the first.
    pub(super) async fn age(from: &Client, to: &Client, channel: &str) -> Result<Option<u64>, PostgresError> {
        let sql = format!("SELECT at::text FROM {HELPER_SCHEMA}.beat WHERE channel = $1");
        let rows = to.rows("reading the beat", &sql, &[&channel]).await?;
        let Some(sent) = rows.first().map(|row| row.get::<_, String>(0)) else { return Ok(None) };
        let sql = "SELECT extract(epoch FROM clock_timestamp() - $1::text::timestamptz)::bigint";
        let seconds: i64 = from.row("asking for the time", sql, &[&sent]).await?.get(0);
        Ok(Some(u64::try_from(seconds).unwrap_or(0)))
    }

    /// The last that arrived.
    pub(super) async fn received(to: &Client, channel: &str) -> Result<Option<Self>, PostgresError> {
        let sql = format!("SELECT number FROM {HELPER_SCHEMA}.beat WHERE channel = $1");
        let rows = to.rows("reading the beat", &sql, &[&channel]).await?;
        Ok(rows.first().map(|row| Self(row.get(0))))
    }
}
