//! Room and connections.

use super::{all, of_bundle};
use crate::migrate::catalog::Catalog;
use crate::migrate::preflight::facts::{ServerFacts, Situation};
use crate::migrate::preflight::finding::Finding;
use crate::migrate::saga::Mode;

/// Rows arrive without gaps, but indexes are built beside them, and WAL is written.
const TARGET_PERCENT: u64 = 150;

pub fn rule(s: &Situation) -> Vec<Finding> {
    let needed = s.catalog.database.bytes / 100 * TARGET_PERCENT;
    let small = s.capacity.target_storage_bytes.filter(|bytes| *bytes < needed);
    // As much is written at most as is there, in all likelihood: no query knows the future.
    let tight =
        s.capacity.source_free_bytes.filter(|bytes| s.mode == Mode::Online && *bytes < s.catalog.data_bytes() / 4);
    let mut found = all([
        small.map(|bytes| {
            Finding::blocker(
                "target-storage",
                "TARGET",
                format!("has {bytes} bytes of storage; the source's {} need {needed}", s.catalog.database.bytes),
            )
            .so("it fills up while indexes are built")
            .remedy("choose larger storage")
        }),
        tight.map(|bytes| {
            Finding::warning("source-disk", "SOURCE", format!("has {bytes} bytes free"))
                .so("WAL is kept while rows are copied; a full disk stops the database")
                .remedy("grow the disk, or set max_slot_wal_keep_size, or migrate offline")
        }),
    ]);
    let wanted = s.capacity.connections;
    let source = |most: i64| of_bundle(&format!("max_connections={most}"));
    let target = |most: i64| s.abilities.keeper().set("max_connections", &most.to_string());
    found.extend(connections("SOURCE", &s.source, wanted, source));
    found
        .extend(locks("SOURCE", &s.source, &s.catalog, |most| of_bundle(&format!("max_locks_per_transaction={most}"))));
    let target_locks = |most: i64| s.abilities.keeper().set("max_locks_per_transaction", &most.to_string());
    found.extend(locks("TARGET", &s.target, &s.catalog, target_locks));
    found.extend(connections("TARGET", &s.target, wanted, target));
    found
}

/// pg_dump, and whoever holds up writers, lock every table in one transaction; so does a new subscription.
fn locks(end: &str, facts: &ServerFacts, catalog: &Catalog, raise: impl Fn(i64) -> String) -> Option<Finding> {
    let room = room_for_locks(facts)?;
    let tables = i64::try_from(catalog.tables.len()).unwrap_or(i64::MAX);
    (tables > room).then(|| {
        let sessions = room / facts.number("max_locks_per_transaction").unwrap_or(1).max(1);
        Finding::blocker(
            "locks",
            end,
            format!("has room for {room} locks (max_locks_per_transaction), and {tables} tables are locked at once"),
        )
        .so("pg_dump, or the subscription, fails with \"out of shared memory\"")
        .remedy(raise(2 * tables / sessions.max(1) + 1))
    })
}

/// Of all sessions together.
fn room_for_locks(facts: &ServerFacts) -> Option<i64> {
    let sessions = facts.number("max_connections")? + facts.number("max_prepared_transactions").unwrap_or(0);
    Some(facts.number("max_locks_per_transaction")? * sessions)
}

/// Not even its schema can be dumped.
pub fn cannot_be_dumped(facts: &ServerFacts, catalog: &Catalog) -> bool {
    locks("SOURCE", facts, catalog, |_| String::new()).is_some()
}

fn connections(end: &str, facts: &ServerFacts, wanted: u32, raise: impl Fn(i64) -> String) -> Option<Finding> {
    let most = facts.number("max_connections")?;
    let reserved = facts.number("superuser_reserved_connections").unwrap_or(3);
    let free = most - reserved - i64::from(facts.connections);
    (free < i64::from(wanted)).then(|| {
        Finding::blocker("connections", end, format!("{free} of {most} connections are free, {wanted} are needed"))
            .so("the copy, or the application beside it, is turned away")
            .remedy(format!("copy with fewer --jobs, or {}", raise(most - free + i64::from(wanted))))
    })
}
