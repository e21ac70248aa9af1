//! Rows that no partition of theirs takes at the target, because its order of texts is another: between 'A' and 'c' are the
//! capitals at one server, and at another one they are not. Every key that there is, is asked about.

use bytes::Bytes;
use futures::{SinkExt as _, TryStreamExt as _};

use super::rows::Source;
use super::run::RehearseError;
use crate::migrate::catalog::{Table, quote_identifier};
use crate::migrate::schema::Refusal;
use crate::postgres::{Client, PostgresError};

const OPERATION: &str = "rehearsing which partitions rows are for";
/// In the scratch's session.
const KEYS: &str = "pg_temp.infra_keys";
/// What columns the borders are made of, at each level.
const COLUMNS: &str = "SELECT DISTINCT a.attname::text FROM pg_partition_tree($1::text::regclass) AS t
      JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = t.relid AND d.objsubid > 0
       AND d.refclassid = 'pg_class'::regclass AND d.refobjid = t.relid AND d.refobjsubid = 0 AND d.deptype = 'i'
      JOIN pg_attribute AS a ON a.attrelid = d.objid AND a.attnum = d.objsubid ORDER BY 1";
const BORDERS: &str = "SELECT string_agg(format('(%s)', pg_get_partition_constraintdef(t.relid)), ' OR ')
      FROM pg_partition_tree($1::text::regclass) AS t WHERE t.isleaf";

impl Source<'_> {
    /// Partitioned tables whose rows may find no partition. What is cut by hashes takes everything.
    pub fn routed(&self) -> Vec<&Table> {
        let by_order = |table: &&Table| {
            let by_hash = table.partition_key.as_ref().is_none_or(|key| key.starts_with("HASH"));
            table.routed_by_server && !by_hash
        };
        let mut roots: Vec<&Table> =
            self.catalog.tables.iter().filter(by_order).map(|table| self.catalog.root(table)).collect();
        roots.sort_by(|one, other| one.name.cmp(&other.name));
        roots.dedup_by(|one, other| one.name == other.name);
        roots
    }

    /// Under a savepoint of the scratch's transaction. A table that is not there is told by others.
    pub async fn unplaced(&self, root: &Table, scratch: &Client) -> Result<Option<Refusal>, RehearseError> {
        scratch.run(OPERATION, "SAVEPOINT infra").await?;
        let found = self.find_unplaced(root, scratch).await;
        scratch.run(OPERATION, "ROLLBACK TO SAVEPOINT infra; RELEASE SAVEPOINT infra").await?;
        match found {
            Err(error) if error.sqlstate().is_some() => Ok(None),
            found => Ok(found?),
        }
    }

    async fn find_unplaced(&self, root: &Table, scratch: &Client) -> Result<Option<Refusal>, PostgresError> {
        let name = root.name.to_string();
        let borders: Option<String> = scratch.row(OPERATION, BORDERS, &[&name]).await?.get(0);
        let columns = self.client.rows(OPERATION, COLUMNS, &[&name]).await?;
        let columns: Vec<String> = columns.iter().map(|row| quote_identifier(row.get(0))).collect();
        let Some(borders) = borders.filter(|_| !columns.is_empty()) else { return Ok(None) };
        let columns = columns.join(", ");
        let make = format!("CREATE TEMPORARY TABLE infra_keys AS SELECT {columns} FROM {name} WITH NO DATA");
        scratch.run(OPERATION, &make).await?;
        let read = format!("COPY (SELECT DISTINCT {columns} FROM {name}) TO STDOUT");
        pass(self.client, &read, scratch, &format!("COPY {KEYS} FROM STDIN")).await?;
        let sql = format!("SELECT count(*), min(k::text) FROM {KEYS} AS k WHERE ({borders}) IS NOT TRUE");
        let row = scratch.row(OPERATION, &sql, &[]).await?;
        let (count, first): (i64, Option<String>) = (row.get(0), row.get(1));
        Ok(first.map(|first| Refusal {
            subject: format!("TABLE {}.{}", root.name.schema, root.name.name),
            // check_violation, as the server says it of such a row.
            sqlstate: "23514".to_owned(),
            message: format!(
                "{count} keys of its rows are for none of its partitions there, {first} first: that server orders texts otherwise; \
                 give the table a DEFAULT partition or borders with COLLATE \"C\", or the new database the old one's locale"
            ),
        }))
    }
}

async fn pass(from: &Client, read: &str, to: &Client, write: &str) -> Result<(), PostgresError> {
    let failed = |error| PostgresError::of(OPERATION, error);
    let rows = from.copy_out(read).await.map_err(failed)?;
    let sink = to.copy_in::<_, Bytes>(write).await.map_err(failed)?;
    futures::pin_mut!(rows, sink);
    while let Some(row) = rows.try_next().await.map_err(failed)? {
        sink.as_mut().feed(row).await.map_err(failed)?;
    }
    sink.as_mut().finish().await.map_err(failed).map(drop)
}
