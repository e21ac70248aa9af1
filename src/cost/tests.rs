//! What plans are said to cost.

use super::{Estimate, Monthly, estimate};
use crate::cloud::fake::World;
use crate::diff::diff;
use crate::graph::fixture::vault;
use crate::inventory::Inventory;
use crate::steps::tests::planned;

fn estimated(edits: &[(&str, &str)], inventory: &Inventory) -> Estimate {
    let graph = vault(edits);
    let diff = diff(&graph, inventory).expect("possible");
    estimate(&graph, inventory, &diff)
}

fn up() -> Inventory {
    let mut world = World::new();
    for step in planned(&vault(&[]), &world) {
        world.perform(&step.action).expect("steps are listed in an order in which they can be done");
    }
    world.observe()
}

fn totals(edits: &[(&str, &str)], inventory: &Inventory) -> (String, String) {
    let estimate = estimated(edits, inventory);
    (estimate.before.to_string(), estimate.after.to_string())
}

#[test]
fn before_and_after() {
    let said = |before: &str, after: &str| (before.to_owned(), after.to_owned());
    assert_eq!(totals(&[], &World::new().observe()), said("$0.00", "$32.00"), "24 and 80 GB at 0.10");
    assert_eq!(totals(&[], &up()), said("$32.00", "$32.00"));
    assert_eq!(totals(&[("medium", "large")], &up()), said("$32.00", "$52.00"));
    let grown = totals(&[("size_gb = 80", "size_gb = 160")], &up());
    assert_eq!(grown, said("$32.00", "$52.00"), "the larger disk at 16, the old one kept at 8, its snapshot at 4");
}

#[test]
fn the_live_price_counts_and_an_unknown_one_is_said_to_be_unknown() {
    let mut inventory = up();
    inventory.sizes.iter_mut().filter(|s| s.id == "medium_3_0").for_each(|s| s.price = 30.0);
    assert_eq!(estimated(&[], &inventory).after, Monthly(38.0));
    let mut graph = vault(&[]);
    if let crate::graph::HostKind::Cloud(cloud) = &mut graph.hosts[0].kind {
        cloud.size = "unheard_of".into();
    }
    let inventory = World::new().observe();
    let diff = diff(&graph, &inventory).expect("possible");
    assert_eq!(estimate(&graph, &inventory, &diff).lines[0].after, None);
}
