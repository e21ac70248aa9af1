//! What the extension knows of the old database, to the new one: rows of its own tables, by one transaction. Nobody writes
//! at either end, and the tables that it speaks of are there.

use super::catalog::OwnTable;
use super::read::TimescaleError;
use super::restore_mode::Restore;
use crate::migrate::catalog::{QualifiedName, quote_literal};
use crate::postgres::Client;

/// May be repeated: what is there is replaced. Returns the number of tables.
pub async fn carry(old: &Client, new: &Client, restore: &Restore) -> Result<usize, TimescaleError> {
    new.run("beginning to write what TimescaleDB knows", "BEGIN").await?;
    for table in restore.tables.iter().rev() {
        new.run("removing what TimescaleDB knows", &table.delete()).await?;
    }
    for table in &restore.tables {
        let rows = read(old, &table.rows(Some(restore))).await?;
        let insert = table.insert();
        new.rows("writing what TimescaleDB knows", &insert, &[&rows]).await?;
        if read(new, &table.rows(None)).await? != rows {
            return Err(TimescaleError::Differs { what: table.name.plain() });
        }
    }
    for sequence in &restore.sequences {
        let values = format!("SELECT last_value, is_called FROM {sequence}");
        let row = old.row("reading TimescaleDB's sequences", &values, &[]).await?;
        new.run("setting TimescaleDB's sequences", &set_value(sequence, row.get(0), row.get(1))).await?;
    }
    new.run("writing what TimescaleDB knows", "COMMIT").await?;
    Ok(restore.tables.len())
}

/// After the end of restore mode: both extensions count the same.
pub async fn same_counts(old: &Client, new: &Client) -> Result<String, TimescaleError> {
    let (here, there) = (read(old, COUNTS).await?, read(new, COUNTS).await?);
    if here == there { Ok(here) } else { Err(TimescaleError::Counts { here, there }) }
}

const COUNTS: &str =
    "SELECT format('%s hypertables, %s chunks, %s of them compressed, %s continuous aggregates, %s jobs',
      (SELECT count(*) FROM timescaledb_information.hypertables),
      (SELECT count(*) FROM timescaledb_information.chunks),
      (SELECT count(*) FROM timescaledb_information.chunks WHERE is_compressed),
      (SELECT count(*) FROM timescaledb_information.continuous_aggregates),
      (SELECT count(*) FROM timescaledb_information.jobs WHERE job_id >= 1000))";

async fn read(client: &Client, sql: &str) -> Result<String, TimescaleError> {
    Ok(client.row("reading what TimescaleDB knows", sql, &[]).await?.get(0))
}

fn set_value(sequence: &QualifiedName, value: i64, is_called: bool) -> String {
    format!("SELECT pg_catalog.setval({}, {value}, {is_called})", quote_literal(&sequence.to_string()))
}

impl OwnTable {
    pub fn delete(&self) -> String {
        format!("DELETE FROM ONLY {} {}", self.name, self.filter)
    }

    /// All rows as one JSON document, in the order of their text. With `restore`, roles are those that the target has.
    fn rows(&self, restore: Option<&Restore>) -> String {
        let columns = self.columns.iter().map(|column| {
            let name = column.quoted();
            match restore.filter(|_| column.role) {
                Some(restore) => format!("{} AS {name}", restore.replaced.in_query(&name)),
                None => name,
            }
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        format!(
            "SELECT coalesce(json_agg(own ORDER BY own::text COLLATE \"C\"), '[]')::text \
             FROM (SELECT {columns} FROM ONLY {} {}) AS own",
            self.name, self.filter
        )
    }

    fn insert(&self) -> String {
        let columns = self.columns.iter().map(|column| column.quoted()).collect::<Vec<_>>().join(", ");
        format!(
            "INSERT INTO {0} ({columns}) SELECT {columns} FROM json_populate_recordset(NULL::{0}, $1::text::json)",
            self.name
        )
    }
}
