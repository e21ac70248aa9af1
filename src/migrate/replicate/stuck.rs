//! The change that a subscriber cannot apply, and why. Its server tells the reason to its log alone, which infra cannot read
//! everywhere. So the change is looked up in the publisher's slot, and tried once more at the subscriber in a transaction
//! that is rolled back: what the server answers there is what it tells its log. Nothing is applied, nothing forgotten.

use std::time::Duration;

use tokio::time::sleep;

use super::message::{Described, Message, Tuple, Value, parse};
use super::{Channel, ReplicateError};
use crate::migrate::catalog::{QualifiedName, ReplicaIdentity, quote_identifier, quote_literal};
use crate::postgres::{Client, Lsn, PostgresError};

/// A slot is free between two attempts of the subscriber's server, which come every five seconds.
const LOOKS: u32 = 30;
const AGAIN: Duration = Duration::from_millis(200);
/// So many changes are read, from what the publisher keeps on: a transaction may have millions.
const CHANGES: i32 = 1000;
/// Bytes of a change: what is longer is not looked at. All of them are in memory together.
const LONG: i32 = 16 << 10;

/// One change as SQL, and in words that hold no value but its key's.
struct Change {
    told: String,
    /// None: it cannot be tried.
    sql: Option<String>,
}

/// In a sentence. Where the change cannot be found or fails no more, it says where the reason is.
pub(super) async fn reason(channel: &Channel<'_>) -> String {
    const LOG: &str = "the log of its server has the reason";
    let changes = match changes(channel).await {
        Ok(changes) if !changes.is_empty() => changes,
        Ok(_) => return LOG.to_owned(),
        Err(error) => {
            tracing::debug!("the change that is stuck cannot be looked up: {}", crate::error::chain(&error));
            return LOG.to_owned();
        }
    };
    let first = &changes[0].told;
    match tried(channel.subscriber, &changes).await {
        Ok(Some((change, words))) => format!("{}: its server answers: {words}", change.told),
        Ok(None) if changes.len() == 1 => format!("it waits at {first}; {LOG}"),
        Ok(None) => format!("it waits at a transaction that begins with {first}; {LOG}"),
        Err(error) => {
            tracing::debug!("the change that is stuck cannot be tried: {}", crate::error::chain(&error));
            format!("it waits at a transaction that begins with {first}; {LOG}")
        }
    }
}

/// Of the first transaction that the subscriber does not have.
async fn changes(channel: &Channel<'_>) -> Result<Vec<Change>, ReplicateError> {
    let applied = applied(channel).await;
    let rows = peeked(channel).await?;
    let mut tables: Vec<Described> = vec![];
    let mut changes = vec![];
    let mut is_applied = false;
    for row in &rows {
        let Some(bytes) = row.get::<_, Option<&[u8]>>(0) else { break };
        if let Some(commit) = committed_at(bytes) {
            if !changes.is_empty() {
                break;
            }
            is_applied = applied.is_some_and(|applied| commit < applied);
        }
        match parse(bytes)? {
            Message::Table(table) => tables.push(table),
            message if !is_applied => changes.extend(change(&message, &tables)),
            _ => {}
        }
    }
    Ok(changes)
}

/// The slot is busy for as long as the subscriber's server tries.
async fn peeked(channel: &Channel<'_>) -> Result<Vec<tokio_postgres::Row>, PostgresError> {
    let sql = "SELECT CASE WHEN pg_catalog.octet_length(data) <= $2 THEN data END
               FROM pg_catalog.pg_logical_slot_peek_binary_changes(
                   $1, NULL, $4::int, 'proto_version', '1', 'publication_names', $3) LIMIT $4::int";
    let mut looks = 0;
    loop {
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&channel.name, &LONG, &channel.name, &CHANGES];
        match channel.publisher.rows("looking for the change that is stuck", sql, &parameters).await {
            // object_in_use
            Err(error) if error.sqlstate() == Some("55006") && looks < LOOKS => looks += 1,
            other => return other,
        }
        sleep(AGAIN).await;
    }
}

/// Up to where the subscriber has everything. None: it is not told to everybody.
async fn applied(channel: &Channel<'_>) -> Option<Lsn> {
    let sql = "SELECT pg_catalog.pg_replication_origin_progress('pg_' || oid, false)::text
               FROM pg_catalog.pg_subscription WHERE subname = $1
               AND subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())";
    let rows = channel.subscriber.rows("asking for what was applied", sql, &[&channel.name]).await.ok()?;
    rows.first()?.get::<_, Option<String>>(0)?.parse().ok()
}

/// Of the message that begins a transaction.
fn committed_at(bytes: &[u8]) -> Option<Lsn> {
    let (kind, rest) = bytes.split_first()?;
    let position = rest.first_chunk::<8>().filter(|_| *kind == b'B')?;
    Some(Lsn::new(u64::from_be_bytes(*position)))
}

/// The first that the server refuses, with its words.
async fn tried<'a>(client: &Client, changes: &'a [Change]) -> Result<Option<(&'a Change, String)>, PostgresError> {
    // As replication does it: without triggers and foreign keys. Whoever may not say so gets another answer.
    let begin = "BEGIN; SET LOCAL lock_timeout = '3s'; SET LOCAL statement_timeout = '10s';
                 SET LOCAL session_replication_role = replica";
    let answer = match client.run("trying the change that is stuck", begin).await {
        Ok(()) => first_refused(client, changes).await,
        Err(error) => Err(error),
    };
    client.run("taking it back", "ROLLBACK").await?;
    answer
}

async fn first_refused<'a>(
    client: &Client,
    changes: &'a [Change],
) -> Result<Option<(&'a Change, String)>, PostgresError> {
    for change in changes {
        let Some(sql) = &change.sql else { return Ok(None) };
        match client.run("trying the change that is stuck", sql).await {
            Ok(()) => {}
            // What is locked now says nothing about the change.
            Err(error) if error.is_transient() || error.sqlstate() == Some("57014") => return Err(error),
            Err(PostgresError::Server { report, .. }) => {
                // Others may hold the whole row.
                let detail = report.detail.as_ref().filter(|detail| detail.starts_with("Key "));
                let detail = detail.map(|detail| format!("; {detail}")).unwrap_or_default();
                let words = format!("{} (SQLSTATE {}){detail}", report.message, report.sqlstate.code());
                return Ok(Some((change, words)));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn change(message: &Message<'_>, tables: &[Described]) -> Option<Change> {
    let described = |number: &u32| tables.iter().rev().find(|table| table.number == *number);
    match message {
        Message::Insert { table, new } => described(table).map(|table| insert(table, new)),
        Message::Update { table, old, new } => described(table).map(|table| update(table, old.as_ref(), new)),
        Message::Delete { table, old } => described(table).map(|table| Change {
            told: told("DELETE from", table, old),
            sql: Some(format!("DELETE FROM {} WHERE {}", table.name, found_by(table, old))),
        }),
        Message::Truncate { tables } => {
            let names: Vec<_> = tables.iter().filter_map(described).map(|table| table.name.plain()).collect();
            Some(Change { told: format!("TRUNCATE of {}", names.join(", ")), sql: None })
        }
        Message::Table(_) | Message::Other => None,
    }
}

fn insert(table: &Described, new: &Tuple<'_>) -> Change {
    let (columns, values): (Vec<_>, Vec<_>) = given(table, new).map(|(name, value, _)| (name, value)).unzip();
    let (columns, values) = (columns.join(", "), values.join(", "));
    // A row of nothing but what the server computes.
    let sql = match columns.is_empty() {
        true => format!("INSERT INTO {} DEFAULT VALUES", table.name),
        false => format!("INSERT INTO {} ({columns}) OVERRIDING SYSTEM VALUE VALUES ({values})", table.name),
    };
    Change { told: told("INSERT into", table, new), sql: Some(sql) }
}

fn update(table: &Described, old: Option<&Tuple<'_>>, new: &Tuple<'_>) -> Change {
    let row = old.unwrap_or(new);
    // A key that stays is not set: it may be one that only the server sets.
    let set: Vec<_> = given(table, new)
        .filter(|(_, _, identifies)| old.is_some() || !identifies)
        .map(|(name, value, _)| format!("{name} = {value}"))
        .collect();
    let sql = format!("UPDATE {} SET {} WHERE {}", table.name, set.join(", "), found_by(table, row));
    Change { told: told("UPDATE of", table, row), sql: (!set.is_empty()).then_some(sql) }
}

/// Columns with their values as SQL, and whether they are part of what identifies a row; without what was left alone.
fn given<'a>(table: &'a Described, row: &'a Tuple<'a>) -> impl Iterator<Item = (String, String, bool)> + 'a {
    table.columns.iter().zip(row).filter_map(|(column, value)| {
        let value = literal(value)?;
        Some((quote_identifier(&column.name), value, column.identifies))
    })
}

fn literal(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Null => Some("NULL".to_owned()),
        Value::Text(text) => Some(quote_literal(text)),
        // Kept out of line, and left alone.
        _ => None,
    }
}

fn found_by(table: &Described, row: &Tuple<'_>) -> String {
    let parts = given(table, row).filter(|(_, _, identifies)| *identifies);
    let equal: Vec<_> = parts
        .map(|(name, value, _)| if value == "NULL" { format!("{name} IS NULL") } else { format!("{name} = {value}") })
        .collect();
    if equal.is_empty() { "false".to_owned() } else { equal.join(" AND ") }
}

/// `INSERT into public.t with id = 1`: no value but the key's.
fn told(what: &str, table: &Described, row: &Tuple<'_>) -> String {
    let name: &QualifiedName = &table.name;
    if table.identity == ReplicaIdentity::Full {
        return format!("{what} {}", name.plain());
    }
    let key: Vec<_> = table
        .columns
        .iter()
        .zip(row)
        .filter(|(column, _)| column.identifies)
        .filter_map(|(column, value)| match value {
            Value::Text(text) => Some(format!("{} = {text}", column.name)),
            _ => None,
        })
        .collect();
    if key.is_empty() {
        format!("{what} {}", name.plain())
    } else {
        format!("{what} {} with {}", name.plain(), key.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::DescribedColumn;
    use super::*;

    fn table(identity: ReplicaIdentity) -> Described {
        let column = |name: &str, identifies| DescribedColumn { name: name.into(), identifies };
        let columns = vec![column("id", true), column("it's", false), column("long", false)];
        Described { number: 7, name: QualifiedName::new("public", "t"), identity, columns }
    }

    #[test]
    fn changes_become_statements_and_words_without_values() {
        let text = Value::Text;
        let row = || vec![text("1"), text("a'b"), Value::Unchanged];
        let key = || vec![text("0"), Value::Null, Value::Null];
        let tables = [table(ReplicaIdentity::Default)];
        let said = |message: &Message<'_>| {
            let change = change(message, &tables).unwrap();
            (change.told, change.sql.unwrap_or_default())
        };
        let update = |old| Message::Update { table: 7, old, new: row() };
        assert_eq!(
            [
                said(&Message::Insert { table: 7, new: row() }),
                said(&update(None)),
                said(&update(Some(key()))),
                said(&Message::Delete { table: 7, old: key() }),
                said(&Message::Truncate { tables: vec![7] }),
            ]
            .map(|(told, sql)| format!("{told} | {sql}")),
            [
                r#"INSERT into public.t with id = 1 | INSERT INTO "public"."t" ("id", "it's") OVERRIDING SYSTEM VALUE VALUES ('1', 'a''b')"#,
                r#"UPDATE of public.t with id = 1 | UPDATE "public"."t" SET "it's" = 'a''b' WHERE "id" = '1'"#,
                r#"UPDATE of public.t with id = 0 | UPDATE "public"."t" SET "id" = '1', "it's" = 'a''b' WHERE "id" = '0'"#,
                r#"DELETE from public.t with id = 0 | DELETE FROM "public"."t" WHERE "id" = '0'"#,
                "TRUNCATE of public.t | ",
            ]
        );
        assert_eq!(told("DELETE from", &table(ReplicaIdentity::Full), &row()), "DELETE from public.t");
        assert!(change(&Message::Insert { table: 8, new: row() }, &tables).is_none());
    }

    #[test]
    fn a_transaction_begins_with_where_it_was_committed() {
        let begin = [&b"B"[..], &0x0000_0001_0000_00ff_u64.to_be_bytes(), &[0; 12]].concat();
        assert_eq!(committed_at(&begin).map(|lsn| lsn.to_string()).as_deref(), Some("1/FF"));
        assert_eq!(committed_at(b"C"), None);
        assert_eq!(committed_at(b"B\0"), None);
    }
}
