//! Rows whose values are too large to be written as text: pg_dump and replication write them so, and a text ends at a
//! gigabyte. Lengths are read from the rows alone, not the values.

use crate::migrate::catalog::{Catalog, Column, Table, quote_identifier};
use crate::migrate::preflight::facts::LargeRow;
use crate::postgres::{Client, PostgresError};

/// What a server puts into one text, and so into one row of a dump or of a change.
const LONGEST_TEXT: i64 = (1 << 30) - 64;
/// The best compression there is makes a 255th of a value (lz4); a table with less out of line has no such row.
const LEAST_TOAST: u64 = (1 << 29) / 255;
/// Told of each table.
const MOST_TOLD: i64 = 3;

const BYTEA: u32 = 17;
const XML: u32 = 142;
const JSON: u32 = 114;
/// text, varchar and char(n)
const TEXTS: [u32; 3] = [25, 1043, 1042];

pub async fn find(client: &Client, catalog: &Catalog) -> Result<Vec<LargeRow>, PostgresError> {
    let mut found = vec![];
    for table in catalog.with_rows().filter(|table| table.slice.is_none() && table.toast_bytes >= LEAST_TOAST) {
        let Some(sql) = rows_of(table) else { continue };
        let operation = format!("looking for large values in {}", table.name.plain());
        for row in client.rows(&operation, &sql, &[&LONGEST_TEXT, &MOST_TOLD]).await? {
            let (place, bytes) = (row.get(0), row.get::<_, i64>(1));
            found.push(LargeRow { table: table.name.plain(), column: row.get(2), place, text_bytes: bytes });
        }
    }
    Ok(found)
}

/// Place, length of the row's text, its longest column. None: no column can be so long.
fn rows_of(table: &Table) -> Option<String> {
    let lengths: Vec<(String, String)> = table.columns.iter().filter_map(length).collect();
    if lengths.is_empty() {
        return None;
    }
    let sum = lengths.iter().map(|(_, length)| length.as_str()).collect::<Vec<_>>().join(" + ");
    let each = lengths.iter().map(|(name, length)| format!("({}, {length})", literal(name)));
    let longest = format!(
        "(SELECT v.name FROM (VALUES {}) AS v (name, length) ORDER BY v.length DESC LIMIT 1)",
        each.collect::<Vec<_>>().join(", ")
    );
    Some(format!(
        "SELECT r.ctid::text, {sum}, {longest} FROM ONLY {} AS r WHERE {sum} > $1 ORDER BY 2 DESC LIMIT $2",
        table.name
    ))
}

fn literal(name: &str) -> String {
    format!("{}::text", crate::migrate::catalog::quote_literal(name))
}

/// A column and the length of its text, which the value's head tells.
fn length(column: &Column) -> Option<(String, String)> {
    let name = format!("r.{}", quote_identifier(&column.name));
    let length = match column.type_oid.0 {
        // Two digits a byte, after a backslash and an x.
        BYTEA => format!("(2 + 2 * pg_catalog.octet_length({name})::int8)"),
        oid if TEXTS.contains(&oid) => format!("pg_catalog.octet_length({name})::int8"),
        XML => format!("pg_catalog.octet_length({name}::text)::int8"),
        // It has no length of its own; a compressed one is longer than that.
        JSON => format!("pg_catalog.pg_column_size({name})::int8"),
        _ => return None,
    };
    Some((column.name.clone(), format!("coalesce({length}, 0)")))
}
