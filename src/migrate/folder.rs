//! A migration's folder on the host: `STATE/migrations/ID`. The job, the journal, and what the stages leave for each
//! other. Everything of it is 0600 and written whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::files;
use super::job::{JOB_VERSION, Job};
use super::saga::{Event, Status};
use crate::journal::{self, Journal, JournalError, Record};

#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("cannot use {}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{} is not what infra wrote there", path.display())]
    Content { path: PathBuf, source: serde_json::Error },
    #[error("{} has version {found}, this infra reads up to {JOB_VERSION}", path.display())]
    Newer { path: PathBuf, found: u32 },
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("{}: {reason}", path.display())]
    Impossible { path: PathBuf, reason: String },
}

#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Makes it for a new migration.
    pub fn create(path: impl Into<PathBuf>, job: &Job) -> Result<Self, FolderError> {
        let folder = Self::at(path);
        folder.make()?;
        folder.write(files::JOB, job)?;
        Ok(folder)
    }

    /// Without a job it is none of a migration yet.
    pub fn make(&self) -> Result<(), FolderError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path);
        made.map_err(|source| FolderError::Io { path: self.path.clone(), source })
    }

    /// One within it, which need not be there.
    pub fn within(&self, name: &str) -> Self {
        Self::at(self.file(name))
    }

    /// With all that is in it. Nothing happens where it is not there.
    pub fn remove_all(&self) -> Result<(), FolderError> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(FolderError::Io { path: self.path.clone(), source: error })
            }
            _ => Ok(()),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub fn job(&self) -> Result<Job, FolderError> {
        let job: Job = self.read(files::JOB)?.ok_or_else(|| FolderError::Io {
            path: self.file(files::JOB),
            source: io::Error::new(io::ErrorKind::NotFound, "there is no migration here"),
        })?;
        if job.v > JOB_VERSION {
            return Err(FolderError::Newer { path: self.file(files::JOB), found: job.v });
        }
        Ok(job)
    }

    /// `run` tells the lines of one process from another's.
    pub fn journal(&self, run: String) -> Result<Journal<Event>, FolderError> {
        Ok(Journal::open(&self.path, run)?)
    }

    /// Held while somebody looks where it stands and writes down what follows: the agent's next step, a word of the user. It
    /// goes with the value, or the process.
    pub fn turn(&self) -> Result<fs::File, FolderError> {
        let path = self.file(files::TURN);
        let open = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let locked = open.and_then(|file| file.lock().map(|()| file));
        locked.map_err(|source| FolderError::Io { path, source })
    }

    pub fn records(&self) -> Result<Vec<Record<Event>>, FolderError> {
        let path = self.file(files::JOURNAL);
        if path.exists() { Ok(journal::read(&path)?) } else { Ok(vec![]) }
    }

    pub fn status(&self) -> Result<Status, FolderError> {
        let records = self.records()?;
        Status::replay(records.iter().map(|record| &record.entry))
            .map_err(|e| FolderError::Impossible { path: self.file(files::JOURNAL), reason: e.to_string() })
    }

    /// None: there is no such file.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, FolderError> {
        let path = self.file(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(FolderError::Io { path, source }),
        };
        serde_json::from_slice(&bytes).map(Some).map_err(|source| FolderError::Content { path, source })
    }

    /// None: there is no such file.
    pub fn read_text(&self, name: &str) -> Result<Option<String>, FolderError> {
        let path = self.file(name);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(FolderError::Io { path, source }),
        }
    }

    /// Durable and whole when it returns.
    pub fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), FolderError> {
        let write = |file: fs::File| {
            let mut file = BufWriter::new(file);
            serde_json::to_writer(&mut file, value)?;
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
        };
        self.replace(name, write).map_err(|source| FolderError::Io { path: self.file(name), source })
    }

    /// Lets `link` lead here, in one step.
    pub fn link(&self, link: &Path) -> Result<(), FolderError> {
        let draft = link.with_extension("new");
        drop(fs::remove_file(&draft));
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        let linked = std::os::unix::fs::symlink(name, &draft).and_then(|()| fs::rename(&draft, link));
        linked.map_err(|source| FolderError::Io { path: link.to_owned(), source })
    }

    /// For files that are not infra's own form.
    pub fn write_text(&self, name: &str, text: &str) -> Result<(), FolderError> {
        let write = |mut file: fs::File| file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        self.replace(name, write).map_err(|source| FolderError::Io { path: self.file(name), source })
    }

    /// Nothing happens where it is not there.
    pub fn remove(&self, name: &str) -> Result<(), FolderError> {
        match fs::remove_file(self.file(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(FolderError::Io { path: self.file(name), source: error })
            }
            _ => Ok(()),
        }
    }

    fn replace(&self, name: &str, write: impl FnOnce(fs::File) -> io::Result<()>) -> io::Result<()> {
        let draft = self.path.join(format!(".{name}.{}", std::process::id()));
        write(OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&draft)?)?;
        fs::rename(&draft, self.file(name))?;
        fs::File::open(&self.path)?.sync_all()
    }
}
