//! Block storage: sparse files, which become loop devices while they are attached.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::docker::run;
use super::{DiskId, SnapshotId};

const GIB: u64 = 1 << 30;
/// The kernel's number for loop devices.
const LOOP_MAJOR: u32 = 7;

/// A disk's device on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoopDevice {
    /// `loop3`.
    pub name: String,
    pub major: u32,
    pub minor: u32,
}

#[derive(Debug)]
pub(super) struct Disks {
    folder: PathBuf,
}

impl Disks {
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    pub async fn create(&self, disk: &DiskId, size_gb: u32, from: Option<&SnapshotId>) -> anyhow::Result<()> {
        let file = self.file(&disk.0);
        let size = u64::from(size_gb) * GIB;
        match from {
            None => File::create(&file)?.set_len(size)?,
            Some(snapshot) => {
                let source = self.file(&snapshot.0);
                let held = fs::metadata(&source).with_context(|| format!("no disk snapshot {snapshot}"))?.len();
                ensure!(held <= size, "snapshot {snapshot} is larger than {size_gb} GB");
                copy(&source, &file).await?;
                File::options().write(true).open(&file)?.set_len(size)?;
            }
        }
        Ok(())
    }

    pub async fn destroy(&self, disk: &DiskId) -> anyhow::Result<()> {
        self.release(disk).await?;
        self.remove(&disk.0)
    }

    /// Copies the bytes as they are now. The caller keeps a mounted file system still meanwhile.
    pub async fn snapshot(&self, disk: &DiskId, snapshot: &SnapshotId) -> anyhow::Result<()> {
        copy(&self.file(&disk.0), &self.file(&snapshot.0)).await
    }

    pub fn destroy_snapshot(&self, snapshot: &SnapshotId) -> anyhow::Result<()> {
        self.remove(&snapshot.0)
    }

    /// The disk's device, which is set up if it is not there (first attachment, restart of this machine).
    pub async fn device(&self, disk: &DiskId) -> anyhow::Result<LoopDevice> {
        match self.find(disk).await? {
            Some(device) => Ok(device),
            None => {
                let file = self.file(&disk.0);
                ensure!(file.exists(), "no disk {disk}");
                parse_device(&run("losetup", ["--find", "--show", utf8(&file)?]).await?)
            }
        }
    }

    /// A machine that has it sees the new size at once.
    pub async fn grow(&self, disk: &DiskId, size_gb: u32) -> anyhow::Result<()> {
        let file = File::options().write(true).open(self.file(&disk.0)).with_context(|| format!("no disk {disk}"))?;
        let size = u64::from(size_gb) * GIB;
        ensure!(file.metadata()?.len() <= size, "disk {disk} is larger than {size_gb} GB");
        file.set_len(size)?;
        if let Some(device) = self.find(disk).await? {
            run("losetup", ["--set-capacity", &format!("/dev/{}", device.name)]).await?;
        }
        Ok(())
    }

    /// Takes the device away from the file.
    pub async fn release(&self, disk: &DiskId) -> anyhow::Result<()> {
        if let Some(device) = self.find(disk).await? {
            run("losetup", ["--detach", &format!("/dev/{}", device.name)]).await?;
        }
        Ok(())
    }

    /// Removes every disk and snapshot.
    pub async fn remove_all(&self) -> anyhow::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if let Some(id) = path.file_stem().and_then(|stem| stem.to_str()) {
                self.destroy(&DiskId(id.to_owned())).await?;
            }
        }
        Ok(())
    }

    async fn find(&self, disk: &DiskId) -> anyhow::Result<Option<LoopDevice>> {
        let file = self.file(&disk.0);
        if !file.exists() {
            return Ok(None);
        }
        let devices = run("losetup", ["--associated", utf8(&file)?, "--noheadings", "--output", "NAME"]).await?;
        devices.lines().next().map(parse_device).transpose()
    }

    fn file(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.img"))
    }

    fn remove(&self, id: &str) -> anyhow::Result<()> {
        match fs::remove_file(self.file(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

/// Copies a sparse file; it appears under its name only when it is complete.
async fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let temporary = to.with_extension("new");
    run("cp", ["--reflink=auto", "--sparse=always", utf8(from)?, utf8(&temporary)?]).await?;
    fs::rename(temporary, to)?;
    Ok(())
}

fn utf8(path: &Path) -> anyhow::Result<&str> {
    path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))
}

fn parse_device(path: &str) -> anyhow::Result<LoopDevice> {
    let name = path.trim().strip_prefix("/dev/").with_context(|| format!("unexpected loop device {path:?}"))?;
    let number = name.strip_prefix("loop").and_then(|number| number.parse().ok());
    let minor = number.with_context(|| format!("unexpected loop device {path:?}"))?;
    Ok(LoopDevice { name: name.to_owned(), major: LOOP_MAJOR, minor })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_losetup_prints() {
        let device = parse_device("/dev/loop12\n").unwrap();
        assert_eq!(device, LoopDevice { name: "loop12".into(), major: 7, minor: 12 });
        assert!(parse_device("/dev/sda").is_err());
    }

    #[tokio::test]
    async fn a_disk_from_a_snapshot_may_be_larger_but_never_smaller() {
        let folder = tempfile::tempdir().unwrap();
        let disks = Disks::open(folder.path().to_owned()).unwrap();
        let (disk, snapshot) = (DiskId("vol-1".into()), SnapshotId("snap-1".into()));
        disks.create(&disk, 8, None).await.unwrap();
        disks.snapshot(&disk, &snapshot).await.unwrap();
        disks.grow(&disk, 9).await.unwrap();
        assert_eq!(fs::metadata(folder.path().join("vol-1.img")).unwrap().len(), 9 * GIB);
        assert!(disks.grow(&disk, 8).await.is_err(), "a disk does not shrink");
        disks.create(&DiskId("vol-2".into()), 16, Some(&snapshot)).await.unwrap();
        assert_eq!(fs::metadata(folder.path().join("vol-2.img")).unwrap().len(), 16 * GIB);
        let refused = disks.create(&DiskId("vol-3".into()), 4, Some(&snapshot)).await.unwrap_err();
        assert_eq!(refused.to_string(), "snapshot snap-1 is larger than 4 GB");
    }
}
