//! Some steps of a list, with all that they wait for: what concerns one host, where nothing else is to be done.

use std::collections::BTreeSet;

use super::{Step, StepId};
use crate::graph::NodeId;

/// In their order. What is below the node is of it: its disks, its address.
pub fn of_node(steps: &[Step], node: &NodeId) -> Vec<Step> {
    let below = format!("{node}.");
    let is_of = |step: &&Step| step.node == *node || step.node.as_str().starts_with(&below);
    let mut wanted: BTreeSet<&StepId> = steps.iter().filter(is_of).map(|step| &step.id).collect();
    // Needs stand before who needs them.
    for step in steps.iter().rev() {
        if wanted.contains(&step.id) {
            wanted.extend(&step.needs);
        }
    }
    steps.iter().filter(|step| wanted.contains(&step.id)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::fake::World;
    use crate::graph::fixture::{edited, graph};
    use crate::steps::tests::planned;

    #[test]
    fn a_second_host_comes_with_what_it_needs_and_nothing_else() {
        let second = "[hosts.box2]\nprovider = \"lightsail\"\nsize = \"small_3_0\"\nimage = \"ubuntu_24_04\"\n\
                      ports = [{ port = 22, from = [\"203.0.113.0/24\"] }]\n[hosts.box2.disks.data]\nsize_gb = 8\nmount = \"/srv/data\"\n";
        let bundle = format!("{second}[bundle]");
        let plan = edited(&[("[bundle]", bundle.as_str())]);
        let all = planned(&graph(&plan, "release-1"), &World::new());
        let own = of_node(&all, &NodeId::new("hosts.box2"));
        assert!(own.len() < all.len() && own.iter().any(|step| step.node.as_str() == "hosts.box2.disks.data"));
        assert!(own.iter().any(|step| step.node.as_str() == "key_pair"), "it is made with the key: {own:#?}");
        let other = |step: &&Step| step.node.as_str() == "hosts.box" || step.node.as_str().starts_with("hosts.box.");
        assert!(!own.iter().any(|step| other(&step)), "the other host is left alone");
        let ids: Vec<_> = own.iter().map(|step| &step.id).collect();
        assert!(
            own.iter().flat_map(|step| &step.needs).all(|need| ids.contains(&need)),
            "nothing waits for what is not there"
        );
    }
}
