//! What there is of a plan's managed database, and of what it needs around it. Data only.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::{Comparison, Gap, ResourceName, Tags};
use crate::plan::{Engine, ManagedSize, Port};

/// Everything that stands under the names of one plan's database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatabaseInventory {
    /// Lightsail's network is joined with the network below.
    pub peered: bool,
    pub network: Network,
    pub security_group: Option<SecurityGroup>,
    pub subnet_group: Option<SubnetGroup>,
    /// Each kind of database has a group of its own.
    pub parameter_groups: BTreeMap<Engine, ParameterGroup>,
    pub database: Option<Database>,
    pub snapshots: Vec<DatabaseSnapshot>,
    /// Those that infra may have set.
    pub alarms: Vec<DatabaseAlarm>,
    pub topic: Option<AlarmTopic>,
}

/// What is known of a plan's managed database.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseView {
    /// The plan names none, or it was not made yet.
    #[default]
    Absent,
    Seen(Box<DatabaseInventory>),
    Unseen(Gap),
}

impl DatabaseView {
    pub fn seen(&self) -> Option<&DatabaseInventory> {
        match self {
            Self::Seen(found) => Some(found),
            Self::Absent | Self::Unseen(_) => None,
        }
    }
}

/// The account's default VPC in the region, which is the one that Lightsail can be joined with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    pub id: String,
    pub subnets: Vec<Subnet>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Subnet {
    pub id: String,
    pub zone: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SecurityGroup {
    pub id: String,
    pub tags: Tags,
    pub ingress: BTreeSet<Ingress>,
}

/// Who may connect to a port, over TCP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ingress {
    pub port: Port,
    pub from: IpNet,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubnetGroup {
    pub tags: Tags,
    pub subnets: BTreeSet<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ParameterGroup {
    pub tags: Tags,
    /// `postgres17`, `aurora-postgresql17`.
    pub family: String,
    /// Those that differ from the family's.
    pub parameters: Parameters,
}

/// Names and values as RDS writes them: numbers without units, switches as 0 and 1.
pub type Parameters = BTreeMap<String, String>;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Database {
    pub name: ResourceName,
    pub tags: Tags,
    /// Of an Aurora cluster: its own, whatever its instance does.
    pub state: DatabaseState,
    pub size: ManagedSize,
    /// The instance that serves an Aurora cluster. Others have none beside them.
    pub member: Option<Member>,
    /// `17.6`.
    pub version: String,
    pub master: String,
    /// None until it is available for the first time.
    pub endpoint: Option<DatabaseAddress>,
    /// Secrets Manager's name of the master user's password.
    pub secret: Option<String>,
    /// What signs its certificate.
    pub authority: Option<String>,
    pub parameter_group: ResourceName,
    /// A reboot would change nothing.
    pub parameters_in_effect: bool,
    pub backup_days: u32,
    pub deletion_protection: bool,
    pub encrypted: bool,
    pub public: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub name: ResourceName,
    pub state: DatabaseState,
}

impl Database {
    pub fn engine(&self) -> Engine {
        self.size.engine()
    }

    /// What CloudWatch and a reboot know it by.
    pub fn instance(&self) -> &ResourceName {
        self.member.as_ref().map_or(&self.name, |member| &member.name)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseAddress {
    pub host: String,
    pub port: Port,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseState {
    Available,
    /// It changes by itself, as the provider calls it: `creating`, `modifying`, `backing-up`.
    Busy(String),
    Stopped,
    Deleting,
    /// It will not get better by waiting: `failed`, `incompatible-parameters`, `storage-full`.
    Broken(String),
}

impl std::fmt::Display for DatabaseState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Available => "available",
            Self::Stopped => "stopped",
            Self::Deleting => "deleting",
            Self::Busy(state) | Self::Broken(state) => state,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseSnapshot {
    pub name: ResourceName,
    pub complete: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatabaseAlarm {
    pub name: ResourceName,
    /// The provider's name of the metric, `FreeStorageSpace`.
    pub metric: String,
    pub comparison: Comparison,
    /// In the metric's own unit: bytes, percent, credits.
    pub threshold: f64,
    /// How many in a row, of five minutes each.
    pub periods: u32,
}

/// Whom alarms tell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmTopic {
    pub tags: Tags,
    /// With those that have not agreed yet.
    pub emails: BTreeSet<String>,
}
