//! One transaction: claim the batches, copy the rows of those that are new, commit.

use super::Batch;
use crate::record::{COLUMNS, COPY_HEADER, COPY_TRAILER};
use bytes::Bytes;
use futures_util::SinkExt;
use std::collections::{HashMap, HashSet};
use tokio_postgres::{Client, Error, Row, Statement, Transaction};
use uuid::Uuid;

/// Rows are handed to the connection in pieces of this size, so that it does not buffer whole batches.
const PIECE: usize = 64 * 1024;

/// Waits where another transaction is just storing the same batch or key. The order keeps two groups that share keys
/// from waiting for each other.
const CLAIM: &str = "
INSERT INTO telemetry_batch (batch_id, idempotency_key, fingerprint, records)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::int4[]) AS batch (id, key, fingerprint, records)
ORDER BY key, id
ON CONFLICT DO NOTHING
RETURNING batch_id";
const FIND: &str = "
SELECT batch_id, idempotency_key, fingerprint, records FROM telemetry_batch
WHERE batch_id = ANY($1) OR idempotency_key = ANY($2)";

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Committed, now or by an earlier try of ours.
    Stored,
    /// The key was used before for the same body, which is stored as this batch.
    Duplicate { batch: Uuid, records: i32 },
    /// The key was used before for another body.
    KeyReused,
    /// The database refused the rows. The reason is the database's own.
    Refused(String),
    /// The database was away for too long. `tried` if the batch may have been stored all the same.
    Unavailable { tried: bool },
}

/// A connection with its statements prepared.
pub struct Session {
    pub client: Client,
    claim: Statement,
    find: Statement,
    copy: Statement,
}

impl Session {
    pub async fn prepare(client: Client) -> Result<Self, Error> {
        let copy = format!("COPY telemetry ({COLUMNS}) FROM STDIN (FORMAT binary)");
        Ok(Self {
            claim: client.prepare(CLAIM).await?,
            find: client.prepare(FIND).await?,
            copy: client.prepare(&copy).await?,
            client,
        })
    }

    /// Stores the batches, each of them wholly or not at all. Outcomes come in the order of `batches`.
    pub async fn commit(&mut self, batches: &[&Batch]) -> Result<Vec<Outcome>, Error> {
        let transaction = self.client.transaction().await?;
        let fresh = claim(&transaction, &self.claim, batches).await?;
        let earlier = match fresh.len() == batches.len() {
            true => Vec::new(),
            false => find(&transaction, &self.find, batches).await?,
        };
        if !fresh.is_empty() {
            let rows = batches.iter().filter(|batch| fresh.contains(&batch.id)).map(|batch| &batch.rows);
            copy(&transaction, &self.copy, rows).await?;
        }
        transaction.commit().await?;
        let earlier = Earlier::new(&earlier);
        Ok(batches.iter().map(|batch| earlier.outcome(batch, &fresh)).collect())
    }
}

async fn claim(transaction: &Transaction<'_>, claim: &Statement, batches: &[&Batch]) -> Result<HashSet<Uuid>, Error> {
    let ids: Vec<_> = batches.iter().map(|batch| batch.id).collect();
    let keys: Vec<_> = batches.iter().map(|batch| batch.key.as_ref().map(|(key, _)| key.as_str())).collect();
    let prints: Vec<_> = batches.iter().map(|batch| batch.key.as_ref().map(|(_, print)| &print[..])).collect();
    let records: Vec<_> = batches.iter().map(|batch| batch.records).collect();
    let rows = transaction.query(claim, &[&ids, &keys, &prints, &records]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

async fn find(transaction: &Transaction<'_>, find: &Statement, batches: &[&Batch]) -> Result<Vec<Row>, Error> {
    let ids: Vec<_> = batches.iter().map(|batch| batch.id).collect();
    let keys: Vec<_> = batches.iter().filter_map(|batch| batch.key.as_ref()).map(|(key, _)| key.as_str()).collect();
    transaction.query(find, &[&ids, &keys]).await
}

async fn copy<'a>(
    transaction: &Transaction<'_>,
    copy: &Statement,
    batches: impl Iterator<Item = &'a Bytes>,
) -> Result<(), Error> {
    let mut sink = std::pin::pin!(transaction.copy_in::<_, Bytes>(copy).await?);
    sink.feed(Bytes::from_static(COPY_HEADER)).await?;
    for rows in batches {
        for start in (0..rows.len()).step_by(PIECE) {
            sink.feed(rows.slice(start..rows.len().min(start + PIECE))).await?;
        }
    }
    sink.feed(Bytes::from_static(COPY_TRAILER)).await?;
    sink.finish().await?;
    Ok(())
}

/// Batches that were there before, or that claimed the key first in the same group.
struct Earlier<'a> {
    ids: HashSet<Uuid>,
    by_key: HashMap<&'a str, (Uuid, &'a [u8], i32)>,
}

impl<'a> Earlier<'a> {
    fn new(rows: &'a [Row]) -> Self {
        let keyed = |row: &'a Row| Some((row.get::<_, Option<&str>>(1)?, (row.get(0), row.get(2), row.get(3))));
        Self { ids: rows.iter().map(|row| row.get(0)).collect(), by_key: rows.iter().filter_map(keyed).collect() }
    }

    fn outcome(&self, batch: &Batch, fresh: &HashSet<Uuid>) -> Outcome {
        if fresh.contains(&batch.id) || self.ids.contains(&batch.id) {
            return Outcome::Stored;
        }
        let known = batch.key.as_ref().and_then(|(key, print)| Some((self.by_key.get(key.as_str())?, print)));
        match known {
            Some(((id, print, records), ours)) if *print == &ours[..] => {
                Outcome::Duplicate { batch: *id, records: *records }
            }
            Some(_) => Outcome::KeyReused,
            // The key was purged between the two statements; the client's next try will find it free.
            None => Outcome::Unavailable { tried: false },
        }
    }
}
