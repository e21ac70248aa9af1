//! What the gateway knows about each instance beside MiniStack: its address, its secret, what it was started with.
//! Written to disk before MiniStack is asked to make the instance.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::parameters::Parameters;
use crate::store;

/// Addresses of databases on the lab's network: 192 to 199, between those of hosts and the static ones.
const ADDRESSES: std::ops::RangeInclusive<u8> = 192..=199;

/// Before the name of a cluster: an instance may have the same.
const CLUSTER: &str = "cluster:";

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub region: String,
    pub id: String,
}

impl Key {
    pub fn instance(region: &str, name: &str) -> Self {
        Self { region: region.to_owned(), id: name.to_owned() }
    }

    pub fn cluster(region: &str, name: &str) -> Self {
        Self { region: region.to_owned(), id: format!("{CLUSTER}{name}") }
    }

    pub fn is_cluster(&self) -> bool {
        self.id.starts_with(CLUSTER)
    }

    pub fn name(&self) -> &str {
        self.id.strip_prefix(CLUSTER).unwrap_or(&self.id)
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.region, self.id)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    pub address: Ipv4Addr,
    /// The ARN of the master user's secret, where RDS manages it.
    pub secret: Option<String>,
    /// Whose request made it: MiniStack tells accounts apart by it.
    pub access_key: String,
    /// The request named no database.
    pub unnamed: bool,
    /// What is in effect since the last start; none before the first.
    pub started_with: Option<Started>,
    /// Its container as it was last seen; another one after a restart of MiniStack.
    pub container: Option<String>,
    /// The volume that holds its data.
    pub volume: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    pub group: String,
    /// Of the group's parameters, those that a reboot is needed for.
    pub fixed: Parameters,
}

/// All records, keyed by `region/id`.
#[derive(Debug)]
pub struct Records {
    file: PathBuf,
    known: Mutex<BTreeMap<String, Record>>,
}

impl Records {
    pub fn open(file: PathBuf) -> anyhow::Result<Self> {
        let known = store::read(&file).context("cannot read what is known of databases")?.unwrap_or_default();
        Ok(Self { file, known: Mutex::new(known) })
    }

    pub fn get(&self, key: &Key) -> Option<Record> {
        self.lock().get(&key.to_string()).cloned()
    }

    pub fn all(&self) -> Vec<(Key, Record)> {
        let split = |text: &str| text.split_once('/').map(|(region, id)| Key { region: region.into(), id: id.into() });
        self.lock().iter().filter_map(|(key, record)| Some((split(key)?, record.clone()))).collect()
    }

    /// A new record with an address of its own; none while all are taken or the instance has one.
    pub fn add(&self, key: &Key, make: impl FnOnce(Ipv4Addr) -> Record) -> Option<Record> {
        let mut known = self.lock();
        let address = ADDRESSES
            .map(|last| Ipv4Addr::new(203, 0, 113, last))
            .find(|free| !known.values().any(|record| record.address == *free))?;
        if known.contains_key(&key.to_string()) {
            return None;
        }
        let record = make(address);
        known.insert(key.to_string(), record.clone());
        self.save(&known);
        Some(record)
    }

    /// Gives an instance the next address that no other of this lab has: its own turned out to be somebody else's.
    pub fn move_on(&self, key: &Key) {
        let mut known = self.lock();
        let Some(own) = known.get(&key.to_string()).map(|record| record.address) else { return };
        let all = ADDRESSES.map(|last| Ipv4Addr::new(203, 0, 113, last));
        let (before, after): (Vec<_>, Vec<_>) = all.partition(|address| *address <= own);
        let is_free = |address: &Ipv4Addr| !known.values().any(|record| record.address == *address);
        let next = after.into_iter().chain(before).find(is_free);
        if let (Some(next), Some(record)) = (next, known.get_mut(&key.to_string())) {
            record.address = next;
            self.save(&known);
        }
    }

    pub fn change(&self, key: &Key, change: impl FnOnce(&mut Record)) {
        let mut known = self.lock();
        if let Some(record) = known.get_mut(&key.to_string()) {
            change(record);
            self.save(&known);
        }
    }

    pub fn remove(&self, key: &Key) -> Option<Record> {
        let mut known = self.lock();
        let removed = known.remove(&key.to_string());
        self.save(&known);
        removed
    }

    fn save(&self, known: &BTreeMap<String, Record>) {
        if let Err(error) = store::write(&self.file, known) {
            tracing::error!("what is known of databases could not be saved: {error:#}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Record>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(address: Ipv4Addr) -> Record {
        Record {
            address,
            secret: None,
            access_key: "lab".into(),
            unnamed: false,
            started_with: None,
            container: None,
            volume: None,
        }
    }

    #[test]
    fn each_instance_has_an_address_of_its_own_and_gives_it_back() {
        let folder = tempfile::tempdir().unwrap();
        let records = Records::open(folder.path().join("rds.json")).unwrap();
        let key = |id: u8| Key { region: "us-east-1".into(), id: format!("db{id}") };
        for id in 0..8 {
            assert_eq!(records.add(&key(id), record).unwrap().address, Ipv4Addr::new(203, 0, 113, 192 + id));
        }
        assert!(records.add(&key(9), record).is_none());
        records.move_on(&key(0));
        assert_eq!(records.get(&key(0)).unwrap().address, Ipv4Addr::new(203, 0, 113, 192), "there is no other");
        records.remove(&key(3));
        records.move_on(&key(7));
        assert_eq!(records.get(&key(7)).unwrap().address, Ipv4Addr::new(203, 0, 113, 195));
        records.move_on(&key(7));
        assert_eq!(records.get(&key(7)).unwrap().address, Ipv4Addr::new(203, 0, 113, 199));
        assert_eq!(records.add(&key(9), record).unwrap().address, Ipv4Addr::new(203, 0, 113, 195));
        assert_eq!(Records::open(folder.path().join("rds.json")).unwrap().all().len(), 8);
    }
}
