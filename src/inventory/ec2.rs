//! What EC2 tells beyond what every cloud has: networks, security groups, images, types, and how an instance is set up.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::firewall::OpenPort;
use super::observed::ResourceName;
use super::tags::Tags;
use crate::plan::{Credits, VolumeType};

/// Everything of EC2 that belongs to no single instance or disk.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ec2View {
    pub vpcs: Vec<Vpc>,
    pub subnets: Vec<Ec2Subnet>,
    pub firewalls: Vec<Firewall>,
    /// The image that the plan's name of it stands for now; where none is known, there is no entry.
    pub images: BTreeMap<String, String>,
    /// Those that the plan names, and those of its instances.
    pub types: Vec<InstanceType>,
    pub profile: Profile,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vpc {
    pub id: String,
    pub name: Option<String>,
    pub is_default: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ec2Subnet {
    pub id: String,
    pub name: Option<String>,
    pub vpc: String,
    pub zone: String,
    /// The default one of its zone.
    pub is_default: bool,
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firewall {
    pub name: ResourceName,
    pub id: String,
    pub tags: Tags,
    pub vpc: String,
    /// One source a rule.
    pub ports: Vec<OpenPort>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceType {
    pub id: String,
    pub vcpu: u32,
    pub memory_gb: f64,
    /// `x86_64`, `arm64`.
    pub architectures: BTreeSet<String>,
    pub burstable: bool,
}

/// What an instance may do by itself: an instance profile with one role, and that one's policy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub role: bool,
    /// The role's own policy, as infra writes it.
    pub policy: Option<String>,
    pub profile: bool,
    pub has_role: bool,
    /// Somebody else's, under the name that the plan's would have.
    #[serde(default)]
    pub foreign: bool,
}

/// How an instance of EC2 is set up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ec2Instance {
    pub id: String,
    pub image_id: String,
    pub architecture: String,
    pub vpc: String,
    pub subnet: String,
    /// Names of its security groups.
    pub firewalls: BTreeSet<ResourceName>,
    pub profile: Option<ResourceName>,
    /// Its metadata are given only for a session's token.
    pub tokens_required: bool,
    pub hop_limit: i32,
    /// None: its type does not burst.
    pub credits: Option<Credits>,
    /// What AWS has planned for it, in words: a retirement, a reboot, an interruption of Spot.
    #[serde(default)]
    pub events: Vec<String>,
}

/// What an EBS volume is, but for its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeSpec {
    #[serde(rename = "type")]
    pub kind: VolumeType,
    /// None: the kind has none to choose.
    pub iops: Option<u32>,
    /// MiB/s. None: the kind has none to choose.
    pub throughput: Option<u32>,
}

impl VolumeSpec {
    /// What gp3 has where nobody asks for more.
    pub const GP3: Self = Self { kind: VolumeType::Gp3, iops: Some(3_000), throughput: Some(125) };
}

impl std::fmt::Display for VolumeSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.kind)?;
        if let Some(iops) = self.iops {
            write!(f, ", {iops} IOPS")?;
        }
        match self.throughput {
            Some(throughput) => write!(f, ", {throughput} MiB/s"),
            None => Ok(()),
        }
    }
}

/// The last change of a volume in place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Modification {
    pub state: ModificationState,
    pub percent: u8,
    pub started_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModificationState {
    Modifying,
    /// It has its new size and speed, which are not yet reached everywhere; another change must wait.
    Optimizing,
    Completed,
    Failed,
}

impl Modification {
    /// Another one must wait until it is done.
    pub fn goes_on(&self) -> bool {
        matches!(self.state, ModificationState::Modifying | ModificationState::Optimizing)
    }
}
