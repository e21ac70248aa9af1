//! Tables and their columns.

use serde::{Deserialize, Serialize};

use super::name::{Oid, QualifiedName};

/// Serialized with the letters of `pg_class`, as all kinds here are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TableKind {
    #[serde(rename = "r")]
    Ordinary,
    /// Has no rows of its own; its partitions have.
    #[serde(rename = "p")]
    Partitioned,
    /// Its rows are elsewhere.
    #[serde(rename = "f")]
    Foreign,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Persistence {
    #[serde(rename = "p")]
    Permanent,
    /// Not in the WAL: empty after a crash, and no part of logical replication.
    #[serde(rename = "u")]
    Unlogged,
}

/// By what logical replication recognises a row that was changed or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ReplicaIdentity {
    /// By the primary key, if there is one.
    #[serde(rename = "d")]
    Default,
    #[serde(rename = "n")]
    Nothing,
    #[serde(rename = "f")]
    Full,
    #[serde(rename = "i")]
    Index,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Identity {
    #[serde(rename = "a")]
    Always,
    #[serde(rename = "d")]
    ByDefault,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Generated {
    #[serde(rename = "s")]
    Stored,
    #[serde(rename = "v")]
    Virtual,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    pub oid: Oid,
    #[serde(flatten)]
    pub name: QualifiedName,
    pub kind: TableKind,
    pub persistence: Persistence,
    pub owner: String,
    /// None for tables that have no storage of their own.
    pub access_method: Option<String>,
    /// None is the database's own.
    pub tablespace: Option<String>,
    /// The partitioned table that it is a partition of, or the tables that it inherits from.
    pub parents: Vec<Oid>,
    /// `FOR VALUES …`; only partitions have one.
    pub partition_bound: Option<String>,
    /// `RANGE (at)`; only partitioned tables have one.
    pub partition_key: Option<String>,
    /// Which of its partitions a row belongs to depends on the server: the same row may belong to another at the target.
    #[serde(default)]
    pub routed_by_server: bool,
    pub replica_identity: ReplicaIdentity,
    pub row_security: bool,
    /// Row security that holds for the owner too.
    pub row_security_forced: bool,
    /// The extension that made it.
    pub extension: Option<String>,
    /// For a table that an extension made and people fill: which rows are theirs, as a WHERE clause, maybe empty.
    pub extension_filter: Option<String>,
    /// None: its rows are its own, as those of every table that exists.
    #[serde(default)]
    pub slice: Option<Slice>,
    /// Without dropped ones, in their order.
    pub columns: Vec<Column>,
    pub dropped_columns: u32,
    /// As of the last ANALYZE; None if there was none.
    pub estimated_rows: Option<u64>,
    /// The main fork, in blocks of the server's size.
    pub pages: u64,
    pub heap_bytes: u64,
    pub toast_bytes: u64,
    pub index_bytes: u64,
}

/// Rows of a partition that only the target has: those of the source's table that meet a condition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    pub of: QualifiedName,
    pub condition: String,
}

impl Table {
    pub fn has_own_rows(&self) -> bool {
        self.kind == TableKind::Ordinary && (self.extension.is_none() || self.extension_filter.is_some())
    }

    pub fn is_partition(&self) -> bool {
        self.partition_bound.is_some()
    }

    /// Of rows, TOAST included.
    pub fn bytes(&self) -> u64 {
        self.heap_bytes + self.toast_bytes
    }

    /// Columns that are written, in contrast to those that the server computes.
    pub fn stored_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.generated.is_none())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// `attnum`: has gaps where columns were dropped.
    pub number: i16,
    pub name: String,
    pub type_oid: Oid,
    /// As `format_type` writes it, qualified.
    pub type_name: String,
    pub not_null: bool,
    pub identity: Option<Identity>,
    pub generated: Option<Generated>,
    pub has_default: bool,
}
