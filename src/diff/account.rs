//! What belongs to the account and not to a host: key pairs, the profile of instances, the contact for alarms.

use super::Refusal;
use crate::graph::{Graph, KeyPairNode, NodeId};
use crate::inventory::{CloudKind, ContactStatus, Inventory, ResourceName};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPairDiff {
    pub cloud: CloudKind,
    pub id: NodeId,
    pub name: ResourceName,
    pub exists: bool,
}

/// What instances of EC2 may do by themselves: which parts of it are to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileDiff {
    None,
    Keep {
        id: NodeId,
        name: ResourceName,
    },
    Make {
        id: NodeId,
        name: ResourceName,
        role: bool,
        /// The policy to put, where it is another or none.
        policy: Option<String>,
        /// There is one, and it says something else.
        differs: bool,
        profile: bool,
        add_role: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContactDiff {
    None,
    Keep {
        email: String,
        status: ContactStatus,
    },
    Create {
        email: String,
    },
    /// The region's one address is this plan's, and another is wanted.
    Replace {
        from: String,
        email: String,
    },
}

impl ProfileDiff {
    pub fn is_kept(&self) -> bool {
        !matches!(self, Self::Make { .. })
    }
}

impl ContactDiff {
    pub fn is_kept(&self) -> bool {
        matches!(self, Self::None | Self::Keep { .. })
    }
}

/// Lightsail's imported key pairs carry no tag: the name alone decides. Whether the private key is at hand shows when connecting.
pub(super) fn key_pairs(graph: &Graph, inventory: &Inventory) -> Vec<KeyPairDiff> {
    let exists = |pair: &KeyPairNode| inventory.key_pairs.iter().any(|k| k.name == pair.name && k.cloud == pair.cloud);
    let diff = |pair: &KeyPairNode| KeyPairDiff {
        cloud: pair.cloud,
        id: pair.id.clone(),
        name: pair.name.clone(),
        exists: exists(pair),
    };
    graph.key_pairs.iter().map(diff).collect()
}

pub(super) fn profile(graph: &Graph, inventory: &Inventory) -> Result<ProfileDiff, Refusal> {
    let Some(node) = &graph.profile else { return Ok(ProfileDiff::None) };
    let (id, name, seen) = (node.id.clone(), node.name.clone(), &inventory.ec2.profile);
    if seen.foreign {
        return Err(Refusal {
            node: id,
            message: format!(
                "there is a role or an instance profile {name} already, and it is not tagged as this plan's"
            ),
            remedy: format!(
                "if it is yours, adopt it: aws iam tag-role --role-name {name} --tags Key=infra:plan,Value={plan} and the \
                 same with tag-instance-profile; otherwise rename the plan",
                plan = graph.plan
            ),
        });
    }
    let policy = (!same_policy(seen.policy.as_deref(), &node.policy)).then(|| node.policy.clone());
    if seen.role && seen.profile && seen.has_role && policy.is_none() {
        return Ok(ProfileDiff::Keep { id, name });
    }
    let differs = seen.policy.is_some() && policy.is_some();
    Ok(ProfileDiff::Make {
        id,
        name,
        role: !seen.role,
        policy,
        differs,
        profile: !seen.profile,
        add_role: !seen.has_role,
    })
}

/// IAM may give it back with other spaces or another order.
fn same_policy(seen: Option<&str>, wanted: &str) -> bool {
    let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    seen.is_some_and(|seen| parsed(seen) == parsed(wanted))
}

/// Lightsail has one e-mail contact a region, shared by all that runs there.
pub(super) fn contact(graph: &Graph, inventory: &Inventory) -> Result<ContactDiff, Refusal> {
    let Some(email) = &graph.contact else { return Ok(ContactDiff::None) };
    let email = email.to_string();
    let Some(existing) = inventory.contacts.first() else { return Ok(ContactDiff::Create { email }) };
    if existing.email.eq_ignore_ascii_case(&email) {
        return Ok(ContactDiff::Keep { email, status: existing.status });
    }
    if existing.tags.is_plan(&graph.plan) {
        return Ok(ContactDiff::Replace { from: existing.email.clone(), email });
    }
    Err(Refusal {
        node: NodeId::new("alerts.email"),
        message: format!("the region's one e-mail contact is {} already, and not this plan's", existing.email),
        remedy: "set alerts.email to it, or remove it with `aws lightsail delete-contact-method --protocol Email` \
                 (its alarms then reach nobody)"
            .into(),
    })
}
