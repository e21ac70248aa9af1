//! A copy of a database as a file on its host: a logical dump, on another disk than the database's where it has one, read back before
//! it counts. What is not complete does not stay, and the disk is not filled.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::fs;
use tokio::process::Command;
use tokio::time::sleep;

use super::schema::reason;
use crate::host::DatabaseContainer;

/// The host's own disk: the database lives on an attached one.
const PLACE: &str = "/var/lib/infra/safety";
/// Of a copy that is not complete.
const DRAFT: &str = "part";
/// A compressed dump of usual rows takes between a tenth and a third of what they take in tables and TOAST. With less than
/// this part free, beginning is in vain.
const LEAST_PART: u64 = 4;
/// The rest of the host lives on this disk too, the migration's journal with it.
const RESERVE: u64 = 512 << 20;
/// How the copy is compressed, and by pg_dump of versions that do not know that: gzip, the quick one.
const FAST: &str = "zstd:3";
const OLD: &str = "1";
/// A dump writes some hundred megabytes a second at most.
const EVERY: Duration = Duration::from_millis(500);

/// What the copy is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SafetyCopy {
    pub path: PathBuf,
    pub bytes: u64,
    /// Entries that pg_restore lists in it.
    pub entries: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum SafetyCopyError {
    #[error("cannot use {}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error(
        "the safety copy needs {needed_mb} MB in {} on the host, which has {free_mb} MB free: make room there, or mount a larger disk at that place, then infra migrate resume",
        place.display()
    )]
    NoRoom { place: PathBuf, needed_mb: u64, free_mb: u64 },
    #[error("pg_dump or pg_restore failed: {message}")]
    Dump { message: String },
}

/// Of the database that `pg_dump` (argv, up to and with the options that say which) reads in `container`. `name` begins with the
/// plan's, and its drafts are known by that.
pub async fn make(
    container: &DatabaseContainer,
    pg_dump: &[String],
    (plan, name): (&str, &str),
    data_bytes: u64,
) -> Result<SafetyCopy, SafetyCopyError> {
    let place = PathBuf::from(PLACE);
    fs::create_dir_all(&place).await.map_err(io(&place))?;
    // One that was killed had no time for it.
    remove_drafts(&place, plan).await.map_err(io(&place))?;
    room(&place, data_bytes / LEAST_PART + RESERVE)?;
    let path = place.join(format!("{plan}-{name}.dump"));
    let draft = Draft(path.with_extension(DRAFT));
    let mut command = pg_dump.to_vec();
    command.extend(["--format=custom", "--lock-wait-timeout=60s"].map(str::to_owned));
    let bytes = tokio::select! {
        bytes = dumped(&command, &draft.0) => bytes,
        full = fills_up(&place) => Err(full),
    }?;
    let entries = listed(container, &draft.0).await?;
    fs::rename(&draft.0, &path).await.map_err(io(&path))?;
    Ok(SafetyCopy { path, bytes, entries })
}

/// A dump that is not complete: it goes with this value, however the stage ends.
struct Draft(PathBuf);

impl Drop for Draft {
    fn drop(&mut self) {
        // Complete, it has another name.
        drop(std::fs::remove_file(&self.0));
    }
}

async fn remove_drafts(place: &Path, plan: &str) -> std::io::Result<()> {
    let mut entries = fs::read_dir(place).await?;
    while let Some(entry) = entries.next_entry().await? {
        let (path, name) = (entry.path(), entry.file_name());
        let is_ours = name.to_string_lossy().starts_with(&format!("{plan}-"));
        if is_ours && path.extension().is_some_and(|extension| extension == DRAFT) {
            fs::remove_file(&path).await?;
        }
    }
    Ok(())
}

/// Fails where less is free than is needed.
fn room(place: &Path, needed: u64) -> Result<(), SafetyCopyError> {
    let disk = rustix::fs::statvfs(place).map_err(|error| io(place)(error.into()))?;
    let free = disk.f_bavail * disk.f_frsize;
    let megabytes = |bytes: u64| bytes >> 20;
    if free >= needed {
        return Ok(());
    }
    Err(SafetyCopyError::NoRoom { place: place.to_owned(), needed_mb: megabytes(needed), free_mb: megabytes(free) })
}

/// Returns when the disk is nearly full: the size of a dump is known only when it is there.
async fn fills_up(place: &Path) -> SafetyCopyError {
    loop {
        sleep(EVERY).await;
        if let Err(error) = room(place, RESERVE) {
            return error;
        }
    }
}

/// Compressed by what this pg_dump knows: zstd comes with version 16, and not with every build.
async fn dumped(command: &[String], to: &Path) -> Result<u64, SafetyCopyError> {
    let with = |compression: &str| [command, &[format!("--compress={compression}")]].concat();
    match write(&with(FAST), to).await {
        Err(SafetyCopyError::Dump { message }) if message.contains("zstd") => write(&with(OLD), to).await,
        ended => ended,
    }
}

/// What a command writes on its standard output.
async fn write(command: &[String], to: &Path) -> Result<u64, SafetyCopyError> {
    let file = fs::File::create(to).await.map_err(io(to))?;
    let output = Command::new(&command[0])
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(file.try_clone().await.map_err(io(to))?.into_std().await)
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(io(to))?
        .wait_with_output()
        .await
        .map_err(io(to))?;
    if !output.status.success() {
        return Err(SafetyCopyError::Dump { message: reason(&output) });
    }
    file.sync_all().await.map_err(io(to))?;
    Ok(file.metadata().await.map_err(io(to))?.len())
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> SafetyCopyError + use<> {
    let path = path.to_owned();
    move |source| SafetyCopyError::Io { path: path.clone(), source }
}

/// Reads the whole dump back: pg_restore turns it into SQL, which goes nowhere, then lists it.
async fn listed(container: &DatabaseContainer, dump: &Path) -> Result<usize, SafetyCopyError> {
    restore(container, dump, "--file=/dev/null").await?;
    let list = restore(container, dump, "--list").await?;
    let entries = list.lines().filter(|line| !line.is_empty() && !line.starts_with(';')).count();
    if entries == 0 {
        return Err(SafetyCopyError::Dump { message: "the safety copy is empty".into() });
    }
    Ok(entries)
}

async fn restore(container: &DatabaseContainer, dump: &Path, what: &str) -> Result<String, SafetyCopyError> {
    let input = fs::File::open(dump).await.map_err(io(dump))?.into_std().await;
    let output = container.exec_with(&["pg_restore", what], input).await.map_err(io(dump))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(SafetyCopyError::Dump { message: reason(&output) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    fn names(place: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(place).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn what_is_not_complete_does_not_stay() {
        let folder = tempfile::tempdir().unwrap();
        let dump = async |script: &str| {
            let draft = Draft(folder.path().join("p-1.part"));
            write(&shell(script), &draft.0).await?;
            std::fs::rename(&draft.0, folder.path().join("p-1.dump")).map_err(io(folder.path()))
        };
        let error = dump("echo half; echo no space left >&2; exit 1").await.unwrap_err();
        assert!(error.to_string().contains("no space left"), "{error}");
        assert_eq!(names(folder.path()), [""; 0]);
        // Dropped in the middle, as when the stage is ended.
        let ended = tokio::time::timeout(Duration::from_millis(200), dump("echo half; sleep 60")).await;
        assert!(ended.is_err());
        assert_eq!(names(folder.path()), [""; 0]);
        dump("echo whole").await.unwrap();
        assert_eq!(names(folder.path()), ["p-1.dump"]);
    }

    /// pg_dump 15: `invalid value "zstd:3" for option -Z/--compress`.
    #[tokio::test]
    async fn a_pg_dump_without_zstd_compresses_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("p-1.part");
        let old = shell("case $0 in *zstd*) echo 'invalid value \"zstd:3\"' >&2; exit 1;; *) echo $0;; esac");
        dumped(&old, &to).await.unwrap();
        assert_eq!(std::fs::read_to_string(&to).unwrap(), "--compress=1\n");
        dumped(&shell("echo $0"), &to).await.unwrap();
        assert_eq!(std::fs::read_to_string(&to).unwrap(), "--compress=zstd:3\n");
        let error = dumped(&shell("echo no space left >&2; exit 1"), &to).await.unwrap_err().to_string();
        assert!(error.contains("no space left"), "{error}");
    }

    #[tokio::test]
    async fn what_a_killed_run_left_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["p-1.part", "p-2.dump", "other-1.part"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        remove_drafts(folder.path(), "p").await.unwrap();
        assert_eq!(names(folder.path()), ["other-1.part", "p-2.dump"]);
    }

    #[tokio::test]
    async fn too_little_room_is_told_before_anything_is_written() {
        let folder = tempfile::tempdir().unwrap();
        assert!(room(folder.path(), 1).is_ok());
        let error = room(folder.path(), u64::MAX).unwrap_err().to_string();
        let place = folder.path().display().to_string();
        assert!(error.contains(&place) && error.contains("MB free") && error.contains("make room"), "{error}");
    }
}
