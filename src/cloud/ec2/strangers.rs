//! What has a name as the plan's resources have, and is not the plan's: nobody may take it for that.

use std::collections::BTreeSet;

use aws_sdk_ec2::types as sdk;

use super::{convert, instance, volume};
use crate::inventory::{Disk, Instance, ResourceName, Snapshot, Tags};

/// Not addresses: the inventory has no tags of them, and two of a name do not stand in each other's way.
pub(super) struct Strangers<'a>(Vec<(&'a sdk::ResourceType, ResourceName, &'a str)>);

impl<'a> Strangers<'a> {
    pub fn among(named: &'a [sdk::TagDescription], ours: &BTreeSet<&str>) -> Self {
        let stranger = |tag: &'a sdk::TagDescription| {
            let found = (tag.resource_type()?, ResourceName::new(tag.value()?), tag.resource_id()?);
            (!ours.contains(found.2)).then_some(found)
        };
        Self(named.iter().filter_map(stranger).collect())
    }

    fn of(&self, kind: sdk::ResourceType) -> impl Iterator<Item = (ResourceName, &'a str)> {
        self.0.iter().filter(move |(of, _, _)| **of == kind).map(|(_, name, id)| (name.clone(), *id))
    }

    pub fn instances(&self) -> impl Iterator<Item = Instance> {
        self.of(sdk::ResourceType::Instance).map(|(name, id)| instance::foreign(name, id.to_owned()))
    }

    pub fn disks(&self) -> impl Iterator<Item = Disk> {
        self.of(sdk::ResourceType::Volume).map(|(name, _)| volume::foreign(name))
    }

    pub fn snapshots(&self) -> impl Iterator<Item = Snapshot> {
        let empty = sdk::Snapshot::builder().build();
        self.of(sdk::ResourceType::Snapshot).map(move |(name, _)| Snapshot {
            name,
            tags: Tags::default(),
            ..convert::snapshot(&empty, |_| None)
        })
    }
}
