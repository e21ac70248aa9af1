//! Replication carries rows, not definitions. While it runs, the schema of both ends is watched: at each look for a sum
//! that changes with any definition, and when it does, object by object. Partitions are carried; everything else needs a
//! person.

use serde::{Deserialize, Serialize};

use super::HELPER_SCHEMA;
use super::partitions::{PartitionError, Partitions, complete_indexes, make_partitions};
use super::schema::Loss;
use super::verify::{ObjectDifference, Prints, VerifyError, compare_objects};
use crate::postgres::{Client, PostgresError};

#[derive(Debug, thiserror::Error)]
pub enum DriftError {
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error(transparent)]
    Partition(#[from] PartitionError),
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// Of both ends, at a moment when they had the same schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprints {
    source: String,
    target: String,
}

impl Fingerprints {
    pub async fn read(source: &Client, target: &Client) -> Result<Self, PostgresError> {
        let (source, target) = tokio::try_join!(fingerprint(source), fingerprint(target))?;
        Ok(Self { source, target })
    }
}

/// A few milliseconds, some tens with thousands of tables.
pub async fn fingerprint(client: &Client) -> Result<String, PostgresError> {
    let sql = include_str!("verify/sql/fingerprint.sql").replace("{helper_schema}", &format!("'{HELPER_SCHEMA}'"));
    Ok(client.row("looking for changes of the schema", &sql, &[]).await?.get(0))
}

/// After something changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    pub partitions: Partitions,
    /// What is not the same, without what was agreed to; partitions that are to be dropped among them.
    pub differences: Vec<ObjectDifference>,
}

impl Drift {
    /// Makes partitions that are missing at the target, then compares everything. Run it after the indexes were built.
    pub async fn look(source: &Client, target: &Client, losses: &[Loss], prints: &Prints) -> Result<Self, DriftError> {
        let partitions = make_partitions(source, target).await?;
        complete_indexes(source, target).await?;
        let mut differences = compare_objects(source, target, losses, prints).await?;
        differences.retain(|difference| difference.explained.is_none());
        Ok(Self { partitions, differences })
    }
}
