//! Tables: keys, kinds, names; and what the target has already.

use std::collections::{BTreeMap, BTreeSet};

use super::all;
use crate::migrate::carried;
use crate::migrate::catalog::{Generated, Persistence, Table, TableKind};
use crate::migrate::identity::{Wanted, changes, unfollowed};
use crate::migrate::preflight::facts::Situation;
use crate::migrate::preflight::finding::Finding;
use crate::migrate::saga::Mode;

/// In bytes of rows: reading so many takes a tenth of a second and more.
const LARGE_TO_SCAN: u64 = 100 << 20;

pub fn rule(s: &Situation) -> Vec<Finding> {
    let mut found = not_empty(s);
    found.extend(twins(s));
    found.extend(identities(s));
    if s.mode == Mode::Online {
        found.extend(carried_in_pause(s));
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
        table.routed_by_server.then(|| {
            let key = table.partition_key.as_deref().unwrap_or_default();
            Finding::note(
                "partitions-by-server",
                object(table),
                format!("has partitions by {key}, which servers decide differently"),
            )
            .so("its rows go through it and not into its partitions one by one, and are compared as its own")
            .remedy("nothing")
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

/// What infra does about tables without a key, and where that costs.
fn identities(s: &Situation) -> Vec<Finding> {
    // Where nothing comes back, nothing is published.
    if s.timescale.as_ref().is_some_and(|timescale| !timescale.hypertables.is_empty()) {
        return vec![];
    }
    let by_name: BTreeMap<_, _> = s.catalog.tables.iter().map(|table| (&table.name, table)).collect();
    let unfollowed: BTreeSet<_> = unfollowed(&s.catalog).iter().map(|table| &table.name).collect();
    let mut found = vec![];
    for change in changes(&s.catalog).iter().filter(|change| !change.extension) {
        let Some(table) = by_name.get(&change.table) else { continue };
        let identity = match &change.wanted {
            Wanted::Default => "its primary key",
            Wanted::Index(_) => "a unique index",
            Wanted::Full => "all columns (FULL)",
        };
        found.push(
            Finding::note("no-replica-identity", object(table), "has no key by which replication finds a row")
                .so(format!("infra gives it a replica identity at both ends until the migration ends: {identity}"))
                .remedy("nothing"),
        );
        let large = change.wanted == Wanted::Full && table.bytes() > LARGE_TO_SCAN && s.mode == Mode::Online;
        if large && !unfollowed.contains(&table.name) {
            let what = format!("has no key, and {} MB", table.bytes() >> 20);
            found.push(
                Finding::warning("slow-identity", object(table), what)
                    .so("each row that is updated or deleted is looked for in all of it at the other end: replication may fall behind")
                    .remedy("add a primary key, or accept it if its rows are hardly ever updated or deleted"),
            );
        }
    }
    found
}

fn carried_in_pause(s: &Situation) -> Vec<Finding> {
    let unlogged = s.catalog.with_rows().filter(|table| table.persistence == Persistence::Unlogged);
    let mut found: Vec<Finding> = unlogged
        .map(|table| {
            Finding::warning("unlogged", object(table), "is unlogged: its changes are not in the WAL")
                .so("they cannot be followed: it is carried anew inside the pause, forth and back")
                .remedy("ALTER TABLE … SET LOGGED, or accept it")
        })
        .collect();
    found.extend(unfollowed(&s.catalog).into_iter().map(|table| {
        Finding::warning(
            "not-followed",
            object(table),
            "has no key, and a column whose values cannot be compared or are computed by the server, or a hash index that holds no NULL",
        )
        .so("replication cannot find its rows: it is carried anew inside the pause, forth and back")
        .remedy("add a primary key or a unique index over columns that are NOT NULL, or accept it")
    }));
    let bytes = carried::bytes(&s.catalog);
    if bytes > carried::MOST_IN_PAUSE {
        let what = format!("{} MB are in tables that replication does not bring, and in large objects", bytes >> 20);
        found.push(
            Finding::warning(carried::ACCEPTED_BY, "DATABASE", what)
                .so("they are compared and carried inside the pause, which takes the longer for it")
                .remedy("make them less, or accept a longer pause"),
        );
    }
    found
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
