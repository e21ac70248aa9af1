//! Seeing everything of a plan: one list call a kind (more only where there are more pages), then one a kind for what is told
//! only of given instances and volumes; those that do not wait for each other at the same time.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types as sdk;
use futures::future::FutureExt as _;
use jiff::Timestamp;

use super::convert::{self, Resource as _};
use super::ids::Kind;
use super::instance::{self, Beside};
use super::{Ec2, events, firewall, image, lists, profile, volume};
use crate::cloud::api::CloudError;
use crate::graph::{DATABASE, Names};
use crate::inventory::{
    Disk, Ec2View, Firewall, Instance, InstanceType, Inventory, Profile, ResourceName, Snapshot, Tags,
};
use crate::plan::Credits;

/// What can be asked for by the plan.
struct Listed {
    instances: Vec<sdk::Instance>,
    volumes: Vec<sdk::Volume>,
    snapshots: Vec<sdk::Snapshot>,
    addresses: Vec<sdk::Address>,
    firewalls: Vec<sdk::SecurityGroup>,
    key_pairs: Vec<sdk::KeyPairInfo>,
    named: Vec<sdk::TagDescription>,
    vpcs: Vec<sdk::Vpc>,
    subnets: Vec<sdk::Subnet>,
    statuses: Vec<sdk::InstanceStatus>,
    images: BTreeMap<String, String>,
    profile: Profile,
}

/// What can be asked for once the instances and volumes are known.
struct Told {
    types: Vec<InstanceType>,
    credits: BTreeMap<String, Credits>,
    modifications: Vec<sdk::VolumeModification>,
    spot: Vec<sdk::SpotInstanceRequest>,
}

pub(super) async fn observe(ec2: &Ec2) -> Result<Inventory, CloudError> {
    let listed = list(ec2).await?;
    learn(ec2, &listed);
    let told = tell(ec2, &listed).await?;
    Ok(inventory(ec2, &listed, &told))
}

/// Boxed: each of these futures is some kilobytes.
async fn list(ec2: &Ec2) -> Result<Listed, CloudError> {
    let (client, scope) = (&ec2.reads, &ec2.scope);
    let plan = &scope.plan;
    let key = Names(plan).key_pair();
    let (instances, volumes, snapshots, addresses, firewalls, key_pairs, named, vpcs, subnets, statuses, images, profile) = tokio::try_join!(
        lists::instances(client.clone(), plan.clone()).boxed(),
        lists::volumes(client.clone(), plan.clone()).boxed(),
        lists::snapshots(client.clone(), plan.clone()).boxed(),
        lists::addresses(client.clone(), plan.clone()).boxed(),
        lists::firewalls(client, plan).boxed(),
        lists::key_pairs(client, key.as_str()).boxed(),
        lists::named(client, plan).boxed(),
        lists::vpcs(client).boxed(),
        lists::subnets(client).boxed(),
        lists::statuses(client).boxed(),
        image::images(&ec2.ssm, &scope.images).boxed(),
        profile::observe(&ec2.iam_reads, &scope.profile, plan).boxed(),
    )?;
    Ok(Listed {
        instances,
        volumes,
        snapshots,
        addresses,
        firewalls,
        key_pairs,
        named,
        vpcs,
        subnets,
        statuses,
        images,
        profile,
    })
}

async fn tell(ec2: &Ec2, listed: &Listed) -> Result<Told, CloudError> {
    let client = &ec2.reads;
    let of = |instances: &dyn Fn(&sdk::Instance) -> Option<String>| -> Vec<String> {
        listed.instances.iter().filter(|instance| !instance.is_gone()).filter_map(instances).collect()
    };
    let sizes: BTreeSet<String> = ec2.scope.sizes.iter().cloned().chain(of(&|i| Some(instance::size(i).to_owned()))).collect();
    let bursting = of(&|i| i.instance_id.clone().filter(|_| instance::bursts(instance::size(i))));
    let spot = of(&|i| i.spot_instance_request_id.clone().filter(|_| is_spot(i)));
    let volumes = listed.volumes.iter().filter_map(|volume| volume.volume_id.clone()).collect();
    let (types, credits, modifications, spot) = tokio::try_join!(
        lists::types(client, sizes.into_iter().filter(|size| !size.is_empty()).collect()).boxed(),
        lists::credits(client, bursting).boxed(),
        lists::modifications(client.clone(), volumes).boxed(),
        lists::spot_requests(client, spot).boxed(),
    )?;
    let credit = |found: &sdk::InstanceCreditSpecification| {
        Some((found.instance_id.clone()?, instance::credits(found.cpu_credits()?)?))
    };
    Ok(Told {
        types: types.iter().filter_map(convert::instance_type).collect(),
        credits: credits.iter().filter_map(credit).collect(),
        modifications,
        spot,
    })
}

fn is_spot(instance: &sdk::Instance) -> bool {
    instance.instance_lifecycle() == Some(&sdk::InstanceLifecycleType::Spot)
}

fn learn(ec2: &Ec2, listed: &Listed) {
    let plan = &ec2.scope.plan;
    ec2.ids.learn_all(Kind::Instance, &listed.instances);
    ec2.ids.learn_all(Kind::Volume, &listed.volumes);
    ec2.ids.learn_all(Kind::Snapshot, &listed.snapshots);
    ec2.ids.learn_all(Kind::Address, &listed.addresses);
    let own = listed.firewalls.iter().filter(|group| convert::tags(group.tags()).is_plan(plan));
    ec2.ids.learn_all(Kind::Firewall, own);
}

fn inventory(ec2: &Ec2, listed: &Listed, told: &Told) -> Inventory {
    let plan = &ec2.scope.plan;
    let firewalls: Vec<Firewall> = listed.firewalls.iter().filter_map(firewall::firewall).collect();
    let (own, _): (Vec<Firewall>, Vec<Firewall>) = firewalls.iter().cloned().partition(|f| f.tags.is_plan(plan));
    let events = events::events(&listed.statuses, &told.spot);
    let beside = Beside { firewalls: &own, credits: &told.credits, events: &events };
    let strangers = Strangers::among(listed);
    Inventory {
        instances: instances(listed, &beside).chain(strangers.instances()).collect(),
        disks: disks(listed, told).chain(strangers.disks()).collect(),
        snapshots: snapshots(listed).chain(strangers.snapshots()).collect(),
        addresses: listed.addresses.iter().map(|a| convert::address(a, |id| instance_name(listed, id))).collect(),
        key_pairs: listed.key_pairs.iter().map(convert::key_pair).collect(),
        ec2: Ec2View {
            vpcs: listed.vpcs.iter().filter_map(convert::vpc).collect(),
            subnets: listed.subnets.iter().filter_map(convert::subnet).collect(),
            // The managed database's is looked after with the database.
            firewalls: firewalls.into_iter().filter(|f| !f.tags.is_node(plan, DATABASE)).collect(),
            images: listed.images.clone(),
            types: told.types.clone(),
            profile: listed.profile.clone(),
        },
        ..Inventory::empty(Timestamp::now())
    }
}

/// Those that live before those that are on their way out: a name may have one of each. What is terminated is nothing any
/// more, though EC2 tells of it for an hour.
fn instances<'a>(listed: &'a Listed, beside: &'a Beside<'a>) -> impl Iterator<Item = Instance> {
    let (gone, living): (Vec<_>, Vec<_>) = listed.instances.iter().filter(|instance| !instance::is_terminated(instance)).partition(|instance| instance.is_gone());
    living.into_iter().chain(gone).map(|found| instance::instance(found, beside))
}

fn disks<'a>(listed: &'a Listed, told: &'a Told) -> impl Iterator<Item = Disk> {
    let root = |id: &str| find(&listed.instances, id).and_then(|instance| instance.root_device_name());
    let planned = listed.volumes.iter().filter(move |volume| !volume.is_gone() && !volume::is_root(volume, root));
    planned.map(|found| {
        let last = volume::latest(&told.modifications, found.volume_id().unwrap_or_default());
        volume::disk(found, last, |id| instance_name(listed, id))
    })
}

fn snapshots(listed: &Listed) -> impl Iterator<Item = Snapshot> {
    let disk = |id: &str| find(&listed.volumes, id).map(|volume| volume.name());
    listed.snapshots.iter().map(move |found| convert::snapshot(found, disk))
}

fn find<'a, T: convert::Resource>(all: &'a [T], id: &str) -> Option<&'a T> {
    all.iter().find(|resource| resource.id() == Some(id))
}

/// An instance that is not the plan's is called by its id.
fn instance_name(listed: &Listed, id: &str) -> ResourceName {
    find(&listed.instances, id).map_or_else(|| ResourceName::new(id), |instance| instance.name())
}

/// What has a name as the plan's resources have, and not the plan's tag. Not addresses: the inventory has no tags of them, and
/// two of a name do not stand in each other's way.
struct Strangers<'a>(Vec<(&'a sdk::ResourceType, ResourceName, &'a str)>);

impl<'a> Strangers<'a> {
    fn among(listed: &'a Listed) -> Self {
        let instances = listed.instances.iter().filter_map(|one| one.instance_id());
        let volumes = listed.volumes.iter().filter_map(|one| one.volume_id());
        let snapshots = listed.snapshots.iter().filter_map(|one| one.snapshot_id());
        let ours: BTreeSet<&str> = instances.chain(volumes).chain(snapshots).collect();
        let stranger = |tag: &'a sdk::TagDescription| {
            let found = (tag.resource_type()?, ResourceName::new(tag.value()?), tag.resource_id()?);
            (!ours.contains(found.2)).then_some(found)
        };
        Self(listed.named.iter().filter_map(stranger).collect())
    }

    fn of(&self, kind: sdk::ResourceType) -> impl Iterator<Item = (ResourceName, &'a str)> {
        self.0.iter().filter(move |(of, _, _)| **of == kind).map(|(_, name, id)| (name.clone(), *id))
    }

    fn instances(&self) -> impl Iterator<Item = Instance> {
        self.of(sdk::ResourceType::Instance).map(|(name, id)| instance::foreign(name, id.to_owned()))
    }

    fn disks(&self) -> impl Iterator<Item = Disk> {
        self.of(sdk::ResourceType::Volume).map(|(name, _)| volume::foreign(name))
    }

    fn snapshots(&self) -> impl Iterator<Item = Snapshot> {
        let empty = sdk::Snapshot::builder().build();
        self.of(sdk::ResourceType::Snapshot).map(move |(name, _)| Snapshot {
            name,
            tags: Tags::default(),
            ..convert::snapshot(&empty, |_| None)
        })
    }
}
