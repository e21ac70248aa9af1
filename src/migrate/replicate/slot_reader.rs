//! What changed in a database since a moment, by whomever: a slot that is read now and then, by statements, without a
//! subscriber. What was read is forgotten only with the next reading, when its reader has written down what it needs of
//! it, so that nothing is missed and nothing is counted twice. Changes are handed on one by one: memory does not grow with
//! a transaction, however many rows it wrote.

use futures::TryStreamExt as _;

use super::message::{Message, MessageError, parse, parse_head, table_of_row};
use super::{Channel, ReplicateError};
use crate::migrate::catalog::{QualifiedName, quote_identifier};
use crate::postgres::{Client, Lsn, PostgresError};

/// Of the log, in one reading: decoded in some tenths of a second, so that what was read is soon written down.
const READING: u64 = 16 << 20;
/// Of one change, what is read at most: several such are in memory at a time, of both ends.
const CHANGE: usize = 4 << 20;

/// A publication and a slot of this name.
pub struct ChangeStream<'a> {
    pub name: &'a str,
    pub client: &'a Client,
}

/// One change as the server wrote it, or the beginning of a long one.
#[derive(Debug, Clone, Copy)]
pub struct Written<'a> {
    bytes: &'a [u8],
    is_whole: bool,
}

impl<'a> Written<'a> {
    /// Of a row, without reading it.
    pub fn table_of_row(self) -> Option<u32> {
        table_of_row(self.bytes)
    }

    pub fn parse(self) -> Result<Message<'a>, MessageError> {
        if self.is_whole { parse(self.bytes) } else { parse_head(self.bytes) }
    }
}

/// One reading: everything that was committed between the position given and this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    pub until: Lsn,
    /// Of the log, still to be read.
    pub left: u64,
}

impl ChangeStream<'_> {
    /// From now on; what was recorded before is thrown away.
    pub async fn begin(&self, tables: Option<&[QualifiedName]>) -> Result<(), ReplicateError> {
        self.end().await?;
        // First the publication: what was written before there was one cannot be decoded for it.
        self.channel().publish(tables).await?;
        self.channel().make_slot().await
    }

    /// Nothing happens where it is not.
    pub async fn end(&self) -> Result<(), ReplicateError> {
        self.channel().drop_slot().await?;
        let sql = format!("DROP PUBLICATION IF EXISTS {}", quote_identifier(self.name));
        Ok(self.client.run("ending the record of changes", &sql).await?)
    }

    /// Everything that is committed now lies before it, and everything that is committed later after it.
    pub async fn position(&self) -> Result<Lsn, ReplicateError> {
        // Commits that did not wait for the disk are decoded only when they are there.
        let flush = "SET synchronous_commit = local; SELECT pg_catalog.pg_logical_emit_message(true, 'infra', '')";
        self.client.run("flushing the log", flush).await?;
        Ok(lsn(self.client, "SELECT pg_catalog.pg_current_wal_flush_lsn()::text").await?)
    }

    /// Forgets what is before `since`, and reads what came after it.
    pub async fn read(
        &self,
        since: Lsn,
        mut heard: impl FnMut(Written<'_>) -> Result<(), MessageError>,
    ) -> Result<Reading, ReplicateError> {
        let end = self.position().await?;
        self.forget(since).await?;
        let until = end.min(Lsn::new(since.as_u64() + READING.max(self.read_again(since).await?)));
        let sql = format!(
            "SELECT pg_catalog.substring(data, 1, {CHANGE}), pg_catalog.octet_length(data) <= {CHANGE}
               FROM pg_catalog.pg_logical_slot_peek_binary_changes(
                       $1, $2::text::pg_lsn, NULL, 'proto_version', '1', 'publication_names', $3)"
        );
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&self.name, &until.to_string(), &self.name];
        let mut changes = std::pin::pin!(self.client.stream("reading what changed", &sql, &parameters).await?);
        while let Some(row) = changes.try_next().await? {
            heard(Written { bytes: row.get(0), is_whole: row.get(1) })?;
        }
        Ok(Reading { until, left: end.since(until) })
    }

    /// Of the log before `since`, what the server decodes with every reading, because of a transaction that was open then. A
    /// reading of as much costs twice that at most; many small ones after a large transaction would cost its square.
    async fn read_again(&self, since: Lsn) -> Result<u64, ReplicateError> {
        let sql = "SELECT restart_lsn::text FROM pg_catalog.pg_replication_slots WHERE slot_name = $1";
        let rows = self.client.rows("looking for the record of changes", sql, &[&self.name]).await?;
        let restart = rows.first().and_then(|row| row.get::<_, Option<&str>>(0)?.parse::<Lsn>().ok());
        Ok(restart.map_or(0, |restart| since.since(restart)))
    }

    async fn forget(&self, until: Lsn) -> Result<(), ReplicateError> {
        let known =
            "SELECT confirmed_flush_lsn::text, wal_status FROM pg_catalog.pg_replication_slots WHERE slot_name = $1";
        let rows = self.client.rows("looking for the record of changes", known, &[&self.name]).await?;
        let Some(row) = rows.first() else { return Err(ReplicateError::SlotGone { slot: self.name.to_owned() }) };
        if row.get::<_, Option<&str>>(1) == Some("lost") {
            return Err(ReplicateError::SlotLost { slot: self.name.to_owned(), status: "lost".to_owned() });
        }
        let confirmed = row.get::<_, Option<&str>>(0).and_then(|text| text.parse::<Lsn>().ok()).unwrap_or_default();
        if confirmed < until {
            let advance = "SELECT pg_catalog.pg_replication_slot_advance($1, $2::text::pg_lsn)";
            self.client.rows("forgetting what was read", advance, &[&self.name, &until.to_string()]).await?;
        }
        Ok(())
    }

    fn channel(&self) -> Channel<'_> {
        Channel { name: self.name, publisher: self.client, subscriber: self.client }
    }
}

async fn lsn(client: &Client, sql: &str) -> Result<Lsn, PostgresError> {
    let operation = "asking for the position of the log";
    let text: String = client.row(operation, sql, &[]).await?.get(0);
    text.parse().map_err(|error: crate::postgres::LsnError| PostgresError::Protocol {
        operation: operation.to_owned(),
        detail: error.to_string(),
    })
}
