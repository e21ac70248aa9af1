//! Hypertables: when they cannot be moved, whatever is agreed to. What their conversion loses is told as losses.

use super::all;
use crate::migrate::preflight::facts::Situation;
use crate::migrate::preflight::finding::Finding;
use crate::migrate::saga::Mode;
use crate::migrate::timescale::is_there;

pub fn rule(s: &Situation) -> Vec<Finding> {
    let Some(timescale) = s.timescale.as_ref() else { return vec![] };
    if timescale.hypertables.is_empty() {
        return unused(s);
    }
    let count = timescale.hypertables.len();
    let kept = is_there(&s.abilities);
    let identity = timescale.hypertables.iter().filter(|hypertable| {
        let table = s.catalog.tables.iter().find(|table| table.name == hypertable.name);
        table.is_some_and(|table| table.columns.iter().any(|column| column.identity.is_some()))
    });
    /// The first whose partitioned tables may have identity columns.
    const IDENTITY_SINCE: u32 = 17;
    let old = s.abilities.version.major() < IDENTITY_SINCE;
    let mut found = all([
        kept.then(|| {
            Finding::blocker(
                "hypertables",
                "EXTENSION timescaledb",
                format!("{count} hypertables, and the target can have them"),
            )
            .so("infra converts hypertables; it does not carry them as they are, chunks and compression included")
            .remedy(
                "move them by pg_dump and pg_restore between timescaledb_pre_restore() and timescaledb_post_restore(), \
                     or choose a target without TimescaleDB",
            )
        }),
        (!kept && s.mode == Mode::Online).then(|| {
            Finding::blocker(
                "hypertables-online",
                "EXTENSION timescaledb",
                format!("{count} hypertables are to be converted"),
            )
            .so("replication brings changes of chunks under the chunks' own names, which the target does not have")
            .remedy("migrate with --offline")
        }),
    ]);
    found.extend(identity.filter(|_| !kept && old).map(|hypertable| {
        let object = format!("HYPERTABLE {}", hypertable.name.plain());
        Finding::blocker("hypertable-identity", object, "has an identity column")
            .so("before PostgreSQL 17 a partitioned table cannot have one")
            .remedy("choose a target of version 17 or later")
    }));
    found
}

/// Its own tables are in every publication of all tables.
fn unused(s: &Situation) -> Vec<Finding> {
    all([(!is_there(&s.abilities) && s.mode == Mode::Online).then(|| {
        Finding::blocker("timescaledb-online", "EXTENSION timescaledb", "has no hypertables, but tables of its own")
            .so("replication would bring their changes to a server that does not have them")
            .remedy("DROP EXTENSION timescaledb if nothing uses it, or migrate with --offline")
    })])
}
