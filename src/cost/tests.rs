//! What plans are said to cost.

use std::collections::BTreeMap;

use super::{Estimate, Monthly, estimate, prices};
use crate::cloud::fake::World;
use crate::diff::{Diff, diff};
use crate::graph::fixture::{VAULT, graph, vault};
use crate::graph::{DATABASE, Graph};
use crate::inventory::{
    Database, DatabaseInventory, DatabaseState, DatabaseView, Inventory, Network, ResourceName, Tags,
};
use crate::plan::{Engine, Gigabytes, ManagedSize, MigrateRds};
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

/// A plan whose database a migration has made, with 200 GB.
fn with_database(class: &str, region: &str) -> (Graph, Diff, Inventory) {
    let text = format!("{VAULT}\n[migrate.rds]\nclass = \"{class}\"\nstorage_gb = 400\n");
    let inventory = up();
    // What is compared is the host alone: the database is only billed here.
    let diff = diff(&vault(&[]), &inventory).expect("possible");
    let mut graph = graph(&text, "release-1");
    graph.region = Some(region.to_owned().try_into().expect("a region"));
    let size = ManagedSize::Rds(MigrateRds {
        class: class.to_owned().try_into().expect("a class"),
        storage_gb: Gigabytes(200),
    });
    let made = made(&graph, size);
    (graph, diff, Inventory { database: DatabaseView::Seen(Box::new(made)), ..inventory })
}

fn made(graph: &Graph, size: ManagedSize) -> DatabaseInventory {
    let tags = Tags::for_node(&graph.plan, DATABASE);
    let name = ResourceName::new("vault-database");
    assert_eq!(size.engine(), Engine::Rds);
    DatabaseInventory {
        peered: true,
        network: Network { id: "vpc-1".into(), subnets: vec![] },
        security_group: None,
        subnet_group: None,
        parameter_groups: BTreeMap::new(),
        database: Some(Database {
            name: name.clone(),
            tags,
            state: DatabaseState::Available,
            size,
            member: None,
            version: "17.6".into(),
            master: "postgres".into(),
            endpoint: None,
            secret: None,
            authority: None,
            parameter_group: name,
            parameters_in_effect: true,
            backup_days: 7,
            deletion_protection: true,
            encrypted: true,
            public: false,
        }),
        snapshots: vec![],
        alarms: vec![],
        topic: None,
    }
}

#[test]
fn a_database_costs_as_the_list_of_its_region_says() {
    let (graph, diff, inventory) = with_database("db.m7g.large", "us-east-1");
    let bill = estimate(&graph, &inventory, &diff);
    let database = bill.lines.iter().find(|line| line.node.as_str() == DATABASE).expect("it is billed");
    let of = |gb: u32| {
        let list = prices::of_region(graph.region.as_ref()?)?;
        Some(Monthly(list.database("db.m7g.large")? * 730.0 + f64::from(gb) * list.database_storage()?))
    };
    assert_eq!((database.before, database.after, database.most), (of(200), of(400), None));
    assert!(database.after.is_some() && bill.most.is_none());
    let used: Vec<_> = bill.prices.iter().map(|used| used.of.as_str()).collect();
    assert_eq!(used, ["Lightsail instances", "Lightsail disks and snapshots", "AmazonRDS"]);
}

#[test]
fn a_burstable_database_makes_the_bill_a_range() {
    let (graph, diff, inventory) = with_database("db.t4g.medium", "us-east-1");
    let bill = estimate(&graph, &inventory, &diff);
    let more = bill.most.expect("credits cost more") - bill.after;
    let list = graph.region.as_ref().and_then(prices::of_region).expect("there is one of us-east-1");
    let credits = list.database_credits("t4g").expect("a price");
    assert!((more.0 - 1.6 * credits * 730.0).abs() < 1e-9, "1.6 vCPU: {more}");
}

#[test]
fn a_region_without_prices_is_said_and_is_not_billed_as_another() {
    let (graph, diff, inventory) = with_database("db.m7g.large", "eu-west-9");
    let bill = estimate(&graph, &inventory, &diff);
    let database = bill.lines.iter().find(|line| line.node.as_str() == DATABASE).expect("it is a line");
    assert_eq!((database.before, database.after), (None, None));
    assert!(bill.notes.iter().any(|note| note.contains("eu-west-9")), "{:?}", bill.notes);
    assert!(bill.prices.iter().all(|used| used.of != "AmazonRDS"), "{:?}", bill.prices);
}

#[test]
fn a_plan_without_such_things_says_nothing_of_the_list() {
    let bill = estimated(&[], &World::new().observe());
    let used: Vec<_> = bill.prices.iter().map(|used| used.of.as_str()).collect();
    assert_eq!(used, ["Lightsail instances", "Lightsail disks and snapshots"]);
    assert_eq!(bill.notes, Vec::<String>::new());
    let unasked = Inventory { sizes: vec![], ..World::new().observe() };
    let bill = estimated(&[], &unasked);
    assert_eq!((bill.after.to_string(), bill.prices[0].from.as_str()), ("$32.00".into(), "Lightsail's price page"));
}
