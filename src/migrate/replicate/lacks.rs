//! What came to the publisher of a channel after it was made, and has no place at its subscriber: rows of it would be lost,
//! or stop everything that comes after them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::migrate::catalog::{QualifiedName, is_users_schema};
use crate::postgres::{Client, PostgresError};

/// Something that has rows, or may have some.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Lack {
    Table(QualifiedName),
    Column {
        table: QualifiedName,
        column: String,
    },
    /// It is at both, and its changes are not sent.
    Unsent(QualifiedName),
}

impl Lack {
    pub fn table(&self) -> &QualifiedName {
        match self {
            Self::Table(table) | Self::Unsent(table) | Self::Column { table, .. } => table,
        }
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Table(table) => write!(f, "TABLE {}, with all of its rows", table.plain()),
            Self::Column { table, column } => {
                write!(f, "COLUMN {}.{column}, and every row that was written there since", table.plain())
            }
            Self::Unsent(table) => {
                write!(f, "TABLE {}, which is in both and whose rows do not come over", table.plain())
            }
        }
    }
}

/// Of tables with rows. `carried`: what comes over otherwise.
pub async fn lacking(
    publisher: &Client,
    subscriber: &Client,
    channel: &str,
    carried: &BTreeSet<QualifiedName>,
) -> Result<Vec<Lack>, PostgresError> {
    have_rows(publisher, placeless(publisher, subscriber, channel, carried).await?).await
}

/// Those of which rows would be lost: some milliseconds for each table.
pub async fn have_rows(publisher: &Client, placeless: Vec<Lack>) -> Result<Vec<Lack>, PostgresError> {
    let mut asked = BTreeMap::new();
    let mut lacks = vec![];
    for lack in placeless {
        let table = lack.table().clone();
        let has_rows = match asked.get(&table) {
            Some(known) => *known,
            None => has_rows(publisher, &table).await?,
        };
        asked.insert(table, has_rows);
        lacks.extend(has_rows.then_some(lack));
    }
    Ok(lacks)
}

/// Of all tables, by the catalogues alone.
pub async fn placeless(
    publisher: &Client,
    subscriber: &Client,
    channel: &str,
    carried: &BTreeSet<QualifiedName>,
) -> Result<Vec<Lack>, PostgresError> {
    let (here, there) = (columns(publisher).await?, columns(subscriber).await?);
    let sent = published(publisher, channel).await?;
    let mut lacks = vec![];
    for (table, columns) in &here {
        let mut of_table = match there.get(table) {
            None => vec![Lack::Table(table.clone())],
            Some(known) => {
                let new = columns.iter().filter(|column| !known.contains(*column));
                new.map(|column| Lack::Column { table: table.clone(), column: column.clone() }).collect()
            }
        };
        if of_table.is_empty() && !sent.contains(table) && !carried.contains(table) {
            of_table.push(Lack::Unsent(table.clone()));
        }
        lacks.append(&mut of_table);
    }
    Ok(lacks)
}

/// Of every table that is no partition: those travel under the name of their root. What the server computes is no column of
/// a row that is sent.
async fn columns(client: &Client) -> Result<BTreeMap<QualifiedName, BTreeSet<String>>, PostgresError> {
    let sql = format!(
        "SELECT n.nspname::text, c.relname::text,
                      coalesce(pg_catalog.array_agg(a.attname::text) FILTER (WHERE a.attname IS NOT NULL), '{{}}')
                 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 LEFT JOIN pg_catalog.pg_attribute a
                   ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
                WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
                  AND {}
                  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                       WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
                GROUP BY 1, 2",
        is_users_schema("n.nspname")
    );
    let rows = client.rows("listing tables and columns", &sql, &[]).await?;
    let table = |row: &tokio_postgres::Row| QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1));
    Ok(rows.iter().map(|row| (table(row), row.get::<_, Vec<String>>(2).into_iter().collect())).collect())
}

async fn published(client: &Client, channel: &str) -> Result<BTreeSet<QualifiedName>, PostgresError> {
    let sql = "SELECT schemaname::text, tablename::text FROM pg_catalog.pg_publication_tables WHERE pubname = $1";
    let rows = client.rows("listing what is published", sql, &[&channel]).await?;
    Ok(rows.iter().map(|row| QualifiedName::new(row.get::<_, String>(0), row.get::<_, String>(1))).collect())
}

async fn has_rows(client: &Client, table: &QualifiedName) -> Result<bool, PostgresError> {
    let sql = format!("SELECT EXISTS (SELECT FROM {table})");
    Ok(client.row(&format!("looking for rows of {}", table.plain()), &sql, &[]).await?.get(0))
}
