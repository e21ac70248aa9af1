//! A managed database beside a host whose plan changes: in any order that the steps allow, and cut off anywhere, it ends
//! as the plan says, and no release goes where its clients would not reach it.

use std::collections::{BTreeMap, BTreeSet};

use crate::cloud::fake::World;
use crate::diff::{DatabaseDiff, diff};
use crate::graph::fixture::{VAULT, graph};
use crate::graph::settings::{family, for_service};
use crate::graph::{DATABASE, Graph};
use crate::inventory::{
    Database, DatabaseInventory, DatabaseState, DatabaseView, HostView, Ingress, Inventory, Network, ParameterGroup,
    ResourceName, SecurityGroup, Tags,
};
use crate::plan::{Engine, Gigabytes, ManagedSize, MigrateRds, Port};
use crate::steps::tests::{Story, planned, up};
use crate::steps::{Step, interrupts};

const RDS: &str = "\n[migrate.rds]\nclass = \"db.m7g.large\"\nstorage_gb = 200\n";

fn with_database(edits: &[(&str, &str)]) -> Graph {
    let text = edits.iter().fold(format!("{VAULT}{RDS}"), |text, (from, to)| {
        assert!(text.contains(from), "the plan has no {from}");
        text.replacen(from, to, 1)
    });
    graph(&text, "release-1")
}

/// As a migration leaves it, but for its alarms.
fn made(graph: &Graph, let_in: &str) -> DatabaseInventory {
    let node = graph.database.as_ref().unwrap();
    let size = node.sizes[&Engine::Rds].clone();
    let tags = Tags::for_node(&graph.plan, DATABASE);
    let ingress = Ingress { port: Port::new(5432).unwrap(), from: format!("{let_in}/32").parse().unwrap() };
    let group = ParameterGroup { tags: tags.clone(), family: family(Engine::Rds), parameters: for_service(&size) };
    DatabaseInventory {
        peered: true,
        network: Network { id: "vpc-1".into(), subnets: vec![] },
        security_group: Some(SecurityGroup { id: "sg-1".into(), tags: tags.clone(), ingress: [ingress].into() }),
        subnet_group: None,
        parameter_groups: BTreeMap::from([(Engine::Rds, group)]),
        database: Some(Database {
            name: node.name.clone(),
            tags,
            state: DatabaseState::Available,
            size,
            member: None,
            version: "17.6".into(),
            master: "postgres".into(),
            endpoint: None,
            secret: None,
            authority: None,
            parameter_group: node.name.clone(),
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

/// The plan is up, and a migration has moved its database.
fn moved() -> World {
    let graph = with_database(&[("[\"ops@example.com\"]", "[]")]);
    let mut world = up(&graph);
    let ip = world.observe().instances[0].private_ip.clone().unwrap();
    world.put_database(made(&graph, &ip));
    for step in planned(&graph, &world) {
        world.perform(&step.action).unwrap();
    }
    assert_eq!(planned(&graph, &world), []);
    world
}

fn to(edits: &[(&str, &str)]) -> Graph {
    with_database(&[&[("[\"ops@example.com\"]", "[]")], edits].concat())
}

fn changed(world: World, to: &Graph) -> World {
    let ended = Story { start: world, steps: &|world| planned(to, world) }.converges();
    assert_eq!(planned(to, &ended), [], "a second run finds nothing to do");
    ended
}

fn database(world: &World) -> Database {
    world.observe().database.seen().unwrap().database.clone().unwrap()
}

fn let_in(world: &World) -> BTreeSet<String> {
    let inventory = world.observe();
    let group = inventory.database.seen().unwrap().security_group.clone().unwrap();
    group.ingress.iter().map(|ingress| ingress.from.addr().to_string()).collect()
}

fn words(steps: &[Step]) -> Vec<String> {
    steps
        .iter()
        .filter(|step| step.node.as_str() == DATABASE)
        .map(|step| crate::steps::describe(&step.action))
        .collect()
}

#[test]
fn a_replaced_host_is_let_in_before_its_release_and_the_old_one_shut_out_after() {
    let graph = to(&[("medium_3_0", "large_3_0")]);
    let steps = planned(&graph, &moved());
    let needs = |id: &str| &steps.iter().find(|step| step.id.0 == id).unwrap_or_else(|| panic!("{steps:#?}")).needs;
    assert!(needs("bundle/release").iter().any(|need| need.0.starts_with("database/let_in_")), "{steps:#?}");
    let out = steps.iter().find(|step| step.id.0.starts_with("database/shut_out_")).unwrap();
    assert!(out.needs.iter().any(|need| need.0 == "bundle/release"));
    let ended = changed(moved(), &graph);
    let now = ended.observe().instances[0].private_ip.clone().unwrap();
    assert_eq!(let_in(&ended), BTreeSet::from([now]));
}

#[test]
fn class_storage_and_thresholds_follow_the_plan_and_what_interrupts_is_said() {
    let class = to(&[("db.m7g.large", "db.m7g.xlarge"), ("storage_gb = 200", "storage_gb = 400")]);
    let steps = planned(&class, &moved());
    let interrupting: Vec<_> = steps.iter().filter_map(|step| interrupts(&step.action)).collect();
    assert_eq!(interrupting, ["the database restarts: some minutes"]);
    assert_eq!(
        words(&steps)[..2],
        [
            "set max_slot_wal_keep_size = 204800 in vault-db",
            "change database vault-db: db.m7g.xlarge, 400 GB of storage",
        ],
        "{steps:#?}"
    );
    let ended = changed(moved(), &class);
    let expected = MigrateRds { class: "db.m7g.xlarge".to_owned().try_into().unwrap(), storage_gb: Gigabytes(400) };
    assert_eq!(database(&ended).size, ManagedSize::Rds(expected));
    let storage = planned(&to(&[("storage_gb = 200", "storage_gb = 201")]), &moved());
    assert!(storage.iter().all(|step| interrupts(&step.action).is_none()), "storage grows in place");
    changed(moved(), &to(&[("warn = 20", "warn = 30")]));
}

#[test]
fn what_hands_have_changed_is_shown_and_mended() {
    let mut world = moved();
    let mut found = world.observe().database.seen().unwrap().clone();
    let stranger = Ingress { port: Port::new(5432).unwrap(), from: "0.0.0.0/0".parse().unwrap() };
    found.security_group.as_mut().unwrap().ingress.insert(stranger);
    found.peered = false;
    found.alarms.clear();
    let parameters = &mut found.parameter_groups.get_mut(&Engine::Rds).unwrap().parameters;
    parameters.insert("rds.force_ssl".into(), "0".into());
    parameters.insert("autovacuum".into(), "0".into());
    parameters.insert("work_mem".into(), "65536".into());
    let database_found = found.database.as_mut().unwrap();
    database_found.deletion_protection = false;
    database_found.backup_days = 0;
    database_found.public = true;
    database_found.parameters_in_effect = false;
    world.put_database(found);
    let inventory = world.observe();
    let lines = diff(&to(&[]), &inventory).unwrap().changes();
    let said: Vec<_> =
        lines.iter().filter(|line| line.node.as_str() == DATABASE).map(|line| line.what.as_str()).collect();
    for what in [
        "join Lightsail's network with the database's",
        "no longer let 0.0.0.0/0 in to port 5432",
        "parameters rds.force_ssl = 1",
        "parameters autovacuum as by default",
        "backups kept 7 days",
        "protection from deletion",
        "no public address",
        "restart",
    ] {
        assert!(said.contains(&what), "{what}: {said:#?}");
    }
    let ended = changed(world, &to(&[]));
    assert!(
        database(&ended).deletion_protection
            && !database(&ended).public
            && ended.observe().database.seen().unwrap().peered
    );
    let kept = ended.observe().database.seen().unwrap().parameter_groups[&Engine::Rds].parameters.clone();
    assert_eq!(kept.get("work_mem").map(String::as_str), Some("65536"), "who tunes by hand has no key for it");
}

#[test]
fn while_it_is_loaded_only_access_is_the_plans() {
    let mut world = moved();
    let mut found = world.observe().database.seen().unwrap().clone();
    found.parameter_groups.get_mut(&Engine::Rds).unwrap().parameters.insert("autovacuum".into(), "0".into());
    found.database.as_mut().unwrap().backup_days = 0;
    found.alarms.clear();
    found.peered = false;
    world.put_database(found);
    let mut inventory = world.observe();
    let Some(HostView::Seen(facts)) = inventory.hosts.values_mut().next() else { panic!("the host is seen") };
    facts.database_elsewhere = false;
    let lines = |inventory: &Inventory| {
        let lines = diff(&to(&[]), inventory).unwrap().changes();
        lines.into_iter().filter(|line| line.node.as_str() == DATABASE).map(|line| line.what).collect::<Vec<_>>()
    };
    assert_eq!(lines(&inventory), ["join Lightsail's network with the database's"]);
    inventory.hosts.clear();
    assert_eq!(
        lines(&inventory),
        ["join Lightsail's network with the database's"],
        "nobody knows whether it is loaded"
    );
}

#[test]
fn what_is_not_ours_or_not_well_is_left_with_a_reason_and_storage_never_shrinks() {
    let world = moved();
    let mut inventory = world.observe();
    let DatabaseView::Seen(found) = &mut inventory.database else { panic!("it is seen") };
    found.database.as_mut().unwrap().state = DatabaseState::Broken("storage-full".into());
    let left = diff(&to(&[]), &inventory).unwrap().database;
    assert!(matches!(&left, DatabaseDiff::Left { why, .. } if why.contains("storage-full")), "{left:?}");
    let DatabaseView::Seen(found) = &mut inventory.database else { panic!("it is seen") };
    found.database.as_mut().unwrap().tags = Tags::default();
    let left = diff(&to(&[]), &inventory).unwrap().database;
    assert!(matches!(&left, DatabaseDiff::Left { name, .. } if *name == ResourceName::new("vault-db")), "{left:?}");
    let refusals = diff(&to(&[("storage_gb = 200", "storage_gb = 100")]), &world.observe()).unwrap_err();
    assert!(refusals[0].message.contains("does not shrink") && refusals[0].remedy.contains("200"), "{refusals:?}");
}
