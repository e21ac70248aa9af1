//! What is to be compared once more: the rows that changed at either end since both ends were the same. Pure.
//!
//! Rows of tables with a key are known by it, and read at both ends. Rows of tables without one cannot be looked up:
//! there each end's changes are counted, and what was inserted and deleted at one end must be what was at the other.
//! Of a table with too many changes only that is known: all of it is to be compared.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use crate::migrate::catalog::{Catalog, QualifiedName, ReplicaIdentity};
use crate::migrate::replicate::Described;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
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
    /// More of it changed than is noted row by row, or a row so large that its key was not read.
    #[serde(default)]
    pub crowded: bool,
}

impl ChangedTable {
    pub fn is_settled(&self) -> bool {
        self.rows.is_empty() && self.balance.is_empty() && !self.is_whole()
    }

    /// Single rows of it say nothing.
    pub fn is_whole(&self) -> bool {
        self.emptied || self.crowded
    }
}

/// By which columns a row is found where replication uses all of them: a key without nulls, if the table has one.
#[derive(Debug, Default)]
pub struct Keys(HashMap<QualifiedName, Vec<String>>);

impl Keys {
    pub fn new(catalog: &Catalog) -> Self {
        let mut keys = HashMap::new();
        let tables = catalog.tables_by_oid();
        for (oid, columns) in crate::migrate::verify::run::keys(catalog) {
            let Some(table) = tables.get(&oid) else { continue };
            let filled = |name: &String| table.columns.iter().any(|column| column.name == *name && column.not_null);
            if columns.iter().all(filled) {
                keys.insert(table.name.clone(), columns);
            }
        }
        Self(keys)
    }

    pub fn of(&self, table: &Described) -> Vec<String> {
        if table.identity == ReplicaIdentity::Full {
            return self.0.get(&table.name).cloned().unwrap_or_default();
        }
        table.columns.iter().filter(|column| column.identifies).map(|column| column.name.clone()).collect()
    }
}

#[cfg(test)]
impl Changed {
    /// What is left to be compared.
    pub fn is_settled(&self) -> bool {
        self.tables.iter().all(ChangedTable::is_settled)
    }

    pub fn rows(&self) -> usize {
        self.tables.iter().map(|table| table.rows.len() + table.balance.len()).sum()
    }
}

impl Changed {
    pub fn tidy(&mut self) {
        for table in &mut self.tables {
            table.balance.retain(|_, count| *count != 0);
        }
        self.tables.retain(|table| !table.is_settled());
    }
}
