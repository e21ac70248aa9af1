//! Desired against observed: what has to change, and why. Pure. Decides everything; orders nothing (that is `steps`).

mod account;
mod change;
mod database;
mod device;
mod disk;
mod ec2;
#[cfg(test)]
mod ec2_tests;
mod host;
mod hosted;
mod left_over;
mod root;
#[cfg(test)]
mod tests;
mod volume;

pub use account::{ContactDiff, KeyPairDiff, ProfileDiff};
pub use change::{Change, Verb};
pub use database::{
    ALARM_SECONDS, AlarmsDiff, DatabaseChanges, DatabaseDiff, alarm_names, alarms, stranger, topic_name,
};
pub use disk::{DiskDiff, GrowthStage};
pub use ec2::{Ec2Diff, FirewallDiff, Mend};
pub use host::{AddressDiff, AlarmDiff, HostDiff, InstanceDiff, PortsDiff, Replacement};
pub use left_over::{LeftOver, LeftOverKind, removed_hosts};
pub use root::OldRoot;
pub use volume::VolumeDiff;

use crate::graph::{Graph, HostNode, NodeId};
use crate::inventory::{HostView, Inventory};
use crate::plan::NodeName;

/// All that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Diff {
    pub key_pairs: Vec<KeyPairDiff>,
    pub profile: ProfileDiff,
    pub contact: ContactDiff,
    pub hosts: Vec<HostDiff>,
    pub release: ReleaseDiff,
    pub database: DatabaseDiff,
    /// Copies that an earlier growth or replacement left behind, for the user to keep or remove.
    pub left_over: Vec<LeftOver>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseDiff {
    None,
    Keep { hash: String },
    Deploy { host: NodeName, reason: String, first: bool },
}

/// Why the desired state cannot be reached from the observed one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{node}: {message}")]
pub struct Refusal {
    pub node: NodeId,
    pub message: String,
    pub remedy: String,
}

/// The difference, or every reason why there can be none.
pub fn diff(graph: &Graph, inventory: &Inventory) -> Result<Diff, Vec<Refusal>> {
    let mut refusals = vec![];
    let mut keep = |result: Result<HostDiff, Vec<Refusal>>| match result {
        Ok(diff) => Some(diff),
        Err(more) => {
            refusals.extend(more);
            None
        }
    };
    let hosts: Vec<_> = graph.hosts.iter().filter_map(|h| keep(host::diff(graph, h, inventory))).collect();
    refusals.extend(graph.hosts.iter().filter_map(|h| mistaken(h, inventory)));
    let key_pairs = account::key_pairs(graph, inventory);
    let profile = account::profile(graph, inventory).unwrap_or_else(|refusal| {
        refusals.push(refusal);
        ProfileDiff::None
    });
    refusals.extend(hosted::refusals(&hosts, inventory));
    let contact = account::contact(graph, inventory).unwrap_or_else(|refusal| {
        refusals.push(refusal);
        ContactDiff::None
    });
    let database = database::diff(graph, inventory, &hosts).unwrap_or_else(|refusal| {
        refusals.push(refusal);
        DatabaseDiff::None
    });
    if !refusals.is_empty() {
        return Err(refusals);
    }
    let release = release(graph, inventory, &hosts);
    let left_over = left_over::left_over(graph, inventory, &hosts);
    Ok(Diff { key_pairs, profile, contact, hosts, release, database, left_over })
}

/// Nothing is done to a machine that is not the one it should be, nor planned for it.
fn mistaken(host: &HostNode, inventory: &Inventory) -> Option<Refusal> {
    let Some(HostView::Mistaken(gap)) = inventory.hosts.get(&host.name) else { return None };
    Some(Refusal {
        node: host.id.clone(),
        message: gap.0.clone(),
        remedy: "the host was replaced outside of infra, or something answers in its place: find out which before you \
                 go on; of a server of your own, `ssh-keygen -R ADDRESS` forgets the old key"
            .into(),
    })
}

fn release(graph: &Graph, inventory: &Inventory, hosts: &[HostDiff]) -> ReleaseDiff {
    let Some(release) = &graph.release else { return ReleaseDiff::None };
    let host = release.host.clone();
    let deploy = |reason: &str, first| ReleaseDiff::Deploy { host: host.clone(), reason: reason.into(), first };
    let Some(diff) = hosts.iter().find(|h| h.host == release.host) else { return ReleaseDiff::None };
    match &diff.instance {
        InstanceDiff::Create { .. } => return deploy("the host is new", true),
        InstanceDiff::Replace(_) => return deploy("the host is replaced", false),
        InstanceDiff::Keep { .. } | InstanceDiff::Resize { .. } | InstanceDiff::Existing => {}
    }
    let Some(facts) = inventory.facts(&release.host) else {
        return deploy("the host could not be observed: a release brings it to a known state", false);
    };
    let current = facts.current();
    match current {
        None => deploy("nothing is deployed yet", true),
        Some(current) if current.bundle_hash != release.hash => deploy("the bundle has changed", false),
        Some(_) if facts.services.is_empty() || facts.services.iter().any(|s| !s.is_serving()) => {
            deploy("a service is not healthy", false)
        }
        Some(_) => ReleaseDiff::Keep { hash: release.hash.clone() },
    }
}

impl Diff {
    pub fn is_empty(&self) -> bool {
        self.changes_nothing()
    }

    fn changes_nothing(&self) -> bool {
        let release = !matches!(self.release, ReleaseDiff::Deploy { .. });
        let account = self.key_pairs.iter().all(|pair| pair.exists) && self.profile.is_kept() && self.contact.is_kept();
        release && account && self.database.is_kept() && self.hosts.iter().all(HostDiff::is_kept)
    }
}
