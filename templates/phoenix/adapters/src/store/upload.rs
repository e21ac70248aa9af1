//! An upload: received beside the store, hashed on the way, then published in one step.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::{Entry, Store, sync_folder};
use crate::name::FileId;

/// How many bytes may arrive between two looks at the free space.
const LOOK_EVERY: u64 = 16 * 1024 * 1024;

/// Content that is arriving. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct Upload {
    file: NamedTempFile,
    hash: Sha256,
    size: u64,
    reserve: u64,
    /// At which size the free space is looked at again.
    look_at: u64,
}

/// What publishing did.
#[derive(Debug, PartialEq, Eq)]
pub enum Published {
    Created(Entry),
    /// The same content was published under this name before.
    Unchanged(Entry),
    /// Other content was published under this name before; it stays.
    Conflict(Entry),
}

impl Upload {
    /// Takes the next bytes. [`ErrorKind::StorageFull`] when fewer than the reserve would stay free.
    pub fn write(&mut self, store: &Store, bytes: &[u8]) -> io::Result<()> {
        let size = self.size + bytes.len() as u64;
        if size > self.look_at {
            if store.free()? < self.reserve.saturating_add(bytes.len() as u64) {
                return Err(ErrorKind::StorageFull.into());
            }
            self.look_at = size + LOOK_EVERY.min(self.reserve / 4);
        }
        self.hash.update(bytes);
        self.file.write_all(bytes)?;
        self.size = size;
        Ok(())
    }

    /// Bytes so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// SHA-256 of the bytes so far, in hex.
    pub fn sha256(&self) -> String {
        self.hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Store {
    /// Begins an upload that leaves `reserve` bytes of the disk free.
    pub fn begin(&self, reserve: u64) -> io::Result<Upload> {
        let file = NamedTempFile::new_in(self.root.join(".incoming"))?;
        Ok(Upload { file, hash: Sha256::new(), size: 0, reserve, look_at: 0 })
    }

    /// Publishes what has arrived. Durable when this returns.
    pub fn publish(&self, upload: Upload, id: &FileId) -> io::Result<Published> {
        let entry =
            Entry { sha256: upload.sha256(), size: upload.size, published_at: jiff::Timestamp::now().to_string() };
        if let Some(existing) = self.entry(id)? {
            return Ok(compare(existing, &entry));
        }
        self.keep(upload, &entry)?;
        let folder = self.make_version_folder(id)?;
        let mut text = NamedTempFile::new_in(self.root.join(".incoming"))?;
        serde_json::to_writer(&mut text, &entry)?;
        text.as_file().sync_all()?;
        match text.persist_noclobber(folder.join(id.file.as_str())) {
            Ok(_) => {
                sync_folder(&folder)?;
                Ok(Published::Created(entry))
            }
            // Somebody else published this name meanwhile.
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => {
                let existing = self.entry(id)?.ok_or(error.error)?;
                Ok(compare(existing, &entry))
            }
            Err(error) => Err(error.error),
        }
    }

    /// Puts the content where entries look for it.
    fn keep(&self, upload: Upload, entry: &Entry) -> io::Result<()> {
        let blob = self.blob(entry);
        upload.file.as_file().sync_all()?;
        // Equal content replaces equal content, so this heals a blob that was damaged.
        upload.file.persist(&blob).map_err(|error| error.error)?;
        sync_folder(&self.root.join(".blobs"))
    }

    fn make_version_folder(&self, id: &FileId) -> io::Result<PathBuf> {
        let folder = self.version_folder(id);
        fs::create_dir_all(&folder)?;
        let adapter = self.root.join(id.adapter.as_str());
        sync_folder(&adapter)?;
        File::open(&self.root)?.sync_all()?;
        Ok(folder)
    }
}

fn compare(existing: Entry, new: &Entry) -> Published {
    if existing.sha256 == new.sha256 { Published::Unchanged(existing) } else { Published::Conflict(existing) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(file: &str) -> FileId {
        FileId::parse("lora", "1", file).unwrap()
    }

    fn put(store: &Store, file: &str, content: &[u8]) -> Published {
        let mut upload = store.begin(0).unwrap();
        upload.write(store, content).unwrap();
        store.publish(upload, &id(file)).unwrap()
    }

    #[test]
    fn what_is_published_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let Published::Created(entry) = put(&store, "a", b"one") else { panic!("not created") };
        assert_eq!(put(&store, "a", b"one"), Published::Unchanged(entry.clone()));
        assert_eq!(put(&store, "a", b"two"), Published::Conflict(entry.clone()));
        assert_eq!(fs::read(store.blob(&entry)).unwrap(), b"one");
    }

    #[test]
    fn an_upload_that_ends_early_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut upload = store.begin(0).unwrap();
        upload.write(&store, b"half").unwrap();
        // As after a kill: the file stays, nobody drops it.
        std::mem::forget(upload);
        let mut dropped = store.begin(0).unwrap();
        dropped.write(&store, b"half").unwrap();
        drop(dropped);
        assert_eq!(fs::read_dir(folder.path().join(".incoming")).unwrap().count(), 1);
        drop(store);
        let store = Store::open(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path().join(".incoming")).unwrap().count(), 0);
        assert_eq!(store.entry(&id("a")).unwrap(), None);
    }

    #[test]
    fn the_reserve_is_left_to_the_database() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let mut upload = store.begin(u64::MAX / 2).unwrap();
        assert_eq!(upload.write(&store, b"x").unwrap_err().kind(), ErrorKind::StorageFull);
    }

    #[test]
    fn links_in_the_store_lead_nowhere() {
        let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let store = Store::open(folder.path()).unwrap();
        put(&store, "a", b"one");
        let entry = fs::read(folder.path().join("lora/1/a")).unwrap();
        fs::write(outside.path().join("a"), entry).unwrap();
        std::os::unix::fs::symlink(outside.path().join("a"), folder.path().join("lora/1/linked")).unwrap();
        std::os::unix::fs::symlink(outside.path(), folder.path().join("lora/2")).unwrap();
        assert_eq!(store.entry(&id("linked")).unwrap(), None);
        assert_eq!(store.entry(&FileId::parse("lora", "2", "a").unwrap()).unwrap(), None);
    }

    #[test]
    fn an_entry_cannot_name_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        put(&store, "a", b"one");
        let text = r#"{"sha256":"../../../../etc/passwd","size":1,"published_at":""}"#;
        fs::write(folder.path().join("lora/1/evil"), text).unwrap();
        assert_eq!(store.entry(&id("evil")).unwrap(), None);
    }

    #[test]
    fn one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let _store = Store::open(folder.path()).unwrap();
        assert_eq!(Store::open(folder.path()).unwrap_err().kind(), ErrorKind::ResourceBusy);
    }
}
