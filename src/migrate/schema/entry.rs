//! What is run at the target: statements that belong together, in one transaction.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::archive::Item;
use super::disposition::described;
use crate::migrate::catalog::QualifiedName;

/// In this order. Within a phase the order of the list holds, except where a phase says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Roles,
    /// Everything that rows need to exist.
    BeforeData,
    /// Index builds: in any order, several at a time, each as soon as its table's rows are complete.
    Index,
    /// Takes ready indexes for constraints, and attaches them to those of parents: quick.
    Constraint,
    /// Added without looking at rows, except for those of partitioned tables, where PostgreSQL must look.
    ForeignKey,
    /// Looks at all rows: in any order, several at a time.
    Validate,
    /// What the planner knows of a table, of indexed expressions too.
    Statistics,
    /// Triggers, rules, policies.
    AfterData,
    Grants,
    /// Contents of materialized views, computed with their owners' rights.
    Refresh,
    Settings,
    /// What acts by itself: event triggers, publications.
    Last,
    /// When nothing is brought or compared any more, and the clients are about to come: rows are hidden from whom policies
    /// hide them, and TimescaleDB works again.
    #[serde(alias = "row_security")]
    HandOver,
}

impl Phase {
    /// Its entries look at no rows: many may share a transaction, and trying them again costs little.
    pub fn is_quick(self) -> bool {
        matches!(self, Self::Roles | Self::BeforeData | Self::Constraint | Self::AfterData | Self::Grants)
    }
}

/// Says the same of the same statements in every dump, so that a resumed run knows what it has done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryId(pub String);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub id: EntryId,
    pub phase: Phase,
    /// pg_dump's word: `TABLE`, `INDEX`.
    pub kind: String,
    /// For people.
    pub name: String,
    /// The table that it belongs to, of indexes, constraints and triggers.
    pub table: Option<QualifiedName>,
    pub statements: Vec<String>,
    /// The archive's item that it makes, as `described` names it; None for what infra adds by itself.
    #[serde(default)]
    pub item: Option<String>,
    /// What takes it away again; None for what goes with something else.
    #[serde(default)]
    pub undo: Option<String>,
}

impl Entry {
    pub(in crate::migrate) fn new(phase: Phase, kind: &str, name: impl Into<String>, statements: Vec<String>) -> Self {
        let name = name.into();
        let mut hash = Sha256::new();
        for part in [kind, &name].into_iter().chain(statements.iter().map(String::as_str)) {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let id = EntryId(hex::encode(&hash.finalize()[..16]));
        Self { id, phase, kind: kind.to_owned(), name, table: None, statements, item: None, undo: None }
    }

    pub(in crate::migrate) fn undone_by(mut self, undo: impl Into<String>) -> Self {
        self.undo = Some(undo.into()).filter(|undo: &String| !undo.trim().is_empty());
        self
    }

    /// No dump has it: tables come without their statistics.
    pub fn statistics(table: &QualifiedName) -> Self {
        Self::new(Phase::Statistics, "ANALYZE", table.plain(), vec![format!("ANALYZE {table}")]).of(Some(table.clone()))
    }

    pub(super) fn making(mut self, item: &Item) -> Self {
        self.item = Some(described(item));
        self
    }

    /// What it is about: the same for all entries of one item, and in every dump.
    pub fn subject(&self) -> String {
        self.item.clone().unwrap_or_else(|| format!("{} {}", self.kind, self.name))
    }

    pub(super) fn of(mut self, table: Option<QualifiedName>) -> Self {
        self.table = table;
        self
    }
}
