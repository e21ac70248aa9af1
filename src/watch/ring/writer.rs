//! The writing side: one reading after the other. Never fails for good: what could not be kept is counted, and written down
//! with the next that can.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior, params};

use super::block::{Block, Codec};
use super::close::close;
use super::error::RingError;
use super::moment::Moment;
use super::salvage::{Salvaged, salvage};
use super::store::open_to_write;

/// Older notes of losses go: somebody whose disk has been full for a year need not keep all of them.
const MOST_LOSSES: i64 = 500;

pub struct Ring {
    path: PathBuf,
    db: Connection,
    codec: Codec,
    last: Option<Moment>,
    lost: Option<Lost>,
}

/// Readings that were not kept, and are not written down yet.
struct Lost {
    first: i64,
    last: i64,
    readings: u32,
    why: String,
}

/// What was found when a ring was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    Whole,
    /// The file was torn. What could be read is in a new one.
    Salvaged(Salvaged),
}

/// What became of a reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    Kept,
    /// The clock went back by so many seconds: a new run begins with it, and the other stays.
    KeptInNewRun {
        back: i64,
    },
    /// With the reason. It is counted.
    Dropped(String),
}

impl Ring {
    /// Opens it, makes it, or saves what is left of it. Fails if the file is a newer infra's or another program's, or cannot be
    /// made.
    pub fn open(path: &Path) -> Result<(Self, Opened), RingError> {
        let (db, opened) = match open_to_write(path) {
            Ok(db) => (db, Opened::Whole),
            Err(error) if error.is_torn() => {
                let saved = salvage(path)?;
                (open_to_write(path)?, Opened::Salvaged(saved))
            }
            Err(error) => return Err(error),
        };
        let failed = |source| RingError::Sqlite { operation: "reading", path: path.to_owned(), source };
        let last = last(&db).map_err(failed)?;
        Ok((Self { path: path.to_owned(), db, codec: Codec::new(), last, lost: None }, opened))
    }

    /// Keeps what was measured at one time: series by their text. Values that are no numbers are left out.
    pub fn append(&mut self, at: Timestamp, values: &[(String, f64)]) -> Appended {
        let at = at.as_second();
        let (moment, back) = match next(self.last, at) {
            Ok(next) => next,
            Err(why) => return self.lose(at, why.to_owned()),
        };
        match self.write(moment, values) {
            Ok(()) if back > 0 => Appended::KeptInNewRun { back },
            Ok(()) => Appended::Kept,
            Err(error) => self.failed(at, error),
        }
    }

    /// A reading that never came here, to be counted with the others.
    pub fn note_dropped(&mut self, at: Timestamp, why: &str) {
        self.lose(at.as_second(), why.to_owned());
    }

    /// Readings that were dropped and are not yet written down anywhere.
    pub fn unwritten_losses(&self) -> u32 {
        self.lost.as_ref().map_or(0, |lost| lost.readings)
    }

    fn write(&mut self, moment: Moment, values: &[(String, f64)]) -> Result<(), rusqlite::Error> {
        let cells = self.codec.pack(&row(values));
        let ends_slot = self.last.is_some_and(|last| last.slot() != moment.slot());
        let transaction = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let damaged = if ends_slot { close(&transaction, &mut self.codec, moment)? } else { 0 };
        transaction
            .prepare("INSERT INTO reading (key, cells) VALUES (?1, ?2)")?
            .execute(params![moment.key(), cells])?;
        let unreadable =
            (damaged > 0).then(|| Lost { first: moment.at, last: moment.at, readings: damaged, why: "damaged".into() });
        for lost in self.lost.iter().chain(&unreadable) {
            note(&transaction, lost)?;
        }
        transaction.commit()?;
        self.last = Some(moment);
        self.lost = None;
        if ends_slot {
            self.sync();
        }
        Ok(())
    }

    /// Brings to the disk what was committed. Passive: whoever reads at the time is not waited for; then the next brings it.
    fn sync(&self) {
        if let Err(error) = self.db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            tracing::debug!("the ring is not synced: {error}");
        }
    }

    fn failed(&mut self, at: i64, source: rusqlite::Error) -> Appended {
        // Where the disk is full: once the log's content is in the file, its room is used again.
        self.sync();
        let error = RingError::Sqlite { operation: "writing", path: self.path.clone(), source };
        if error.is_torn() {
            // Once torn, nothing more can be written to it.
            match Self::open(&self.path) {
                Ok((ring, _)) => *self = Self { lost: self.lost.take(), ..ring },
                Err(error) => tracing::warn!("{}", crate::error::chain(&error)),
            }
        }
        self.lose(at, crate::error::chain(&error))
    }

    fn lose(&mut self, at: i64, why: String) -> Appended {
        let lost = self.lost.get_or_insert_with(|| Lost { first: at, last: at, readings: 0, why: why.clone() });
        lost.last = at;
        lost.readings += 1;
        Appended::Dropped(why)
    }
}

/// The moment of a reading after `last`, and by how much the clock went back.
fn next(last: Option<Moment>, at: i64) -> Result<(Moment, i64), &'static str> {
    const NO_TIME: &str = "the clock shows no time that can be kept";
    let Some(last) = last else { return Ok((Moment::new(0, at).ok_or(NO_TIME)?, 0)) };
    match last.at - at {
        0 => Err("there is a reading of this second already"),
        back @ 1.. => Ok((Moment::new(last.run + 1, at).ok_or(NO_TIME)?, back)),
        _ => Ok((Moment::new(last.run, at).ok_or(NO_TIME)?, 0)),
    }
}

fn row(values: &[(String, f64)]) -> Block {
    let numbers = values.iter().map(|(name, value)| (name, *value as f32)).filter(|(_, value)| value.is_finite());
    // A name is a line of the block.
    let columns = numbers.map(|(name, value)| (name.replace(['\n', '\r'], " "), vec![value])).collect();
    Block { width: 1, times: vec![0], columns }
}

fn last(db: &Connection) -> rusqlite::Result<Option<Moment>> {
    let sql = "SELECT max(key) FROM (SELECT max(key) AS key FROM reading UNION ALL SELECT max(key) FROM fine
               UNION ALL SELECT max(key) FROM summary UNION ALL SELECT max(key) FROM coarse)";
    let key: Option<i64> = db.query_row(sql, [], |row| row.get(0))?;
    Ok(key.map(Moment::of_key))
}

fn note(db: &Connection, lost: &Lost) -> rusqlite::Result<()> {
    db.execute(
        "INSERT INTO loss (first, last, readings, why) VALUES (?1, ?2, ?3, ?4)",
        params![lost.first, lost.last, lost.readings, lost.why],
    )?;
    db.execute("DELETE FROM loss WHERE rowid <= (SELECT max(rowid) FROM loss) - ?1", [MOST_LOSSES])?;
    Ok(())
}
