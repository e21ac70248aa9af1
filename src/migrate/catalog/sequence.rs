//! Sequences with their values, which are no part of any snapshot.

use serde::{Deserialize, Serialize};

use super::name::{Oid, QualifiedName};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    pub oid: Oid,
    #[serde(flatten)]
    pub name: QualifiedName,
    pub owner: String,
    pub start: i64,
    pub minimum: i64,
    pub maximum: i64,
    /// Negative for a descending one.
    pub increment: i64,
    pub cycle: bool,
    /// None without the right to read it.
    pub last_value: Option<i64>,
    /// False: the next value is `last_value` itself.
    pub is_called: Option<bool>,
    pub owned_by: Option<SequenceOwner>,
    pub extension: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceOwner {
    pub table: Oid,
    pub column: String,
    /// Made by GENERATED … AS IDENTITY, in contrast to OWNED BY.
    pub identity: bool,
}
