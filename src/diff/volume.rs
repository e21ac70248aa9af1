//! A volume of EC2 that is to be larger, of another kind or faster: changed in place, attached or not, in use or not.

use super::disk::DiskDiff;
use crate::graph::{DiskNode, HostNode, NodeId};
use crate::inventory::{Inventory, ResourceName, VolumeSpec};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeDiff {
    pub id: NodeId,
    pub name: ResourceName,
    pub from_gb: u32,
    pub to_gb: u32,
    pub from: VolumeSpec,
    pub to: VolumeSpec,
    /// An earlier change goes on and must end before: how far it is.
    pub after: Option<String>,
}

impl VolumeDiff {
    /// The file system has to follow.
    pub fn grows(&self) -> bool {
        self.to_gb > self.from_gb
    }
}

pub(super) fn diff(host: &HostNode, disks: &[DiskDiff], inventory: &Inventory) -> Vec<VolumeDiff> {
    let change = |node: &DiskNode| {
        let diff = disks.iter().find(|diff| diff.id() == &node.id)?;
        let live = inventory.disks.iter().find(|disk| &disk.name == diff.resource())?;
        let (to, from) = (node.volume?, live.volume?);
        let earlier = live.modification.as_ref().filter(|earlier| earlier.goes_on());
        let change = VolumeDiff {
            id: node.id.clone(),
            name: live.name.clone(),
            from_gb: live.size_gb,
            to_gb: node.size_gb,
            from,
            to,
            after: earlier.map(|earlier| format!("its last change is at {} %", earlier.percent)),
        };
        (change.grows() || from != to).then_some(change)
    };
    host.disks.iter().filter_map(change).collect()
}
