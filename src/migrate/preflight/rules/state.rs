//! What goes on at the source now, and what earlier migrations left.

use super::all;
use crate::migrate::catalog::SpecialKind;
use crate::migrate::preflight::facts::Situation;
use crate::migrate::preflight::finding::Finding;
use crate::migrate::saga::Mode;

/// Of the two billion after which a server stops writing, so much is used while autovacuum has fallen behind.
const OLD_XID: i64 = 1_000_000_000;

pub fn rule(s: &Situation) -> Vec<Finding> {
    let mut found: Vec<_> = s
        .source
        .prepared
        .iter()
        .filter(|prepared| s.mode == Mode::Online || !prepared.elsewhere)
        .map(|prepared| {
            Finding::blocker(
                "prepared-transaction",
                format!("PREPARED TRANSACTION {}", prepared.name),
                format!("has waited for {} s in database {}", prepared.seconds, prepared.database),
            )
            .so("its locks and rows are in nobody's hands; no slot is made before it ends")
            .remedy(format!("COMMIT PREPARED '{0}' or ROLLBACK PREPARED '{0}'", prepared.name.replace('\'', "''")))
        })
        .collect();
    found.extend(s.source.long_transactions.iter().map(|long| {
        let who = format!("{} ({}), process {}", long.user, long.application, long.pid);
        Finding::warning("long-transaction", format!("TRANSACTION of {who}"), format!("runs for {} s", long.seconds))
            .so("a slot is made only after it ends, and DDL may wait for it")
            .remedy(format!("wait for it, or SELECT pg_terminate_backend({})", long.pid))
    }));
    for (end, facts) in [("source", &s.source), ("target", &s.target)] {
        found.extend(facts.left_over.iter().map(|object| {
            Finding::warning("left-over", object, format!("is left at the {end} of an earlier migration"))
                .so("it belongs to a state that is gone; a slot keeps WAL")
                .remedy("infra migrate abort, or drop it")
        }));
    }
    found.extend(s.catalog.special.iter().filter(|object| object.kind == SpecialKind::Subscription).map(|object| {
        Finding::warning(
            "is-subscriber",
            format!("SUBSCRIPTION {}", object.identity),
            "brings changes from elsewhere into the source",
        )
        .so("it goes on writing there after cutover, and not at the target")
        .remedy("disable it before cutover, and make it at the target afterwards")
    }));
    found.extend(s.source.firing_event_triggers.iter().map(|trigger| {
        Finding::warning(
            "event-trigger-fires",
            format!("EVENT TRIGGER {trigger}"),
            "fires for the publication and the schema that infra makes for itself",
        )
        .so("it records them as changes of yours, or refuses them and with them the migration")
        .remedy(format!(
            "let the roles {} and, at the new database, {} pass in its function, or ALTER EVENT TRIGGER … DISABLE until infra migrate finish",
            s.source.user, s.target.user
        ))
    }));
    found.extend(all([
        (s.source.xid_age > OLD_XID).then(|| {
            Finding::warning(
                "xid-age",
                format!("DATABASE {}", s.catalog.database.name),
                format!("its oldest row is {} transactions old", s.source.xid_age),
            )
            .so("the copy's snapshot holds vacuum back for as long as it lasts")
            .remedy("VACUUM (FREEZE) the oldest tables first")
        }),
        s.source.in_recovery.then(|| {
            Finding::blocker("source-standby", "SOURCE", "is a standby")
                .so("it cannot be paused for cutover")
                .remedy("migrate from its primary")
        }),
    ]));
    found
}
