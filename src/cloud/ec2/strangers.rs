//! What has a name as the plan's resources have, and is not the plan's: nobody may take it for that.

use std::collections::BTreeSet;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types as sdk;
use futures::future::FutureExt as _;

use super::{convert, instance, lists, volume};
use crate::cloud::api::CloudError;
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

    /// Only those that are there: tags outlive what they were given to, and a name must be free again once it is.
    pub async fn living(mut self, client: &Client) -> Result<Self, CloudError> {
        let ids = |kind| self.of(kind).map(|(_, id)| id.to_owned()).collect::<Vec<_>>();
        let (instances, volumes, snapshots) = tokio::try_join!(
            lists::living_instances(client, ids(sdk::ResourceType::Instance)).boxed(),
            lists::living_volumes(client, ids(sdk::ResourceType::Volume)).boxed(),
            lists::living_snapshots(client, ids(sdk::ResourceType::Snapshot)).boxed(),
        )?;
        let living: BTreeSet<String> = [instances, volumes, snapshots].concat().into_iter().collect();
        self.0.retain(|(_, _, id)| living.contains(*id));
        Ok(self)
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
