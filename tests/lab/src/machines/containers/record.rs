//! What a machine is made of, kept in a file a machine: the truth from which every start is done.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::{DiskId, FirewallRule, MachineId, MachineSpec, SeenAs};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Record {
    pub spec: MachineSpec,
    /// Attached disks and how the machine sees each.
    pub disks: BTreeMap<DiskId, SeenAs>,
    /// Addresses besides its own.
    pub addresses: BTreeSet<Ipv4Addr>,
    /// None until the cloud has set one; then everything is open.
    pub firewall: Option<Vec<FirewallRule>>,
    /// CPU seconds of earlier runs: the kernel counts from the last start.
    pub cpu_seconds_before: f64,
}

impl Record {
    pub fn new(spec: MachineSpec) -> Self {
        let (disks, firewall) = (spec.disks.clone(), spec.firewall.clone());
        Self { spec, disks, addresses: BTreeSet::new(), firewall, cpu_seconds_before: 0.0 }
    }
}

/// A folder with a folder for each machine, which holds its record and what it sees under `/lab`.
#[derive(Debug)]
pub(super) struct Records {
    folder: PathBuf,
}

impl Records {
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    pub fn folder(&self, machine: &MachineId) -> PathBuf {
        self.folder.join(&machine.0)
    }

    pub fn load(&self, machine: &MachineId) -> anyhow::Result<Record> {
        let bytes = fs::read(self.file(machine)).with_context(|| format!("no machine {machine}"))?;
        serde_json::from_slice(&bytes).with_context(|| format!("record of machine {machine}"))
    }

    pub fn save(&self, record: &Record) -> anyhow::Result<()> {
        fs::create_dir_all(self.folder(&record.spec.id))?;
        write_atomically(&self.file(&record.spec.id), &serde_json::to_vec_pretty(record)?)?;
        Ok(())
    }

    pub fn remove(&self, machine: &MachineId) -> io::Result<()> {
        match fs::remove_dir_all(self.folder(machine)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Every machine that has a record.
    pub fn all(&self) -> anyhow::Result<Vec<Record>> {
        let mut records = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let machine = MachineId(entry?.file_name().to_string_lossy().into_owned());
            if self.file(&machine).exists() {
                records.push(self.load(&machine)?);
            }
        }
        Ok(records)
    }

    fn file(&self, machine: &MachineId) -> PathBuf {
        self.folder(machine).join("machine.json")
    }
}

/// Replaces a file as a whole, so that a reader or a crash never meets half of it.
pub(super) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    fs::write(&temporary, bytes)?;
    fs::rename(temporary, path)
}
