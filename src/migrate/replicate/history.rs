//! What changed in a database since a moment, by whomever: a slot that is read now and then, by statements, without a
//! subscriber. What was read is forgotten only with the next reading, when its reader has written down what it needs of
//! it, so that nothing is missed and nothing is counted twice.

use super::message::{Message, parse};
use super::{Channel, ReplicateError};
use crate::migrate::catalog::{QualifiedName, quote_identifier};
use crate::postgres::{Client, Lsn, PostgresError};

/// Of the log, in one reading: decoded in some tenths of a second, and taken apart it fits into memory.
const READING: u64 = 16 << 20;

/// A publication and a slot of this name.
pub struct History<'a> {
    pub name: &'a str,
    pub client: &'a Client,
}

/// One reading: everything that was committed between the position given and this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    pub messages: Vec<Message>,
    pub until: Lsn,
    /// Of the log, still to be read.
    pub left: u64,
}

impl History<'_> {
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
    pub async fn read(&self, since: Lsn) -> Result<Reading, ReplicateError> {
        let end = self.position().await?;
        let until = end.min(Lsn::new(since.as_u64() + READING));
        self.forget(since).await?;
        let sql = "SELECT data FROM pg_catalog.pg_logical_slot_peek_binary_changes(
                       $1, $2::text::pg_lsn, NULL, 'proto_version', '1', 'publication_names', $3)";
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 3] = [&self.name, &until.to_string(), &self.name];
        let rows = self.client.rows("reading what changed", sql, &parameters).await?;
        let messages = rows.iter().map(|row| parse(row.get(0))).collect::<Result<_, _>>()?;
        Ok(Reading { messages, until, left: end.since(until) })
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
