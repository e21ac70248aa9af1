//! Tables: keys, kinds, names; and what the target has already.

use std::collections::{BTreeMap, BTreeSet};

use super::all;
use crate::migrate::catalog::{Generated, Oid, Persistence, ReplicaIdentity, Table, TableKind};
use crate::migrate::preflight::facts::Situation;
use crate::migrate::preflight::finding::Finding;
use crate::migrate::saga::Mode;

pub fn rule(s: &Situation) -> Vec<Finding> {
    let mut found = not_empty(s);
    found.extend(twins(s));
    if s.mode == Mode::Online {
        found.extend(without_identity(s));
        let unlogged = s.catalog.with_rows().filter(|table| table.persistence == Persistence::Unlogged);
        found.extend(unlogged.map(|table| {
            Finding::warning("unlogged", object(table), "is unlogged: its changes are not in the WAL")
                .so("they cannot be followed; it is copied again inside the pause, or arrives as it was at the beginning")
                .remedy("ALTER TABLE … SET LOGGED, or accept it")
        }));
    }
    found.extend(s.catalog.tables.iter().flat_map(one));
    found
}

fn one(table: &Table) -> Vec<Finding> {
    let odd = table.access_method.as_deref().filter(|method| *method != "heap");
    let inherits = table.partition_bound.is_none() && !table.parents.is_empty();
    all([
        odd.map(|method| {
            Finding::warning("access-method", object(table), format!("is kept by the access method {method}"))
                .so("at the target it becomes an ordinary table, which may be larger")
                .remedy("plan for its size")
        }),
        (table.kind == TableKind::Foreign).then(|| {
            Finding::note("foreign-table", object(table), "has its rows on another server")
                .so("its definition is carried, its rows are not")
                .remedy("see that the target reaches that server")
        }),
        inherits.then(|| {
            Finding::note("inheritance", object(table), "inherits from other tables")
                .so("each table's own rows are copied")
                .remedy("nothing")
        }),
        table.columns.iter().any(|column| column.generated == Some(Generated::Stored)).then(|| {
            Finding::note("generated-column", object(table), "has columns that the server computes")
                .so("they are computed anew at the target, and compared")
                .remedy("nothing")
        }),
    ])
}

fn without_identity(s: &Situation) -> Vec<Finding> {
    let primary: BTreeSet<Oid> = s
        .catalog
        .indexes
        .iter()
        .filter(|index| index.primary && index.valid && index.immediate)
        .map(|index| index.table)
        .collect();
    let lacks = |table: &&Table| match table.replica_identity {
        ReplicaIdentity::Full | ReplicaIdentity::Index => false,
        ReplicaIdentity::Nothing => true,
        ReplicaIdentity::Default => !primary.contains(&table.oid),
    };
    let lacking = s.catalog.with_rows().filter(|table| table.persistence == Persistence::Permanent).filter(lacks);
    lacking
        .map(|table| {
            Finding::warning("no-replica-identity", object(table), "has no key by which replication finds a row")
                .so("once it is published, UPDATE and DELETE on it fail at the source")
                .remedy(format!(
                    "add a primary key, or ALTER TABLE {} REPLICA IDENTITY FULL, or copy it inside the pause",
                    table.name.plain()
                ))
        })
        .collect()
}

/// Legal, and mixed up by people and by tools that fold case.
fn twins(s: &Situation) -> Vec<Finding> {
    let mut by_name: BTreeMap<(String, String), Vec<&Table>> = BTreeMap::new();
    for table in &s.catalog.tables {
        by_name.entry((table.name.schema.clone(), table.name.name.to_lowercase())).or_default().push(table);
    }
    by_name
        .into_values()
        .filter(|tables| tables.len() > 1)
        .map(|tables| {
            let names = tables.iter().map(|table| table.name.plain()).collect::<Vec<_>>().join(", ");
            Finding::note("case-twins", format!("TABLES {names}"), "differ by upper and lower case only")
                .so("infra tells them apart; other tools may not")
                .remedy("nothing")
        })
        .collect()
}

fn not_empty(s: &Situation) -> Vec<Finding> {
    let there: BTreeSet<_> =
        s.target_catalog.tables.iter().filter(|table| table.extension.is_none()).map(|table| &table.name).collect();
    let same = s.catalog.tables.iter().filter(|table| table.extension.is_none() && there.contains(&table.name)).count();
    all([
        (same > 0).then(|| {
            Finding::blocker("target-not-empty", "TARGET", format!("has {same} tables with names of the source's"))
                .so("their rows would be mixed up, or lost")
                .remedy("give an empty database")
        }),
        (same == 0 && !there.is_empty()).then(|| {
            Finding::warning("target-has-tables", "TARGET", format!("has {} tables of its own", there.len()))
                .so("they stay, and the comparison of both ends names them")
                .remedy("give an empty database")
        }),
    ])
}

fn object(table: &Table) -> String {
    format!("TABLE {}", table.name.plain())
}
