//! What belongs to the account and not to a host: the key pair and the contact for alarms.

use super::Refusal;
use crate::graph::{Graph, NodeId};
use crate::inventory::{ContactStatus, Inventory, ResourceName};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPairDiff {
    None,
    Keep { name: ResourceName },
    Create { name: ResourceName },
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

impl KeyPairDiff {
    pub fn is_kept(&self) -> bool {
        !matches!(self, Self::Create { .. })
    }
}

impl ContactDiff {
    pub fn is_kept(&self) -> bool {
        matches!(self, Self::None | Self::Keep { .. })
    }
}

/// Imported key pairs carry no tag: the name alone decides. Whether the private key is at hand shows when connecting.
pub(super) fn key_pair(graph: &Graph, inventory: &Inventory) -> KeyPairDiff {
    match &graph.key_pair {
        None => KeyPairDiff::None,
        Some(pair) if inventory.key_pairs.iter().any(|k| k.name == pair.name) => {
            KeyPairDiff::Keep { name: pair.name.clone() }
        }
        Some(pair) => KeyPairDiff::Create { name: pair.name.clone() },
    }
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
