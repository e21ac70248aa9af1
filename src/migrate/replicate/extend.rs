//! A channel that takes in tables that came after it was made: published, then subscribed to with the rows that they have by then.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Channel, ReplicateError};
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::catalog::{QualifiedName, is_users_schema, quote_identifier};
use crate::postgres::{Client, PostgresError};

const POLL: Duration = Duration::from_millis(100);
const MOST_TOLD: usize = 5;

impl Channel<'_> {
    /// From now on changes of this table are sent, and no subscriber may lack it.
    pub async fn add(&self, table: &QualifiedName) -> Result<(), PostgresError> {
        let sql = format!("ALTER PUBLICATION {} ADD TABLE {table}", quote_identifier(self.name));
        self.publisher.run(&format!("publishing {}", table.plain()), &sql).await
    }

    /// The subscriber takes over what is published, and copies what it did not follow until now. Every table has to be there.
    pub async fn refresh(&self) -> Result<(), PostgresError> {
        let sql =
            format!("ALTER SUBSCRIPTION {} REFRESH PUBLICATION WITH (copy_data = true)", quote_identifier(self.name));
        self.subscriber.run("following tables that came", &sql).await
    }

    /// What is published, roots for their partitions.
    pub async fn published(&self) -> Result<Vec<QualifiedName>, PostgresError> {
        let sql = "SELECT schemaname::text, tablename::text FROM pg_catalog.pg_publication_tables WHERE pubname = $1";
        names(self.publisher, "listing what is published", sql, self.name).await
    }

    /// Another one for every change of what is published. Cheaper than the list.
    pub async fn sent(&self) -> Result<String, PostgresError> {
        let sql = "SELECT pg_catalog.format('%s:%s:%s', p.oid, p.xmin, (
                       SELECT coalesce(sum(pg_catalog.hashtextextended(pg_catalog.format('%s,%s', r.oid, r.xmin), 0)), 0)
                         FROM pg_catalog.pg_publication_rel r WHERE r.prpubid = p.oid))
                     FROM pg_catalog.pg_publication p WHERE p.pubname = $1";
        let rows = self.publisher.rows("asking what is published", sql, &[&self.name]).await?;
        Ok(rows.first().map(|row| row.get(0)).unwrap_or_default())
    }

    /// What the subscriber follows.
    pub async fn followed(&self) -> Result<Vec<QualifiedName>, PostgresError> {
        names(self.subscriber, "listing what is followed", &format!("{FOLLOWED} WHERE s.subname = $1"), self.name).await
    }

    /// Tables whose rows are still copied: no beat tells when they have arrived.
    pub async fn arriving(&self) -> Result<Vec<QualifiedName>, PostgresError> {
        let sql = format!("{FOLLOWED} WHERE s.subname = $1 AND r.srsubstate <> 'r'");
        names(self.subscriber, "looking for tables that are still copied", &sql, self.name).await
    }

    /// What the subscriber's server calls its slots at the publisher while it copies tables, as a pattern of LIKE. For a superuser.
    pub async fn copying_slots(&self) -> Result<Option<String>, PostgresError> {
        let sql = "SELECT pg_catalog.format('pg\\_%s\\_sync\\_%%\\_%s', s.oid, c.system_identifier)
                     FROM pg_catalog.pg_subscription s, pg_catalog.pg_control_system() c WHERE s.subname = $1
                      AND s.subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())";
        let rows = self.subscriber.rows("asking for the subscription's number", sql, &[&self.name]).await?;
        Ok(rows.first().map(|row| row.get(0)))
    }

    /// Attempts to copy a table that failed.
    pub async fn copy_errors(&self) -> Result<i64, PostgresError> {
        if !self.counts_errors().await? {
            return Ok(0);
        }
        let sql = "SELECT coalesce(sum((pg_catalog.to_jsonb(s) ->> 'sync_error_count')::bigint), 0)::bigint
                     FROM pg_catalog.pg_stat_subscription_stats s WHERE subname = $1";
        Ok(self.subscriber.row("counting copies that failed", sql, &[&self.name]).await?.get(0))
    }

    /// Until no table is copied any more.
    pub async fn all_copied(&self, patience: Duration) -> Result<(), ReplicateError> {
        let began = Instant::now();
        loop {
            let arriving = self.arriving().await?;
            if arriving.is_empty() {
                return Ok(());
            }
            if began.elapsed() > patience {
                let tables: Vec<String> = arriving.iter().map(QualifiedName::plain).collect();
                let tables = crate::migrate::prose::few(&tables, MOST_TOLD);
                return Err(ReplicateError::StillCopied { tables, after: patience });
            }
            sleep(POLL).await;
        }
    }
}

const FOLLOWED: &str = "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_subscription_rel r
    JOIN pg_catalog.pg_subscription s ON s.oid = r.srsubid AND s.subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
    JOIN pg_catalog.pg_class c ON c.oid = r.srrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace";

async fn names(
    client: &Client,
    operation: &str,
    sql: &str,
    channel: &str,
) -> Result<Vec<QualifiedName>, PostgresError> {
    let rows = client.rows(operation, sql, &[&channel]).await?;
    Ok(rows.iter().map(|row| QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1))).collect())
}

/// Tables whose changes are in the log, roots for their partitions. The beat is among them.
pub async fn logged_tables(client: &Client) -> Result<Vec<QualifiedName>, PostgresError> {
    let sql = format!(
        "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'
            AND ({} OR n.nspname = $1 AND c.relname = 'beat')
          ORDER BY 1, 2",
        is_users_schema("n.nspname")
    );
    names(client, "listing the new database's tables", &sql, HELPER_SCHEMA).await
}
