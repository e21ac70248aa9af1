//! The reading side: for whoever shows, judges or forecasts, also while the agent writes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;

use super::block::{Block, Codec};
use super::error::RingError;
use super::merge::{Found, Readout, merge};
use super::moment::{Moment, period_seconds, slot_seconds};
use super::store::open_to_read;

pub struct RingReader {
    path: PathBuf,
    db: Connection,
}

/// Readings that were not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    pub first: Timestamp,
    pub last: Timestamp,
    pub readings: u32,
    pub why: String,
}

/// A table, how many seconds one of its rows covers, and one of the times in it.
struct Source {
    table: &'static str,
    row_seconds: i64,
    unit: i64,
}

const READING: Source = Source { table: "reading", row_seconds: 1, unit: 1 };
const FINE: Source = Source { table: "fine", row_seconds: slot_seconds(), unit: 1 };
const SUMMARY: Source = Source { table: "summary", row_seconds: slot_seconds(), unit: slot_seconds() };
const COARSE: Source = Source { table: "coarse", row_seconds: period_seconds(), unit: slot_seconds() };

impl RingReader {
    pub fn open(path: &Path) -> Result<Self, RingError> {
        Ok(Self { path: path.to_owned(), db: open_to_read(path)? })
    }

    /// One series from a time up to another, both included. A summary counts by the beginning of its five minutes.
    pub fn read(&self, series: &str, from: Timestamp, to: Timestamp) -> Result<Readout, RingError> {
        let (from, to) = (from.as_second(), to.as_second());
        self.at_once(|| {
            let mut found = Found::default();
            for source in [READING, FINE] {
                self.blocks(&source, from, to, &mut found, |found, moment, block, index| {
                    let value = block.columns.get(series).and_then(|values| values.get(index)).copied();
                    found.readings.push((moment, value.filter(|value| !value.is_nan())));
                })?;
            }
            for source in [SUMMARY, COARSE] {
                self.blocks(&source, from, to, &mut found, |found, moment, block, index| {
                    let Some(values) = block.columns.get(series) else { return };
                    let kind = |kind: usize| values.get(kind * block.times.len() + index).copied().unwrap_or(f32::NAN);
                    let summary = [0, 1, 2, 3].map(kind);
                    if summary.iter().all(|value| !value.is_nan()) {
                        found.summaries.push((moment, summary));
                    }
                })?;
            }
            Ok(found)
        })
        .map(merge)
    }

    /// The names of all series of which there is any value.
    pub fn series(&self) -> Result<BTreeSet<String>, RingError> {
        self.at_once(|| {
            let (mut names, mut found) = (BTreeSet::new(), Found::default());
            for source in [READING, FINE, SUMMARY, COARSE] {
                self.blocks(&source, 0, i64::MAX, &mut found, |_, _, block, index| {
                    if index == 0 {
                        names.extend(block.columns.keys().cloned());
                    }
                })?;
            }
            Ok(names)
        })
    }

    /// The oldest first.
    pub fn losses(&self) -> Result<Vec<Loss>, RingError> {
        let read = || -> rusqlite::Result<Vec<Loss>> {
            let mut statement = self.db.prepare("SELECT first, last, readings, why FROM loss ORDER BY rowid")?;
            let time = |second| Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
            let loss = |row: &rusqlite::Row<'_>| {
                let (first, last) = (time(row.get(0)?), time(row.get(1)?));
                Ok(Loss { first, last, readings: row.get(2)?, why: row.get(3)? })
            };
            statement.query_map([], loss)?.collect()
        };
        read().map_err(|source| self.failed(source))
    }

    /// Within one snapshot: what is packed meanwhile is neither seen twice nor missed.
    fn at_once<T>(&self, read: impl FnOnce() -> Result<T, RingError>) -> Result<T, RingError> {
        let snapshot = self.db.unchecked_transaction().map_err(|source| self.failed(source))?;
        let result = read();
        snapshot.finish().map_err(|source| self.failed(source))?;
        result
    }

    /// Every time of every row that touches the range, in every run of the clock.
    fn blocks(
        &self,
        source: &Source,
        from: i64,
        to: i64,
        found: &mut Found,
        mut take: impl FnMut(&mut Found, Moment, &Block, usize),
    ) -> Result<(), RingError> {
        let failed = |source| self.failed(source);
        let (mut codec, sql) =
            (Codec::new(), format!("SELECT key, cells FROM {} WHERE key BETWEEN ?1 AND ?2", source.table));
        let mut statement = self.db.prepare(&sql).map_err(failed)?;
        for run in self.runs(source.table).map_err(failed)? {
            let key = |at: i64| Moment { run, at: at.clamp(0, Moment::of_key(-1).at) }.key();
            let keys = (key(from.saturating_sub(source.row_seconds)), key(to));
            let mut rows = statement.query(keys).map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                let begin = Moment::of_key(row.get(0).map_err(failed)?);
                let Ok(block) = codec.unpack(row.get_ref(1).map_err(failed)?.as_blob().unwrap_or_default()) else {
                    found.damaged += 1;
                    continue;
                };
                for (index, time) in block.times.iter().enumerate() {
                    let at = begin.at + i64::from(*time) * source.unit;
                    if (from..=to).contains(&at) {
                        take(found, Moment { run, at }, &block, index);
                    }
                }
            }
        }
        Ok(())
    }

    /// By leaps over the index: there are few, and many rows of each.
    fn runs(&self, table: &str) -> rusqlite::Result<Vec<i64>> {
        let mut statement = self.db.prepare(&format!("SELECT min(key) FROM {table} WHERE key >= ?1"))?;
        let mut runs: Vec<i64> = vec![];
        let mut from = 0_i64;
        while let Some(key) = statement.query_row([from], |row| row.get::<_, Option<i64>>(0))? {
            let run = Moment::of_key(key).run;
            runs.push(run);
            from = Moment { run: run + 1, at: 0 }.key();
        }
        Ok(runs)
    }

    fn failed(&self, source: rusqlite::Error) -> RingError {
        RingError::Sqlite { operation: "reading", path: self.path.clone(), source }
    }
}
