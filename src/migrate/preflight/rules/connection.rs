//! Both ends: how they are reached, which version they are, what their users may.

use super::all;
use crate::migrate::preflight::facts::{ServerFacts, Situation};
use crate::migrate::preflight::finding::Finding;

pub fn rule(s: &Situation) -> Vec<Finding> {
    let (from, to) = (s.catalog.database.server_version, s.abilities.version);
    let ends = [("SOURCE", &s.source), ("TARGET", &s.target)];
    let mut found: Vec<_> = ends.iter().flat_map(|(end, facts)| of_end(end, facts)).collect();
    found.extend(all([
        (!s.target.tls).then(|| {
            Finding::warning("no-tls", "TARGET", "the connection is not encrypted")
                .so("rows and passwords can be read on the way")
                .remedy("connect with sslmode=verify-full")
        }),
        (to.major() < from.major()).then(|| {
            Finding::blocker("older-target", "TARGET", format!("PostgreSQL {to} is older than the source's {from}"))
                .so("it may not understand the schema, nor the format of values")
                .remedy(format!("choose PostgreSQL {} or later", from.major()))
        }),
        (from.major() < 14).then(|| {
            Finding::warning("old-source", "SOURCE", format!("PostgreSQL {from} has no fast access by block range"))
                .so("large tables are read whole by each part's scan")
                .remedy("upgrade it first, or expect a longer copy")
        }),
        (!s.target.may_create).then(|| {
            Finding::blocker(
                "no-create",
                format!("DATABASE {}", s.abilities.database),
                "its user may not create schemas",
            )
            .so("nothing can be made at the target")
            .remedy(format!("ALTER DATABASE {} OWNER TO {} at the target", s.abilities.database, s.abilities.user))
        }),
        (s.target.in_recovery).then(|| {
            Finding::blocker("target-standby", "TARGET", "is a standby")
                .so("it cannot be written to")
                .remedy("connect to its primary")
        }),
    ]));
    found.extend(s.source.unreadable.iter().map(|object| {
        Finding::blocker("unreadable", object, format!("{} may not read it", s.source.user))
            .so("it could not be copied, or its value would be lost")
            .remedy("GRANT SELECT (on schemas USAGE), or migrate as the owner of everything")
    }));
    let secured = s.catalog.tables.iter().filter(|table| table.row_security);
    found.extend(secured.filter(|_| !s.source.bypass_row_security).map(|table| {
        Finding::blocker(
            "row-security",
            format!("TABLE {}", table.name.plain()),
            "has row security, which holds for the migration's user",
        )
        .so("the server refuses to copy a part of the rows as if it were all")
        .remedy(format!("ALTER ROLE {} BYPASSRLS at the source, or migrate as a superuser", s.source.user))
    }));
    let forced = s.catalog.tables.iter().filter(|table| table.row_security_forced);
    found.extend(forced.filter(|_| !s.target.bypass_row_security).map(|table| {
        Finding::note(
            "row-security-target",
            format!("TABLE {}", table.name.plain()),
            "forces row security, at the target also for the migration's user",
        )
        .so("its policies are put in force in the pause, after the last rows have arrived and were compared")
        .remedy("nothing")
    }));
    found
}

fn of_end(end: &str, facts: &ServerFacts) -> Vec<Finding> {
    all([facts.pooled.then(|| {
        Finding::blocker("pooler", end, "is reached through a pooler that changes servers between transactions")
            .so("snapshots, settings and replication need a session of their own")
            .remedy("give the address of the server itself")
    })])
}
