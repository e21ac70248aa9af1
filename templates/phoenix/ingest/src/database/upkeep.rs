//! The background task: brings the schema up, watches the database, makes partitions ahead, drops what expired.

use super::ConnectError;
use super::availability::Availability;
use super::connect::Connector;
use super::partitions::Partitions;
use super::schema::{self, SchemaError};
use crate::record::{Day, Instant};
use crate::service::chain;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio_postgres::Client;
use uuid::Uuid;

const PING_EVERY: Duration = Duration::from_secs(1);
const PING_TIMEOUT: Duration = Duration::from_secs(3);
/// Partitions stand ready for days, so an hour is often enough, also after a failure.
const TIDY_EVERY: Duration = Duration::from_secs(3600);
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Days for which partitions are made ahead: yesterday for late records, two days more than clocks can be off.
const AHEAD: std::ops::RangeInclusive<i32> = -1..=3;
/// Deleted in one statement: short transactions, little bloat at once.
const PURGE_CHUNK: i64 = 10_000;

#[derive(Debug, thiserror::Error)]
enum UpkeepError {
    #[error(transparent)]
    Connect(#[from] ConnectError),
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error("cannot {action}")]
    Query { action: &'static str, source: tokio_postgres::Error },
    #[error("the database did not answer within {} s", PING_TIMEOUT.as_secs())]
    Silent,
}

fn doing(action: &'static str) -> impl Fn(tokio_postgres::Error) -> UpkeepError {
    move |source| UpkeepError::Query { action, source }
}

/// What the task needs.
pub struct Upkeep {
    pub connector: Connector,
    pub availability: Availability,
    /// Filled once the schema has been seen; `None` inside where TimescaleDB does the work.
    pub partitions: std::sync::Arc<OnceCell<Option<Partitions>>>,
    pub retention_days: u16,
    pub keys_kept: Duration,
}

impl Upkeep {
    /// Runs until the task is dropped; a lost connection is opened again.
    pub async fn run(self) {
        loop {
            if let Err(error) = self.session().await {
                self.availability.mark_down();
                tracing::warn!(error = %chain(&error), "upkeep lost the database");
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    /// One connection's life.
    async fn session(&self) -> Result<(), UpkeepError> {
        let mut client = self.connector.connect().await?;
        let layout = schema::migrate(&mut client, self.retention_days).await?;
        let partitions = self.partitions.get_or_init(async || schema::partitions(layout)).await;
        let mut tidied: Option<tokio::time::Instant> = None;
        loop {
            if tidied.is_none_or(|at| at.elapsed() >= TIDY_EVERY) {
                self.tidy(&mut client, partitions.as_ref()).await?;
                tidied = Some(tokio::time::Instant::now());
            }
            ping(&client).await?;
            self.availability.mark_up();
            tokio::time::sleep(PING_EVERY).await;
        }
    }

    async fn tidy(&self, client: &mut Client, partitions: Option<&Partitions>) -> Result<(), UpkeepError> {
        if let Some(partitions) = partitions {
            let today = Instant::now().day();
            let ahead = AHEAD.map(|days| today.plus(days)).collect();
            partitions.ensure(client, &ahead).await.map_err(doing("create partitions"))?;
            let first_kept = first_kept(today, self.retention_days);
            let dropped = partitions.drop_before(client, first_kept).await.map_err(doing("drop partitions"))?;
            if dropped > 0 {
                tracing::info!(dropped, "dropped expired partitions");
            }
        }
        self.purge_batches(client).await.map_err(doing("purge old batches"))
    }

    /// Forgets batches whose keys need not be known any more.
    async fn purge_batches(&self, client: &Client) -> Result<(), tokio_postgres::Error> {
        const PURGE: &str = "DELETE FROM telemetry_batch WHERE batch_id IN \
                             (SELECT batch_id FROM telemetry_batch WHERE batch_id < $1 ORDER BY batch_id LIMIT $2)";
        let first_kept = oldest_id_kept(std::time::SystemTime::now(), self.keys_kept);
        while client.execute(PURGE, &[&first_kept, &PURGE_CHUNK]).await? > 0 {}
        Ok(())
    }
}

async fn ping(client: &Client) -> Result<(), UpkeepError> {
    let query = client.query_one("SELECT count(*) FROM telemetry_schema", &[]);
    match tokio::time::timeout(PING_TIMEOUT, query).await {
        Ok(answer) => answer.map(|_| ()).map_err(doing("reach the database")),
        Err(_) => Err(UpkeepError::Silent),
    }
}

/// A day more than records may be old, so that no accepted record's partition is ever dropped.
fn first_kept(today: Day, retention_days: u16) -> Day {
    today.plus(-i32::from(retention_days) - 1)
}

/// The smallest UUIDv7 of the first moment that is kept.
fn oldest_id_kept(now: std::time::SystemTime, keys_kept: Duration) -> Uuid {
    let since_epoch = now.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let milliseconds = since_epoch.saturating_sub(keys_kept).as_millis();
    Uuid::from_u128(milliseconds << 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_cut_by_their_time() {
        let now = std::time::SystemTime::now();
        let cut = oldest_id_kept(now, Duration::ZERO);
        assert!(Uuid::now_v7() > cut);
        assert!(Uuid::now_v7() < oldest_id_kept(now + Duration::from_secs(1), Duration::ZERO));
    }

    #[test]
    fn the_oldest_accepted_record_keeps_its_partition() {
        let now = Instant::now();
        let oldest = crate::record::Rules::new(now, 30).oldest;
        assert!(oldest.day() > first_kept(now.day(), 30));
    }
}
