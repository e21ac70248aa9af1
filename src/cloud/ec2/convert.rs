//! SDK types to the inventory's and back: what all kinds of resources have, and those that are said in a few lines.
//! A resource's name is its tag `Name`; what has none is called by its id.

use aws_sdk_ec2::types as sdk;
use jiff::Timestamp;

use crate::inventory::{
    Address, CloudKind, Ec2Subnet, InstanceType, KeyPair, ResourceName, Snapshot, TAG_NODE, TAG_PLAN, Tags, Vpc,
};

pub(super) const NAME: &str = "Name";

/// Without its name, which is no property of it here.
pub(in crate::cloud) fn tags(tags: &[sdk::Tag]) -> Tags {
    let pairs = tags.iter().filter(|tag| tag.key() != Some(NAME));
    Tags(pairs.filter_map(|t| Some((t.key.clone()?, t.value.clone().unwrap_or_default()))).collect())
}

pub(super) fn named(tags: &[sdk::Tag]) -> Option<&str> {
    tags.iter().find(|tag| tag.key() == Some(NAME)).and_then(sdk::Tag::value).filter(|name| !name.is_empty())
}

pub(super) fn sdk_tags(tags: &Tags) -> Vec<sdk::Tag> {
    tags.0.iter().map(|(key, value)| sdk::Tag::builder().key(key).value(value).build()).collect()
}

/// The tags of a resource that is made, with its name.
pub(in crate::cloud) fn labels(kind: sdk::ResourceType, name: &ResourceName, tags: &Tags) -> sdk::TagSpecification {
    let name = sdk::Tag::builder().key(NAME).value(name.as_str()).build();
    let tags = [vec![name], sdk_tags(tags)].concat();
    sdk::TagSpecification::builder().resource_type(kind).set_tags(Some(tags)).build()
}

pub(in crate::cloud) fn filter(name: &str, values: impl IntoIterator<Item = String>) -> sdk::Filter {
    sdk::Filter::builder().name(name).set_values(Some(values.into_iter().collect())).build()
}

/// Made for the node that these tags name?
pub(super) fn is_for(found: &Tags, wanted: &Tags) -> bool {
    [TAG_PLAN, TAG_NODE].iter().all(|tag| found.get(tag) == wanted.get(tag))
}

pub(super) fn time(at: Option<&aws_smithy_types::DateTime>) -> Option<Timestamp> {
    Timestamp::from_millisecond(at?.to_millis().ok()?).ok()
}

pub(super) fn number(n: Option<i32>) -> u32 {
    n.and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
}

/// Of what AWS asks for as a signed number; plans hold far smaller ones.
pub(super) fn signed(n: u32) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// What has an id, tags and so a name.
pub(super) trait Resource {
    fn id(&self) -> Option<&str>;
    fn labels(&self) -> &[sdk::Tag];
    /// Deleted, or on its way.
    fn is_gone(&self) -> bool {
        false
    }
    fn name(&self) -> ResourceName {
        ResourceName::new(named(self.labels()).or(self.id()).unwrap_or_default())
    }
}

impl Resource for sdk::Instance {
    fn id(&self) -> Option<&str> {
        self.instance_id()
    }
    fn labels(&self) -> &[sdk::Tag] {
        self.tags()
    }
    fn is_gone(&self) -> bool {
        use sdk::InstanceStateName::{ShuttingDown, Terminated};
        matches!(self.state().and_then(|state| state.name()), Some(ShuttingDown | Terminated))
    }
}

impl Resource for sdk::Volume {
    fn id(&self) -> Option<&str> {
        self.volume_id()
    }
    fn labels(&self) -> &[sdk::Tag] {
        self.tags()
    }
    fn is_gone(&self) -> bool {
        matches!(self.state(), Some(sdk::VolumeState::Deleting | sdk::VolumeState::Deleted))
    }
}

impl Resource for sdk::Snapshot {
    fn id(&self) -> Option<&str> {
        self.snapshot_id()
    }
    fn labels(&self) -> &[sdk::Tag] {
        self.tags()
    }
}

impl Resource for sdk::Address {
    fn id(&self) -> Option<&str> {
        self.allocation_id()
    }
    fn labels(&self) -> &[sdk::Tag] {
        self.tags()
    }
}

/// A group has a name of its own, which nobody can change.
impl Resource for sdk::SecurityGroup {
    fn id(&self) -> Option<&str> {
        self.group_id()
    }
    fn labels(&self) -> &[sdk::Tag] {
        self.tags()
    }
    fn name(&self) -> ResourceName {
        ResourceName::new(self.group_name().or(self.id()).unwrap_or_default())
    }
}

/// `disk` tells the name of a volume by its id.
pub(super) fn snapshot(s: &sdk::Snapshot, disk: impl Fn(&str) -> Option<ResourceName>) -> Snapshot {
    Snapshot {
        cloud: CloudKind::Ec2,
        name: s.name(),
        tags: tags(s.tags()),
        from_disk: s.volume_id().and_then(disk),
        size_gb: number(s.volume_size),
        complete: s.state == Some(sdk::SnapshotState::Completed),
        created_at: time(s.start_time()),
    }
}

/// `instance` tells the name of an instance by its id.
pub(super) fn address(a: &sdk::Address, instance: impl Fn(&str) -> ResourceName) -> Address {
    Address {
        cloud: CloudKind::Ec2,
        name: a.name(),
        ip: a.public_ip().unwrap_or_default().to_owned(),
        attached_to: a.instance_id().filter(|id| !id.is_empty()).map(instance),
    }
}

pub(super) fn key_pair(k: &sdk::KeyPairInfo) -> KeyPair {
    KeyPair {
        cloud: CloudKind::Ec2,
        name: ResourceName::new(k.key_name().unwrap_or_default()),
        fingerprint: k.key_fingerprint().unwrap_or_default().to_owned(),
    }
}

pub(super) fn vpc(v: &sdk::Vpc) -> Option<Vpc> {
    let name = named(v.tags()).map(str::to_owned);
    Some(Vpc { id: v.vpc_id.clone()?, name, is_default: v.is_default == Some(true) })
}

pub(super) fn subnet(s: &sdk::Subnet) -> Option<Ec2Subnet> {
    Some(Ec2Subnet {
        id: s.subnet_id.clone()?,
        name: named(s.tags()).map(str::to_owned),
        vpc: s.vpc_id.clone()?,
        zone: s.availability_zone.clone()?,
        is_default: s.default_for_az == Some(true),
    })
}

pub(super) fn instance_type(t: &sdk::InstanceTypeInfo) -> Option<InstanceType> {
    let architectures = t.processor_info().map(|p| p.supported_architectures()).unwrap_or_default();
    let memory_mib = t.memory_info().and_then(|m| m.size_in_mib()).unwrap_or_default();
    Some(InstanceType {
        id: t.instance_type()?.as_str().to_owned(),
        vcpu: number(t.v_cpu_info().and_then(|v| v.default_v_cpus())),
        memory_gb: f64::from(i32::try_from(memory_mib).unwrap_or(i32::MAX)) / 1024.0,
        architectures: architectures.iter().map(|a| a.as_str().to_owned()).collect(),
        burstable: t.burstable_performance_supported == Some(true),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str, value: &str) -> sdk::Tag {
        sdk::Tag::builder().key(key).value(value).build()
    }

    #[test]
    fn a_resource_is_called_by_its_tag_and_else_by_its_id() {
        let volume = sdk::Volume::builder().volume_id("vol-1");
        assert_eq!(volume.clone().build().name().as_str(), "vol-1");
        assert_eq!(volume.clone().tags(tag("Name", "")).build().name().as_str(), "vol-1");
        let named = volume.tags(tag("Name", "demo-vault-data")).tags(tag("infra:plan", "demo")).build();
        assert_eq!(named.name().as_str(), "demo-vault-data");
        assert_eq!(tags(named.tags()), Tags([("infra:plan".to_owned(), "demo".to_owned())].into()));
    }

    #[test]
    fn a_size_is_told_with_its_architectures() {
        let found = sdk::InstanceTypeInfo::builder()
            .instance_type(sdk::InstanceType::T4gSmall)
            .v_cpu_info(sdk::VCpuInfo::builder().default_v_cpus(2).build())
            .memory_info(sdk::MemoryInfo::builder().size_in_mib(512).build())
            .processor_info(sdk::ProcessorInfo::builder().supported_architectures(sdk::ArchitectureType::Arm64).build())
            .burstable_performance_supported(true)
            .build();
        let found = instance_type(&found).unwrap();
        assert_eq!((found.id.as_str(), found.vcpu, found.memory_gb, found.burstable), ("t4g.small", 2, 0.5, true));
        assert_eq!(found.architectures.into_iter().collect::<Vec<_>>(), ["arm64"]);
    }

    #[test]
    fn an_address_that_was_given_free_is_nobodys() {
        let address = |id: &str| {
            let found = sdk::Address::builder().public_ip("1.2.3.4").instance_id(id).build();
            super::address(&found, |id| ResourceName::new(format!("name of {id}"))).attached_to
        };
        assert_eq!(address(""), None);
        assert_eq!(address("i-1"), Some(ResourceName::new("name of i-1")));
    }
}
