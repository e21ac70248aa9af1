//! The SQL that hashes rows: which ones, by what they are found. Pure.

use std::collections::HashMap;

use super::row_hash::{hashed, of_row, of_value};
use crate::migrate::catalog::{Oid, QualifiedName, Table, TableKind, Types, quote_identifier};

/// What is hashed: a table, or what stands for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HashedRelation {
    pub name: QualifiedName,
    /// What follows FROM; its rows are `r`.
    pub from: String,
    /// Rows have a `ctid`.
    pub places: bool,
    /// A partitioned table with the rows of all its partitions.
    pub tree: bool,
    /// `bigint`, never null.
    pub hash: String,
    /// Columns that identify a row, as names; empty without a key.
    pub key: Vec<String>,
    /// The hash of each column by name, for rows that differ.
    pub columns: Vec<(String, String)>,
}

impl HashedRelation {
    /// Read from the table that it is named for.
    pub fn at_its_own(&self) -> Self {
        if self.places || self.tree {
            return self.clone();
        }
        Self { from: format!("ONLY {} AS r", self.name), places: true, ..self.clone() }
    }
}

/// `key` is the primary key's columns, or those of another unique key.
///
/// A slice is read through the table that it is of, where its rows have no places: compressed ones are in none.
pub fn of_table(table: &Table, key: &[String], types: &Types<'_>) -> HashedRelation {
    HashedRelation {
        name: table.name.clone(),
        from: match &table.slice {
            Some(slice) => format!("(SELECT * FROM {} WHERE {}) AS r", slice.of, slice.condition),
            None => format!("ONLY {} AS r", table.name),
        },
        places: table.slice.is_none(),
        tree: false,
        hash: of_row(&table.columns, types),
        key: key.to_vec(),
        columns: table.columns.iter().map(|column| (column.name.clone(), of_value(column, types))).collect(),
    }
}

/// A partitioned table with the rows of all its partitions, whichever they are in.
pub fn of_tree(root: &Table, key: &[String], types: &Types<'_>) -> HashedRelation {
    let relation = of_table(root, key, types);
    HashedRelation { from: format!("{} AS r", root.name), places: false, tree: true, ..relation }
}

/// Rows of a table, or of a partitioned one with all its partitions, found by their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByKey {
    pub relation: HashedRelation,
    /// Columns of the key.
    pub width: usize,
    /// Its parameters are an array of texts for each column of the key; its rows are the place in the arrays, from 1 on,
    /// and the row's hash.
    pub hashes: String,
    /// Its parameters are one key; its row is the hash of each column.
    pub columns: String,
}

/// Where the operator `=` of a type is, for types that extensions brought: pg_catalog's would compare such values as texts,
/// without the key's index.
pub type Operators = HashMap<Oid, String>;

pub fn by_key(table: &Table, key: &[String], operators: &Operators, types: &Types<'_>) -> ByKey {
    let mut relation = of_table(table, key, types);
    if table.kind == TableKind::Partitioned {
        relation.from = format!("{} AS r", table.name);
    }
    let operator_and_type = |name: &String| {
        let column = table.columns.iter().find(|column| column.name == *name);
        let schema = column.and_then(|column| operators.get(&column.type_oid)).map_or("pg_catalog", String::as_str);
        let operator = format!("OPERATOR({}.=)", quote_identifier(schema));
        (operator, column.map_or("text", |column| column.type_name.as_str()))
    };
    let equal = |value: &dyn Fn(usize) -> String| {
        let parts = key.iter().enumerate().map(|(place, name)| {
            let (operator, of_type) = operator_and_type(name);
            format!("r.{} {operator} {}::{of_type}", quote_identifier(name), value(place))
        });
        parts.collect::<Vec<_>>().join(" AND ")
    };
    let arrays: Vec<_> = (1..=key.len()).map(|number| format!("pg_catalog.unnest(${number}::text[])")).collect();
    let names: Vec<_> = (0..key.len()).map(|place| format!("c{place}")).collect();
    // OFFSET 0 lets the server look up one key after the other, by the key's index.
    let hashes = format!(
        "SELECT k.place, x.h FROM ROWS FROM ({}) WITH ORDINALITY AS k ({}, place)
          CROSS JOIN LATERAL (SELECT {} AS h FROM {} WHERE {} OFFSET 0) AS x",
        arrays.join(", "),
        names.join(", "),
        relation.hash,
        relation.from,
        equal(&|place| format!("k.c{place}"))
    );
    let of_columns: Vec<_> = relation.columns.iter().map(|(_, hash)| hash.as_str()).collect();
    let columns = format!(
        "SELECT ARRAY[{}]::int8[] FROM {} WHERE {}",
        of_columns.join(", "),
        relation.from,
        equal(&|place| format!("${}::text", place + 1))
    );
    ByKey { width: key.len(), relation, hashes, columns }
}

/// Large objects as rows of number and bytes.
pub fn of_large_objects() -> HashedRelation {
    let bytes = "pg_catalog.sha256(pg_catalog.lo_get(r.oid))";
    HashedRelation {
        name: QualifiedName::new("pg_catalog", "pg_largeobject"),
        from: "pg_catalog.pg_largeobject_metadata AS r".to_owned(),
        places: true,
        tree: false,
        hash: hashed(&format!("ROW(r.oid, {bytes})::text")),
        key: vec!["oid".to_owned()],
        columns: vec![("data".to_owned(), hashed(&format!("{bytes}::text")))],
    }
}

/// Buckets by the hash's low bits, each with its count and sum. Sums of both ends' parts add up whatever the parts are.
/// OFFSET 0 keeps the server from writing the hash out twice, for the bucket and for the sum: it halves the time.
pub fn sums(relation: &HashedRelation, buckets: u32, filter: Option<&str>) -> String {
    let filter = filter.map(|filter| format!(" WHERE {filter}")).unwrap_or_default();
    format!(
        "SELECT (h OPERATOR(pg_catalog.&) {})::int4, pg_catalog.count(*)::int8, pg_catalog.sum(h)::text
           FROM (SELECT {} AS h FROM {}{filter} OFFSET 0) AS hashed GROUP BY 1",
        buckets - 1,
        relation.hash,
        relation.from
    )
}

/// Rows of these buckets: hash, place, and key as a JSON array of texts.
pub fn rows_of_buckets(relation: &HashedRelation, buckets: u32, wanted: &[i32], most: usize) -> String {
    let key = match relation.key.as_slice() {
        [] => "NULL".to_owned(),
        columns => {
            let texts: Vec<_> = columns.iter().map(|column| format!("r.{}::text", quote_identifier(column))).collect();
            format!("pg_catalog.json_build_array({})::text", texts.join(", "))
        }
    };
    let wanted = wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let place = if relation.places { "r.ctid::text" } else { "''::text" };
    format!(
        "SELECT h, place, key FROM (SELECT {} AS h, {place} AS place, {key} AS key FROM {} OFFSET 0) AS hashed
          WHERE (h OPERATOR(pg_catalog.&) {})::int4 OPERATOR(pg_catalog.=) ANY ('{{{wanted}}}'::int4[]) LIMIT {most}",
        relation.hash,
        relation.from,
        buckets - 1
    )
}

/// The hash of each column of the row at one place.
pub fn columns_at(relation: &HashedRelation, place: &str) -> String {
    let hashes: Vec<_> = relation.columns.iter().map(|(_, hash)| hash.as_str()).collect();
    format!(
        "SELECT ARRAY[{}]::int8[] FROM {} WHERE r.ctid OPERATOR(pg_catalog.=) '{place}'::tid",
        hashes.join(", "),
        relation.from
    )
}
