//! Disks on the host itself: mounted, grown, renamed. Which of them may be found blank is decided here.

use super::Context;
use crate::diff::{DiskDiff, InstanceDiff};
use crate::graph::DiskNode;
use crate::inventory::{ResourceName, Tags};
use crate::plan::NodeName;
use crate::steps::StepId;
use crate::steps::action::{CloudAction, DiskOnHost, HostAction};
use crate::steps::build::Steps;

impl Context<'_> {
    pub(super) fn mounts(&self, steps: &mut Steps, reachable: &[StepId], attached: &[StepId]) -> Vec<StepId> {
        let nodes = self.diff.disks.iter().filter(|d| self.must_mount(d)).filter_map(|d| Some((d, self.node(d)?)));
        nodes
            .map(|(diff, node)| {
                if let DiskDiff::Rename { name, from, .. } = diff {
                    return self.rename(steps, node, name, from, reachable);
                }
                let disk = DiskOnHost {
                    disk: node.name.clone(),
                    size_gb: node.size_gb,
                    mount: node.mount.clone(),
                    path: self.path(node),
                    resource: diff.resource().clone(),
                    expects_data: self.expects_data(diff, node),
                };
                let action = HostAction::PrepareDisk { on: self.on.clone(), disk };
                steps.host(&node.id, "mount", action, reachable.iter().chain(attached).cloned())
            })
            .collect()
    }

    /// On the host first: cut off in between, the next run finds the disk by its place and its old tag.
    fn rename(
        &self,
        steps: &mut Steps,
        node: &DiskNode,
        disk: &ResourceName,
        from: &NodeName,
        reachable: &[StepId],
    ) -> StepId {
        let (mount, to) = (node.mount.clone(), node.name.clone());
        let action = HostAction::RenameDisk { on: self.on.clone(), mount, from: from.clone(), to };
        let renamed = steps.host(&node.id, "rename", action, reachable.iter().cloned());
        let tag = CloudAction::Tag { name: disk.clone(), tags: Tags::for_node(&self.graph.plan, node.id.as_str()) };
        self.put(steps, &node.id, "tag", tag, [renamed])
    }

    /// Moved and grown disks hold data. So does one that an interrupted move or growth left unmounted: infra makes
    /// snapshots only of disks that have been in use.
    fn expects_data(&self, diff: &DiskDiff, node: &DiskNode) -> bool {
        let copied = || self.inventory.snapshots.iter().any(|s| s.tags.is_node(&self.graph.plan, node.id.as_str()));
        match diff {
            DiskDiff::Move { .. } | DiskDiff::Grow { .. } => true,
            DiskDiff::Create { exists: true, .. } | DiskDiff::Mount { .. } => copied(),
            // In use and mounted: it grows.
            DiskDiff::Keep { .. } => true,
            _ => false,
        }
    }

    /// A kept disk of a new instance cannot be: it must be mounted wherever the instance is new. The file system of one that
    /// grows in place has to follow.
    pub(super) fn must_mount(&self, disk: &DiskDiff) -> bool {
        let grows = self.diff.volumes.iter().any(|volume| &volume.id == disk.id() && volume.grows());
        let stays = matches!(self.diff.instance, InstanceDiff::Keep { .. } | InstanceDiff::Resize { .. });
        !disk.is_kept() || grows || !stays
    }
}
