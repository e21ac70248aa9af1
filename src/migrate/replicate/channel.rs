//! One direction of replication.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep, timeout};

use super::heartbeat::Heartbeat;
use super::writers::{open_writers, told};
use super::{ReplicateError, stuck};
use crate::migrate::catalog::{QualifiedName, quote_identifier, quote_literal};
use crate::postgres::{Client, Endpoint, PostgresError, Tls, connect};

const POLL: Duration = Duration::from_millis(50);
/// A slot waits for everybody who writes; who waits for the slot wants to know for whom.
const SLOT_PATIENCE: Duration = Duration::from_secs(60);

/// A publication, a slot and a subscription of one name.
pub struct Channel<'a> {
    pub name: &'a str,
    pub publisher: &'a Client,
    pub subscriber: &'a Client,
}

/// How far the subscriber is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lag {
    /// Of the log, between what was written and what the subscriber has confirmed.
    pub bytes: u64,
    /// Of the log, kept at the publisher for the subscriber.
    pub retained_bytes: u64,
    /// The subscriber is connected.
    pub connected: bool,
    /// Since the last beat that arrived was sent; None before the first.
    #[serde(default)]
    pub seconds: Option<u64>,
}

impl fmt::Display for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.connected { "connected" } else { "not connected" };
        match self.seconds {
            Some(seconds) => write!(f, "{} bytes and {seconds} s behind, {state}", self.bytes),
            None => write!(f, "{} bytes behind, {state}", self.bytes),
        }
    }
}

impl Channel<'_> {
    /// At the publisher: of all tables, or of those named where only their owner may publish. Changes of partitions
    /// travel under the name of their root, so that a partition that came later finds its place.
    pub async fn publish(&self, tables: Option<&[QualifiedName]>) -> Result<(), ReplicateError> {
        let known = "SELECT 1 FROM pg_catalog.pg_publication WHERE pubname = $1";
        if !self.publisher.rows("looking for the publication", known, &[&self.name]).await?.is_empty() {
            return Ok(());
        }
        let what = match tables {
            None => "ALL TABLES".to_owned(),
            Some(tables) => {
                let names: Vec<_> = tables.iter().map(ToString::to_string).collect();
                format!("TABLE {}", names.join(", "))
            }
        };
        let name = quote_identifier(self.name);
        let sql = format!("CREATE PUBLICATION {name} FOR {what} WITH (publish_via_partition_root = true)");
        Ok(self.publisher.run("publishing the tables", &sql).await?)
    }

    /// At the publisher, for changes from now on. The copy's own slot comes with its snapshot instead.
    pub async fn make_slot(&self) -> Result<(), ReplicateError> {
        let sql = "SELECT pg_catalog.pg_create_logical_replication_slot($1, 'pgoutput')
                   WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_replication_slots WHERE slot_name = $1)";
        let name = [&self.name as &(dyn tokio_postgres::types::ToSql + Sync)];
        let made = self.publisher.rows("making the replication slot", sql, &name);
        let Ok(made) = timeout(SLOT_PATIENCE, made).await else { return Err(self.why_no_slot().await?) };
        Ok(made.map(drop)?)
    }

    async fn why_no_slot(&self) -> Result<ReplicateError, ReplicateError> {
        // Before the session waits: it answers one after the other.
        let another = connect(self.publisher.endpoint(), "infra migrate").await?;
        let who = told(&open_writers(&another).await?);
        self.publisher.cancel().await?;
        Ok(ReplicateError::NoSlot { slot: self.name.to_owned(), waited: SLOT_PATIENCE, who })
    }

    /// At the subscriber, from the slot on. `publisher` is the way from the subscriber's server to the publisher.
    pub async fn subscribe(&self, publisher: &Endpoint) -> Result<(), ReplicateError> {
        let known = "SELECT subenabled FROM pg_catalog.pg_subscription WHERE subname = $1
                     AND subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())";
        let name = quote_identifier(self.name);
        let found = self.subscriber.rows("looking for the subscription", known, &[&self.name]).await?;
        if found.is_empty() {
            let way = quote_literal(&format!("{}{}", conninfo(publisher), self.no_certificate().await?));
            let (slot, applier) = (quote_literal(self.name), self.applier().await?);
            let sql = format!(
                "CREATE SUBSCRIPTION {name} CONNECTION {way} PUBLICATION {name}
                 WITH (create_slot = false, slot_name = {slot}, copy_data = false, enabled = false{applier})"
            );
            self.subscriber.run("subscribing", &sql).await?;
        }
        Ok(self.subscriber.run("enabling the subscription", &format!("ALTER SUBSCRIPTION {name} ENABLE")).await?)
    }

    /// Where the way to the publisher is another by now, as after its password was changed. For a superuser, who sees which it was.
    pub async fn reconnect(&self, publisher: &Endpoint) -> Result<bool, ReplicateError> {
        let way = format!("{}{}", conninfo(publisher), self.no_certificate().await?);
        let sql = "SELECT subconninfo FROM pg_catalog.pg_subscription WHERE subname = $1
                   AND subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())";
        let rows = self.subscriber.rows("reading the way to the publisher", sql, &[&self.name]).await?;
        if rows.first().is_none_or(|row| row.get::<_, &str>(0) == way) {
            return Ok(false);
        }
        let sql = format!("ALTER SUBSCRIPTION {} CONNECTION {}", quote_identifier(self.name), quote_literal(&way));
        self.subscriber.run("changing the way to the publisher", &sql).await?;
        Ok(true)
    }

    /// libpq fails on a client's certificate that it may not read, as in the home of somebody else. PostgreSQL 16 and
    /// later can be told that there is none.
    async fn no_certificate(&self) -> Result<&'static str, PostgresError> {
        let sql = "SELECT pg_catalog.current_setting('server_version_num')::int >= 160000";
        let knows: bool = self.subscriber.row("asking for the version", sql, &[]).await?.get(0);
        Ok(if knows { " sslcertmode=disable" } else { "" })
    }

    /// From 16 on changes are applied as the table's owner. Rows of partitions travel under the name of their root, whose
    /// owner may not write to a partition that somebody else owns; the subscription's owner may.
    async fn applier(&self) -> Result<&'static str, PostgresError> {
        let sql = "SELECT pg_catalog.current_setting('server_version_num')::int >= 160000 AND EXISTS (
                       SELECT FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
                       JOIN pg_catalog.pg_class p ON p.oid = i.inhparent
                       WHERE c.relispartition AND c.relkind IN ('r', 'p') AND c.relowner <> p.relowner)";
        let mixed: bool = self.subscriber.row("asking who owns the partitions", sql, &[]).await?.get(0);
        Ok(if mixed { ", run_as_owner = true" } else { "" })
    }

    pub async fn pause(&self) -> Result<(), ReplicateError> {
        let sql = format!("ALTER SUBSCRIPTION {} DISABLE", quote_identifier(self.name));
        Ok(self.subscriber.run("pausing the subscription", &sql).await?)
    }

    pub async fn lag(&self) -> Result<Lag, ReplicateError> {
        let sql = "SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), confirmed_flush_lsn)::bigint,
                          pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn)::bigint,
                          active, wal_status
                   FROM pg_catalog.pg_replication_slots WHERE slot_name = $1";
        let rows = self.publisher.rows("measuring the lag", sql, &[&self.name]).await?;
        let Some(row) = rows.first() else { return Err(ReplicateError::SlotGone { slot: self.name.to_owned() }) };
        let status: Option<String> = row.get(3);
        if let Some(status) = status.filter(|status| status == "lost") {
            return Err(ReplicateError::SlotLost { slot: self.name.to_owned(), status });
        }
        let bytes = |column: usize| u64::try_from(row.get::<_, Option<i64>>(column).unwrap_or(0)).unwrap_or(0);
        let seconds = Heartbeat::age(self.publisher, self.subscriber, self.name).await?;
        Ok(Lag { bytes: bytes(0), retained_bytes: bytes(1), connected: row.get(2), seconds })
    }

    /// Waits until everything that is committed now has arrived; returns how long that took.
    pub async fn drain(&self, patience: Duration) -> Result<Duration, ReplicateError> {
        let began = Instant::now();
        let errors = self.apply_errors().await?;
        let sent = Heartbeat::send(self.publisher, self.name).await?;
        loop {
            if Heartbeat::received(self.subscriber, self.name).await?.is_some_and(|last| last >= sent) {
                return Ok(began.elapsed());
            }
            if began.elapsed() > patience {
                return Err(self.why_not_drained(errors, patience).await?);
            }
            sleep(POLL).await;
        }
    }

    /// The same; what the subscriber cannot apply is looked up, which takes some seconds and keeps the slot busy. For whoever
    /// gives up.
    pub async fn drain_or_say(&self, patience: Duration) -> Result<Duration, ReplicateError> {
        match self.drain(patience).await {
            Err(error) => Err(self.said(error).await),
            took => took,
        }
    }

    /// With the change and the reason, if it is one that cannot be applied.
    pub async fn said(&self, error: ReplicateError) -> ReplicateError {
        match error {
            ReplicateError::ApplyFailed { message } => {
                ReplicateError::ApplyFailed { message: format!("{}; {message}", stuck::reason(self).await) }
            }
            other => other,
        }
    }

    /// Takes the subscription away, then the slot, then the publication. Nothing happens where there is none.
    pub async fn remove(&self) -> Result<(), ReplicateError> {
        self.unsubscribe().await?;
        self.drop_slot().await?;
        self.unpublish().await
    }

    /// Nothing happens where there is none.
    pub async fn unpublish(&self) -> Result<(), ReplicateError> {
        let name = quote_identifier(self.name);
        Ok(self.publisher.run("removing the publication", &format!("DROP PUBLICATION IF EXISTS {name}")).await?)
    }

    /// Without asking the publisher, who may be gone.
    pub async fn unsubscribe(&self) -> Result<(), ReplicateError> {
        let known = "SELECT 1 FROM pg_catalog.pg_subscription WHERE subname = $1";
        if self.subscriber.rows("looking for the subscription", known, &[&self.name]).await?.is_empty() {
            return Ok(());
        }
        let name = quote_identifier(self.name);
        // Each on its own: they may not be in one transaction.
        for sql in [
            format!("ALTER SUBSCRIPTION {name} DISABLE"),
            format!("ALTER SUBSCRIPTION {name} SET (slot_name = NONE)"),
            format!("DROP SUBSCRIPTION IF EXISTS {name}"),
        ] {
            self.subscriber.run("removing the subscription", &sql).await?;
        }
        Ok(())
    }

    /// A slot is busy until its reader is gone.
    pub async fn drop_slot(&self) -> Result<(), ReplicateError> {
        let sql = "SELECT pg_catalog.pg_terminate_backend(active_pid) FROM pg_catalog.pg_replication_slots
                   WHERE slot_name = $1 AND active_pid IS NOT NULL";
        let drop = "SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots
                    WHERE slot_name = $1";
        let mut tries = 0;
        loop {
            self.publisher.rows("ending the slot's reader", sql, &[&self.name]).await?;
            match self.publisher.rows("removing the replication slot", drop, &[&self.name]).await {
                Ok(_) => return Ok(()),
                // object_in_use
                Err(error) if error.sqlstate() == Some("55006") && tries < 100 => {
                    tries += 1;
                    sleep(POLL).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Before PostgreSQL 15 nobody does.
    pub(super) async fn counts_errors(&self) -> Result<bool, PostgresError> {
        let counted = "SELECT pg_catalog.to_regclass('pg_catalog.pg_stat_subscription_stats') IS NOT NULL";
        Ok(self.subscriber.row("asking whether errors are counted", counted, &[]).await?.get(0))
    }

    async fn apply_errors(&self) -> Result<i64, PostgresError> {
        if !self.counts_errors().await? {
            return Ok(0);
        }
        let sql = "SELECT coalesce(sum(apply_error_count), 0)::bigint FROM pg_catalog.pg_stat_subscription_stats
                   WHERE subname = $1";
        Ok(self.subscriber.row("counting apply errors", sql, &[&self.name]).await?.get(0))
    }

    async fn why_not_drained(&self, errors: i64, after: Duration) -> Result<ReplicateError, ReplicateError> {
        let more = self.apply_errors().await? - errors;
        let lag = self.lag().await?;
        if more > 0 {
            let attempts = if more == 1 { "1 attempt".to_owned() } else { format!("{more} attempts") };
            let message = format!("{attempts} failed within {} s ({lag})", after.as_secs());
            return Ok(ReplicateError::ApplyFailed { message });
        }
        Ok(ReplicateError::NotDrained { after, lag })
    }
}

/// libpq's form. The server keeps it where only superusers look.
fn conninfo(endpoint: &Endpoint) -> String {
    let value = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let mut parts = vec![
        format!("host={}", value(&endpoint.host)),
        format!("port={}", endpoint.port),
        format!("dbname={}", value(&endpoint.database)),
        format!("user={}", value(endpoint.login())),
    ];
    if !endpoint.password.is_empty() {
        parts.push(format!("password={}", value(endpoint.password.expose())));
    }
    match &endpoint.tls {
        // Encrypted where the server can.
        Tls::Off => parts.push("sslmode=prefer".to_owned()),
        Tls::VerifyFull { ca } => {
            parts.push("sslmode=verify-full".to_owned());
            parts.push(format!("sslrootcert={}", value(&ca.to_string_lossy())));
        }
        Tls::ChannelBinding => parts.push("sslmode=require channel_binding=require".to_owned()),
    }
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::Secret;

    #[test]
    fn values_of_a_conninfo_may_hold_anything() {
        let endpoint = Endpoint {
            host: "db.example.com".into(),
            port: 5432,
            database: "it's".into(),
            user: "back\\slash".into(),
            login: None,
            password: Secret::new("a b'c"),
            tls: Tls::VerifyFull { ca: "/ca.pem".into() },
        };
        assert_eq!(
            conninfo(&endpoint),
            r"host='db.example.com' port=5432 dbname='it\'s' user='back\\slash' password='a b\'c' sslmode=verify-full sslrootcert='/ca.pem'"
        );
    }
}
