//! One run at a time for a plan and folder. The kernel holds the lock, so that a dead holder's is free at once; the file
//! says who has it.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    pub who: String,
    pub pid: u32,
    pub verb: String,
    pub since: Timestamp,
}

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("{} is at work on this plan since {} (`infra {}`, process {})", holder.who, holder.since, holder.verb, holder.pid)]
    Held { holder: Holder },
    #[error("somebody is at work on this plan: {} is locked", path.display())]
    HeldByUnknown { path: PathBuf },
    #[error("cannot lock {}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
}

/// Held until dropped.
pub struct Lock {
    _file: File,
}

impl Lock {
    pub fn take(dir: &Path, holder: &Holder) -> Result<Self, LockError> {
        let path = dir.join("lock");
        let io = |source| LockError::Io { path: path.clone(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io)?;
        let mut file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(io)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut text = String::new();
            file.read_to_string(&mut text).map_err(io)?;
            return Err(match serde_json::from_str(&text) {
                Ok(holder) => LockError::Held { holder },
                Err(_) => LockError::HeldByUnknown { path },
            });
        }
        let text = serde_json::to_string(holder).expect("a holder is plain data");
        file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes())).map_err(io)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(who: &str) -> Holder {
        Holder { who: who.into(), pid: 1, verb: "up".into(), since: Timestamp::UNIX_EPOCH }
    }

    #[test]
    fn the_second_is_told_who_the_first_is_and_gets_it_afterwards() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let first = Lock::take(dir.path(), &holder("ann@laptop")).expect("free");
        let refused = Lock::take(dir.path(), &holder("bob@desk")).err().expect("held");
        assert!(refused.to_string().starts_with("ann@laptop is at work"), "{refused}");
        drop(first);
        assert!(Lock::take(dir.path(), &holder("bob@desk")).is_ok());
    }
}
