//! The observed resources, one type a kind, in provider-neutral words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::database::DatabaseView;
use super::ec2::{Ec2Instance, Ec2View, Modification, VolumeSpec};
use super::firewall::OpenPort;
use super::host_facts::HostFacts;
use super::tags::Tags;
use crate::plan::{NodeName, PlanName};

/// The name of a cloud resource, unique in its account and region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ResourceName(pub String);

impl ResourceName {
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who sells hosts and disks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CloudKind {
    Lightsail,
    Ec2,
}

impl fmt::Display for CloudKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lightsail => "Lightsail",
            Self::Ec2 => "EC2",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    pub observed_at: Timestamp,
    pub instances: Vec<Instance>,
    pub disks: Vec<Disk>,
    pub snapshots: Vec<Snapshot>,
    pub addresses: Vec<Address>,
    pub key_pairs: Vec<KeyPair>,
    pub contacts: Vec<Contact>,
    pub alarms: Vec<Alarm>,
    /// What the provider sells, with its prices.
    pub sizes: Vec<Size>,
    /// What each host says of itself.
    pub hosts: BTreeMap<NodeName, HostView>,
    #[serde(default)]
    pub database: DatabaseView,
    #[serde(default)]
    pub ec2: Ec2View,
}

impl Inventory {
    pub fn empty(observed_at: Timestamp) -> Self {
        Self {
            observed_at,
            instances: vec![],
            disks: vec![],
            snapshots: vec![],
            addresses: vec![],
            key_pairs: vec![],
            contacts: vec![],
            alarms: vec![],
            sizes: vec![],
            hosts: BTreeMap::new(),
            database: DatabaseView::Absent,
            ec2: Ec2View::default(),
        }
    }

    pub fn instance(&self, name: &ResourceName) -> Option<&Instance> {
        self.instances.iter().find(|i| &i.name == name)
    }

    pub fn address(&self, name: &ResourceName) -> Option<&Address> {
        self.addresses.iter().find(|a| &a.name == name)
    }

    pub fn size(&self, id: &str) -> Option<&Size> {
        self.sizes.iter().find(|s| s.id == id)
    }

    pub fn facts(&self, host: &NodeName) -> Option<&HostFacts> {
        self.hosts.get(host)?.facts()
    }

    /// Every instance of one node: usually one, two while a replacement is under way.
    pub fn instances_of<'a>(&'a self, plan: &'a PlanName, node: &'a str) -> impl Iterator<Item = &'a Instance> {
        self.instances.iter().filter(move |i| i.tags.is_node(plan, node) && i.state != InstanceState::Gone)
    }

    pub fn disks_of<'a>(&'a self, plan: &'a PlanName, node: &'a str) -> impl Iterator<Item = &'a Disk> {
        self.disks.iter().filter(move |d| d.tags.is_node(plan, node))
    }

    /// Names in use, of any kind: the provider refuses a name that another resource has.
    pub fn names(&self) -> BTreeSet<&ResourceName> {
        let instances = self.instances.iter().map(|r| &r.name);
        instances
            .chain(self.disks.iter().map(|r| &r.name))
            .chain(self.snapshots.iter().map(|r| &r.name))
            .chain(self.addresses.iter().map(|r| &r.name))
            .chain(self.key_pairs.iter().map(|r| &r.name))
            .collect()
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a handful a run, and nearly all are the large one")]
pub enum HostView {
    Seen(HostFacts),
    Unseen(Gap),
    /// Something answers in its place that shows another SSH host key.
    Mistaken(Gap),
}

impl HostView {
    pub fn facts(&self) -> Option<&HostFacts> {
        match self {
            Self::Seen(facts) => Some(facts),
            Self::Unseen(_) | Self::Mistaken(_) => None,
        }
    }
}

/// Why something could not be observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Gap(pub String);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    pub cloud: CloudKind,
    pub name: ResourceName,
    pub tags: Tags,
    pub zone: String,
    pub state: InstanceState,
    pub size: String,
    pub image: String,
    pub user: String,
    pub key_pair: Option<ResourceName>,
    pub public_ip: Option<String>,
    /// In its own network, and in one that is joined with it.
    pub private_ip: Option<String>,
    pub ports: Vec<OpenPort>,
    pub created_at: Option<Timestamp>,
    /// Of EC2 only.
    #[serde(default)]
    pub ec2: Option<Ec2Instance>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstanceState {
    Pending,
    Running,
    Stopping,
    Stopped,
    /// Being deleted, or deleted.
    Gone,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Disk {
    pub cloud: CloudKind,
    pub name: ResourceName,
    pub tags: Tags,
    pub zone: String,
    pub size_gb: u32,
    pub attached_to: Option<ResourceName>,
    /// The device path that was asked for when it was attached.
    pub path: Option<String>,
    /// Neither being made nor broken.
    pub ready: bool,
    /// Of EC2 only: what it is, and its last change.
    #[serde(default)]
    pub volume: Option<VolumeSpec>,
    #[serde(default)]
    pub modification: Option<Modification>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub cloud: CloudKind,
    pub name: ResourceName,
    pub tags: Tags,
    pub from_disk: Option<ResourceName>,
    pub size_gb: u32,
    pub complete: bool,
    pub created_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Address {
    pub cloud: CloudKind,
    pub name: ResourceName,
    pub ip: String,
    pub attached_to: Option<ResourceName>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyPair {
    pub cloud: CloudKind,
    pub name: ResourceName,
    pub fingerprint: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contact {
    pub email: String,
    pub status: ContactStatus,
    pub tags: Tags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ContactStatus {
    /// Not verified: its alarms reach nobody.
    Pending,
    Valid,
    Invalid,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alarm {
    pub name: ResourceName,
    pub monitored: ResourceName,
    /// The provider's name of the metric, `BurstCapacityPercentage`.
    pub metric: String,
    pub comparison: Comparison,
    pub threshold: f64,
    pub evaluation_periods: u32,
    pub notifies_email: bool,
    pub state: String,
    pub tags: Tags,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    AtLeast,
    Above,
    Below,
    AtMost,
}

/// A size that the provider sells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Size {
    pub id: String,
    /// US dollars a month.
    pub price: f64,
    pub vcpu: u32,
    pub memory_gb: f64,
    pub disk_gb: u32,
    pub active: bool,
}
