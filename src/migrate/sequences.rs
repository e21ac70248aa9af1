//! The values of sequences, which no snapshot and no replication carries.

use super::HELPER_SCHEMA;
use super::catalog::quote_literal;
use crate::postgres::{Client, PostgresError};

/// As many at a time, so that a statement stays of a reasonable size.
const BATCH: usize = 500;

/// Sets every sequence of `to` as it is in `from`. Nobody may draw from them meanwhile. One that `to` does not have is
/// left out: the catalogue's comparison finds it.
pub async fn carry(from: &Client, to: &Client) -> Result<(), PostgresError> {
    let sql = "SELECT pg_catalog.format('%I.%I', schemaname, sequencename), coalesce(last_value, start_value),
                      last_value IS NOT NULL
               FROM pg_catalog.pg_sequences WHERE schemaname <> $1 ORDER BY 1";
    let rows = from.rows("reading the sequences", sql, &[&HELPER_SCHEMA]).await?;
    for batch in rows.chunks(BATCH) {
        let values: Vec<String> = batch
            .iter()
            .map(|row| {
                let name: String = row.get(0);
                format!("({}, {}::bigint, {})", quote_literal(&name), row.get::<_, i64>(1), row.get::<_, bool>(2))
            })
            .collect();
        let sql = format!(
            "SELECT pg_catalog.setval(pg_catalog.to_regclass(s.name), s.value, s.called)
             FROM (VALUES {}) AS s (name, value, called) WHERE pg_catalog.to_regclass(s.name) IS NOT NULL",
            values.join(", ")
        );
        to.rows("setting the sequences", &sql, &[]).await?;
    }
    Ok(())
}
