//! The plan as data: what a user may write, one type a table; those of watching are in `threshold`. Field docs become the JSON
//! Schema's descriptions. Holds no rule about how fields go together: that is `validate`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::names::{
    Blueprint, DatabaseName, Email, FindingCode, InstanceClass, NetworkName, NodeName, PlanName, ProfileName, Region,
    SecretName, ServiceName, SizeName, SshAddress, VarName, Zone,
};
use super::threshold::Threshold;
use super::units::{Acu, CutoverTime, Destination, Gigabytes, MountPath, PortRange, Rate, Schedule, Source, Span};

/// One stack: hosts, the bundle that runs on them, and what watches over it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Prefix of every name and value of the `infra:plan` tag.
    pub name: PlanName,
    /// AWS region, for example `us-east-1`. Not needed when every host is `ssh`.
    pub region: Option<Region>,
    #[serde(default)]
    pub hosts: BTreeMap<NodeName, Host>,
    pub bundle: Option<Bundle>,
    pub database: Option<Database>,
    #[serde(default)]
    pub alerts: Alerts,
    #[serde(default)]
    pub thresholds: Vec<Threshold>,
    #[serde(default)]
    pub migrate: Migrate,
    pub backup: Option<Backup>,
}

/// Who provides a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    Lightsail,
    Ec2,
    /// A server that exists already, reached over SSH.
    Ssh,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Host {
    pub provider: Provider,
    /// Lightsail bundle id (`medium_3_0`) or EC2 instance type.
    pub size: Option<SizeName>,
    /// Lightsail blueprint id (`ubuntu_24_04`) or EC2 image.
    pub image: Option<Blueprint>,
    /// Availability zone; the region's `a` zone when absent.
    pub zone: Option<Zone>,
    /// `ssh` only: `host`, or `user@host`.
    pub address: Option<SshAddress>,
    #[serde(default)]
    pub static_ip: bool,
    /// The firewall, whole: what is not named is closed.
    #[serde(default)]
    pub ports: Vec<PortRule>,
    #[serde(default)]
    pub disks: BTreeMap<NodeName, Disk>,
    /// A shell script, relative to the plan, that runs once at first boot after infra's own preparation.
    pub user_data: Option<std::path::PathBuf>,
    /// EC2 only: the VPC, by id or by the name in its tag; the region's default VPC when absent.
    pub vpc: Option<NetworkName>,
    /// EC2 only: the subnet, by id or by the name in its tag; of the VPC and the zone when absent.
    pub subnet: Option<NetworkName>,
    /// EC2 only: the size of the root disk.
    pub root_gb: Option<Gigabytes>,
    /// EC2 only, of sizes that burst: `standard` slows down when the credits are used, `unlimited` costs more.
    pub credits: Option<Credits>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PortRule {
    /// One port, or a range as `"8000-8010"`.
    pub port: PortRange,
    #[serde(default)]
    pub protocol: Protocol,
    /// CIDR blocks, IPv4 and IPv6.
    pub from: Vec<Source>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    #[default]
    Tcp,
    Udp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    pub size_gb: Gigabytes,
    /// Absolute directory on the host.
    pub mount: MountPath,
    /// EC2 only.
    #[serde(rename = "type")]
    pub kind: Option<VolumeType>,
    /// EC2 only: provisioned IOPS.
    pub iops: Option<u32>,
    /// EC2 gp3 only: MiB/s.
    pub throughput: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum VolumeType {
    Gp2,
    Gp3,
    Io1,
    Io2,
    St1,
    Sc1,
}

/// What a size that bursts does when its CPU credits are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Credits {
    Standard,
    Unlimited,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// The host that runs it.
    pub host: NodeName,
    /// Folder with `compose.yaml`, relative to the plan.
    pub source: std::path::PathBuf,
    /// Services whose images are built here and sent over SSH.
    #[serde(default)]
    pub push: Vec<ServiceName>,
    /// Services of these profiles are started too.
    #[serde(default)]
    pub profiles: Vec<ProfileName>,
    /// Values for `${NAME}` in the compose file.
    #[serde(default)]
    pub vars: BTreeMap<VarName, VarValue>,
    /// Made once on the host if absent; never in the plan.
    #[serde(default)]
    pub secrets: Vec<SecretName>,
    /// How long a release may take to become healthy.
    #[serde(default = "Bundle::default_health_timeout")]
    pub health_timeout: Span,
}

/// A scalar: what a compose variable can hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum VarValue {
    Bool(bool),
    Integer(i64),
    Text(String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The compose service that holds it.
    pub service: ServiceName,
    /// The PostgreSQL database in it.
    pub name: DatabaseName,
    /// Services to pause and repoint at cutover.
    #[serde(default)]
    pub clients: Vec<ServiceName>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    /// Lightsail takes one address a region.
    #[serde(default)]
    pub email: Vec<Email>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Migrate {
    /// Whether the clients go on while rows are copied.
    #[serde(default)]
    pub mode: MigrateMode,
    /// When the clients switch.
    #[serde(default)]
    pub cutover: CutoverTime,
    /// Codes of warnings and losses that are agreed to.
    #[serde(default)]
    pub accept: Vec<FindingCode>,
    /// How fast rows may be copied.
    pub max_rate: Option<Rate>,
    /// How long the old data stay after the migration is finished.
    pub keep: Option<Span>,
    pub rds: Option<MigrateRds>,
    pub aurora: Option<MigrateAurora>,
    pub ec2: Option<MigrateEc2>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MigrateMode {
    /// They go on; they wait for seconds when they switch.
    #[default]
    Online,
    /// They wait from before the copy to the end.
    Offline,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MigrateRds {
    /// DB instance class, `db.m7g.large`.
    pub class: InstanceClass,
    pub storage_gb: Gigabytes,
}

/// Aurora PostgreSQL, Serverless v2. Its storage grows by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MigrateAurora {
    /// What it never falls below, and costs when nobody uses it.
    #[serde(default = "MigrateAurora::default_min_acu")]
    pub min_acu: Acu,
    /// What it never grows beyond.
    #[serde(default = "MigrateAurora::default_max_acu")]
    pub max_acu: Acu,
}

/// A host of EC2 for the bundle's database service alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MigrateEc2 {
    /// EC2 instance type, `m7g.large`.
    pub size: SizeName,
    /// EC2 image.
    #[serde(default = "MigrateEc2::default_image")]
    pub image: Blueprint,
    /// Availability zone; the region's `a` zone when absent.
    pub zone: Option<Zone>,
    /// Those that the service keeps data on, by the names that they have at the bundle's host.
    pub disks: BTreeMap<NodeName, Disk>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// `s3://bucket/prefix`, or an absolute directory on the host.
    pub to: Destination,
    /// `daily HH:MM` or `weekly DAY HH:MM`.
    pub full: Option<Schedule>,
    /// `hourly`, or `every 15m`.
    pub incremental: Option<Schedule>,
    /// How long backups stay.
    pub keep: Span,
}

impl Plan {
    /// Whether a threshold is for this host. One for the host alone goes before one for every host.
    pub fn is_meant(&self, threshold: &Threshold, host: &NodeName) -> bool {
        let is_own = |other: &Threshold| other.host.as_ref() == Some(host) && other.measures_same(threshold);
        match &threshold.host {
            Some(named) => named == host,
            None => !self.thresholds.iter().any(is_own),
        }
    }
}

impl Host {
    /// Images of a few releases and the log beside a system of 3 GB. The 8 GB of an image's own would be full within weeks.
    pub const ROOT: Gigabytes = Gigabytes(30);
}

impl Migrate {
    /// Long enough for a month-end close or a holiday to show what nobody thought of.
    pub const KEEP: Span = Span::from_secs(14 * 24 * 60 * 60);
}

impl Bundle {
    /// Long enough for a database's first start with an empty disk and for images to be pulled on a small host.
    pub const HEALTH_TIMEOUT: Span = Span::from_secs(300);

    fn default_health_timeout() -> Span {
        Self::HEALTH_TIMEOUT
    }
}

impl MigrateAurora {
    fn default_min_acu() -> Acu {
        Acu::LEAST
    }

    /// As much memory as a `db.m7g.xlarge`.
    fn default_max_acu() -> Acu {
        Acu(8.0)
    }
}

impl std::fmt::Display for VolumeType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Gp2 => "gp2",
            Self::Gp3 => "gp3",
            Self::Io1 => "io1",
            Self::Io2 => "io2",
            Self::St1 => "st1",
            Self::Sc1 => "sc1",
        })
    }
}

impl std::fmt::Display for Credits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Standard => "standard",
            Self::Unlimited => "unlimited",
        })
    }
}

impl MigrateEc2 {
    /// The system that infra's own plans have.
    fn default_image() -> Blueprint {
        Blueprint::parse("ubuntu_24_04").expect("it is the name of an image")
    }
}

impl std::fmt::Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        })
    }
}
