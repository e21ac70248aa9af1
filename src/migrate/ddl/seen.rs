//! One database's definitions at a moment, as far as another is brought to them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::DdlError;
use crate::migrate::HELPER_SCHEMA;
use crate::migrate::catalog::is_users_schema;
use crate::migrate::drift::fingerprint;
use crate::migrate::replicate::FENCE_TRIGGER;
use crate::migrate::verify::{ObjectKey, Objects, read_objects, unquoted};
use crate::postgres::{Client, PostgresError};

/// How one object is made elsewhere. Statements name everything by its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub key: ObjectKey,
    /// It restricts rows: what was written before it has to have arrived.
    pub late: bool,
    pub make: Option<String>,
    /// Brings what is there to this definition.
    pub alter: Option<String>,
    /// What of that restricts rows.
    pub tighten: Option<String>,
    /// Takes away what would be in the way of rows, or act by itself.
    pub take: Option<String>,
    /// Rows that were there before it have values that nobody sent.
    pub fill: bool,
    /// The table that it is part of, quoted.
    pub table: Option<String>,
}

/// A table by its number, which it keeps whatever it is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedTable {
    /// Quoted, with its schema.
    pub identity: String,
    pub schema: String,
    pub name: String,
    pub is_partition: bool,
    /// Its own, not its parent's.
    pub columns: BTreeMap<i16, NamedColumn>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedColumn {
    pub name: String,
    pub data_type: String,
}

pub type Tables = BTreeMap<i64, NamedTable>;

/// What is kept of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Changes with every definition.
    pub fingerprint: String,
    #[serde(with = "pairs")]
    pub objects: Objects,
    pub tables: Tables,
}

impl Seen {
    pub async fn read(client: &Client) -> Result<Self, DdlError> {
        // First: what changes meanwhile is seen the next time.
        let fingerprint = fingerprint(client).await?;
        let mut objects = read_objects(client).await?;
        objects.retain(|key, _| !key.name.contains(FENCE_TRIGGER));
        for (key, definition) in &mut objects {
            match key.kind.as_str() {
                // The place of a column changes when one before it goes.
                "COLUMN" => definition.facts = after_word(&definition.facts).to_owned(),
                "TABLE" => definition.facts = without_identity(&definition.facts),
                _ => {}
            }
        }
        Ok(Self { fingerprint, objects, tables: tables(client).await? })
    }
}

/// Numbers and names of tables and columns.
pub async fn tables(client: &Client) -> Result<Tables, PostgresError> {
    let rows = client.rows("reading what tables are called", &filled(include_str!("sql/identities.sql")), &[]).await?;
    let mut tables = Tables::new();
    for row in &rows {
        let table = tables.entry(row.get(0)).or_insert_with(|| NamedTable {
            identity: row.get(1),
            name: row.get(2),
            schema: row.get(3),
            is_partition: row.get(7),
            columns: BTreeMap::new(),
        });
        if let Some(number) = row.get::<_, Option<i16>>(4) {
            table.columns.insert(number, NamedColumn { name: row.get(5), data_type: row.get(6) });
        }
    }
    Ok(tables)
}

/// In the order in which they are made.
pub async fn statements(client: &Client) -> Result<Vec<Statement>, PostgresError> {
    let sql = filled(include_str!("sql/statements.sql"));
    let rows = client.rows("reading how objects are made", &sql, &[]).await?;
    let statement = |row: &tokio_postgres::Row| Statement {
        key: ObjectKey { kind: row.get(0), name: unquoted(row.get(1)) },
        late: row.get(3),
        make: row.get(4),
        alter: row.get(5),
        tighten: row.get(6),
        take: row.get(7),
        fill: row.get(8),
        table: row.get(9),
    };
    Ok(rows.iter().map(statement).collect())
}

fn filled(sql: &str) -> String {
    sql.replace("{user_schema}", &is_users_schema("n.nspname"))
        .replace("{helper_schema}", &format!("'{HELPER_SCHEMA}'"))
        .replace("{fence}", FENCE_TRIGGER)
}

fn after_word(text: &str) -> &str {
    text.split_once(' ').map_or("", |(_, rest)| rest)
}

/// By what replication finds a row is seen to by itself, at both ends.
fn without_identity(facts: &str) -> String {
    const SAID: &str = "replica identity ";
    let Some((before, after)) = facts.split_once(SAID) else { return facts.to_owned() };
    format!("{before}{}", after_word(after))
}

/// JSON has no keys of two parts.
mod pairs {
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use crate::migrate::verify::{Definition, ObjectKey, Objects};

    pub fn serialize<S: Serializer>(objects: &Objects, serializer: S) -> Result<S::Ok, S::Error> {
        objects.iter().collect::<Vec<_>>().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Objects, D::Error> {
        Ok(Vec::<(ObjectKey, Definition)>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shifts_by_itself_is_no_change() {
        assert_eq!(after_word("3 integer not null"), "integer not null");
        assert_eq!(without_identity("r p replica identity f with x"), "r p with x");
        assert_eq!(without_identity("r p replica identity d"), "r p ");
    }
}
