//! What is to be compared once more: the rows that changed at either end since both ends were the same. Pure.
//!
//! Rows of tables with a key are known by it, and read at both ends. Rows of tables without one cannot be looked up:
//! there each end's changes are counted, and what was inserted and deleted at one end must be what was at the other.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::migrate::HELPER_SCHEMA;
use crate::migrate::catalog::{Catalog, QualifiedName, ReplicaIdentity};
use crate::migrate::replicate::{Described, Message, Tuple, Value};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Source,
    Target,
}

/// Values of the key's columns, as texts.
pub type Key = Vec<String>;

/// By table. Kept in a file between readings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    pub tables: Vec<ChangedTable>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedTable {
    pub name: QualifiedName,
    /// The columns of its key; empty without one.
    pub key: Vec<String>,
    pub rows: BTreeSet<Key>,
    /// Without a key: by the hash of a row, how much more often it came at the source than at the target.
    pub balance: BTreeMap<String, i64>,
    /// It was emptied: what it holds is known only by reading all of it.
    pub emptied: bool,
}

impl ChangedTable {
    pub fn is_settled(&self) -> bool {
        self.rows.is_empty() && self.balance.is_empty() && !self.emptied
    }
}

/// By which columns a row is found where replication uses all of them: a key without nulls, if the table has one.
pub struct Keys(HashMap<QualifiedName, Vec<String>>);

impl Keys {
    pub fn new(catalog: &Catalog) -> Self {
        let mut keys = HashMap::new();
        let tables = catalog.tables_by_oid();
        for (oid, columns) in super::run::keys(catalog) {
            let Some(table) = tables.get(&oid) else { continue };
            let filled = |name: &String| table.columns.iter().any(|column| column.name == *name && column.not_null);
            if columns.iter().all(filled) {
                keys.insert(table.name.clone(), columns);
            }
        }
        Self(keys)
    }

    fn of(&self, table: &Described) -> Vec<String> {
        if table.identity == ReplicaIdentity::Full {
            return self.0.get(&table.name).cloned().unwrap_or_default();
        }
        table.columns.iter().filter(|column| column.identifies).map(|column| column.name.clone()).collect()
    }
}

impl Changed {
    /// Takes in one reading. Tables of the migration itself are left out.
    pub fn add(&mut self, messages: &[Message], side: Side, keys: &Keys) {
        let mut known: HashMap<u32, (&Described, usize)> = HashMap::new();
        for message in messages {
            match message {
                Message::Table(table) if table.name.schema != HELPER_SCHEMA => {
                    let place = self.place(table, keys);
                    known.insert(table.number, (table, place));
                }
                Message::Insert { table, new } => {
                    self.note(known.get(table), side, None, Some(new));
                }
                Message::Update { table, old, new } => {
                    self.note(known.get(table), side, old.as_ref(), Some(new));
                }
                Message::Delete { table, old } => {
                    self.note(known.get(table), side, Some(old), None);
                }
                Message::Truncate { tables } => {
                    for place in tables.iter().filter_map(|table| known.get(table)) {
                        self.tables[place.1].emptied = true;
                    }
                }
                Message::Table(_) | Message::Other => {}
            }
        }
        self.tidy();
    }

    /// What is left to be compared.
    pub fn is_settled(&self) -> bool {
        self.tables.iter().all(ChangedTable::is_settled)
    }

    pub fn rows(&self) -> usize {
        self.tables.iter().map(|table| table.rows.len() + table.balance.len()).sum()
    }

    pub fn tidy(&mut self) {
        for table in &mut self.tables {
            table.balance.retain(|_, count| *count != 0);
        }
        self.tables.retain(|table| !table.is_settled());
    }

    fn place(&mut self, described: &Described, keys: &Keys) -> usize {
        let known = self.tables.iter().position(|table| table.name == described.name);
        known.unwrap_or_else(|| {
            self.tables.push(ChangedTable {
                name: described.name.clone(),
                key: keys.of(described),
                rows: BTreeSet::new(),
                balance: BTreeMap::new(),
                emptied: false,
            });
            self.tables.len() - 1
        })
    }

    fn note(&mut self, known: Option<&(&Described, usize)>, side: Side, old: Option<&Tuple>, new: Option<&Tuple>) {
        let Some((described, place)) = known else { return };
        let table = &mut self.tables[*place];
        if table.key.is_empty() {
            let weight = if side == Side::Source { 1 } else { -1 };
            for (row, weight) in [(old, -weight), (new, weight)] {
                let Some(row) = row else { continue };
                *table.balance.entry(hashed(described, row, old)).or_default() += weight;
            }
            return;
        }
        for row in [old, new].into_iter().flatten() {
            table.rows.extend(key(described, &table.key, row, old));
        }
    }
}

/// None: a part of it is null, which no key is.
fn key(described: &Described, columns: &[String], row: &Tuple, old: Option<&Tuple>) -> Option<Key> {
    columns
        .iter()
        .map(|name| {
            let place = described.columns.iter().position(|column| column.name == *name)?;
            value(row, place, old).map(str::to_owned)
        })
        .collect()
}

/// What an update left alone is in the old row, where that is told whole.
fn value<'a>(row: &'a Tuple, place: usize, old: Option<&'a Tuple>) -> Option<&'a str> {
    match row.get(place)? {
        Value::Text(text) => Some(text),
        Value::Null => None,
        Value::Unchanged => match old?.get(place)? {
            Value::Text(text) => Some(text),
            _ => None,
        },
    }
}

/// By names: the two ends may have their columns in another order.
fn hashed(described: &Described, row: &Tuple, old: Option<&Tuple>) -> String {
    let mut columns: Vec<(&str, usize)> =
        described.columns.iter().enumerate().map(|(place, column)| (column.name.as_str(), place)).collect();
    columns.sort_unstable();
    let mut hash = Sha256::new();
    for (name, place) in columns {
        let text = value(row, place, old);
        for part in [name, text.unwrap_or_default()] {
            hash.update(part.len().to_be_bytes());
            hash.update(part.as_bytes());
        }
        hash.update([u8::from(text.is_none())]);
    }
    hex::encode(&hash.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::replicate::DescribedColumn;

    fn table(identity: ReplicaIdentity, identifying: &[&str]) -> Message {
        let column = |name: &str| DescribedColumn { name: name.into(), identifies: identifying.contains(&name) };
        let name = QualifiedName::new("public", "t");
        Message::Table(Described { number: 1, name, identity, columns: vec![column("id"), column("body")] })
    }

    fn row(values: [&str; 2]) -> Tuple {
        values.iter().map(|value| Value::Text((*value).to_owned())).collect()
    }

    fn none() -> Keys {
        Keys(HashMap::new())
    }

    #[test]
    fn rows_with_a_key_are_noted_once_under_the_old_and_the_new_one() {
        let mut changed = Changed::default();
        let messages = [
            table(ReplicaIdentity::Default, &["id"]),
            Message::Insert { table: 1, new: row(["1", "a"]) },
            Message::Update { table: 1, old: None, new: row(["1", "b"]) },
            Message::Update {
                table: 1,
                old: Some(vec![Value::Text("1".into()), Value::Null]),
                new: vec![Value::Text("2".into()), Value::Unchanged],
            },
        ];
        changed.add(&messages, Side::Source, &none());
        changed.add(&messages, Side::Target, &none());
        assert_eq!(changed.tables[0].rows, BTreeSet::from([vec!["1".to_owned()], vec!["2".to_owned()]]));
    }

    #[test]
    fn without_a_key_the_changes_of_both_ends_must_cancel_out() {
        let full = table(ReplicaIdentity::Full, &["id", "body"]);
        let update = Message::Update { table: 1, old: Some(row(["1", "a"])), new: row(["1", "b"]) };
        let mut changed = Changed::default();
        changed.add(&[full.clone(), update.clone()], Side::Source, &none());
        assert_eq!(changed.rows(), 2);
        changed.add(&[full.clone(), update], Side::Target, &none());
        assert!(changed.is_settled() && changed.tables.is_empty());
        let twice = Message::Insert { table: 1, new: row(["1", "b"]) };
        changed.add(&[full, twice], Side::Target, &none());
        assert!(!changed.is_settled());
    }

    #[test]
    fn what_an_update_left_out_of_line_is_taken_from_the_old_row() {
        let full = table(ReplicaIdentity::Full, &["id", "body"]);
        let long = Message::Update {
            table: 1,
            old: Some(row(["1", "long"])),
            new: vec![Value::Text("2".into()), Value::Unchanged],
        };
        let told = Message::Update { table: 1, old: Some(row(["1", "long"])), new: row(["2", "long"]) };
        let mut changed = Changed::default();
        changed.add(&[full.clone(), long], Side::Source, &none());
        changed.add(&[full, told], Side::Target, &none());
        assert!(changed.is_settled());
    }

    #[test]
    fn an_emptied_table_is_not_settled_and_survives_its_file() {
        let mut changed = Changed::default();
        changed.add(
            &[table(ReplicaIdentity::Default, &["id"]), Message::Truncate { tables: vec![1] }],
            Side::Source,
            &none(),
        );
        assert!(!changed.is_settled());
        let file = serde_json::to_string(&changed).unwrap();
        assert_eq!(serde_json::from_str::<Changed>(&file).unwrap(), changed);
    }
}
