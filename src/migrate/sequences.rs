//! The values of sequences, which no snapshot and no replication carries.

use super::catalog::{CatalogError, quote_literal, read_sequences};
use crate::postgres::{Client, PostgresError};

/// As many at a time, so that a statement stays of a reasonable size.
const BATCH: usize = 500;

#[derive(Debug, thiserror::Error)]
pub enum SequenceError {
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    #[error("sequence {name} of the old database may not be read")]
    Unreadable { name: String },
}

/// Sets every sequence of `to` as it is in `from`. Nobody may draw from them meanwhile. One that `to` does not have is
/// left out: the catalogue's comparison finds it.
pub async fn carry(from: &Client, to: &Client) -> Result<(), SequenceError> {
    let mut values = vec![];
    for sequence in read_sequences(from).await?.iter().filter(|sequence| sequence.extension.is_none()) {
        let (Some(last), Some(called)) = (sequence.last_value, sequence.is_called) else {
            return Err(SequenceError::Unreadable { name: sequence.name.plain() });
        };
        values.push(format!("({}, {last}::bigint, {called})", quote_literal(&sequence.name.to_string())));
    }
    for batch in values.chunks(BATCH) {
        let sql = format!(
            "SELECT pg_catalog.setval(pg_catalog.to_regclass(s.name), s.value, s.called)
             FROM (VALUES {}) AS s (name, value, called) WHERE pg_catalog.to_regclass(s.name) IS NOT NULL",
            batch.join(", ")
        );
        to.rows("setting the sequences", &sql, &[]).await?;
    }
    Ok(())
}
