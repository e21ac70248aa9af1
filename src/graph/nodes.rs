//! The nodes of the graph.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::build::UserData;
use crate::inventory::{CloudKind, Comparison, OpenPort, ResourceName, TAG_IMAGE, TAG_USER_DATA, Tags, VolumeSpec};
use crate::plan::{
    Credits, Email, Engine, ManagedSize, MountPath, NetworkName, NodeName, PlanName, Port, Region, ServiceName, Span,
    Threshold,
};

/// The place of a node in the plan: `hosts.vault.disks.pgdata`. Also the value of the `infra:node` tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub String);

impl NodeId {
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }
    pub fn host(host: &NodeName) -> Self {
        Self(format!("hosts.{host}"))
    }
    pub fn child(&self, part: &str) -> Self {
        Self(format!("{}.{part}", self.0))
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    pub plan: PlanName,
    pub region: Option<Region>,
    /// One in each cloud that a host comes from.
    pub key_pairs: Vec<KeyPairNode>,
    /// What instances of EC2 may do by themselves.
    pub profile: Option<ProfileNode>,
    pub hosts: Vec<HostNode>,
    pub contact: Option<Email>,
    pub release: Option<ReleaseNode>,
    pub database: Option<DatabaseNode>,
}

impl Graph {
    pub fn host(&self, name: &NodeName) -> Option<&HostNode> {
        self.hosts.iter().find(|h| &h.name == name)
    }

    pub fn cloud_hosts(&self) -> impl Iterator<Item = (&HostNode, &CloudHost)> {
        self.hosts.iter().filter_map(|h| match &h.kind {
            HostKind::Cloud(cloud) => Some((h, cloud)),
            HostKind::Existing(_) => None,
        })
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct KeyPairNode {
    pub cloud: CloudKind,
    pub id: NodeId,
    pub name: ResourceName,
    /// In OpenSSH's one-line form.
    pub public_key: String,
}

/// A role and the instance profile of the same name.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileNode {
    pub id: NodeId,
    pub name: ResourceName,
    /// The role's policy, as JSON.
    pub policy: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct HostNode {
    pub name: NodeName,
    pub id: NodeId,
    pub kind: HostKind,
    pub disks: Vec<DiskNode>,
}

#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a handful a plan, and nearly all are the large one")]
pub enum HostKind {
    Cloud(CloudHost),
    Existing(Existing),
}

/// A server that was there before: reached over SSH, never created or removed.
#[derive(Debug, Clone, PartialEq)]
pub struct Existing {
    /// `host` or `user@host`.
    pub address: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CloudHost {
    pub base: ResourceName,
    pub zone: String,
    pub size: String,
    pub image: String,
    pub user_data: UserData,
    pub key_pair: ResourceName,
    pub ports: Vec<OpenPort>,
    pub address: Option<ResourceName>,
    pub alarms: Vec<AlarmNode>,
    pub kind: CloudHostKind,
}

/// What differs between the clouds.
#[derive(Debug, Clone, PartialEq)]
pub enum CloudHostKind {
    Lightsail,
    Ec2(Ec2Settings),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Ec2Settings {
    pub vpc: Option<NetworkName>,
    pub subnet: Option<NetworkName>,
    /// The plan names the zone; otherwise a subnet that it names decides.
    pub zone_given: bool,
    /// Its security group.
    pub firewall: ResourceName,
    pub profile: ResourceName,
    pub root_gb: u32,
    /// None: as AWS has it for the size.
    pub credits: Option<Credits>,
}

impl CloudHost {
    pub fn tags(&self, plan: &PlanName, id: &NodeId) -> Tags {
        let tags = Tags::for_node(plan, id.as_str()).with(TAG_USER_DATA, self.user_data.own_hash.clone());
        match self.kind {
            CloudHostKind::Lightsail => tags,
            // The API tells the AMI, which is another every few weeks.
            CloudHostKind::Ec2(_) => tags.with(TAG_IMAGE, self.image.clone()),
        }
    }

    pub fn cloud(&self) -> CloudKind {
        match self.kind {
            CloudHostKind::Lightsail => CloudKind::Lightsail,
            CloudHostKind::Ec2(_) => CloudKind::Ec2,
        }
    }

    pub fn ec2(&self) -> Option<&Ec2Settings> {
        match &self.kind {
            CloudHostKind::Lightsail => None,
            CloudHostKind::Ec2(settings) => Some(settings),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct DiskNode {
    pub name: NodeName,
    pub id: NodeId,
    pub base: ResourceName,
    pub size_gb: u32,
    pub mount: MountPath,
    /// Of EC2 only.
    pub volume: Option<VolumeSpec>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct AlarmNode {
    pub id: NodeId,
    pub name: ResourceName,
    pub metric: String,
    pub comparison: Comparison,
    pub threshold: f64,
    /// Of five minutes each.
    pub evaluation_periods: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ReleaseNode {
    pub host: NodeName,
    /// Of the bundle's files, variables, and secret names: a change of it asks for a new release.
    pub hash: String,
    pub push: Vec<ServiceName>,
    pub health_timeout: Span,
}

/// The managed database that `infra migrate` makes: what it is to be from then on. Nothing else makes it.
#[derive(Debug, Clone, PartialEq)]
pub struct DatabaseNode {
    pub plan: PlanName,
    pub id: NodeId,
    pub name: ResourceName,
    /// By kind: the plan may name both, and the migration chose.
    pub sizes: BTreeMap<Engine, ManagedSize>,
    /// The bundle's, where its clients run.
    pub host: NodeName,
    pub port: Port,
    pub backup_days: u32,
    pub emails: Vec<Email>,
    pub thresholds: Vec<Threshold>,
}

impl DatabaseNode {
    pub fn tags(&self) -> Tags {
        Tags::for_node(&self.plan, self.id.as_str())
    }
}

/// The sources of a port, for set arithmetic.
pub(super) fn sources(nets: impl IntoIterator<Item = IpNet>) -> BTreeSet<IpNet> {
    nets.into_iter().map(|n| n.trunc()).collect()
}
