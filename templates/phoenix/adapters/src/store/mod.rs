//! Files on disk, addressed by content.
//!
//! ```text
//! <root>/.blobs/<sha256>               the content, once, whatever it is published as
//! <root>/<adapter>/<version>/<file>    a small JSON text that names the content: see [`Entry`]
//! <root>/.incoming/                    uploads under way; emptied at the start
//! ```
//!
//! A file is published by linking its entry into place: that either happens or not, and it never replaces another
//! entry. Content is on disk before an entry names it. All functions block; async callers use `spawn_blocking`.

mod catalog;
mod upload;

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use crate::name::FileId;

pub use catalog::{Adapter, PublishedFile, Version};
pub use upload::{Published, Upload};

/// What a published name stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Lower-case hex.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    /// RFC 3339, UTC.
    pub published_at: String,
}

/// The folder with everything that is published.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    /// Held as long as the store is open: a second process would empty `.incoming` under the first.
    _lock: File,
}

impl Store {
    /// Opens the folder, makes what is missing, and removes uploads that never ended.
    pub fn open(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root.join(".blobs"))?;
        fs::create_dir_all(root.join(".incoming"))?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(root.join(".lock"))?;
        lock.try_lock().map_err(|_| io::Error::new(ErrorKind::ResourceBusy, "another process serves this folder"))?;
        for left_over in fs::read_dir(root.join(".incoming"))? {
            fs::remove_file(left_over?.path())?;
        }
        sync_folder(root)?;
        Ok(Self { root: root.to_owned(), _lock: lock })
    }

    /// What the name stands for, if it is published.
    pub fn entry(&self, id: &FileId) -> io::Result<Option<Entry>> {
        // A link placed into the store by other means leads nowhere.
        for folder in [self.root.join(id.adapter.as_str()), self.version_folder(id)] {
            match fs::symlink_metadata(&folder) {
                Ok(data) if data.is_dir() => {}
                Ok(_) => return Ok(None),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            }
        }
        read_entry(&self.version_folder(id).join(id.file.as_str()))
    }

    /// Where the content is.
    pub fn blob(&self, entry: &Entry) -> PathBuf {
        self.root.join(".blobs").join(&entry.sha256)
    }

    /// Bytes that are free on the disk.
    pub fn free(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(&self.root)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn version_folder(&self, id: &FileId) -> PathBuf {
        self.root.join(id.adapter.as_str()).join(id.version.as_str())
    }
}

/// Reads an entry, never through a symbolic link; what is no entry counts as absent.
fn read_entry(path: &Path) -> io::Result<Option<Entry>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => return Ok(None),
        Err(error) => return Err(error),
    };
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut text = String::new();
    // Entries have about 150 bytes; whatever is larger is something else.
    file.take(4096).read_to_string(&mut text)?;
    Ok(serde_json::from_str::<Entry>(&text).ok().filter(is_sound))
}

/// The hash becomes a file name, so it must be one.
fn is_sound(entry: &Entry) -> bool {
    entry.sha256.len() == 64 && entry.sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Makes names in a folder durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
