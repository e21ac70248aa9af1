//! One disk: kept, made, moved with its host, or grown.
//!
//! A disk of Lightsail cannot be resized: a larger one is made from a snapshot. The order — stop, detach the old, snapshot, make the
//! new, attach it — is what makes an interrupted growth safe to continue: a *detached* old disk cannot have been written
//! since its snapshot. An attached old disk beside a copy is refused, for the copy may be stale.

use super::Refusal;
use super::host::{InstanceDiff, adopt};
use crate::graph::{DiskNode, Graph, HostNode, Names, NodeId};
use crate::inventory::{CloudKind, Disk, Inventory, ResourceName, Snapshot, TAG_NODE};
use crate::plan::NodeName;

#[derive(Debug, Clone, PartialEq)]
pub enum DiskDiff {
    Keep {
        id: NodeId,
        disk: NodeName,
        name: ResourceName,
    },
    /// Attached, but the host does not show it mounted and grown.
    Mount {
        id: NodeId,
        disk: NodeName,
        name: ResourceName,
        reason: String,
    },
    Create {
        id: NodeId,
        disk: NodeName,
        name: ResourceName,
        exists: bool,
    },
    /// In use where this one is to be, under a name that the plan does not have any more.
    Rename {
        id: NodeId,
        disk: NodeName,
        name: ResourceName,
        from: NodeName,
    },
    /// It moves to the host's new instance.
    Move {
        id: NodeId,
        disk: NodeName,
        name: ResourceName,
        from: ResourceName,
        safety: Option<ResourceName>,
    },
    Grow {
        id: NodeId,
        disk: NodeName,
        old: ResourceName,
        from_gb: u32,
        stage: GrowthStage,
        new: ResourceName,
    },
}

/// How far a growth has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrowthStage {
    /// The old disk serves.
    Attached { to: ResourceName, snapshot: ResourceName },
    /// The old disk is off; the snapshot may be there.
    Detached { snapshot: ResourceName, taken: bool },
}

impl DiskDiff {
    pub fn is_kept(&self) -> bool {
        matches!(self, Self::Keep { .. })
    }

    pub fn id(&self) -> &NodeId {
        match self {
            Self::Keep { id, .. }
            | Self::Mount { id, .. }
            | Self::Create { id, .. }
            | Self::Rename { id, .. }
            | Self::Move { id, .. }
            | Self::Grow { id, .. } => id,
        }
    }

    /// The resource that will hold the data.
    pub fn resource(&self) -> &ResourceName {
        match self {
            Self::Keep { name, .. }
            | Self::Mount { name, .. }
            | Self::Create { name, .. }
            | Self::Rename { name, .. }
            | Self::Move { name, .. }
            | Self::Grow { new: name, .. } => name,
        }
    }
}

/// Everything that the rules below look at.
struct Context<'a> {
    graph: &'a Graph,
    host: &'a HostNode,
    instance: &'a InstanceDiff,
    inventory: &'a Inventory,
    zone: &'a str,
}

pub(super) fn diff(
    graph: &Graph,
    host: &HostNode,
    instance: &InstanceDiff,
    zone: &str,
    inventory: &Inventory,
) -> (Vec<DiskDiff>, Vec<Refusal>) {
    let context = Context { graph, host, instance, inventory, zone };
    let mut diffs = vec![];
    let mut refusals = vec![];
    for node in &host.disks {
        match context.disk(node) {
            Ok(diff) => diffs.push(diff),
            Err(refusal) => refusals.push(refusal),
        }
    }
    (diffs, refusals)
}

impl<'a> Context<'a> {
    fn disk(&self, node: &'a DiskNode) -> Result<DiskDiff, Refusal> {
        let Some(live) = self.live(node)? else {
            return match self.renamed(node)? {
                Some(renamed) => Ok(renamed),
                None => self.create(node),
            };
        };
        self.hides_nothing(node)?;
        if live.zone != self.zone {
            return Err(self.refuse(
                node,
                format!("disk {} is in zone {}, its host would be in {}", live.name, live.zone, self.zone),
                format!("set hosts.{}.zone = \"{}\": a disk cannot leave its zone", self.host.name, live.zone),
            ));
        }
        if live.size_gb > node.size_gb {
            return Err(self.refuse(
                node,
                format!(
                    "disk {} has {} GB, the plan asks for {}: a disk cannot shrink",
                    live.name, live.size_gb, node.size_gb
                ),
                format!("set size_gb = {}, or copy the data to a new, smaller disk by another name", live.size_gb),
            ));
        }
        // A volume grows where it is: that is for `volume`.
        let copied = live.volume.is_none() && live.size_gb < node.size_gb;
        if copied { self.grow(node, live) } else { self.keep_or_move(node, live) }
    }

    /// The disk that holds the data: the attached one; otherwise the largest, since disks only grow.
    fn live(&self, node: &'a DiskNode) -> Result<Option<&'a Disk>, Refusal> {
        let all = || self.inventory.disks_of(&self.graph.plan, node.id.as_str());
        let attached: Vec<_> = all().filter(|d| d.attached_to.is_some()).collect();
        match attached.as_slice() {
            [] => self.largest(node, all().collect()),
            [one] => {
                self.must_be_ours(node, one)?;
                Ok(Some(one))
            }
            several => Err(self.refuse(
                node,
                format!("{} attached disks are tagged as this one", several.len()),
                "remove the tag infra:node from those that are not it".into(),
            )),
        }
    }

    fn largest(&self, node: &DiskNode, disks: Vec<&'a Disk>) -> Result<Option<&'a Disk>, Refusal> {
        let Some(size) = disks.iter().map(|d| d.size_gb).max() else { return Ok(None) };
        let largest: Vec<_> = disks.into_iter().filter(|d| d.size_gb == size).collect();
        match largest.as_slice() {
            [one] => Ok(Some(one)),
            several => Err(self.refuse(
                node,
                format!("which disk holds the data? {} have {size} GB each", names(several)),
                "remove the tag infra:node from those that are not it".into(),
            )),
        }
    }

    fn must_be_ours(&self, node: &DiskNode, disk: &Disk) -> Result<(), Refusal> {
        let Some(holder) = &disk.attached_to else { return Ok(()) };
        let ours = self.inventory.instances_of(&self.graph.plan, self.host.id.as_str()).any(|i| &i.name == holder);
        if ours {
            return Ok(());
        }
        Err(self.refuse(
            node,
            format!("disk {} is attached to {holder}, which is not host {}", disk.name, self.host.name),
            "detach it there first".into(),
        ))
    }

    /// Disks that are attached to this host, and that the plan does not name any more.
    fn orphans(&self) -> Vec<(&'a Disk, NodeName)> {
        let prefix = self.host.id.child("disks.");
        let ours = self.inventory.disks.iter().filter(|d| d.tags.is_plan(&self.graph.plan));
        let held = ours.filter(|d| {
            self.inventory
                .instances_of(&self.graph.plan, self.host.id.as_str())
                .any(|i| d.attached_to.as_ref() == Some(&i.name))
        });
        let named = held.filter_map(|d| Some((d, d.tags.get(TAG_NODE)?.strip_prefix(prefix.as_str())?.parse().ok()?)));
        named.filter(|(_, name)| !self.host.disks.iter().any(|node| &node.name == name)).collect()
    }

    /// The disk that is mounted where this one is to be. Its marker says what the plan called it; or this one's name
    /// already, if an earlier run was cut off.
    fn renamed(&self, node: &DiskNode) -> Result<Option<DiskDiff>, Refusal> {
        let orphans = self.orphans();
        if orphans.is_empty() {
            return Ok(None);
        }
        let Some(facts) = self.inventory.facts(&self.host.name) else {
            let names: Vec<_> = orphans.iter().map(|(disk, _)| disk.name.to_string()).collect();
            return Err(self.refuse(
                node,
                format!("the host could not be observed: is this {}, renamed?", names.join(" or ")),
                "see that the host answers over SSH, and run again".into(),
            ));
        };
        let Some(holder) = facts.disks.iter().find(|d| d.disk == node.name.as_str()).and_then(|d| d.holder.clone())
        else {
            return Ok(None);
        };
        let cut_off = holder == node.name.as_str() && orphans.len() == 1;
        let Some((disk, from)) = orphans.into_iter().find(|(_, name)| cut_off || name.as_str() == holder) else {
            return Ok(None);
        };
        let alone = matches!(self.instance, InstanceDiff::Keep { start: false, .. }) && disk.size_gb == node.size_gb;
        if !alone {
            return Err(self.refuse(
                node,
                format!("disk {} is renamed from {from} and changed at the same time", disk.name),
                "rename it first, with everything else as it was, and run again for the rest".into(),
            ));
        }
        let (id, name) = (node.id.clone(), disk.name.clone());
        Ok(Some(DiskDiff::Rename { id, disk: node.name.clone(), name, from }))
    }

    /// The machine stays the same.
    fn is_kept(&self) -> bool {
        matches!(self.instance, InstanceDiff::Keep { .. } | InstanceDiff::Resize { .. })
    }

    /// A mount never covers a directory that holds something.
    fn hides_nothing(&self, node: &DiskNode) -> Result<(), Refusal> {
        if !self.is_kept() {
            return Ok(());
        }
        let seen =
            self.inventory.facts(&self.host.name).and_then(|f| f.disks.iter().find(|d| d.disk == node.name.as_str()));
        let Some(covers @ 1..) = seen.filter(|disk| !disk.is_mounted()).and_then(|disk| disk.covers) else {
            return Ok(());
        };
        let mount = &node.mount;
        let things = if covers == 1 { "is something".to_owned() } else { format!("are {covers} things") };
        Err(self.refuse(
            node,
            format!("in {mount} on the host's root disk there {things}: the disk would hide them"),
            format!(
                "stop the services that use it and `sudo mv {mount} {mount}.before`; run this again; then copy it onto the disk \
                 (`sudo cp -a {mount}.before/. {mount}/`) and deploy; or choose another mount"
            ),
        ))
    }

    fn create(&self, node: &DiskNode) -> Result<DiskDiff, Refusal> {
        self.hides_nothing(node)?;
        if let Some(foreign) = self.inventory.disks.iter().find(|d| d.name == node.base) {
            let id = (foreign.cloud == CloudKind::Ec2).then_some("ID-OF-THE-VOLUME");
            return Err(self.refuse(
                node,
                format!("a disk named {} exists, but it is not tagged as this plan's", node.base),
                format!("if it is yours, adopt it: {}", adopt(&node.base, id, &self.graph.plan, &node.id)),
            ));
        }
        let name = Names::first_free(&node.base, &self.inventory.names());
        Ok(DiskDiff::Create { id: node.id.clone(), disk: node.name.clone(), name, exists: false })
    }

    fn keep_or_move(&self, node: &DiskNode, live: &Disk) -> Result<DiskDiff, Refusal> {
        let (id, disk, name) = (node.id.clone(), node.name.clone(), live.name.clone());
        let Some(holder) = &live.attached_to else {
            return Ok(DiskDiff::Create { id, disk, name, exists: true });
        };
        if let InstanceDiff::Replace(replacement) = self.instance
            && holder == &replacement.old
        {
            let safety = self.safety_snapshot(&name, &replacement.old, &replacement.new);
            return Ok(DiskDiff::Move { id, disk, name, from: holder.clone(), safety });
        }
        Ok(match self.unmounted(node) {
            Some(reason) => DiskDiff::Mount { id, disk, name, reason },
            None => DiskDiff::Keep { id, disk, name },
        })
    }

    /// None when this replacement's snapshot is there already: one that is younger than the old instance. One that is
    /// still being made is waited for, not made twice.
    fn safety_snapshot(&self, disk: &ResourceName, old: &ResourceName, new: &ResourceName) -> Option<ResourceName> {
        let born = self.inventory.instance(old).and_then(|i| i.created_at);
        let base = Names::safety_snapshot(disk, new);
        let belongs = |s: &&Snapshot| s.from_disk.as_ref() == Some(disk) && s.name.as_str().starts_with(base.as_str());
        let mut ours = self.inventory.snapshots.iter().filter(belongs).filter(|s| s.created_at > born);
        match ours.clone().find(|s| s.complete).or_else(|| ours.next()) {
            Some(taken) if taken.complete => None,
            Some(begun) => Some(begun.name.clone()),
            None => Some(Names::first_free(&base, &self.inventory.names())),
        }
    }

    /// What speaks against this disk's being in use as planned. A host that says nothing may have been interrupted
    /// between attaching and mounting; mounting again changes nothing where it was done.
    fn unmounted(&self, node: &DiskNode) -> Option<String> {
        let Some(facts) = self.inventory.facts(&self.host.name) else {
            return Some("the host could not be observed".into());
        };
        let Some(disk) = facts.disks.iter().find(|d| d.disk == node.name.as_str()) else {
            return Some("the host does not see it".into());
        };
        if !disk.is_mounted() {
            return Some(format!("it is not mounted at {}", node.mount));
        }
        disk.is_smaller_than_device().then(|| "its file system is smaller than the disk".into())
    }

    fn grow(&self, node: &DiskNode, live: &Disk) -> Result<DiskDiff, Refusal> {
        let snapshot_name = Names::growth_snapshot(&live.name, node.size_gb);
        let snapshot = self.inventory.snapshots.iter().find(|s| s.name == snapshot_name);
        let stage = match &live.attached_to {
            Some(_) if snapshot.is_some() => return Err(self.stale(node, live, &snapshot_name)),
            Some(to) => GrowthStage::Attached { to: to.clone(), snapshot: snapshot_name },
            None => GrowthStage::Detached { taken: snapshot.is_some_and(|s| s.complete), snapshot: snapshot_name },
        };
        let new = Names::first_free(&node.base, &self.inventory.names());
        let (id, disk) = (node.id.clone(), node.name.clone());
        Ok(DiskDiff::Grow { id, disk, old: live.name.clone(), from_gb: live.size_gb, stage, new })
    }

    fn stale(&self, node: &DiskNode, live: &Disk, snapshot: &ResourceName) -> Refusal {
        self.refuse(
            node,
            format!("{snapshot} is left from an earlier growth, but {} has been in use since", live.name),
            format!(
                "remove the stale copy: aws lightsail delete-disk-snapshot --disk-snapshot-name {snapshot} (and the \
                 unattached disk made from it, if there is one), then run again"
            ),
        )
    }

    fn refuse(&self, node: &DiskNode, message: String, remedy: String) -> Refusal {
        Refusal { node: node.id.clone(), message, remedy }
    }
}

fn names(disks: &[&Disk]) -> String {
    disks.iter().map(|d| d.name.to_string()).collect::<Vec<_>>().join(" and ")
}
