//! Every way to a database and from it: from nothing, from half of it, from somebody else's.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::graph::settings::{family, for_load, for_service};
use crate::graph::{DATABASE, DatabaseNode, database};
use crate::inventory::{
    AlarmTopic, Database, DatabaseInventory, DatabaseState, Ingress, Member, Network, ParameterGroup, ResourceName,
    SecurityGroup, Subnet, SubnetGroup, Tags,
};
use crate::migrate::replicate::Bound;
use crate::plan::{Acu, Engine, Gigabytes, ManagedSize, MigrateAurora, MigrateRds, PlanName, Port, parse};

fn plan() -> PlanName {
    "demo".to_owned().try_into().unwrap()
}

fn size(class: &str) -> ManagedSize {
    ManagedSize::Rds(MigrateRds { class: class.to_owned().try_into().unwrap(), storage_gb: Gigabytes(200) })
}

fn aurora() -> DatabaseWish {
    let size = ManagedSize::Aurora(MigrateAurora { min_acu: Acu(0.5), max_acu: Acu(8.0) });
    DatabaseWish { size, memory_gb: 16, ..wish() }
}

fn wish() -> DatabaseWish {
    DatabaseWish {
        plan: plan(),
        size: size("db.m7g.large"),
        memory_gb: 8,
        master: "postgres".into(),
        database: None,
        port: Port::new(5432).unwrap(),
        from: vec!["172.26.1.2/32".parse().unwrap()],
        peer: true,
    }
}

fn nothing() -> DatabaseInventory {
    let subnet = |id: &str, zone: &str| Subnet { id: id.into(), zone: zone.into() };
    DatabaseInventory {
        peered: false,
        network: Network { id: "vpc-1".into(), subnets: vec![subnet("a", "us-east-1a"), subnet("b", "us-east-1b")] },
        security_group: None,
        subnet_group: None,
        parameter_groups: BTreeMap::new(),
        database: None,
        snapshots: vec![],
        alarms: vec![],
        topic: None,
    }
}

fn everything() -> DatabaseInventory {
    everything_of(&wish())
}

fn everything_of(wish: &DatabaseWish) -> DatabaseInventory {
    let engine = wish.size.engine();
    let tags = Tags::for_node(&plan(), DATABASE);
    let name = database_name(&plan());
    let ingress = Ingress { port: Port::new(5432).unwrap(), from: "172.26.1.2/32".parse().unwrap() };
    DatabaseInventory {
        peered: true,
        security_group: Some(SecurityGroup {
            id: "sg-1".into(),
            tags: tags.clone(),
            ingress: BTreeSet::from([ingress]),
        }),
        subnet_group: Some(SubnetGroup { tags: tags.clone(), subnets: BTreeSet::new() }),
        parameter_groups: BTreeMap::from([(
            engine,
            ParameterGroup {
                tags: tags.clone(),
                family: family(engine),
                parameters: for_load(&wish.size, wish.memory_gb),
            },
        )]),
        database: Some(Database {
            name: name.clone(),
            tags,
            state: DatabaseState::Available,
            size: wish.size.clone(),
            member: (engine == Engine::Aurora)
                .then(|| Member { name: member_name(&name), state: DatabaseState::Available }),
            version: "17.6".into(),
            master: "postgres".into(),
            endpoint: None,
            secret: None,
            authority: None,
            parameter_group: name,
            parameters_in_effect: true,
            backup_days: u32::from(engine == Engine::Aurora),
            deletion_protection: true,
            encrypted: true,
            public: false,
        }),
        ..nothing()
    }
}

fn words(actions: &[DatabaseAction]) -> Vec<String> {
    actions.iter().map(describe).collect()
}

#[test]
fn from_nothing_everything_is_made_and_the_database_last() {
    let made = words(&provision(&wish(), &nothing()).unwrap());
    assert_eq!(
        made,
        [
            "join Lightsail's network with the default VPC",
            "create security group demo-db",
            "let 172.26.1.2/32 in to port 5432 by demo-db",
            "create subnet group demo-db",
            "create parameter group demo-db",
            "set autovacuum = 0, checkpoint_timeout = 1800, maintenance_work_mem = 1048576, \
             max_slot_wal_keep_size = 102400, max_wal_size = 4096, rds.force_ssl = 1, rds.logical_replication = 1 in demo-db",
            "create database demo-db (db.m7g.large, 200 GB)",
        ]
    );
}

#[test]
fn what_is_there_is_not_made_again() {
    assert_eq!(provision(&wish(), &everything()).unwrap(), []);
}

#[test]
fn a_host_with_another_address_takes_the_place_of_the_old_one() {
    let moved = DatabaseWish { from: vec!["172.26.9.9/32".parse().unwrap()], ..wish() };
    let actions = words(&provision(&moved, &everything()).unwrap());
    assert_eq!(
        actions,
        ["let 172.26.9.9/32 in to port 5432 by demo-db", "no longer let 172.26.1.2/32 in to port 5432 by demo-db"]
    );
}

#[test]
fn parameters_that_wait_for_a_reboot_get_one() {
    let mut found = everything();
    found.database.as_mut().unwrap().parameters_in_effect = false;
    assert_eq!(words(&provision(&wish(), &found).unwrap()), ["reboot database demo-db"]);
}

#[test]
fn a_database_that_is_being_made_is_waited_for() {
    let mut found = everything();
    found.database.as_mut().unwrap().state = DatabaseState::Busy("creating".into());
    assert_eq!(words(&provision(&wish(), &found).unwrap()), ["create database demo-db (db.m7g.large, 200 GB)"]);
}

#[test]
fn what_somebody_else_made_is_refused_not_taken() {
    let mut found = everything();
    found.subnet_group.as_mut().unwrap().tags = Tags(BTreeMap::new());
    let refusal = provision(&wish(), &found).unwrap_err();
    assert!(refusal.message.contains("subnet group demo-db"), "{refusal}");
    let mut found = everything();
    found.database.as_mut().unwrap().tags = Tags(BTreeMap::new());
    assert!(remove(&plan(), None, &found).is_err());
}

#[test]
fn one_zone_is_not_enough() {
    let mut found = nothing();
    found.network.subnets.pop();
    assert!(provision(&wish(), &found).unwrap_err().remedy.contains("create-default-subnet"));
}

#[test]
fn the_settings_of_the_load_go_and_what_replication_needs_stays() {
    let reverted = words(&revert(&plan(), 7, &everything()));
    assert_eq!(
        reverted,
        [
            "reset autovacuum, checkpoint_timeout, maintenance_work_mem, max_wal_size in demo-db",
            "change database demo-db: backups kept 7 days",
        ]
    );
    let mut settled = everything();
    settled.parameter_groups.get_mut(&Engine::Rds).unwrap().parameters = for_service(&wish().size);
    settled.database.as_mut().unwrap().backup_days = 7;
    assert_eq!(revert(&plan(), 7, &settled), []);
}

#[test]
fn removal_takes_off_the_protection_keeps_a_snapshot_and_ends_with_the_groups() {
    let snapshot = Some(ResourceName::new("demo-db-last"));
    assert_eq!(
        words(&remove(&plan(), snapshot, &everything()).unwrap()),
        [
            "change database demo-db: deletion protection off",
            "delete database demo-db, keeping a final snapshot demo-db-last",
            "delete parameter group demo-db",
            "delete subnet group demo-db",
            "delete security group demo-db",
        ]
    );
    assert_eq!(remove(&plan(), None, &nothing()).unwrap(), []);
}

#[test]
fn sorting_memory_follows_the_class_within_bounds() {
    let sort = |memory_gb| for_load(&wish().size, memory_gb)["maintenance_work_mem"].clone();
    assert_eq!((sort(1), sort(8), sort(512)), ("524288".into(), "1048576".into(), "2097152".into()));
}

#[test]
fn a_cluster_is_made_before_its_instance_and_goes_after_it() {
    let made = words(&provision(&aurora(), &nothing()).unwrap());
    assert_eq!(
        made[4..],
        [
            "create parameter group demo-db",
            "set autovacuum = 0, rds.force_ssl = 1, rds.logical_replication = 1 in demo-db",
            "create Aurora cluster demo-db (0.5–8 ACU)",
            "create instance demo-db-1 of demo-db",
        ]
    );
    let found = everything_of(&aurora());
    assert_eq!(provision(&aurora(), &found).unwrap(), []);
    assert_eq!(
        words(&revert(&plan(), 7, &found)),
        ["reset autovacuum in demo-db", "change database demo-db: backups kept 7 days"]
    );
    assert_eq!(
        words(&remove(&plan(), Some(ResourceName::new("demo-db-last")), &found).unwrap())[..4],
        [
            "change database demo-db: deletion protection off",
            "delete instance demo-db-1 of demo-db",
            "delete Aurora cluster demo-db, keeping a final snapshot demo-db-last",
            "delete parameter group demo-db",
        ]
    );
}

#[test]
fn a_cluster_without_its_instance_gets_it_and_waits_for_it() {
    let instance = ["create instance demo-db-1 of demo-db"];
    let mut found = everything_of(&aurora());
    found.database.as_mut().unwrap().member = None;
    assert_eq!(words(&provision(&aurora(), &found).unwrap()), instance);
    let mut found = everything_of(&aurora());
    let member = found.database.as_mut().unwrap().member.as_mut().unwrap();
    member.state = DatabaseState::Busy("creating".into());
    assert_eq!(words(&provision(&aurora(), &found).unwrap()), instance);
    let mut found = everything_of(&aurora());
    found.database.as_mut().unwrap().parameters_in_effect = false;
    assert_eq!(words(&provision(&aurora(), &found).unwrap()), ["reboot database demo-db"]);
}

#[test]
fn a_database_of_the_other_kind_is_not_taken_for_the_wanted_one() {
    let refusal = provision(&aurora(), &everything()).unwrap_err();
    assert!(refusal.message.contains("demo-db of RDS") && refusal.remedy.contains("--to rds"), "{refusal}");
    // What is left of the other kind is removed with the rest, and is in nobody's way.
    let mut half = everything();
    half.database = None;
    assert!(words(&provision(&aurora(), &half).unwrap()).contains(&"create parameter group demo-db".to_owned()));
}

#[test]
fn a_cluster_is_watched_by_its_instance_and_in_its_own_measures() {
    let (node, mut found) = watched("db.m7g.large");
    found.database = everything_of(&aurora()).database;
    let actions = watch(&node, &found).unwrap();
    assert_eq!(
        words(&actions)[1..7],
        [
            "set alarm demo-db-queue-warn: DiskQueueDepth ≥ 8 for 15 min",
            "set alarm demo-db-queue-migrate: DiskQueueDepth ≥ 32 for 15 min",
            "set alarm demo-db-memory-migrate: FreeableMemory ≤ 4294967296 for 60 min",
            "set alarm demo-db-capacity-high: ACUUtilization ≥ 90 for 15 min",
            "set alarm demo-db-local-low: FreeLocalStorage ≤ 2147483648 for 5 min",
            "set alarm demo-db-log-kept: TransactionLogsDiskUsage ≥ 4294967296 for 15 min",
        ]
    );
    let of = |action: &DatabaseAction| match action {
        DatabaseAction::PutAlarm { instance, .. } => instance.as_str() == "demo-db-1",
        _ => true,
    };
    assert!(actions.iter().all(of), "{actions:?}");
}

fn watched(class: &str) -> (DatabaseNode, DatabaseInventory) {
    let text = r#"
name = "demo"
[hosts.web]
provider = "ssh"
address = "web.example.com"
[hosts.other]
provider = "ssh"
address = "other.example.com"
[bundle]
host = "web"
source = "bundle"
[migrate.rds]
class = "db.m7g.large"
storage_gb = 200
[alerts]
email = ["ops@example.com"]
[[thresholds]]
metric = "disk.queue_depth"
warn = 8
migrate = 32
for = "12m"
[[thresholds]]
metric = "disk.used_percent"
warn = 80
for = "5m"
[[thresholds]]
metric = "memory.percent"
migrate = 75
for = "1h"
[[thresholds]]
metric = "cpu.burst_percent"
below = true
warn = 25
for = "5m"
[[thresholds]]
metric = "cpu.percent"
host = "other"
warn = 1
for = "5m"
"#;
    let text = text.replace("db.m7g.large", class);
    let plan = parse("plan.toml", text.as_bytes()).unwrap_or_else(|findings| panic!("{findings:#?}")).plan().clone();
    let mut found = everything();
    found.database.as_mut().unwrap().size = size(class);
    (database(&plan).unwrap(), found)
}

/// As the provider would have it after these actions.
fn after(actions: &[DatabaseAction], found: &DatabaseInventory) -> DatabaseInventory {
    let mut found = found.clone();
    for action in actions {
        match action {
            DatabaseAction::PutTopic { tags, .. } => {
                found.topic = Some(AlarmTopic { tags: tags.clone(), emails: BTreeSet::new() });
            }
            DatabaseAction::Subscribe { email, .. } => {
                found.topic.as_mut().unwrap().emails.insert(email.to_string());
            }
            DatabaseAction::PutAlarm { alarm, .. } => {
                found.alarms.retain(|other| other.name != alarm.name);
                found.alarms.push(alarm.clone());
            }
            DatabaseAction::DeleteAlarms { names } => found.alarms.retain(|alarm| !names.contains(&alarm.name)),
            other => panic!("{other:?}"),
        }
    }
    found
}

#[test]
fn thresholds_of_the_host_become_alarms_in_the_units_of_rds() {
    let (node, found) = watched("db.m7g.large");
    assert_eq!(
        words(&watch(&node, &found).unwrap()),
        [
            "create topic demo-db-alarms",
            "set alarm demo-db-queue-warn: DiskQueueDepth ≥ 8 for 15 min",
            "set alarm demo-db-queue-migrate: DiskQueueDepth ≥ 32 for 15 min",
            "set alarm demo-db-space-warn: FreeStorageSpace ≤ 42949672960 for 5 min",
            "set alarm demo-db-memory-migrate: FreeableMemory ≤ 2147483648 for 60 min",
            "set alarm demo-db-space-low: FreeStorageSpace ≤ 21474836480 for 5 min",
            "set alarm demo-db-slot-behind: OldestReplicationSlotLag ≥ 4294967296 for 15 min",
            "set alarm demo-db-logical-slot-behind: OldestLogicalReplicationSlotLag ≥ 4294967296 for 15 min",
            "tell ops@example.com by demo-db-alarms: it is asked by mail to confirm",
        ]
    );
    let (node, found) = watched("db.t4g.medium");
    let burst = "set alarm demo-db-burst-warn: CPUCreditBalance ≤ 144 for 5 min".to_owned();
    assert!(words(&watch(&node, &found).unwrap()).contains(&burst));
}

/// Before infra itself gives the way back up, however full the storage was: at half of what was free, if 10 % were.
#[test]
fn a_slot_that_nobody_reads_is_told_of_before_the_way_back_is_given_up() {
    let (node, found) = watched("db.m7g.large");
    let limit_of = |gigabytes: u32| {
        let (mut node, mut found) = (node.clone(), found.clone());
        let of = |size: &mut ManagedSize| match size {
            ManagedSize::Rds(rds) => rds.storage_gb = Gigabytes(gigabytes),
            ManagedSize::Aurora(_) => {}
        };
        node.sizes.values_mut().for_each(of);
        of(&mut found.database.as_mut().unwrap().size);
        let alarms = crate::diff::alarms(&node, &found).unwrap().put;
        alarms.into_iter().find(|alarm| alarm.name.as_str() == "demo-db-slot-behind").unwrap().threshold
    };
    for gigabytes in [20, 50, 80, 100, 1000, 65_536] {
        let free = f64::from(gigabytes) * f64::from(1_u32 << 30) / 10.0;
        let bound = Bound::new(Some(free as u64), None).bytes as f64;
        assert!(limit_of(gigabytes) <= bound, "{gigabytes} GB");
        assert!(limit_of(gigabytes) <= Bound::new(None, None).bytes as f64 / 2.0, "{gigabytes} GB");
    }
}

#[test]
fn watching_goes_on_from_wherever_it_was_cut_off_and_ends() {
    let (node, found) = watched("db.m7g.large");
    let all = watch(&node, &found).unwrap();
    for done in 0..=all.len() {
        let half = after(&all[..done], &found);
        let complete = after(&watch(&node, &half).unwrap(), &half);
        assert_eq!(watch(&node, &complete).unwrap(), [], "cut off after {done}");
    }
    assert_eq!(watch(&node, &nothing()).unwrap(), [], "there is nothing to watch");
}

#[test]
fn alarms_follow_the_plan_and_go_with_the_database() {
    let (mut node, found) = watched("db.m7g.large");
    let found = after(&watch(&node, &found).unwrap(), &found);
    node.thresholds[0].warn = Some(4.0);
    node.thresholds[0].migrate = None;
    assert_eq!(
        words(&watch(&node, &found).unwrap()),
        ["set alarm demo-db-queue-warn: DiskQueueDepth ≥ 4 for 15 min", "delete alarms demo-db-queue-migrate"]
    );
    let removed = words(&remove(&node.plan, None, &found).unwrap());
    assert!(removed[removed.len() - 2].starts_with("delete alarms demo-db-queue-warn, "), "{removed:?}");
    assert_eq!(removed.last().unwrap(), "delete topic demo-db-alarms");
    let mut strange = found;
    strange.topic.as_mut().unwrap().tags = Tags::default();
    assert!(watch(&node, &strange).unwrap_err().message.contains("topic demo-db-alarms"));
    assert!(!words(&remove(&node.plan, None, &strange).unwrap()).contains(&"delete topic demo-db-alarms".into()));
}
