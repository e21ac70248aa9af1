//! The account: everything that Lightsail remembers, as plain data. No machine is touched here and nothing waits.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::access::Prepared;
use super::alarms::Alarm;
use super::contacts::Contact;
use super::disks::{Disk, DiskSnapshot};
use super::error::ApiError;
use super::input::Input;
use super::instances::Instance;
use super::key_pairs::KeyPair;
use super::operations::{Job, JobId, Operation, OperationFault, save_recent};
use super::resource::{Identity, Kind, Tag, now, uuid};
use super::snapshots::InstanceSnapshot;
use super::static_ips::StaticIp;
use crate::machines::Machines;
use crate::settings::Quotas;

/// All regions, by name.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Account {
    pub regions: BTreeMap<String, Shared>,
}

/// A region that is copied when it is changed and not before: looking at it, or keeping the state before a change, costs
/// nothing.
#[derive(Debug, Clone, Default)]
pub struct Shared(Arc<Region>);

impl Deref for Shared {
    type Target = Region;

    fn deref(&self) -> &Region {
        &self.0
    }
}

impl DerefMut for Shared {
    fn deref_mut(&mut self) -> &mut Region {
        Arc::make_mut(&mut self.0)
    }
}

impl From<Region> for Shared {
    fn from(region: Region) -> Self {
        Self(Arc::new(region))
    }
}

impl Serialize for Shared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Shared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Region::deserialize(deserializer).map(Self::from)
    }
}

/// One region. Resources are keyed by name; a name belongs to one resource of any kind.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Region {
    pub instances: BTreeMap<String, Instance>,
    pub disks: BTreeMap<String, Disk>,
    pub static_ips: BTreeMap<String, StaticIp>,
    pub key_pairs: BTreeMap<String, KeyPair>,
    pub instance_snapshots: BTreeMap<String, InstanceSnapshot>,
    pub disk_snapshots: BTreeMap<String, DiskSnapshot>,
    pub alarms: BTreeMap<String, Alarm>,
    /// Keyed by protocol: one e-mail address and one telephone number a region.
    pub contacts: BTreeMap<String, Contact>,
    pub peered: bool,
    /// In the order of their creation.
    #[serde(serialize_with = "save_recent")]
    pub operations: Vec<Operation>,
    /// Work that has not ended.
    pub jobs: BTreeMap<JobId, Job>,
    pub last_job: JobId,
}

impl Region {
    /// Every resource's identity.
    pub fn identities(&self) -> impl Iterator<Item = &Identity> {
        (self.instances.values().map(|it| &it.identity))
            .chain(self.disks.values().map(|it| &it.identity))
            .chain(self.static_ips.values().map(|it| &it.identity))
            .chain(self.key_pairs.values().map(|it| &it.identity))
            .chain(self.instance_snapshots.values().map(|it| &it.identity))
            .chain(self.disk_snapshots.values().map(|it| &it.identity))
            .chain(self.alarms.values().map(|it| &it.identity))
            .chain(self.contacts.values().map(|it| &it.identity))
    }

    pub fn identity_mut(&mut self, name: &str) -> Option<&mut Identity> {
        (self.instances.values_mut().map(|it| &mut it.identity))
            .chain(self.disks.values_mut().map(|it| &mut it.identity))
            .chain(self.static_ips.values_mut().map(|it| &mut it.identity))
            .chain(self.key_pairs.values_mut().map(|it| &mut it.identity))
            .chain(self.instance_snapshots.values_mut().map(|it| &mut it.identity))
            .chain(self.disk_snapshots.values_mut().map(|it| &mut it.identity))
            .chain(self.alarms.values_mut().map(|it| &mut it.identity))
            .chain(self.contacts.values_mut().map(|it| &mut it.identity))
            .find(|identity| identity.name == name)
    }

    pub fn instance(&self, name: &str) -> Result<&Instance, ApiError> {
        self.instances.get(name).ok_or_else(|| ApiError::not_found("Instance", name))
    }

    pub fn instance_mut(&mut self, name: &str) -> Result<&mut Instance, ApiError> {
        self.instances.get_mut(name).ok_or_else(|| ApiError::not_found("Instance", name))
    }
}

/// One request on its way through: what it asks, the region it may change, and what it starts.
pub struct Call<'a> {
    pub region: &'a mut Shared,
    pub region_name: &'a str,
    pub input: Input,
    pub quotas: &'a Quotas,
    pub machines: &'a dyn Machines,
    pub page_size: usize,
    /// Keys that had to be made before the account was locked.
    pub prepared: Prepared,
    pub fault: Option<OperationFault>,
    /// Jobs to run once the request has been answered.
    pub started: Vec<JobId>,
}

impl Call<'_> {
    /// The named instance of the request's `instanceName`.
    pub fn instance(&self) -> Result<&Instance, ApiError> {
        self.region.instance(self.input.text("instanceName")?)
    }

    /// Refuses a name that AWS would not accept or that another resource has.
    pub fn check_new_name(&self, name: &str) -> Result<(), ApiError> {
        let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
        if name.len() < 2
            || name.len() > 255
            || !name.chars().all(good)
            || !ends(name.chars().next())
            || !ends(name.chars().last())
        {
            return Err(ApiError::invalid(format!(
                "{name} is not a valid resource name. Resource names must be at least 2 characters long and contain only \
                 alphanumerics, -, _, and ."
            )));
        }
        match self.region.identities().any(|taken| taken.name == name) {
            true => Err(ApiError::name_taken(name)),
            false => Ok(()),
        }
    }

    /// Refuses a zone of another region.
    pub fn check_zone(&self, zone: &str) -> Result<(), ApiError> {
        match super::catalog::zone_exists(self.region_name, zone) {
            true => Ok(()),
            false => {
                Err(ApiError::invalid(format!("The specified availability zone does not exist in this region: {zone}")))
            }
        }
    }

    pub fn identity(&self, kind: Kind, name: &str, zone: &str, tags: Vec<Tag>) -> Identity {
        Identity {
            kind,
            name: name.to_owned(),
            uuid: uuid(),
            region: self.region_name.to_owned(),
            zone: zone.to_owned(),
            created_at: now(),
            tags,
        }
    }
}

/// What a handler answers.
pub type Answer = Result<Value, ApiError>;
