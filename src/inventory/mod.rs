//! What was observed: cloud resources and host facts, as data with a time stamp. May be partial; what could not be
//! seen is named in `gaps`. Holds no decision.

mod database;
mod ec2;
mod firewall;
pub mod host_facts;
mod observed;
mod tags;

pub use database::{
    AlarmTopic, Database, DatabaseAddress, DatabaseAlarm, DatabaseInventory, DatabaseSnapshot, DatabaseState,
    DatabaseView, Ingress, Member, Network, ParameterGroup, Parameters, SecurityGroup, Subnet, SubnetGroup,
};
pub use ec2::{
    Ec2Instance, Ec2Subnet, Ec2View, Firewall, InstanceType, Modification, ModificationState, Profile, VolumeSpec, Vpc,
};
pub use firewall::{OpenPort, RuleProtocol, RuleRange};
pub use host_facts::{HostFacts, RootData, RootDataKind};
pub use observed::{
    Address, Alarm, CloudKind, Comparison, Contact, ContactStatus, Disk, Gap, HostView, Instance, InstanceState,
    Inventory, KeyPair, ResourceName, Size, Snapshot,
};
pub use tags::{TAG_CARRIED, TAG_IMAGE, TAG_NODE, TAG_PLAN, TAG_USER_DATA, Tags};
