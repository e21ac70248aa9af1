//! TimescaleDB: when what it holds cannot be moved, whatever is agreed to. What its conversion loses is told as losses.

use super::all;
use crate::migrate::preflight::facts::Situation;
use crate::migrate::preflight::finding::Finding;
use crate::migrate::saga::Mode;
use crate::migrate::schema::ExtensionState;
use crate::migrate::strategy::has_timescale;
use crate::migrate::timescale::{EXTENSION, TRIED, Timescale};

const OBJECT: &str = "EXTENSION timescaledb";

pub fn rule(s: &Situation) -> Vec<Finding> {
    let Some(timescale) = s.timescale.as_ref() else { return vec![] };
    let mut found = all([online(s, timescale), untried(s), other_version(s), in_use(s)]);
    if !has_timescale(&s.abilities) {
        found.extend(identity(s, timescale));
    }
    found
}

/// Its own tables are in every publication of all tables.
fn online(s: &Situation, timescale: &Timescale) -> Option<Finding> {
    let found = match timescale.hypertables.len() {
        0 => Finding::blocker("timescaledb-online", OBJECT, "has no hypertables, but tables of its own")
            .so("replication would bring their changes, which mean nothing to another server")
            .remedy("DROP EXTENSION timescaledb if nothing uses it, or migrate with --offline"),
        count => Finding::blocker("hypertables-online", OBJECT, format!("has {count} hypertables"))
            .so("replication brings changes of chunks under the chunks' own names, and new chunks at any time")
            .remedy("migrate with --offline"),
    };
    (s.mode == Mode::Online).then_some(found)
}

/// What it shows was read and understood; whether it means the same as before, nobody looked.
fn untried(s: &Situation) -> Option<Finding> {
    let own = s.catalog.extensions.iter().find(|extension| extension.name == EXTENSION)?;
    let mut parts = own.version.split(['.', '-']).map_while(|part| part.parse::<u32>().ok());
    let version = (parts.next()?, parts.next()?);
    let [(_, first), (major, last)] = TRIED;
    let found = Finding::note("timescaledb-untried", OBJECT, format!("is {}", own.version))
        .so(format!("infra was tried with {major}.{first} to {major}.{last}"))
        .remedy("try the move with a copy first");
    (version < TRIED[0] || version > TRIED[1]).then_some(found)
}

fn other_version(s: &Situation) -> Option<Finding> {
    let own = s.catalog.extensions.iter().find(|extension| extension.name == EXTENSION)?;
    let there = match s.abilities.extensions.get(EXTENSION)? {
        ExtensionState::Installed { version } | ExtensionState::Available { version } => version,
        ExtensionState::Refused { .. } | ExtensionState::Missing => return None,
    };
    let what = format!("is {} here, {there} at the target", own.version);
    let found = Finding::blocker("timescaledb-version", OBJECT, what)
        .so("what it knows of hypertables is written for one version, and the other could not read it")
        .remedy(format!(
            "bring both to one version: at the source ALTER EXTENSION timescaledb UPDATE TO '{there}' as the first statement \
             of a session, once its packages are there, or ask the target for {}",
            own.version
        ));
    (own.version != *there).then_some(found)
}

/// What it knows there would be replaced.
fn in_use(s: &Situation) -> Option<Finding> {
    let theirs = |schema: &str| schema == "_timescaledb_internal";
    let chunk = s.target_catalog.tables.iter().find(|table| table.extension.is_none() && theirs(&table.name.schema))?;
    let found = Finding::blocker("timescaledb-in-use", OBJECT, format!("has {} at the target", chunk.name.plain()))
        .so("hypertables of both databases cannot be told apart")
        .remedy("choose an empty database");
    has_timescale(&s.abilities).then_some(found)
}

fn identity<'a>(s: &'a Situation, timescale: &'a Timescale) -> impl Iterator<Item = Finding> + 'a {
    /// The first whose partitioned tables may have identity columns.
    const IDENTITY_SINCE: u32 = 17;
    let old = s.abilities.version.major() < IDENTITY_SINCE;
    let with_identity = timescale.hypertables.iter().filter(move |hypertable| {
        let table = s.catalog.tables.iter().find(|table| table.name == hypertable.name);
        old && table.is_some_and(|table| table.columns.iter().any(|column| column.identity.is_some()))
    });
    with_identity.map(|hypertable| {
        let object = format!("HYPERTABLE {}", hypertable.name.plain());
        Finding::blocker("hypertable-identity", object, "has an identity column")
            .so("before PostgreSQL 17 a partitioned table cannot have one")
            .remedy("choose a target of version 17 or later")
    })
}
