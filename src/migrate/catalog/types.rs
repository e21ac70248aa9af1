//! Types of columns, down to what they are made of.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::name::{Oid, QualifiedName};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TypeKind {
    /// Arrays too: they have an `element`.
    #[serde(rename = "b")]
    Base,
    #[serde(rename = "c")]
    Composite,
    #[serde(rename = "d")]
    Domain,
    #[serde(rename = "e")]
    Enum,
    #[serde(rename = "p")]
    Pseudo,
    #[serde(rename = "r")]
    Range,
    #[serde(rename = "m")]
    Multirange,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataType {
    pub oid: Oid,
    #[serde(flatten)]
    pub name: QualifiedName,
    pub kind: TypeKind,
    /// Of an array.
    pub element: Option<Oid>,
    /// Of a domain: what it restricts. Of a range or multirange: what it is over.
    pub base: Option<Oid>,
    /// Of a composite type: the types of its fields, in order.
    pub fields: Vec<Oid>,
    /// Has functions for the binary format in both directions.
    pub binary: bool,
    /// Has an operator class that says when two values are the same. Of arrays, domains and composites what they are made
    /// of decides.
    pub equality: bool,
    pub extension: Option<String>,
}

/// All types of a database's columns, with what they are made of.
pub type Types<'a> = HashMap<Oid, &'a DataType>;

/// It is that type, or has values of it within.
pub fn is_made_of(types: &Types<'_>, oid: Oid, part: Oid) -> bool {
    let within =
        |one: &&DataType| one.fields.iter().chain(&one.element).chain(&one.base).any(|of| is_made_of(types, *of, part));
    oid == part || types.get(&oid).is_some_and(within)
}
