//! What EC2's names stand for. EC2 knows ids, a plan names: those that were seen or made are kept here, so that what was made
//! a moment ago is known before any list shows it. Also the tokens by which a call is made once, whatever becomes of its
//! answer.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};

use super::convert::Resource;
use super::errors::several;
use crate::cloud::api::CloudError;
use crate::inventory::ResourceName;

/// EC2 is eventually consistent: mostly within a second, rarely within minutes.
const KNOWN_EVERYWHERE: Duration = Duration::from_secs(180);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Instance,
    Volume,
    Snapshot,
    Address,
    Firewall,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Volume => "volume",
            Self::Snapshot => "snapshot",
            Self::Address => "Elastic IP address",
            Self::Firewall => "security group",
        }
    }
}

pub(super) struct Ids {
    known: Mutex<HashMap<(Kind, ResourceName), String>>,
    /// What this run made, and when.
    made: Mutex<HashMap<String, Instant>>,
    /// By AMI: the device that it starts from.
    root_devices: Mutex<HashMap<String, String>>,
    nonce: [u8; 16],
}

impl Ids {
    /// `nonce` is of this process: an instance that was deleted and is made again is another one.
    pub fn new(nonce: [u8; 16]) -> Self {
        Self { known: Mutex::default(), made: Mutex::default(), root_devices: Mutex::default(), nonce }
    }

    pub fn made(&self, kind: Kind, name: &ResourceName, id: &str) {
        self.learn(kind, name, id);
        self.note_made(id);
    }

    /// Of what goes by its name, too: a key pair.
    pub fn note_made(&self, id: &str) {
        lock(&self.made).insert(id.to_owned(), Instant::now());
    }

    /// Says EC2 that there is no such thing, of a thing that it made a moment ago? Then not all of EC2 knows it yet.
    pub fn names_new(&self, message: &str) -> bool {
        lock(&self.made).iter().any(|(id, at)| at.elapsed() < KNOWN_EVERYWHERE && message.contains(id.as_str()))
    }

    pub fn learn(&self, kind: Kind, name: &ResourceName, id: &str) {
        lock(&self.known).insert((kind, name.clone()), id.to_owned());
    }

    /// Of what was listed. A name that two have stands for none of them.
    pub fn learn_all<'a, T: Resource + 'a>(&self, kind: Kind, found: impl IntoIterator<Item = &'a T>) {
        let mut ids = BTreeMap::<ResourceName, Vec<&str>>::new();
        for resource in found.into_iter().filter(|resource| !resource.is_gone()) {
            ids.entry(resource.name()).or_default().extend(resource.id());
        }
        for (name, ids) in ids {
            match ids.as_slice() {
                [one] => self.learn(kind, &name, one),
                _ => drop(lock(&self.known).remove(&(kind, name))),
            }
        }
    }

    pub fn get(&self, kind: Kind, name: &ResourceName) -> Option<String> {
        lock(&self.known).get(&(kind, name.clone())).cloned()
    }

    pub fn all(&self, kind: Kind) -> Vec<String> {
        let known = lock(&self.known);
        known.iter().filter(|((of, _), _)| *of == kind).map(|(_, id)| id.clone()).collect()
    }

    pub fn root_device(&self, image: &str) -> Option<String> {
        lock(&self.root_devices).get(image).cloned()
    }

    pub fn learn_root_device(&self, image: &str, device: &str) {
        lock(&self.root_devices).insert(image.to_owned(), device.to_owned());
    }

    /// EC2's limit is 64 characters, which is what a SHA-256 has.
    pub fn token(&self, kind: Kind, name: &ResourceName) -> String {
        let mut hash = Sha256::new();
        hash.update(self.nonce);
        hash.update(kind.word());
        hash.update(name.as_str());
        hex::encode(hash.finalize())
    }

    /// The one that this name stands for: the known one; else the one that lives; else one that is on its way out.
    pub fn pick<'a, T: Resource>(
        &self,
        kind: Kind,
        found: &'a [T],
        name: &ResourceName,
    ) -> Result<Option<&'a T>, CloudError> {
        let known = self.get(kind, name);
        let same: Vec<_> = found.iter().filter(|resource| &resource.name() == name).collect();
        let living: Vec<_> = same.iter().filter(|resource| !resource.is_gone()).copied().collect();
        let known = known.and_then(|id| found.iter().find(|resource| resource.id() == Some(id.as_str())));
        match (known.filter(|resource| !resource.is_gone()), living.as_slice()) {
            (Some(known), _) => Ok(Some(known)),
            (None, [one]) => Ok(Some(one)),
            (None, []) => Ok(known.or(same.first().copied())),
            (None, many) => Err(several(name, &many.iter().filter_map(|resource| resource.id()).collect::<Vec<_>>())),
        }
    }
}

/// A map is whole after any panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types as sdk;

    use super::*;

    fn instance(id: &str, name: &str, state: sdk::InstanceStateName) -> sdk::Instance {
        let tag = sdk::Tag::builder().key("Name").value(name).build();
        let state = sdk::InstanceState::builder().name(state).build();
        sdk::Instance::builder().instance_id(id).tags(tag).state(state).build()
    }

    fn picked(ids: &Ids, found: &[sdk::Instance]) -> Option<String> {
        let picked = ids.pick(Kind::Instance, found, &ResourceName::new("demo-vault")).unwrap();
        picked.and_then(|one| one.instance_id.clone())
    }

    #[test]
    fn a_name_stands_for_the_one_that_lives() {
        use sdk::InstanceStateName::{Running, ShuttingDown, Terminated};
        let ids = Ids::new([0; 16]);
        assert_eq!(picked(&ids, &[]), None);
        let old = instance("i-old", "demo-vault", Terminated);
        let new = instance("i-new", "demo-vault", Running);
        let other = instance("i-other", "demo-web", Running);
        assert_eq!(picked(&ids, &[old.clone(), other.clone(), new.clone()]).as_deref(), Some("i-new"));
        assert_eq!(picked(&ids, &[other, instance("i-old", "demo-vault", ShuttingDown)]).as_deref(), Some("i-old"));
        let twin = instance("i-twin", "demo-vault", Running);
        let both = [new, twin, old];
        ids.learn_all(Kind::Instance, &both);
        let error = ids.pick(Kind::Instance, &both, &ResourceName::new("demo-vault")).unwrap_err();
        assert!(error.message.contains("i-new, i-twin"), "{error}");
        ids.learn(Kind::Instance, &ResourceName::new("demo-vault"), "i-twin");
        assert_eq!(picked(&ids, &both).as_deref(), Some("i-twin"), "it is the one that this run made");
    }

    #[test]
    fn what_was_made_a_moment_ago_is_known_to_be_there() {
        let ids = Ids::new([0; 16]);
        ids.made(Kind::Volume, &ResourceName::new("demo-vault-data"), "vol-1a");
        assert!(ids.names_new("The volume 'vol-1a' does not exist."));
        assert!(!ids.names_new("The volume 'vol-2b' does not exist."));
    }

    #[test]
    fn what_is_gone_is_not_learned() {
        let ids = Ids::new([0; 16]);
        let found = [
            instance("i-1", "a", sdk::InstanceStateName::Terminated),
            instance("i-2", "b", sdk::InstanceStateName::Stopped),
        ];
        ids.learn_all(Kind::Instance, &found);
        assert_eq!(ids.get(Kind::Instance, &ResourceName::new("a")), None);
        assert_eq!(ids.all(Kind::Instance), ["i-2"]);
    }

    #[test]
    fn a_token_is_of_the_process_the_kind_and_the_name() {
        let (name, other) = (ResourceName::new("a"), ResourceName::new("b"));
        let ids = Ids::new([1; 16]);
        let token = ids.token(Kind::Instance, &name);
        assert_eq!(token, ids.token(Kind::Instance, &name));
        assert_eq!(token.len(), 64);
        let others = [
            ids.token(Kind::Instance, &other),
            ids.token(Kind::Volume, &name),
            Ids::new([2; 16]).token(Kind::Instance, &name),
        ];
        assert!(!others.contains(&token));
    }
}
