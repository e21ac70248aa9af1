//! The append-only file. If a write fails, the run must stop: nothing is done that was not written down first.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::marker::PhantomData;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Readers refuse files of a later version.
const VERSION: u32 = 1;

/// One line. `E` is what happened: of a run of steps, or of a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record<E = Entry> {
    pub v: u32,
    pub at: Timestamp,
    pub run: String,
    #[serde(flatten)]
    pub entry: E,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Entry {
    RunStarted {
        verb: String,
        steps: Vec<String>,
    },
    /// Written before the effect.
    StepStarted {
        step: String,
    },
    StepDone {
        step: String,
    },
    StepFailed {
        step: String,
        error: String,
    },
    RunEnded {
        outcome: String,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("cannot write the journal {}", path.display())]
    Write { path: PathBuf, source: std::io::Error },
    #[error("cannot read the journal {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("the journal {} line {line} is not readable: {text}", path.display())]
    Damaged { path: PathBuf, line: usize, text: String },
    #[error("the journal {} has version {found}, this infra reads up to {VERSION}", path.display())]
    Newer { path: PathBuf, found: u32 },
}

pub struct Journal<E = Entry> {
    path: PathBuf,
    run: String,
    file: Mutex<File>,
    holds: PhantomData<fn(E)>,
}

impl<E: Serialize> Journal<E> {
    /// Opens `journal.jsonl` in `dir`, which is made with mode 0700 if absent.
    pub fn open(dir: &Path, run: String) -> Result<Self, JournalError> {
        let path = dir.join("journal.jsonl");
        let write = |source| JournalError::Write { path: path.clone(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(write)?;
        let mut file =
            OpenOptions::new().create(true).append(true).read(true).mode(0o600).open(&path).map_err(write)?;
        end_torn_line(&path, &mut file).map_err(write)?;
        File::open(dir).and_then(|d| d.sync_all()).map_err(write)?;
        Ok(Self { path, run, file: Mutex::new(file), holds: PhantomData })
    }

    /// Durable when it returns.
    pub fn append(&self, entry: E) -> Result<(), JournalError> {
        self.append_all([entry])
    }

    /// All of them in one write, durable when it returns: waiting for the disk is what an entry costs.
    pub fn append_all(&self, entries: impl IntoIterator<Item = E>) -> Result<(), JournalError> {
        let mut lines = vec![];
        for entry in entries {
            let record = Record { v: VERSION, at: Timestamp::now(), run: self.run.clone(), entry };
            serde_json::to_writer(&mut lines, &record).expect("a record is plain data");
            lines.push(b'\n');
        }
        if lines.is_empty() {
            return Ok(());
        }
        let mut file = self.file.lock().expect("no writer panics while it holds the lock");
        let written = file.write_all(&lines).and_then(|()| file.sync_data());
        written.map_err(|source| JournalError::Write { path: self.path.clone(), source })
    }
}

/// A crash in mid-write leaves half a line: the next record must not be glued to it.
fn end_torn_line(path: &Path, file: &mut File) -> std::io::Result<()> {
    let content = fs::read(path)?;
    if content.last().is_some_and(|last| *last != b'\n') {
        file.write_all(b"\n")?;
    }
    Ok(())
}

/// All records; a torn line (no valid JSON, written in a crash) is passed over only where a crash can leave one: at the
/// end of a run's records.
pub fn read<E: DeserializeOwned>(path: &Path) -> Result<Vec<Record<E>>, JournalError> {
    let read = |source| JournalError::Read { path: path.to_owned(), source };
    let mut records: Vec<Record<E>> = vec![];
    let mut torn: Option<(usize, String)> = None;
    for (index, line) in BufReader::new(File::open(path).map_err(read)?).lines().enumerate() {
        let text = line.map_err(read)?;
        match serde_json::from_str::<Record<E>>(&text) {
            Ok(record) if record.v > VERSION => {
                return Err(JournalError::Newer { path: path.to_owned(), found: record.v });
            }
            Ok(record) => {
                let same_run = records.last().is_some_and(|last| last.run == record.run);
                if let Some((line, text)) = torn.take().filter(|_| same_run) {
                    return Err(JournalError::Damaged { path: path.to_owned(), line, text });
                }
                records.push(record);
            }
            Err(_) => torn = Some((index + 1, text)),
        }
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started(step: &str) -> Entry {
        Entry::StepStarted { step: step.into() }
    }

    #[test]
    fn what_was_appended_is_read_back() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let journal = Journal::open(dir.path(), "r1".into()).expect("opens");
        journal.append(started("a")).expect("appends");
        journal.append(Entry::StepDone { step: "a".into() }).expect("appends");
        let records = read::<Entry>(&dir.path().join("journal.jsonl")).expect("reads");
        assert_eq!(
            records.iter().map(|r| r.entry.clone()).collect::<Vec<_>>(),
            [started("a"), Entry::StepDone { step: "a".into() }]
        );
    }

    #[test]
    fn a_torn_last_line_is_passed_over_and_the_next_run_goes_on() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("journal.jsonl");
        Journal::open(dir.path(), "r1".into()).expect("opens").append(started("a")).expect("appends");
        let mut file = OpenOptions::new().append(true).open(&path).expect("opens");
        file.write_all(br#"{"v":1,"at":"20"#).expect("writes");
        assert_eq!(read::<Entry>(&path).expect("reads").len(), 1);
        Journal::open(dir.path(), "r2".into()).expect("opens").append(started("b")).expect("appends");
        assert_eq!(read::<Entry>(&path).expect("reads").len(), 2);
    }

    #[test]
    fn damage_in_the_middle_of_a_run_is_an_error() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("journal.jsonl");
        let journal = Journal::open(dir.path(), "r1".into()).expect("opens");
        journal.append(started("a")).expect("appends");
        fs::OpenOptions::new().append(true).open(&path).expect("opens").write_all(b"garbage\n").expect("writes");
        journal.append(started("b")).expect("appends");
        assert!(matches!(read::<Entry>(&path), Err(JournalError::Damaged { line: 2, .. })));
    }

    #[test]
    fn a_later_version_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("journal.jsonl");
        fs::write(
            &path,
            "{\"v\":2,\"at\":\"2026-01-01T00:00:00Z\",\"run\":\"r\",\"event\":\"run_ended\",\"outcome\":\"x\"}\n",
        )
        .expect("writes");
        assert!(matches!(read::<Entry>(&path), Err(JournalError::Newer { found: 2, .. })));
    }
}
