//! A torn file: every row that can still be read goes into a new one. Rows have checksums, so that nothing false comes along.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, params, types::Value};

use super::block::Codec;
use super::error::RingError;
use super::moment::{period_seconds, slot_seconds};
use super::store::{APPLICATION, open_to_write, pragma};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Salvaged {
    /// Rows: a reading, five minutes or six hours each.
    pub rows: usize,
}

/// Its columns besides the key, and how far apart its keys are. The longest times first: they are worth most.
const TABLES: [(&str, &str, i64); 4] = [
    ("coarse", "slots, cells", period_seconds()),
    ("fine", "readings, cells", slot_seconds()),
    ("summary", "NULL, cells", slot_seconds()),
    ("reading", "NULL, cells", 10),
];
/// More holes than this are not leapt over: then it is all but gone.
const MOST_LEAPS: i64 = 30_000;

/// Puts a new file in the place of the torn one. That one is removed if it was a ring at all; otherwise it stays beside it, as
/// `….torn`: somebody may have meant another file.
pub fn salvage(path: &Path) -> Result<Salvaged, RingError> {
    let torn = beside(path, ".torn");
    for suffix in ["", "-wal"] {
        let (from, to) = (beside(path, suffix), beside(&torn, suffix));
        match std::fs::rename(&from, &to) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                return Err(RingError::Io { path: from, source });
            }
            _ => {}
        }
    }
    drop(std::fs::remove_file(beside(path, "-shm")));
    let new = open_to_write(path)?;
    let failed = |source| RingError::Sqlite { operation: "saving", path: path.to_owned(), source };
    let Ok(old) = Connection::open(&torn) else { return Ok(Salvaged::default()) };
    let rows = carry(&old, &new).map_err(failed)?;
    let was_ring = pragma(&old, "application_id").is_ok_and(|id| id == i64::from(APPLICATION));
    drop(old);
    if was_ring {
        for suffix in ["", "-wal", "-shm"] {
            drop(std::fs::remove_file(beside(&torn, suffix)));
        }
    }
    Ok(Salvaged { rows })
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn carry(old: &Connection, new: &Connection) -> rusqlite::Result<usize> {
    let mut codec = Codec::new();
    let mut carried = 0;
    new.execute_batch("BEGIN IMMEDIATE")?;
    for (table, columns, step) in TABLES {
        for row in readable(old, table, columns, step) {
            if codec.unpack(&row.cells).is_ok() && insert(new, table, &row)? {
                carried += 1;
            }
        }
    }
    new.execute_batch("COMMIT")?;
    Ok(carried)
}

struct Row {
    key: i64,
    number: Value,
    cells: Vec<u8>,
}

fn insert(new: &Connection, table: &str, row: &Row) -> rusqlite::Result<bool> {
    let sql = format!("INSERT OR IGNORE INTO {table} VALUES");
    let inserted = match &row.number {
        Value::Null => new.execute(&format!("{sql} (?1, ?2)"), params![row.key, row.cells])?,
        number => new.execute(&format!("{sql} (?1, ?2, ?3)"), params![row.key, number, row.cells])?,
    };
    Ok(inserted > 0)
}

/// Forwards up to where a page is damaged, then backwards from the end, and between the two by leaps of one row's distance.
fn readable(old: &Connection, table: &str, columns: &str, step: i64) -> Vec<Row> {
    let mut rows = walk(old, table, columns, "key > ?1 ORDER BY key", i64::MIN);
    let from_the_end = walk(old, table, columns, "key < ?1 ORDER BY key DESC", i64::MAX);
    let (last, first) = (rows.last().map(|row| row.key), from_the_end.last().map(|row| row.key));
    if let (Some(last), Some(first)) = (last, first)
        && first > last
    {
        let sql = format!("SELECT key, {columns} FROM {table} WHERE key = ?1");
        let mut key = last + step;
        while key < first && (key - last) / step < MOST_LEAPS {
            rows.extend(one(old, &sql, key).ok().flatten());
            key += step;
        }
    }
    rows.extend(from_the_end);
    rows
}

fn walk(old: &Connection, table: &str, columns: &str, which: &str, start: i64) -> Vec<Row> {
    let sql = format!("SELECT key, {columns} FROM {table} WHERE {which} LIMIT 1");
    let (mut rows, mut key): (Vec<Row>, i64) = (vec![], start);
    while let Ok(Some(row)) = one(old, &sql, key) {
        key = row.key;
        rows.push(row);
    }
    rows
}

fn one(old: &Connection, sql: &str, key: i64) -> rusqlite::Result<Option<Row>> {
    let row = |row: &rusqlite::Row<'_>| Ok(Row { key: row.get(0)?, number: row.get(1)?, cells: row.get(2)? });
    old.prepare(sql)?.query_row([key], row).optional()
}
