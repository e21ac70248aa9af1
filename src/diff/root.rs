//! What would go with an instance that goes: everything on its root disk that no release brings back. Known by looking at
//! it, or by what an earlier run left behind when it had carried all of it.

use super::host::Replacement;
use crate::graph::{Graph, HostNode};
use crate::inventory::{Instance, Inventory, ResourceName, RootData, RootDataKind, TAG_CARRIED};

/// What a replacement does with the old instance's root disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OldRoot {
    /// It was looked at.
    Known {
        carried: Vec<RootData>,
        /// Releases and secrets lie there too, or on a disk that does not move.
        state: bool,
        /// What cannot be carried.
        lost: Vec<RootData>,
    },
    /// An earlier run carried it, and stopped the instance.
    Carried,
    /// Nobody could look at it.
    Unknown,
    /// An earlier run made it, and was cut off before anything came to it.
    Nothing,
}

impl OldRoot {
    pub(super) fn of(
        graph: &Graph,
        host: &HostNode,
        old: &Instance,
        new: &ResourceName,
        inventory: &Inventory,
    ) -> Self {
        // What was carried is out of date if services could have run since; only a running instance is looked at.
        if let Some(facts) =
            inventory.facts(&host.name).filter(|facts| facts.instance.as_deref() == Some(old.name.as_str()))
        {
            let Some(data) = &facts.root_data else { return Self::Unknown };
            let (lost, carried) = data
                .iter()
                .cloned()
                .partition(|item| matches!(item.kind, RootDataKind::AnonymousVolume | RootDataKind::Opaque));
            let moves = |home: &str| host.disks.iter().any(|disk| home == format!("{}/.infra", disk.mount));
            return Self::Known { carried, state: facts.state_home.as_deref().is_some_and(|home| !moves(home)), lost };
        }
        if old.tags.get(TAG_CARRIED) == Some(new.as_str()) {
            return Self::Carried;
        }
        // infra put nothing on it, and so did not look.
        let used = !host.disks.is_empty() || graph.release.as_ref().is_some_and(|release| release.host == host.name);
        if used { Self::Unknown } else { Self::Known { carried: vec![], state: false, lost: vec![] } }
    }
}

impl Replacement {
    /// What is lost by it, in words. None: nothing.
    pub fn loses(&self) -> Option<String> {
        match &self.root {
            OldRoot::Carried | OldRoot::Nothing => None,
            OldRoot::Known { lost, .. } if lost.is_empty() => None,
            OldRoot::Known { lost, .. } => Some(lost.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")),
            OldRoot::Unknown => Some("whatever its root disk holds: nobody could look at it".into()),
        }
    }
}
