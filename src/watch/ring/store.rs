//! The file: its format, and how SQLite is set for it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::error::RingError;

/// Marks the file as a ring of infra's: "infr".
pub const APPLICATION: u32 = 0x696e_6672;
/// Of the tables. A newer file is refused; a new format needs a new number and a way from the old one.
pub const VERSION: u32 = 1;

const PAGE: i64 = 4096;
/// With the log beside it, which stays under 1 MB, at most 32 MB.
pub const MOST_PAGES: i64 = 30 * (1 << 20) / PAGE;
/// Until room is made, which happens every five minutes.
const SPARE_PAGES: i64 = 256;
/// Somebody reads at the same time: he is done in milliseconds.
const PATIENCE: Duration = Duration::from_millis(500);

/// `key` is a moment's. `reading` and `summary` hold what is not packed yet: of the present five minutes and six hours.
const TABLES: &str = "
    CREATE TABLE reading (key INTEGER PRIMARY KEY, cells BLOB NOT NULL);
    CREATE TABLE fine (key INTEGER PRIMARY KEY, readings INTEGER NOT NULL, cells BLOB NOT NULL);
    CREATE TABLE summary (key INTEGER PRIMARY KEY, cells BLOB NOT NULL);
    CREATE TABLE coarse (key INTEGER PRIMARY KEY, slots INTEGER NOT NULL, cells BLOB NOT NULL);
    CREATE TABLE loss (first INTEGER NOT NULL, last INTEGER NOT NULL, readings INTEGER NOT NULL, why TEXT NOT NULL);";

/// Opens the file to write, and makes it if there is none.
pub fn open_to_write(path: &Path) -> Result<Connection, RingError> {
    let failed = |operation| move |source| RingError::Sqlite { operation, path: path.to_owned(), source };
    let db = Connection::open(path).map_err(failed("opening"))?;
    db.busy_timeout(PATIENCE).map_err(failed("opening"))?;
    let is_new = is_empty(&db, path).map_err(failed("reading"))?;
    if !is_new {
        check(&db, path)?;
    }
    tune(&db).map_err(failed("opening"))?;
    if is_new {
        create(&db).map_err(failed("making"))?;
    }
    whole(&db).map_err(failed("checking"))?;
    Ok(db)
}

/// Never makes or changes anything.
pub fn open_to_read(path: &Path) -> Result<Connection, RingError> {
    let failed = |source| RingError::Sqlite { operation: "opening", path: path.to_owned(), source };
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(failed)?;
    db.busy_timeout(PATIENCE).map_err(failed)?;
    check(&db, path)?;
    Ok(db)
}

/// Just made, or its making was cut off. A file with something in it that SQLite sees nothing in is torn.
fn is_empty(db: &Connection, path: &Path) -> rusqlite::Result<bool> {
    if pragma(db, "page_count")? == 0 {
        let length = std::fs::metadata(path).map_or(0, |file| file.len());
        return if length == 0 { Ok(true) } else { Err(corrupt("shorter than a page")) };
    }
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0 && pragma(db, "application_id")? == 0)
}

fn check(db: &Connection, path: &Path) -> Result<(), RingError> {
    let failed = |source| RingError::Sqlite { operation: "reading", path: path.to_owned(), source };
    let application = pragma(db, "application_id").map_err(failed)?;
    let version = u32::try_from(pragma(db, "user_version").map_err(failed)?).unwrap_or(u32::MAX);
    if application != i64::from(APPLICATION) {
        return Err(RingError::Foreign { path: path.to_owned() });
    }
    if version > VERSION {
        return Err(RingError::Newer { path: path.to_owned(), found: version, known: VERSION });
    }
    Ok(())
}

/// WAL: whoever reads does not wait for whoever writes, and a commit is an append without a sync. What is synced is the
/// checkpoint, which the writer asks for itself. Memory is bounded: the program is to stay small.
fn tune(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(&format!(
        "PRAGMA page_size = {PAGE};
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = NORMAL;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA journal_size_limit = 1048576;
         PRAGMA max_page_count = {};
         PRAGMA cache_size = -512;
         PRAGMA temp_store = MEMORY;",
        MOST_PAGES + SPARE_PAGES
    ))
}

/// All or nothing, so that no file is half made.
fn create(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(&format!(
        "BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; {TABLES} COMMIT;"
    ))
}

/// Looks at every page once: a second after a crash, and nothing is read later that is not there.
fn whole(db: &Connection) -> rusqlite::Result<()> {
    let found: String = db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found == "ok" {
        return Ok(());
    }
    Err(corrupt(&found))
}

fn corrupt(found: &str) -> rusqlite::Error {
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    rusqlite::Error::SqliteFailure(code, Some(found.to_owned()))
}

pub fn pragma(db: &Connection, name: &str) -> rusqlite::Result<i64> {
    db.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
}
