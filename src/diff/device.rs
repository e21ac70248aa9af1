//! Under which device path a disk is asked for. A disk keeps the path that it has: which one that is does not depend on
//! what else the plan names, or in which order.

use std::collections::BTreeMap;

use super::disk::DiskDiff;
use crate::graph::NodeId;
use crate::inventory::{CloudKind, Inventory, ResourceName};

/// `a` to `e` may be system disks; the provider takes as many disks as there are letters behind them.
const LETTERS: std::ops::RangeInclusive<u8> = b'f'..=b'z';

/// The path of each disk on `target`.
pub(super) fn paths(
    disks: &[DiskDiff],
    target: &ResourceName,
    cloud: CloudKind,
    inventory: &Inventory,
) -> BTreeMap<NodeId, String> {
    // EC2 documentation, "Device names for volumes on Amazon EC2 instances".
    let prefix = match cloud {
        CloudKind::Lightsail => "/dev/xvd",
        CloudKind::Ec2 => "/dev/sd",
    };
    let known = |name: &ResourceName| inventory.disks.iter().find(|d| &d.name == name);
    let on_target = |name: &ResourceName| known(name).filter(|d| d.attached_to.as_ref() == Some(target));
    let mut taken: Vec<String> = inventory
        .disks
        .iter()
        .filter(|d| d.attached_to.as_ref() == Some(target))
        .filter_map(|d| d.path.clone())
        .collect();
    let mut paths = BTreeMap::new();
    // What is attached stays where it is; a larger copy comes where its original was.
    for diff in disks {
        let before = match diff {
            DiskDiff::Grow { old, .. } => on_target(old),
            other => on_target(other.resource()),
        };
        if let Some(path) = before.and_then(|d| d.path.clone()) {
            paths.insert(diff.id().clone(), path);
        }
    }
    for diff in disks {
        if paths.contains_key(diff.id()) {
            continue;
        }
        let moved = known(diff.resource()).and_then(|d| d.path.clone());
        let free = LETTERS.map(|letter| format!("{prefix}{}", char::from(letter)));
        let path = moved.into_iter().chain(free).find(|path| !taken.contains(path)).unwrap_or_default();
        taken.push(path.clone());
        paths.insert(diff.id().clone(), path);
    }
    paths
}
