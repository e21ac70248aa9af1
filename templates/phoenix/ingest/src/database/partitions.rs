//! Daily partitions of `telemetry` where TimescaleDB does not make them.
//!
//! Today's neighbours are made ahead; older days, which only late records need, when the first such record comes. Each
//! is made apart and then attached: attaching lets others go on inserting, `CREATE TABLE … PARTITION OF` does not.

use super::schema::LOCK;
use crate::record::Day;
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_postgres::Client;

const PREFIX: &str = "telemetry_p";

/// The days whose partitions are known to exist; shared by all writers.
#[derive(Clone, Default)]
pub struct Partitions(Arc<Mutex<HashSet<Day>>>);

impl Partitions {
    /// Those of `days` that have not been seen yet.
    fn missing(&self, days: &BTreeSet<Day>) -> Vec<Day> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        days.iter().filter(|day| !known.contains(day)).copied().collect()
    }

    /// To look again: somebody dropped a partition behind our back.
    pub fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Makes sure that there is a partition for each of `days`.
    pub async fn ensure(&self, client: &mut Client, days: &BTreeSet<Day>) -> Result<(), tokio_postgres::Error> {
        for day in self.missing(days) {
            create(client, day).await?;
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(day);
        }
        Ok(())
    }

    /// Drops the partitions of days before `first_kept`; says how many.
    pub async fn drop_before(&self, client: &mut Client, first_kept: Day) -> Result<usize, tokio_postgres::Error> {
        let expired: Vec<_> = existing(client).await?.into_iter().filter(|day| *day < first_kept).collect();
        for day in &expired {
            let transaction = client.transaction().await?;
            transaction.batch_execute(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
            transaction.batch_execute(&format!("DROP TABLE IF EXISTS {PREFIX}{}", day.compact())).await?;
            transaction.commit().await?;
        }
        if !expired.is_empty() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|day| *day >= first_kept);
        }
        Ok(expired.len())
    }
}

/// One at a time over all instances, so that two of them do not make the same one.
async fn create(client: &mut Client, day: Day) -> Result<(), tokio_postgres::Error> {
    let name = format!("{PREFIX}{}", day.compact());
    let transaction = client.transaction().await?;
    transaction.batch_execute(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
    let exists = "SELECT 1 FROM pg_inherits WHERE inhparent = 'telemetry'::regclass AND inhrelid = to_regclass($1)";
    if transaction.query_opt(exists, &[&name]).await?.is_none() {
        let (from, to) = (day.start(), day.plus(1).start());
        transaction
            .batch_execute(&format!(
                "CREATE TABLE {name} (LIKE telemetry INCLUDING ALL); \
                 ALTER TABLE telemetry ATTACH PARTITION {name} FOR VALUES FROM ('{from}') TO ('{to}')"
            ))
            .await?;
    }
    transaction.commit().await
}

async fn existing(client: &Client) -> Result<Vec<Day>, tokio_postgres::Error> {
    const NAMES: &str = "SELECT relname::text FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid \
                         WHERE inhparent = 'telemetry'::regclass";
    let rows = client.query(NAMES, &[]).await?;
    // A partition with a name of somebody else's making is left alone.
    Ok(rows.iter().filter_map(|row| Day::from_compact(row.get::<_, &str>(0).strip_prefix(PREFIX)?)).collect())
}
