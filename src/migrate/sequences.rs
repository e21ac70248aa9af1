//! The values of sequences, which no snapshot and no replication carries.

use std::collections::HashMap;

use super::catalog::{CatalogError, Sequence, quote_literal, read_sequences};
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
    #[error("sequence {name} stands at {there} in the new database, and at {here} in the old one")]
    Differs { name: String, here: String, there: String },
}

/// Sets every sequence of `to` as it is in `from`. Nobody may draw from them meanwhile. Afterwards both
/// ends are compared.
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
    compare(from, to).await
}

/// Every sequence stands at the same value at both ends. Nobody may draw from them meanwhile.
pub async fn compare(from: &Client, to: &Client) -> Result<(), SequenceError> {
    let (here, there) = tokio::try_join!(read_sequences(from), read_sequences(to))?;
    let there: HashMap<_, _> = there.iter().map(|sequence| (&sequence.name, told(sequence))).collect();
    for sequence in here.iter().filter(|sequence| sequence.extension.is_none()) {
        let (here, there) = (told(sequence), there.get(&sequence.name).cloned());
        let there = there.unwrap_or_else(|| "nothing: it is not there".to_owned());
        if here != there {
            return Err(SequenceError::Differs { name: sequence.name.plain(), here, there });
        }
    }
    Ok(())
}

fn told(sequence: &Sequence) -> String {
    let value = sequence.last_value.map_or("an unreadable value".to_owned(), |value| value.to_string());
    let called = if sequence.is_called == Some(false) { ", not drawn yet" } else { "" };
    format!("{value}{called}")
}
