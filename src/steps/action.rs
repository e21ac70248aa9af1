//! The fully specified actions. Everything that an action needs to know stands in it: at execution time nothing is
//! chosen. Actions hold no secret.

use serde::{Deserialize, Serialize};

use super::database::DatabaseAction;
use super::ec2::{Ec2Spec, ProfileCall};
use crate::inventory::{CloudKind, Comparison, OpenPort, ResourceName, RootData, Tags, VolumeSpec};
use crate::plan::{Credits, MountPath, NodeName};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Cloud { at: CloudKind, action: CloudAction },
    Database(DatabaseAction),
    Host(HostAction),
    Local(LocalAction),
}

/// A call that changes the cloud.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum CloudAction {
    ImportKeyPair {
        name: ResourceName,
        public_key: String,
        tags: Tags,
    },
    DeleteKeyPair {
        name: ResourceName,
    },
    CreateInstance(InstanceSpec),
    StartInstance {
        name: ResourceName,
    },
    StopInstance {
        name: ResourceName,
    },
    DeleteInstance {
        name: ResourceName,
    },
    /// Lightsail: the whole firewall of an instance.
    PutPorts {
        instance: ResourceName,
        ports: Vec<OpenPort>,
    },
    /// EC2: a security group, in which nothing is open.
    CreateFirewall {
        name: ResourceName,
        vpc: String,
        tags: Tags,
    },
    OpenPorts {
        firewall: ResourceName,
        ports: Vec<OpenPort>,
    },
    ClosePorts {
        firewall: ResourceName,
        ports: Vec<OpenPort>,
    },
    /// The instance is behind this one and no other.
    SetFirewall {
        instance: ResourceName,
        firewall: ResourceName,
    },
    DeleteFirewall {
        name: ResourceName,
    },
    /// Another size for a stopped instance of EC2.
    ResizeInstance {
        name: ResourceName,
        size: String,
    },
    /// Metadata only for who shows a session's token, as far as into a container.
    RequireTokens {
        instance: ResourceName,
    },
    SetCredits {
        instance: ResourceName,
        credits: Credits,
    },
    SetProfile {
        instance: ResourceName,
        profile: ResourceName,
    },
    /// Whether the instance can be deleted.
    Protect {
        instance: ResourceName,
        on: bool,
    },
    /// What an instance may do by itself, part by part.
    Profile {
        name: ResourceName,
        part: ProfileCall,
    },
    AllocateAddress {
        name: ResourceName,
        tags: Tags,
    },
    AttachAddress {
        name: ResourceName,
        instance: ResourceName,
    },
    DetachAddress {
        name: ResourceName,
    },
    ReleaseAddress {
        name: ResourceName,
    },
    CreateDisk {
        name: ResourceName,
        zone: String,
        size_gb: u32,
        /// Of EC2 only.
        volume: Option<VolumeSpec>,
        tags: Tags,
    },
    CreateDiskFromSnapshot {
        name: ResourceName,
        snapshot: ResourceName,
        zone: String,
        size_gb: u32,
        tags: Tags,
    },
    /// EC2: larger, of another kind or speed, in place and while it is in use.
    ModifyDisk {
        name: ResourceName,
        size_gb: u32,
        volume: VolumeSpec,
    },
    AttachDisk {
        name: ResourceName,
        instance: ResourceName,
        path: String,
    },
    DetachDisk {
        name: ResourceName,
    },
    DeleteDisk {
        name: ResourceName,
    },
    SnapshotDisk {
        disk: ResourceName,
        snapshot: ResourceName,
        tags: Tags,
    },
    DeleteSnapshot {
        name: ResourceName,
    },
    /// Adds tags to an instance or a disk, or gives those that it has other values.
    Tag {
        name: ResourceName,
        tags: Tags,
    },
    CreateContact {
        email: String,
        tags: Tags,
    },
    DeleteContact,
    PutAlarm(AlarmSpec),
    DeleteAlarm {
        name: ResourceName,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InstanceSpec {
    pub name: ResourceName,
    pub zone: String,
    pub size: String,
    pub image: String,
    pub user_data: String,
    pub key_pair: ResourceName,
    pub tags: Tags,
    /// Of EC2 only.
    pub ec2: Option<Ec2Spec>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlarmSpec {
    pub name: ResourceName,
    pub monitored: ResourceName,
    pub metric: String,
    pub comparison: Comparison,
    pub threshold: f64,
    pub evaluation_periods: u32,
    pub notify_email: bool,
    pub tags: Tags,
}

/// Where a host is reached: by its cloud name, or at an address that the plan gives.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostRef {
    Instance { host: NodeName, at: CloudKind, name: ResourceName },
    Existing { host: NodeName, address: String },
}

impl HostRef {
    pub fn host(&self) -> &NodeName {
        match self {
            Self::Instance { host, .. } | Self::Existing { host, .. } => host,
        }
    }
}

/// Work on a host, over SSH.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum HostAction {
    /// Wait until SSH answers and first boot is done.
    Wait {
        on: HostRef,
    },
    /// Run infra's preparation on a server that it did not create.
    Prepare {
        on: HostRef,
    },
    /// Find, format if proven blank, mount, grow.
    PrepareDisk {
        on: HostRef,
        disk: DiskOnHost,
    },
    /// The disk at this mount is called otherwise from now on; its data stay.
    RenameDisk {
        on: HostRef,
        mount: MountPath,
        from: NodeName,
        to: NodeName,
    },
    /// Copy from the instance that `on` takes the place of, and compare: what lies on its root disk.
    Carry {
        on: HostRef,
        from: HostRef,
        data: Vec<RootData>,
        /// Releases and secrets too.
        state: bool,
    },
    /// Stop the services in good order: their disk is about to leave.
    StopServices {
        on: HostRef,
    },
    PushImages {
        on: HostRef,
        release: ReleaseRef,
    },
    /// Put the release in service and see it healthy; where the host has it already, only that.
    Release {
        on: HostRef,
        release: ReleaseRef,
    },
}

impl HostAction {
    pub fn on(&self) -> &HostRef {
        match self {
            Self::Wait { on }
            | Self::Prepare { on }
            | Self::PrepareDisk { on, .. }
            | Self::RenameDisk { on, .. }
            | Self::Carry { on, .. }
            | Self::StopServices { on }
            | Self::PushImages { on, .. }
            | Self::Release { on, .. } => on,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DiskOnHost {
    pub disk: NodeName,
    pub size_gb: u32,
    pub mount: MountPath,
    /// The device path that the cloud was asked for.
    pub path: String,
    pub resource: ResourceName,
    /// The disk held data before: found blank, it is the wrong one, and nothing may be formatted.
    pub expects_data: bool,
}

/// The release that the executor was given along with the steps, named by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRef {
    pub hash: String,
    pub timeout_seconds: u64,
}

/// Work on the operator's machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum LocalAction {
    BuildImages { services: Vec<String>, release: ReleaseRef },
}
