//! A plan saved by `plan --out`, to be run as it was shown or not at all.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::load::Stack;
use super::situation::Situation;
use crate::inventory::{ContactStatus, DatabaseView, HostView, Inventory};
use crate::steps::Step;

const VERSION: u32 = 1;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    pub infra_saved_plan: u32,
    /// Absolute.
    pub plan_path: PathBuf,
    pub plan_hash: String,
    pub release_hash: Option<String>,
    /// Of the observed state that the steps rest on.
    pub observed_hash: String,
    pub steps: Vec<Step>,
}

#[derive(Debug, thiserror::Error)]
pub enum SavedError {
    #[error("{} is not a saved plan of this version of infra", path.display())]
    Format { path: PathBuf, source: serde_json::Error },
    #[error("{} has version {found}, this infra reads {VERSION}", path.display())]
    Version { path: PathBuf, found: u32 },
    #[error("the plan file {} has changed since it was saved", path.display())]
    PlanChanged { path: PathBuf },
    #[error("the bundle has changed since the plan was saved")]
    BundleChanged,
    #[error("what is there has changed since the plan was saved")]
    StateChanged,
}

impl Saved {
    pub fn of(stack: &Stack, situation: &Situation) -> Self {
        let absolute = std::path::absolute(&stack.path).unwrap_or_else(|_| stack.path.clone());
        Self {
            infra_saved_plan: VERSION,
            plan_path: absolute,
            plan_hash: stack.source_hash.clone(),
            release_hash: situation.graph.release.as_ref().map(|r| r.hash.clone()),
            observed_hash: fingerprint(&situation.inventory),
            steps: situation.steps.clone(),
        }
    }

    /// Some: the bytes are meant as a saved plan.
    pub fn recognise(path: &Path, bytes: &[u8]) -> Option<Result<Self, SavedError>> {
        let looks = bytes.first() == Some(&b'{') && bytes.windows(18).take(400).any(|w| w == b"\"infra_saved_plan\"");
        looks.then(|| Self::parse(path, bytes))
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, SavedError> {
        let saved: Self =
            serde_json::from_slice(bytes).map_err(|source| SavedError::Format { path: path.to_owned(), source })?;
        match saved.infra_saved_plan {
            VERSION => Ok(saved),
            found => Err(SavedError::Version { path: path.to_owned(), found }),
        }
    }

    /// Is everything as it was when it was saved?
    pub fn still_holds(&self, stack: &Stack, situation: &Situation) -> Result<(), SavedError> {
        if stack.source_hash != self.plan_hash {
            return Err(SavedError::PlanChanged { path: self.plan_path.clone() });
        }
        if situation.graph.release.as_ref().map(|r| &r.hash) != self.release_hash.as_ref() {
            return Err(SavedError::BundleChanged);
        }
        if fingerprint(&situation.inventory) != self.observed_hash || situation.steps != self.steps {
            return Err(SavedError::StateChanged);
        }
        Ok(())
    }
}

/// Of what steps rest on: not of times, prices, states of alarms and contacts, or measures that differ at every look.
fn fingerprint(inventory: &Inventory) -> String {
    let mut stable = inventory.clone();
    stable.observed_at = jiff::Timestamp::UNIX_EPOCH;
    stable.sizes.clear();
    // What differs of it stands in the steps; the rest, as a backup that goes on, is nobody's concern.
    stable.database = DatabaseView::Absent;
    for alarm in &mut stable.alarms {
        alarm.state.clear();
    }
    for contact in &mut stable.contacts {
        contact.status = ContactStatus::Pending;
    }
    stable.instances.sort_by(|a, b| a.name.cmp(&b.name));
    stable.disks.sort_by(|a, b| a.name.cmp(&b.name));
    let releases: Vec<_> = stable
        .hosts
        .iter()
        .map(|(host, view)| match view {
            HostView::Seen(facts) => {
                (host.to_string(), facts.current_release, facts.current().map(|r| r.bundle_hash.clone()))
            }
            HostView::Unseen(_) | HostView::Mistaken(_) => (host.to_string(), None, None),
        })
        .collect();
    stable.hosts.clear();
    let text = serde_json::to_vec(&(stable, releases)).expect("an inventory is plain data");
    hex::encode(Sha256::digest(text))
}
