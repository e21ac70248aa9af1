//! Each rule: silent where all is well, and heard where something is not.

use serde_json::json;

use super::*;
use crate::migrate::catalog::{Catalog, ReplicaIdentity, Table};
use crate::migrate::saga::Mode;
use crate::migrate::schema::{ExtensionState, RDS_ROLE};
use crate::migrate::timescale::Timescale;

fn server() -> ServerFacts {
    serde_json::from_value(json!({
        "tls": true, "pooled": false, "in_recovery": false, "user": "master", "superuser": false, "replication": true,
        "bypass_row_security": true, "may_create": true,
        "settings": {
            "wal_level": "logical", "max_replication_slots": "10", "max_wal_senders": "10", "wal_sender_timeout": "60000",
            "max_slot_wal_keep_size": "-1", "max_connections": "100", "superuser_reserved_connections": "3",
            "max_worker_processes": "8", "max_logical_replication_workers": "4"
        },
        "connections": 5, "slots": [], "senders": 0, "long_transactions": [], "prepared": [], "xid_age": 100,
        "unreadable": [], "left_over": [], "path_dependent_views": [], "cron_jobs": 0
    }))
    .expect("facts")
}

fn table(oid: u32, name: &str) -> Table {
    serde_json::from_value(json!({
        "oid": oid, "schema": "public", "name": name, "kind": "r", "persistence": "p", "owner": "app", "access_method": "heap",
        "tablespace": null, "parents": [], "partition_bound": null, "partition_key": null, "replica_identity": "d",
        "row_security": false, "row_security_forced": false, "extension": null, "extension_filter": null,
        "columns": [], "dropped_columns": 0, "estimated_rows": 10, "pages": 1, "heap_bytes": 8192, "toast_bytes": 0, "index_bytes": 0
    }))
    .expect("a table")
}

fn catalog(tables: Vec<Table>) -> Catalog {
    let keys: Vec<_> = tables
        .iter()
        .map(|table| {
            json!({
                "oid": table.oid.0 + 1000, "schema": "public", "name": "key", "table": table.oid, "unique": true, "primary": true,
                "valid": true, "partial": false, "immediate": true, "replica_identity": false, "method": "btree",
                "columns": ["id"], "constraint": null, "parent": null, "definition": "", "bytes": 8192
            })
        })
        .collect();
    serde_json::from_value(json!({
        "database": {
            "name": "d", "server_version": 170004, "owner": "app", "encoding": "UTF8", "locale_provider": "c", "collate": "C.UTF-8",
            "ctype": "C.UTF-8", "collation_version": null, "actual_collation_version": null, "tablespace": "pg_default",
            "comment": null, "privileges": null, "bytes": 1_000_000
        },
        "tables": tables, "types": [], "indexes": keys, "constraints": [], "sequences": [], "views": [], "routines": [],
        "extensions": [{ "name": "hstore", "version": "1.8", "schema": "public" }], "roles": [], "memberships": [],
        "settings": [], "special": [], "large_objects": { "count": 0, "bytes": 0 }
    }))
    .expect("a catalogue")
}

fn healthy() -> Situation {
    let abilities = json!({
        "version": 170004, "database": "d", "user": "master", "superuser": false, "abilities": [], "roles": [], "grantable": [],
        "extensions": { "hstore": { "state": "available", "version": "1.8" } }, "languages": [], "refused_settings": {}
    });
    Situation {
        mode: Mode::Online,
        source: server(),
        target: server(),
        catalog: catalog(vec![table(1, "one")]),
        target_catalog: catalog(vec![]),
        abilities: serde_json::from_value(abilities).expect("abilities"),
        timescale: None,
        losses: vec![],
        capacity: Capacity {
            target_storage_bytes: Some(10_000_000),
            source_free_bytes: Some(10_000_000),
            connections: 8,
        },
        row_faults: Some(RowFaults::default()),
    }
}

fn codes(situation: &Situation) -> Vec<String> {
    check(situation).into_iter().map(|finding| finding.code).collect()
}

#[test]
fn a_healthy_pair_has_no_findings() {
    assert_eq!(check(&healthy()), []);
}

type Change = fn(&mut Situation);

fn rows(situation: &mut Situation) -> &mut RowFaults {
    situation.row_faults.get_or_insert_default()
}

fn fault(object: &str) -> RowFault {
    RowFault { object: object.into(), what: "the server's words".into() }
}

/// One thing wrong, and what is found because of it.
#[test]
fn one_fault_is_one_finding() {
    let cases: [(&str, Change); 45] = [
        ("no-tls", |s| s.target.tls = false),
        ("pooler", |s| s.source.pooled = true),
        ("older-target", |s| s.abilities.version.0 = 160_001),
        ("old-source", |s| s.catalog.database.server_version.0 = 130_001),
        ("no-create", |s| s.target.may_create = false),
        ("target-standby", |s| s.target.in_recovery = true),
        ("source-standby", |s| s.source.in_recovery = true),
        ("unreadable", |s| s.source.unreadable.push("SEQUENCE public.s".into())),
        ("row-security", |s| {
            s.catalog.tables[0].row_security = true;
            s.source.bypass_row_security = false;
        }),
        ("row-security-target", |s| {
            s.catalog.tables[0].row_security_forced = true;
            s.target.bypass_row_security = false;
        }),
        ("wal-level", |s| drop(s.source.settings.insert("wal_level".into(), "replica".into()))),
        ("no-slot", |s| drop(s.source.settings.insert("max_replication_slots".into(), "0".into()))),
        ("no-sender", |s| s.source.senders = 10),
        ("no-replication", |s| s.source.replication = false),
        ("sender-timeout", |s| drop(s.source.settings.insert("wal_sender_timeout".into(), "5000".into()))),
        ("slot-limit", |s| drop(s.source.settings.insert("max_slot_wal_keep_size".into(), "0".into()))),
        ("no-way-back", |s| drop(s.target.settings.insert("wal_level".into(), "replica".into()))),
        ("no-worker", |s| drop(s.target.settings.insert("max_worker_processes".into(), "2".into()))),
        ("no-slot-target", |s| drop(s.target.settings.insert("max_replication_slots".into(), "0".into()))),
        ("forgotten-slot", |s| s.source.slots.push(Slot { name: "old".into(), active: false, kept_bytes: 5 << 30 })),
        ("prepared-transaction", |s| {
            s.source.prepared.push(PreparedTransaction {
                name: "p".into(),
                database: "d".into(),
                elsewhere: true,
                seconds: 9,
            })
        }),
        ("long-transaction", |s| {
            s.source.long_transactions.push(LongTransaction {
                pid: 1,
                user: "u".into(),
                application: "a".into(),
                seconds: 900,
            });
        }),
        ("left-over", |s| s.source.left_over.push("SCHEMA infra_migration".into())),
        ("xid-age", |s| s.source.xid_age = 1_500_000_000),
        ("target-not-empty", |s| s.target_catalog.tables.push(table(9, "one"))),
        ("target-has-tables", |s| s.target_catalog.tables.push(table(9, "other"))),
        ("no-replica-identity", |s| s.catalog.tables[0].replica_identity = ReplicaIdentity::Nothing),
        ("unlogged", |s| s.catalog.tables[0].persistence = crate::migrate::catalog::Persistence::Unlogged),
        ("case-twins", |s| s.catalog.tables.push(Table { replica_identity: ReplicaIdentity::Full, ..table(2, "One") })),
        ("partitions-by-server", |s| s.catalog.tables[0].routed_by_server = true),
        ("access-method", |s| s.catalog.tables[0].access_method = Some("columnar".into())),
        ("target-storage", |s| s.capacity.target_storage_bytes = Some(1_400_000)),
        ("source-disk", |s| s.capacity.source_free_bytes = Some(100)),
        ("connections", |s| s.source.connections = 95),
        ("locks", |s| drop(s.source.settings.insert("max_locks_per_transaction".into(), "0".into()))),
        ("locks", |s| drop(s.target.settings.insert("max_locks_per_transaction".into(), "0".into()))),
        ("money", |s| {
            s.target.money = "-1.234.567,50 €".into();
            let column = json!({ "number": 1, "name": "price", "type_oid": 790, "type_name": "money", "not_null": false,
                "identity": null, "generated": null, "has_default": false });
            s.catalog.tables[0].columns.push(serde_json::from_value(column).expect("a column"));
        }),
        ("encoding", |s| s.target_catalog.database.encoding = "LATIN1".into()),
        ("locale", |s| s.target_catalog.database.collate = "en_US.UTF-8".into()),
        ("collation-version", |s| {
            s.catalog.database.collation_version = Some("2.31".into());
            s.catalog.database.actual_collation_version = Some("2.36".into());
        }),
        ("large-value", |s| {
            let (table, column, place) = ("t".into(), "c".into(), "(0,1)".into());
            rows(s).large_rows = vec![LargeRow { table, column, place, text_bytes: 1 << 30 }]
        }),
        ("orphans", |s| {
            rows(s).fk_violations = vec![FkViolations { table: "t".into(), constraint: "c".into(), rows: 3 }]
        }),
        ("unreadable-rows", |s| rows(s).unreadable.push(fault("TABLE t"))),
        ("broken-check", |s| rows(s).checks.push(fault("CHECK c of t"))),
        ("view-cannot-be-filled", |s| rows(s).views.push(fault("MATERIALIZED VIEW v"))),
    ];
    for (code, change) in cases {
        let mut situation = healthy();
        change(&mut situation);
        assert_eq!(codes(&situation), [code], "{code}");
    }
}

#[test]
fn content_that_bites_later_is_told() {
    let mut situation = healthy();
    situation.source.cron_jobs = 2;
    situation.source.path_dependent_views.push("public.v".into());
    situation.catalog.large_objects.count = 1;
    situation.catalog.extensions[0].version = "1.7".into();
    let found = ["cron-jobs", "search-path", "extension-version", "large-objects"];
    assert_eq!(codes(&situation), found);
}

#[test]
fn what_to_do_can_be_done_at_that_target() {
    let remedy = |change: fn(&mut Situation)| {
        let mut situation = healthy();
        situation.source.cron_jobs = 2;
        situation.catalog.database.encoding = "LATIN1".into();
        (situation.catalog.database.locale_provider, situation.catalog.database.locale) =
            ("i".into(), Some("de-x-icu".into()));
        change(&mut situation);
        let found = check(&situation);
        ["cron-jobs", "encoding", "locale"].map(|code| {
            found.iter().find(|finding| finding.code == code).map_or_else(String::new, |found| found.remedy.clone())
        })
    };
    let own = remedy(|s| s.abilities.superuser = true);
    assert!(own[0].contains("load pg_cron there") && !own[0].contains("parameter group"), "{}", own[0]);
    let [cron, encoding, locale] = remedy(|s| {
        s.abilities.roles.insert(RDS_ROLE.into());
    });
    assert!(cron.contains("shared_preload_libraries in its parameter group"), "{cron}");
    // Nobody can change what a database was made with, and infra made it.
    assert!(
        encoding.contains(
            "CREATE DATABASE … TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER icu ICU_LOCALE 'de-x-icu'"
        ),
        "{encoding}"
    );
    assert!(locale.contains("LOCALE_PROVIDER icu ICU_LOCALE 'de-x-icu'") && locale.contains("--to"), "{locale}");
}

#[test]
fn a_version_that_nobody_tried_is_said_to_be_one() {
    let noted = |version: &str| {
        let mut situation = Situation { mode: Mode::Offline, timescale: Some(Timescale::default()), ..healthy() };
        let own = json!({ "name": "timescaledb", "version": version, "schema": "public" });
        situation.catalog.extensions.push(serde_json::from_value(own).expect("an extension"));
        codes(&situation)
    };
    assert_eq!(noted("2.13.0"), Vec::<String>::new());
    assert_eq!(noted("2.29.2"), Vec::<String>::new());
    assert_eq!(noted("2.30.1"), ["timescaledb-untried"]);
    assert_eq!(noted("2.9.3-dev"), ["timescaledb-untried"]);
}

#[test]
fn hypertables_are_moved_offline_or_not_at_all() {
    let hypertable = json!({
        "schema": "public", "name": "one", "column": "at", "column_type": "timestamp with time zone",
        "interval": 86_400_000_000_i64, "further": [], "ranges": []
    });
    let timescale = json!({ "hypertables": [hypertable], "aggregates": [], "jobs": [], "calls": [], "functions": [] });
    let mut situation =
        Situation { timescale: serde_json::from_value(timescale.clone()).expect("hypertables"), ..healthy() };
    assert_eq!(codes(&situation), ["hypertables-online"]);
    situation.timescale = Some(Timescale::default());
    assert_eq!(codes(&situation), ["timescaledb-online"]);
    situation.mode = Mode::Offline;
    assert_eq!(check(&situation), []);
    situation.timescale = serde_json::from_value(timescale).expect("hypertables");
    assert_eq!(check(&situation), []);
    let there = ExtensionState::Available { version: "2.23".into() };
    situation.abilities.extensions.insert("timescaledb".into(), there);
    assert_eq!(check(&situation), [], "they stay what they are");
    situation.target.settings.insert("wal_level".into(), "replica".into());
    assert_eq!(check(&situation), [], "and nothing comes back");
    situation.mode = Mode::Online;
    assert_eq!(codes(&situation), ["hypertables-online"]);
}

#[test]
fn offline_mode_needs_no_replication() {
    let mut situation = Situation { mode: Mode::Offline, ..healthy() };
    situation.source.settings.insert("wal_level".into(), "replica".into());
    situation.source.replication = false;
    assert_eq!(check(&situation), []);
}

#[test]
fn tables_without_a_key_are_given_an_identity_and_only_what_costs_is_asked_about() {
    let mut situation = healthy();
    situation.catalog.indexes.clear();
    let told = |situation: &Situation| -> Vec<String> {
        let codes = check(situation).into_iter().map(|finding| format!("{:?} {}", finding.severity, finding.code));
        codes.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    };
    assert_eq!(told(&situation), ["Note no-replica-identity"]);
    situation.catalog.tables[0].heap_bytes = 200 << 20;
    situation.capacity.target_storage_bytes = Some(10 << 30);
    situation.capacity.source_free_bytes = Some(10 << 30);
    assert_eq!(told(&situation), ["Note no-replica-identity", "Warning slow-identity"]);
    situation.mode = Mode::Offline;
    assert_eq!(told(&situation), ["Note no-replica-identity"], "the way back may take its time");
    situation.mode = Mode::Online;
    let json = json!({ "number": 1, "name": "body", "type_oid": 114, "type_name": "json", "not_null": false, "identity": null,
        "generated": null, "has_default": false });
    situation.catalog.tables[0].columns = vec![serde_json::from_value(json).expect("a column")];
    let of_type = json!({ "oid": 114, "schema": "pg_catalog", "name": "json", "kind": "b", "element": null, "base": null,
        "fields": [], "binary": true, "equality": false, "extension": null });
    situation.catalog.types = vec![serde_json::from_value(of_type).expect("a type")];
    assert_eq!(told(&situation), ["Note no-replica-identity", "Warning not-followed"]);
    situation.catalog.tables[0].heap_bytes = 600 << 20;
    let asked = ["Note no-replica-identity", "Warning carried-in-pause", "Warning not-followed"];
    assert_eq!(told(&situation), asked);
}

#[test]
fn every_finding_says_what_to_do() {
    let mut situation = healthy();
    situation.source = ServerFacts { tls: false, pooled: true, replication: false, in_recovery: true, ..server() };
    situation.source.settings.clear();
    situation.target.settings.clear();
    for finding in check(&situation) {
        assert!(!finding.consequence.is_empty() && !finding.remedy.is_empty(), "{finding:?}");
    }
}

#[test]
fn remedies_fit_whoever_runs_the_server() {
    for (role, superuser, says) in [
        ("rds_superuser", false, "parameter group"),
        ("admin", true, "ALTER SYSTEM SET"),
        ("admin", false, "let its provider set"),
    ] {
        let mut situation = healthy();
        (situation.source.replication, situation.abilities.superuser) = (false, superuser);
        situation.abilities.roles.insert(role.into());
        for facts in [&mut situation.source, &mut situation.target] {
            facts.settings = [("max_connections".to_owned(), "8".to_owned())].into();
        }
        let found = check(&situation);
        let remedies = |object: &str, code: &str| {
            let those: Vec<_> = found.iter().filter(|one| one.code == code && one.object.contains(object)).collect();
            assert_eq!(those.len(), 1, "{code}: {found:#?}");
            those[0].remedy.clone()
        };
        for (object, code) in
            [("", "no-way-back"), ("", "no-worker"), ("", "no-slot-target"), ("TARGET", "connections")]
        {
            assert!(remedies(object, code).contains(says), "{code}: {}", remedies(object, code));
        }
        // The source is a service of the bundle, whatever the target is.
        for (object, code) in [("", "wal-level"), ("", "no-slot"), ("", "no-sender"), ("SOURCE", "connections")] {
            assert!(remedies(object, code).contains("compose.yaml"), "{code}: {}", remedies(object, code));
        }
        assert!(!remedies("", "no-replication").contains("rds"), "{found:#?}");
    }
}
