//! One host: its instance, address, firewall, alarms.

mod ports;

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Refusal;
use super::device;
use super::disk::{self, DiskDiff};
use super::ec2::{self, Ec2Diff};
use super::root::OldRoot;
use super::volume::{self, VolumeDiff};
use crate::graph::{AlarmNode, CloudHost, Graph, HostKind, HostNode, Names, NodeId};
use crate::inventory::{
    Alarm, CloudKind, Instance, InstanceState, Inventory, ResourceName, TAG_CARRIED, TAG_USER_DATA,
};
use crate::plan::{NodeName, PlanName};

#[derive(Debug, Clone, PartialEq)]
pub struct HostDiff {
    pub host: NodeName,
    pub id: NodeId,
    pub instance: InstanceDiff,
    pub address: AddressDiff,
    pub ports: PortsDiff,
    pub disks: Vec<DiskDiff>,
    /// Volumes that are changed in place.
    pub volumes: Vec<VolumeDiff>,
    /// By disk: the device path to ask for; the guest may show another.
    pub paths: BTreeMap<NodeId, String>,
    /// Disks that the plan does not name any more and that must leave an instance which goes.
    pub leaving: Vec<ResourceName>,
    pub alarms: Vec<AlarmDiff>,
    /// Of a host of EC2.
    pub ec2: Option<Ec2Diff>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum InstanceDiff {
    /// A server of the user's own.
    Existing,
    Keep {
        name: ResourceName,
        start: bool,
    },
    Create {
        name: ResourceName,
    },
    /// The same machine with another size: off, changed, on.
    Resize {
        name: ResourceName,
        from: String,
        to: String,
    },
    Replace(Replacement),
}

/// Old and new side by side until the new one serves.
#[derive(Debug, Clone, PartialEq)]
pub struct Replacement {
    pub old: ResourceName,
    pub old_running: bool,
    pub new: ResourceName,
    /// An interrupted replacement got this far.
    pub new_exists: bool,
    pub reasons: Vec<String>,
    pub root: OldRoot,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AddressDiff {
    None,
    Keep {
        name: ResourceName,
    },
    /// Allocate if `allocate`, detach from `detach_from` first, then attach.
    Attach {
        name: ResourceName,
        allocate: bool,
        detach_from: Option<ResourceName>,
    },
    /// The plan has no static IP any more.
    Release {
        name: ResourceName,
        attached: bool,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub enum PortsDiff {
    None,
    Keep,
    Put { opens: Vec<String>, closes: Vec<String>, lockout: Option<Lockout> },
}

/// The rule through which the operator is connected would go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lockout {
    /// None: the operator's address is not known, and the rules for SSH shrink.
    pub operator: Option<IpAddr>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlarmDiff {
    Keep { id: NodeId, name: ResourceName },
    Put { alarm: AlarmNode, reason: String, create: bool },
    Delete { id: NodeId, name: ResourceName },
}

impl HostDiff {
    /// The instance that the host is, or will be. None for a server of the user's own.
    pub fn target(&self) -> Option<&ResourceName> {
        match &self.instance {
            InstanceDiff::Existing => None,
            InstanceDiff::Keep { name, .. } | InstanceDiff::Create { name } | InstanceDiff::Resize { name, .. } => {
                Some(name)
            }
            InstanceDiff::Replace(replacement) => Some(&replacement.new),
        }
    }

    pub fn is_kept(&self) -> bool {
        matches!(self.instance, InstanceDiff::Existing | InstanceDiff::Keep { start: false, .. })
            && matches!(self.address, AddressDiff::None | AddressDiff::Keep { .. })
            && matches!(self.ports, PortsDiff::None | PortsDiff::Keep)
            && self.disks.iter().all(DiskDiff::is_kept)
            && self.volumes.is_empty()
            && self.alarms.iter().all(|a| matches!(a, AlarmDiff::Keep { .. }))
            && self.ec2.as_ref().is_none_or(|ec2| ec2.firewall.is_kept() && ec2.mends.is_empty())
    }
}

pub(super) fn diff(graph: &Graph, host: &HostNode, inventory: &Inventory) -> Result<HostDiff, Vec<Refusal>> {
    match &host.kind {
        HostKind::Existing(_) => Ok(HostDiff {
            host: host.name.clone(),
            id: host.id.clone(),
            instance: InstanceDiff::Existing,
            address: AddressDiff::None,
            ports: PortsDiff::None,
            disks: vec![],
            volumes: vec![],
            paths: BTreeMap::new(),
            leaving: vec![],
            alarms: vec![],
            ec2: None,
        }),
        HostKind::Cloud(cloud) => cloud_host(graph, host, cloud, inventory),
    }
}

fn cloud_host(
    graph: &Graph,
    host: &HostNode,
    cloud: &CloudHost,
    inventory: &Inventory,
) -> Result<HostDiff, Vec<Refusal>> {
    let instance = instance(graph, host, cloud, inventory).map_err(|refusal| vec![refusal])?;
    let mut diff = HostDiff {
        host: host.name.clone(),
        id: host.id.clone(),
        instance,
        address: AddressDiff::None,
        ports: PortsDiff::None,
        disks: vec![],
        volumes: vec![],
        paths: BTreeMap::new(),
        leaving: vec![],
        alarms: vec![],
        ec2: None,
    };
    let target = diff.target().expect("a cloud host has an instance").clone();
    diff.address = address(graph, host, cloud, inventory, &target);
    let standing = inventory.instance(&target);
    diff.ec2 = ec2::diff(graph, host, cloud, standing, inventory).map_err(|refusal| vec![refusal])?;
    diff.ports = ports::ports(host, cloud, inventory, &target, diff.ec2.as_ref());
    diff.alarms = alarms(graph, host, cloud, inventory, &target);
    let zone = diff.ec2.as_ref().map_or(&cloud.zone, |ec2| &ec2.zone);
    let (disks, refusals) = disk::diff(graph, host, &diff.instance, zone, inventory);
    diff.paths = device::paths(&disks, &target, cloud.cloud(), inventory);
    diff.leaving = leaving(&diff.instance, &disks, inventory);
    diff.volumes = volume::diff(host, &disks, inventory);
    diff.disks = disks;
    if refusals.is_empty() { Ok(diff) } else { Err(refusals) }
}

/// What is attached to an instance that is replaced, and does not move with the plan's disks: it stays, detached.
fn leaving(instance: &InstanceDiff, disks: &[DiskDiff], inventory: &Inventory) -> Vec<ResourceName> {
    let InstanceDiff::Replace(replacement) = instance else { return vec![] };
    let held = inventory.disks.iter().filter(|d| d.attached_to.as_ref() == Some(&replacement.old));
    let moves = |name: &ResourceName| {
        disks.iter().any(|diff| match diff {
            DiskDiff::Move { name: moved, .. } => moved == name,
            DiskDiff::Grow { old, .. } => old == name,
            _ => false,
        })
    };
    held.map(|d| d.name.clone()).filter(|name| !moves(name)).collect()
}

fn instance(graph: &Graph, host: &HostNode, cloud: &CloudHost, inventory: &Inventory) -> Result<InstanceDiff, Refusal> {
    let existing: Vec<_> = inventory.instances_of(&graph.plan, host.id.as_str()).collect();
    if let Some(other) = existing.iter().find(|i| i.cloud != cloud.cloud()) {
        return Err(elsewhere(host, other));
    }
    let fits = |instance: &Instance| differences(cloud, instance, inventory).is_empty();
    match existing.as_slice() {
        [] => {
            refuse_foreign(graph, host, &cloud.base, inventory)?;
            Ok(InstanceDiff::Create { name: Names::first_free(&cloud.base, &inventory.names()) })
        }
        [one] if fits(one) && resizes(cloud, one) => resize(host, cloud, one, inventory),
        [one] if fits(one) => Ok(InstanceDiff::Keep {
            name: one.name.clone(),
            start: matches!(one.state, InstanceState::Stopped | InstanceState::Stopping),
        }),
        [old] => {
            let new = Names::first_free(&cloud.base, &inventory.names());
            let root = OldRoot::of(graph, host, old, &new, inventory);
            let reasons = differences(cloud, old, inventory);
            Ok(InstanceDiff::Replace(replacement(old, new, false, reasons, root)))
        }
        [one, other] => {
            let pair = succession(cloud, (one, other), inventory);
            let (old, new) = pair.ok_or_else(|| ambiguous(host, existing.iter()))?;
            let root = match is_blank(cloud, old, new, inventory) {
                true => OldRoot::Nothing,
                false => OldRoot::of(graph, host, old, &new.name, inventory),
            };
            let reasons = differences(cloud, old, inventory);
            let mut goes_on = replacement(old, new.name.clone(), true, reasons, root);
            let wanted = differences(cloud, new, inventory).join(", ");
            if goes_on.root == OldRoot::Nothing {
                goes_on.reasons = vec![format!("{} was made to take its place, and is not wanted any more", old.name)];
            } else if !wanted.is_empty() {
                goes_on.reasons =
                    vec![format!("{} was about to take its place: that comes first, then {wanted}", new.name)];
            }
            Ok(InstanceDiff::Replace(goes_on))
        }
        _ => Err(ambiguous(host, existing.iter())),
    }
}

/// Which of two goes and which is the host from now on: an earlier run was cut off in the midst of a replacement, and the plan may have
/// changed since. What that run wrote on the one whose data it had carried decides, then which of them is as the plan
/// wants it, then which of them has the address and the disks.
fn succession<'a>(
    cloud: &CloudHost,
    (one, other): (&'a Instance, &'a Instance),
    inventory: &Inventory,
) -> Option<(&'a Instance, &'a Instance)> {
    let carried = |from: &Instance, to: &Instance| from.tags.get(TAG_CARRIED) == Some(to.name.as_str());
    let told = [
        (carried(one, other), carried(other, one)),
        (differences(cloud, other, inventory).is_empty(), differences(cloud, one, inventory).is_empty()),
        (holds(cloud, one, inventory), holds(cloud, other, inventory)),
    ];
    match told.into_iter().find(|told| *told != (false, false)) {
        Some((true, false)) => Some((one, other)),
        Some((false, true)) => Some((other, one)),
        _ => None,
    }
}

/// The host's address, or a disk.
fn holds(cloud: &CloudHost, instance: &Instance, inventory: &Inventory) -> bool {
    let is_here = |attached: &Option<ResourceName>| attached.as_ref() == Some(&instance.name);
    let address = cloud.address.as_ref().and_then(|name| inventory.address(name));
    address.is_some_and(|address| is_here(&address.attached_to))
        || inventory.disks.iter().any(|disk| is_here(&disk.attached_to))
}

/// Made to follow the one that is wanted again, and cut off before anything came to it.
fn is_blank(cloud: &CloudHost, goes: &Instance, stays: &Instance, inventory: &Inventory) -> bool {
    let is_younger = goes.created_at.zip(stays.created_at).is_some_and(|(goes, stays)| goes > stays);
    is_younger
        && goes.tags.get(TAG_CARRIED).is_none()
        && stays.tags.get(TAG_CARRIED).is_none()
        && holds(cloud, stays, inventory)
        && !holds(cloud, goes, inventory)
}

/// EC2 changes the size of the machine that there is.
fn resizes(cloud: &CloudHost, instance: &Instance) -> bool {
    cloud.cloud() == CloudKind::Ec2 && instance.size != cloud.size
}

fn resize(
    host: &HostNode,
    cloud: &CloudHost,
    instance: &Instance,
    inventory: &Inventory,
) -> Result<InstanceDiff, Refusal> {
    let architecture = instance.ec2.as_ref().map(|ec2| ec2.architecture.as_str()).unwrap_or_default();
    let size = inventory.ec2.types.iter().find(|t| t.id == cloud.size);
    if let Some(size) = size.filter(|size| !size.architectures.contains(architecture)) {
        let other: Vec<_> = size.architectures.iter().cloned().collect();
        return Err(Refusal {
            node: host.id.clone(),
            message: format!(
                "{} is {architecture} and {} is {}: the system on its disk does not start there",
                instance.size,
                cloud.size,
                other.join(", ")
            ),
            remedy: format!(
                "choose a size of {architecture}; or add a second host of that size to the plan and move to it with `infra \
                 migrate --to HOST`, with images that are built for both"
            ),
        });
    }
    Ok(InstanceDiff::Resize { name: instance.name.clone(), from: instance.size.clone(), to: cloud.size.clone() })
}

/// The plan says another provider than the one where its machine is.
fn elsewhere(host: &HostNode, instance: &Instance) -> Refusal {
    let (is, to) = match instance.cloud {
        CloudKind::Lightsail => ("a Lightsail instance", "ec2"),
        CloudKind::Ec2 => ("an EC2 instance", "lightsail"),
    };
    Refusal {
        node: host.id.clone(),
        message: format!("{} is {is}, and the plan says provider = \"{to}\"", instance.name),
        remedy: format!(
            "a disk does not go from one cloud to the other: leave this host as it is, add another one with provider = \"{to}\" \
             and move the database to it with `infra migrate --to HOST`"
        ),
    }
}

fn replacement(
    old: &Instance,
    new: ResourceName,
    new_exists: bool,
    reasons: Vec<String>,
    root: OldRoot,
) -> Replacement {
    Replacement {
        old: old.name.clone(),
        old_running: !matches!(old.state, InstanceState::Stopped),
        new,
        new_exists,
        reasons,
        root,
    }
}

/// What cannot be changed on a living instance.
fn differences(cloud: &CloudHost, instance: &Instance, inventory: &Inventory) -> Vec<String> {
    let mut reasons = vec![];
    let mut compare = |what: &str, old: &str, new: &str| {
        if old != new {
            reasons.push(format!("{what} {old} → {new}"));
        }
    };
    if !resizes(cloud, instance) {
        compare("size", &instance.size, &cloud.size);
    }
    compare("image", &instance.image, &cloud.image);
    if cloud.ec2().is_none_or(|ec2| ec2.zone_given || ec2.subnet.is_none()) {
        compare("zone", &instance.zone, &cloud.zone);
    }
    // An adopted instance has no such tag: its first boot is history.
    if let Some(old) = instance.tags.get(TAG_USER_DATA) {
        compare("first-boot script", old, &cloud.user_data.own_hash);
    }
    if cloud.ec2().is_some_and(|ec2| !ec2::in_network(ec2, instance, &inventory.ec2)) {
        reasons.push("another network".into());
    }
    reasons
}

/// The right name without the tag is somebody else's until its owner says otherwise.
fn refuse_foreign(graph: &Graph, host: &HostNode, base: &ResourceName, inventory: &Inventory) -> Result<(), Refusal> {
    let Some(foreign) = inventory.instance(base).filter(|i| i.state != InstanceState::Gone) else { return Ok(()) };
    let adopt = adopt(&foreign.name, foreign.ec2.as_ref().map(|ec2| ec2.id.as_str()), &graph.plan, &host.id);
    Err(Refusal {
        node: host.id.clone(),
        message: format!("an instance named {base} exists, but it is not tagged as this plan's"),
        remedy: format!("if it is yours, adopt it: {adopt}; otherwise rename the host or the plan"),
    })
}

/// The command that makes a resource the plan's. `id`: of EC2.
pub(super) fn adopt(name: &ResourceName, id: Option<&str>, plan: &PlanName, node: &NodeId) -> String {
    match id {
        None => format!(
            "aws lightsail tag-resource --resource-name {name} --tags key=infra:plan,value={plan} \
             key=infra:node,value={node}"
        ),
        Some(id) => format!(
            "aws ec2 create-tags --resources {id} --tags Key=infra:plan,Value={plan} Key=infra:node,Value={node}"
        ),
    }
}

fn ambiguous<'a>(host: &HostNode, instances: impl Iterator<Item = &'a &'a Instance>) -> Refusal {
    let instances: Vec<_> = instances.collect();
    let name = |i: &Instance| match &i.ec2 {
        Some(ec2) => format!("{} ({})", i.name, ec2.id),
        None => i.name.to_string(),
    };
    let names: Vec<_> = instances.iter().map(|i| name(i)).collect();
    let untag = match instances.first().map(|i| i.cloud) {
        Some(CloudKind::Ec2) => "aws ec2 delete-tags --resources ID --tags Key=infra:node",
        _ => "aws lightsail untag-resource --resource-name NAME --tag-keys infra:node",
    };
    Refusal {
        node: host.id.clone(),
        message: format!("several instances are tagged as this host: {}", names.join(", ")),
        remedy: format!("remove the tag infra:node from those that are not it: {untag}"),
    }
}

fn address(
    graph: &Graph,
    host: &HostNode,
    cloud: &CloudHost,
    inventory: &Inventory,
    target: &ResourceName,
) -> AddressDiff {
    let default_name = Names(&graph.plan).address(&host.name);
    let existing = inventory.address(&default_name);
    match (&cloud.address, existing) {
        (None, None) => AddressDiff::None,
        (None, Some(old)) => AddressDiff::Release { name: old.name.clone(), attached: old.attached_to.is_some() },
        (Some(name), None) => AddressDiff::Attach { name: name.clone(), allocate: true, detach_from: None },
        (Some(name), Some(old)) if old.attached_to.as_ref() == Some(target) => AddressDiff::Keep { name: name.clone() },
        (Some(name), Some(old)) => {
            AddressDiff::Attach { name: name.clone(), allocate: false, detach_from: old.attached_to.clone() }
        }
    }
}

fn alarms(
    graph: &Graph,
    host: &HostNode,
    cloud: &CloudHost,
    inventory: &Inventory,
    target: &ResourceName,
) -> Vec<AlarmDiff> {
    let notify = graph.contact.is_some();
    let wanted = cloud.alarms.iter().map(|node| {
        let Some(old) = inventory.alarms.iter().find(|a| a.name == node.name) else {
            return AlarmDiff::Put { alarm: node.clone(), reason: "it does not exist".into(), create: true };
        };
        match alarm_difference(node, old, target, notify) {
            None => AlarmDiff::Keep { id: node.id.clone(), name: node.name.clone() },
            Some(reason) => AlarmDiff::Put { alarm: node.clone(), reason, create: false },
        }
    });
    let prefix = host.id.child("alarms.");
    let unwanted = inventory.alarms.iter().filter(|a| {
        let node = a.tags.get(crate::inventory::TAG_NODE).unwrap_or_default();
        a.tags.is_plan(&graph.plan)
            && node.starts_with(prefix.as_str())
            && !cloud.alarms.iter().any(|n| n.name == a.name)
    });
    let delete = |a: &Alarm| AlarmDiff::Delete {
        id: NodeId::new(a.tags.get(crate::inventory::TAG_NODE).unwrap_or_default()),
        name: a.name.clone(),
    };
    wanted.chain(unwanted.map(delete)).collect()
}

fn alarm_difference(node: &AlarmNode, old: &Alarm, target: &ResourceName, notify: bool) -> Option<String> {
    if &old.monitored != target {
        return Some(format!("it watches {}", old.monitored));
    }
    if (old.threshold - node.threshold).abs() > f64::EPSILON || old.comparison != node.comparison {
        return Some(format!("threshold {} → {}", old.threshold, node.threshold));
    }
    if old.evaluation_periods != node.evaluation_periods {
        let minutes = |periods: u32| periods * 5;
        let (old, new) = (minutes(old.evaluation_periods), minutes(node.evaluation_periods));
        return Some(format!("for {old}m → {new}m"));
    }
    if old.metric != node.metric {
        return Some(format!("metric {} → {}", old.metric, node.metric));
    }
    (old.notifies_email != notify).then(|| "whom it tells".into())
}
