//! Seeing everything of a plan: one list call a kind (more only where there are more pages), then one a kind for what is told
//! only of given instances and volumes; those that do not wait for each other at the same time.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types as sdk;
use futures::future::FutureExt as _;
use jiff::Timestamp;

use super::convert::{self, Resource as _};
use super::ids::Kind;
use super::instance::{self, Beside};
use super::strangers::Strangers;
use super::{Ec2, events, firewall, image, lists, profile, volume};
use crate::cloud::api::CloudError;
use crate::graph::{DATABASE, Names};
use crate::inventory::{Disk, Ec2View, Firewall, Instance, InstanceType, Inventory, Profile, ResourceName, Snapshot};
use crate::plan::{Credits, PlanName};

/// What can be asked for by the plan.
#[derive(Default)]
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
#[derive(Default)]
struct Told {
    types: Vec<InstanceType>,
    credits: BTreeMap<String, Credits>,
    modifications: Vec<sdk::VolumeModification>,
    spot: Vec<sdk::SpotInstanceRequest>,
}

pub(super) async fn observe(ec2: &Ec2) -> Result<Inventory, CloudError> {
    let listed = list(ec2).await?;
    learn(ec2, &listed);
    let strangers = strangers(&listed).living(&ec2.reads);
    let (told, strangers) = tokio::try_join!(tell(ec2, &listed), strangers)?;
    Ok(inventory(&ec2.scope.plan, &listed, &told, &strangers))
}

/// Boxed: each of these futures is some kilobytes.
async fn list(ec2: &Ec2) -> Result<Listed, CloudError> {
    let (client, scope) = (&ec2.reads, &ec2.scope);
    let plan = &scope.plan;
    let key = Names(plan).key_pair();
    let (
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
    ) = tokio::try_join!(
        lists::instances(client.clone(), plan.clone()).boxed(),
        lists::volumes(client.clone(), plan.clone()).boxed(),
        lists::snapshots(client.clone(), plan.clone()).boxed(),
        lists::addresses(client.clone(), plan.clone()).boxed(),
        lists::firewalls(client, plan).boxed(),
        lists::key_pairs(client, plan, key.as_str()).boxed(),
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
    let sizes: BTreeSet<String> =
        ec2.scope.sizes.iter().cloned().chain(of(&|i| Some(instance::size(i).to_owned()))).collect();
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

fn inventory(plan: &PlanName, listed: &Listed, told: &Told, strangers: &Strangers<'_>) -> Inventory {
    let firewalls: Vec<Firewall> = listed.firewalls.iter().filter_map(firewall::firewall).collect();
    let own: Vec<Firewall> = firewalls.iter().filter(|f| f.tags.is_plan(plan)).cloned().collect();
    let events = events::events(&listed.statuses, &told.spot);
    let beside = Beside { firewalls: &own, credits: &told.credits, events: &events };
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
    let (gone, living): (Vec<_>, Vec<_>) = listed
        .instances
        .iter()
        .filter(|instance| !instance::is_terminated(instance))
        .partition(|instance| instance.is_gone());
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

fn strangers(listed: &Listed) -> Strangers<'_> {
    let instances = listed.instances.iter().filter_map(|one| one.instance_id());
    let volumes = listed.volumes.iter().filter_map(|one| one.volume_id());
    let snapshots = listed.snapshots.iter().filter_map(|one| one.snapshot_id());
    Strangers::among(&listed.named, &instances.chain(volumes).chain(snapshots).collect())
}

fn find<'a, T: convert::Resource>(all: &'a [T], id: &str) -> Option<&'a T> {
    all.iter().find(|resource| resource.id() == Some(id))
}

/// An instance that is not the plan's is called by its id.
fn instance_name(listed: &Listed, id: &str) -> ResourceName {
    find(&listed.instances, id).map_or_else(|| ResourceName::new(id), |instance| instance.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{InstanceState, TAG_NODE, TAG_PLAN, Tags};

    fn tags(name: &str, node: Option<&str>) -> Option<Vec<sdk::Tag>> {
        let tag = |(key, value): (&str, &str)| sdk::Tag::builder().key(key).value(value).build();
        let node = node.map(|node| (TAG_NODE, node));
        Some([("Name", name), (TAG_PLAN, "demo")].into_iter().chain(node).map(tag).collect())
    }

    fn instance(id: &str, state: sdk::InstanceStateName) -> sdk::Instance {
        sdk::Instance::builder()
            .instance_id(id)
            .root_device_name("/dev/sda1")
            .state(sdk::InstanceState::builder().name(state).build())
            .set_tags(tags("demo-vault", Some("hosts.vault")))
            .build()
    }

    fn volume(id: &str, name: &str, node: Option<&str>, device: &str) -> sdk::Volume {
        let place = sdk::VolumeAttachment::builder().instance_id("i-new").device(device).build();
        sdk::Volume::builder().volume_id(id).set_tags(tags(name, node)).attachments(place).build()
    }

    fn group(name: &str, tags: Option<Vec<sdk::Tag>>) -> sdk::SecurityGroup {
        sdk::SecurityGroup::builder().group_id(format!("sg-{name}")).group_name(name).set_tags(tags).build()
    }

    fn named(kind: sdk::ResourceType, id: &str, name: &str) -> sdk::TagDescription {
        sdk::TagDescription::builder().resource_type(kind).resource_id(id).key("Name").value(name).build()
    }

    fn seen(listed: &Listed) -> Inventory {
        inventory(&"demo".parse().unwrap(), listed, &Told::default(), &strangers(listed))
    }

    #[test]
    fn of_a_name_the_living_come_first_and_the_terminated_are_left_out() {
        use sdk::InstanceStateName::{Running, ShuttingDown, Terminated};
        let instances =
            vec![instance("i-dead", Terminated), instance("i-old", ShuttingDown), instance("i-new", Running)];
        let seen = seen(&Listed { instances, ..Listed::default() });
        let states: Vec<_> = seen.instances.iter().map(|i| i.state).collect();
        assert_eq!(states, [InstanceState::Running, InstanceState::Gone]);
        assert_eq!(seen.instance(&ResourceName::new("demo-vault")).unwrap().state, InstanceState::Running);
    }

    #[test]
    fn a_root_volume_is_no_disk() {
        let disk = volume("vol-1", "demo-vault-data", Some("hosts.vault.disks.data"), "/dev/sdf");
        let root = volume("vol-2", "demo-vault-root", None, "/dev/sda1");
        let instances = vec![instance("i-new", sdk::InstanceStateName::Running)];
        let seen = seen(&Listed { instances, volumes: vec![disk, root], ..Listed::default() });
        let disks: Vec<_> =
            seen.disks.iter().map(|d| (d.name.as_str(), d.attached_to.as_ref().unwrap().as_str())).collect();
        assert_eq!(disks, [("demo-vault-data", "demo-vault")]);
    }

    #[test]
    fn strangers_with_a_name_of_the_plan_are_seen_without_tags() {
        use sdk::ResourceType::{Instance, Snapshot, Volume};
        let instances = vec![instance("i-dead", sdk::InstanceStateName::Terminated)];
        let named = vec![
            named(Instance, "i-dead", "demo-vault"),
            named(Instance, "i-9", "demo-web"),
            named(Volume, "vol-9", "demo-web-data"),
            named(Snapshot, "snap-9", "demo-web-data-to-20gb"),
        ];
        let seen = seen(&Listed { instances, named, ..Listed::default() });
        let instances: Vec<_> = seen.instances.iter().map(|i| (i.name.as_str(), i.tags.clone())).collect();
        assert_eq!(instances, [("demo-web", Tags::default())], "the plan's own that is terminated is no stranger");
        assert_eq!((seen.disks[0].name.as_str(), seen.disks[0].tags.clone()), ("demo-web-data", Tags::default()));
        assert_eq!(seen.snapshots[0].name.as_str(), "demo-web-data-to-20gb");
    }

    #[test]
    fn groups_of_the_name_are_seen_but_for_the_databases() {
        let firewalls = vec![
            group("demo-vault-ports", tags("demo-vault-ports", Some("hosts.vault.ports"))),
            group("demo-db", tags("demo-db", Some(DATABASE))),
            group("demo-strange", None),
        ];
        let seen = seen(&Listed { firewalls, ..Listed::default() });
        let names: Vec<_> = seen.ec2.firewalls.iter().map(|f| f.name.as_str()).collect();
        assert_eq!(names, ["demo-vault-ports", "demo-strange"]);
    }
}
