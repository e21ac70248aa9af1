//! Indexes and constraints, with the definitions that the server writes for them.

use serde::{Deserialize, Serialize};

use super::name::{Oid, QualifiedName};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    pub oid: Oid,
    #[serde(flatten)]
    pub name: QualifiedName,
    pub table: Oid,
    pub unique: bool,
    pub primary: bool,
    /// False after a failed CREATE INDEX CONCURRENTLY: kept up to date, never used, and skipped by pg_dump.
    pub valid: bool,
    pub partial: bool,
    /// False for the index of a deferrable constraint: it cannot be a replica identity.
    pub immediate: bool,
    /// Serves as the table's replica identity.
    pub replica_identity: bool,
    pub method: String,
    /// Names of the key's columns, without INCLUDEd ones; empty if any part is an expression.
    pub columns: Vec<String>,
    /// The constraint that owns it.
    pub constraint: Option<Oid>,
    /// The partitioned index that it is attached to.
    pub parent: Option<Oid>,
    /// `CREATE [UNIQUE] INDEX …`, with qualified names.
    pub definition: String,
    pub bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConstraintKind {
    #[serde(rename = "c")]
    Check,
    #[serde(rename = "f")]
    ForeignKey,
    #[serde(rename = "n")]
    NotNull,
    #[serde(rename = "p")]
    PrimaryKey,
    #[serde(rename = "u")]
    Unique,
    #[serde(rename = "t")]
    Trigger,
    #[serde(rename = "x")]
    Exclusion,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    pub oid: Oid,
    /// Unique within its table only.
    pub name: String,
    pub table: Oid,
    pub kind: ConstraintKind,
    /// False after ADD … NOT VALID: holds for new rows only.
    pub validated: bool,
    pub deferrable: bool,
    pub deferred: bool,
    /// Of a foreign key: the table that it points to, and the columns on both sides in the same order.
    pub references: Option<Oid>,
    pub columns: Vec<String>,
    pub referenced_columns: Vec<String>,
    /// Of a foreign key, for each column: when a row `p` of the other table is meant by a row `c` of its own.
    #[serde(default)]
    pub comparisons: Vec<String>,
    /// A key that is null in part is a violation.
    #[serde(default)]
    pub match_full: bool,
    /// The last column is a range that rows of the other table cover together.
    #[serde(default)]
    pub period: bool,
    /// Of a partition's constraint: the one above it.
    pub parent: Option<Oid>,
    /// What follows `ADD CONSTRAINT name`.
    pub definition: String,
}
