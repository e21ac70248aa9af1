//! The tags by which infra knows its own resources.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::PlanName;

/// The plan that a resource belongs to.
pub const TAG_PLAN: &str = "infra:plan";
/// The node of the plan's graph that a resource stands for.
pub const TAG_NODE: &str = "infra:node";
/// Hash of the user's own first-boot script; the cloud does not tell user data back.
pub const TAG_USER_DATA: &str = "infra:user-data";

/// What the plan called the image of an instance: which AMI that is changes every few weeks.
pub const TAG_IMAGE: &str = "infra:image";

/// On an instance that is replaced: its successor, once that has everything that lay on the old root disk.
pub const TAG_CARRIED: &str = "infra:carried-to";

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tags(pub BTreeMap<String, String>);

impl Tags {
    pub fn for_node(plan: &PlanName, node: &str) -> Self {
        Self(BTreeMap::from([(TAG_PLAN.into(), plan.to_string()), (TAG_NODE.into(), node.into())]))
    }

    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.0.insert(key.into(), value.into());
        self
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    pub fn is_node(&self, plan: &PlanName, node: &str) -> bool {
        self.is_plan(plan) && self.get(TAG_NODE) == Some(node)
    }

    pub fn is_plan(&self, plan: &PlanName) -> bool {
        self.get(TAG_PLAN) == Some(plan.as_str())
    }
}
