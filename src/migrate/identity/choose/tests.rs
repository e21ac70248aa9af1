//! Each way in which a table may have no identity.

use serde_json::{Value, json};

use super::*;
use crate::migrate::catalog::ServerVersion;

fn table(oid: u32, identity: &str, columns: &[&str]) -> Value {
    let columns: Vec<_> = columns
        .iter()
        .enumerate()
        .map(|(place, name)| {
            let (type_oid, not_null) = if name.starts_with("json") { (114, false) } else { (23, !name.ends_with('?')) };
            json!({ "number": place + 1, "name": name, "type_oid": type_oid, "type_name": "t", "not_null": not_null,
                    "identity": null, "generated": name.starts_with("gen").then_some("s"), "has_default": false })
        })
        .collect();
    json!({
        "oid": oid, "schema": "s", "name": format!("t{oid}"), "kind": "r", "persistence": "p", "owner": "app", "access_method": "heap",
        "tablespace": null, "parents": [], "partition_bound": null, "partition_key": null, "replica_identity": identity,
        "row_security": false, "row_security_forced": false, "extension": null, "extension_filter": null, "columns": columns,
        "dropped_columns": 0, "estimated_rows": 10, "pages": 1, "heap_bytes": 8192, "toast_bytes": 0, "index_bytes": 0
    })
}

fn index(table: u32, name: &str, columns: &[&str]) -> Value {
    json!({
        "oid": table * 100 + name.len() as u32, "schema": "s", "name": name, "table": table, "unique": true, "primary": name.ends_with("pkey"),
        "valid": true, "partial": false, "immediate": true, "replica_identity": false, "method": "btree",
        "columns": columns, "constraint": null, "parent": null, "definition": "", "bytes": 8192
    })
}

fn with(mut value: Value, key: &str, to: Value) -> Value {
    value[key] = to;
    value
}

fn catalog(tables: Vec<Value>, indexes: Vec<Value>) -> Catalog {
    let of_type = |oid: u32, name: &str, equality: bool| {
        json!({ "oid": oid, "schema": "pg_catalog", "name": name, "kind": "b", "element": null, "base": null, "fields": [],
                "binary": true, "equality": equality, "extension": null })
    };
    serde_json::from_value(json!({
        "database": {
            "name": "d", "server_version": 170004, "owner": "app", "encoding": "UTF8", "locale_provider": "c", "collate": "C.UTF-8",
            "ctype": "C.UTF-8", "collation_version": null, "actual_collation_version": null, "tablespace": "pg_default",
            "comment": null, "privileges": null, "bytes": 1_000_000
        },
        "tables": tables, "types": [of_type(23, "int4", true), of_type(114, "json", false)], "indexes": indexes,
        "constraints": [], "sequences": [], "views": [], "routines": [], "extensions": [], "roles": [], "memberships": [],
        "settings": [], "special": [], "large_objects": { "count": 0, "bytes": 0 }
    }))
    .unwrap()
}

fn wanted(tables: Vec<Value>, indexes: Vec<Value>) -> Vec<(String, Wanted)> {
    changes(&catalog(tables, indexes)).into_iter().map(|change| (change.table.name, change.wanted)).collect()
}

fn one(table: Value, indexes: Vec<Value>) -> Option<Wanted> {
    wanted(vec![table], indexes).pop().map(|(_, wanted)| wanted)
}

#[test]
fn a_key_is_left_alone_and_its_lack_is_made_up_for() {
    assert_eq!(one(table(1, "d", &["a"]), vec![index(1, "t_pkey", &["a"])]), None);
    assert_eq!(one(table(1, "n", &["a"]), vec![index(1, "t_pkey", &["a"])]), Some(Wanted::Default));
    assert_eq!(one(table(1, "d", &["a"]), vec![]), Some(Wanted::Full));
    assert_eq!(one(table(1, "f", &["a"]), vec![]), None);
    let used = with(index(1, "own", &["a"]), "replica_identity", json!(true));
    assert_eq!(one(table(1, "i", &["a"]), vec![used]), None);
    // The index of USING INDEX was dropped.
    assert_eq!(one(table(1, "i", &["a"]), vec![]), Some(Wanted::Full));
    let all = vec![index(1, "wide", &["a", "b"]), index(1, "y", &["b"]), index(1, "x", &["a"])];
    assert_eq!(one(table(1, "d", &["a", "b"]), all), Some(Wanted::Index("x".into())));
}

#[test]
fn an_index_that_cannot_be_an_identity_is_none() {
    let good = || index(1, "u", &["a"]);
    let bad = [
        with(index(1, "t_pkey", &["a"]), "immediate", json!(false)),
        with(good(), "unique", json!(false)),
        with(good(), "valid", json!(false)),
        with(good(), "partial", json!(true)),
        with(good(), "columns", json!([])),
        with(good(), "columns", json!(["null?"])),
        with(good(), "columns", json!(["generated"])),
        with(good(), "method", json!("gist")),
    ];
    for index in bad {
        assert_eq!(
            one(table(1, "d", &["a", "null?", "generated"]), vec![index.clone()]),
            Some(Wanted::Full),
            "{index}"
        );
    }
}

#[test]
fn whole_rows_that_cannot_be_compared_are_found_by_an_index_or_not_at_all() {
    let raw = || table(1, "f", &["a", "json"]);
    assert_eq!(one(raw(), vec![index(1, "u", &["a"])]), Some(Wanted::Index("u".into())));
    assert_eq!(one(raw(), vec![index(1, "t_pkey", &["a"])]), None);
    assert_eq!(one(raw(), vec![]), None);
    let lost = |indexes| unfollowed(&catalog(vec![raw()], indexes)).len();
    assert_eq!((lost(vec![]), lost(vec![index(1, "u", &["a"])])), (1, 0));
    assert_eq!(unfollowed(&catalog(vec![table(1, "d", &["a"])], vec![])).len(), 0);
}

#[test]
fn from_18_on_whole_rows_are_without_what_the_server_computes() {
    let of = |version: u32, identity, indexes| {
        let mut read = catalog(vec![table(1, identity, &["a", "generated"])], indexes);
        read.database.server_version = ServerVersion(version);
        let wanted = changes(&read).pop().map(|change| change.wanted);
        (wanted, unfollowed(&read).len())
    };
    let key = || vec![index(1, "t_pkey", &["a"])];
    assert_eq!(of(170_004, "d", vec![]), (Some(Wanted::Full), 0));
    assert_eq!(of(180_001, "d", vec![]), (Some(Wanted::Full), 1));
    assert_eq!(of(170_004, "f", key()), (None, 0));
    assert_eq!(of(180_001, "f", key()), (Some(Wanted::Default), 0));
    assert_eq!(of(180_001, "f", vec![]), (None, 1));
}

#[test]
fn partitions_are_found_as_their_root_promises() {
    let root =
        |identity| with(with(table(1, identity, &["a", "b"]), "kind", json!("p")), "partition_key", json!("HASH (a)"));
    let leaf = |identity| {
        with(with(table(2, identity, &["a", "b"]), "parents", json!([1])), "partition_bound", json!("DEFAULT"))
    };
    // A leaf's own key says less than the whole row.
    let full = wanted(vec![leaf("d"), root("d")], vec![index(2, "l_pkey", &["b"])]);
    assert_eq!(full, [("t1".into(), Wanted::Full), ("t2".into(), Wanted::Full)]);
    let attached = |name: &str| with(index(2, name, &["a"]), "parent", json!(101));
    let by_index = wanted(vec![root("d"), leaf("d")], vec![index(1, "u", &["a"]), attached("leafs")]);
    assert_eq!(by_index, [("t1".into(), Wanted::Index("u".into())), ("t2".into(), Wanted::Index("leafs".into()))]);
    let keys = || vec![index(1, "t_pkey", &["a"]), with(index(2, "l_pkey", &["a"]), "parent", json!(106))];
    assert_eq!(wanted(vec![root("d"), leaf("d")], keys()), []);
    assert_eq!(wanted(vec![root("d"), leaf("n")], keys()), [("t2".into(), Wanted::Default)]);
    assert_eq!(wanted(vec![root("d"), leaf("f")], keys()), []);
}
