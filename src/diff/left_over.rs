//! What carries the plan's tags and serves no node of it any more: hosts that were taken out of the plan, copies that an
//! earlier growth or replacement kept. Nothing of it goes by itself: `infra down --left-over` removes it.

use serde::{Deserialize, Serialize};

use super::{DiskDiff, GrowthStage, HostDiff};
use crate::graph::{Graph, Names, NodeId};
use crate::inventory::{Address, Firewall, InstanceState, Inventory, ResourceName, TAG_NODE, Tags};
use crate::plan::NodeName;

/// Something of this plan that no node needs any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOver {
    pub kind: LeftOverKind,
    pub name: ResourceName,
    pub node: NodeId,
    /// Of disks and snapshots.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub size_gb: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOverKind {
    Instance,
    Disk,
    Snapshot,
    Address,
    Firewall,
}

impl LeftOverKind {
    pub fn noun(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Disk => "disk",
            Self::Snapshot => "snapshot",
            Self::Address => "static IP",
            Self::Firewall => "security group",
        }
    }
}

pub(super) fn left_over(graph: &Graph, inventory: &Inventory, hosts: &[HostDiff]) -> Vec<LeftOver> {
    let of = |kind, name: &ResourceName, tags: &Tags, size_gb| LeftOver {
        kind,
        name: name.clone(),
        node: NodeId::new(tags.get(TAG_NODE).unwrap_or_default()),
        size_gb,
    };
    let plan = &graph.plan;
    let removed = removed_hosts(graph, inventory);
    let instances = removed
        .iter()
        .flat_map(|(id, _)| inventory.instances_of(plan, id.as_str()))
        .map(|i| of(LeftOverKind::Instance, &i.name, &i.tags, None));
    let disks = inventory.disks.iter().filter(|d| d.tags.is_plan(plan) && !is_used(hosts, &d.name));
    let disks = disks.map(|d| of(LeftOverKind::Disk, &d.name, &d.tags, Some(d.size_gb)));
    let snapshots = inventory.snapshots.iter().filter(|s| s.tags.is_plan(plan) && !is_used(hosts, &s.name));
    let snapshots = snapshots.map(|s| of(LeftOverKind::Snapshot, &s.name, &s.tags, Some(s.size_gb)));
    // With an instance they go as it does.
    let alone: Vec<_> =
        removed.iter().filter(|(id, _)| inventory.instances_of(plan, id.as_str()).next().is_none()).collect();
    let is_its_address = |a: &&Address| alone.iter().any(|(_, host)| Names(plan).address(host) == a.name);
    let addresses = inventory.addresses.iter().filter(is_its_address);
    let addresses = addresses.map(|a| of(LeftOverKind::Address, &a.name, &Tags::default(), None));
    let is_its_group = |f: &&Firewall| alone.iter().any(|(id, _)| f.tags.is_node(plan, id.child("ports").as_str()));
    let firewalls = inventory.ec2.firewalls.iter().filter(is_its_group);
    let firewalls = firewalls.map(|f| of(LeftOverKind::Firewall, &f.name, &f.tags, None));
    instances.chain(disks).chain(snapshots).chain(addresses).chain(firewalls).collect()
}

/// Hosts that have an instance of this plan, or its security group, and that the plan does not name any more.
pub fn removed_hosts(graph: &Graph, inventory: &Inventory) -> Vec<(NodeId, NodeName)> {
    let ours = inventory.instances.iter().filter(|i| i.tags.is_plan(&graph.plan) && i.state != InstanceState::Gone);
    let groups = inventory.ec2.firewalls.iter().filter(|f| f.tags.is_plan(&graph.plan)).map(|f| &f.tags);
    let nodes = ours.map(|i| &i.tags).chain(groups).filter_map(|tags| tags.get(TAG_NODE)?.strip_prefix("hosts."));
    let hosts = nodes.filter_map(|node| node.strip_suffix(".ports").unwrap_or(node).parse::<NodeName>().ok());
    let mut removed: Vec<_> =
        hosts.filter(|name| graph.host(name).is_none()).map(|name| (NodeId::host(&name), name)).collect();
    removed.sort();
    removed.dedup();
    removed
}

fn is_used(hosts: &[HostDiff], name: &ResourceName) -> bool {
    hosts.iter().flat_map(|h| &h.disks).any(|d| match d {
        DiskDiff::Grow { old, new, stage, .. } => {
            let (GrowthStage::Attached { snapshot, .. } | GrowthStage::Detached { snapshot, .. }) = stage;
            old == name || new == name || snapshot == name
        }
        other => other.resource() == name,
    })
}
