//! What online mode needs; and WAL that is kept by somebody.

use super::{all, of_bundle};
use crate::migrate::preflight::facts::Situation;
use crate::migrate::preflight::finding::Finding;
use crate::migrate::saga::Mode;

/// In milliseconds: a copier that is busy for a minute must not count as gone.
const SHORT_SENDER_TIMEOUT: i64 = 60_000;

/// A slot that nobody reads and that keeps more than this is forgotten, not slow.
const FORGOTTEN_BYTES: i64 = 1 << 30;

pub fn rule(s: &Situation) -> Vec<Finding> {
    let mut found: Vec<_> = s
        .source
        .slots
        .iter()
        .filter(|slot| !slot.active && slot.kept_bytes > FORGOTTEN_BYTES)
        .map(|slot| {
            Finding::warning(
                "forgotten-slot",
                format!("REPLICATION SLOT {}", slot.name),
                format!("nobody reads it, and {} bytes of WAL are kept for it", slot.kept_bytes),
            )
            .so("the disk fills up, faster while much is written")
            .remedy(format!("SELECT pg_drop_replication_slot('{}') if it is not needed", slot.name))
        })
        .collect();
    if !has_hypertables(s) {
        found.extend(way_back(s));
    }
    if s.mode == Mode::Online {
        found.extend(source(s));
    }
    found
}

fn source(s: &Situation) -> Vec<Finding> {
    let used = s.source.slots.len();
    let number = |name| s.source.number(name).unwrap_or(0);
    all([
        (s.source.setting("wal_level") != "logical").then(|| {
            Finding::blocker(
                "wal-level",
                "SETTING wal_level",
                format!("is {} at the source", s.source.setting("wal_level")),
            )
            .so("changes during the copy cannot be followed")
            .remedy(format!("{}, or migrate with --offline", of_bundle("wal_level=logical")))
        }),
        // One for the way to the new database, one that records changes after the verification.
        full(used + 1, number("max_replication_slots")).then(|| {
            Finding::blocker(
                "no-slot",
                "SETTING max_replication_slots",
                format!("{used} of {} slots are used", number("max_replication_slots")),
            )
            .so("the migration needs two")
            .remedy(format!(
                "drop slots that nobody reads, or {}, or migrate with --offline",
                of_bundle(&format!("max_replication_slots={}", used + 4))
            ))
        }),
        full(s.source.senders as usize, number("max_wal_senders")).then(|| {
            Finding::blocker(
                "no-sender",
                "SETTING max_wal_senders",
                format!("{} of {} are used", s.source.senders, number("max_wal_senders")),
            )
            .so("the target could not connect to follow changes")
            .remedy(format!(
                "{}, or migrate with --offline",
                of_bundle(&format!("max_wal_senders={}", s.source.senders + 4))
            ))
        }),
        (!s.source.replication).then(|| {
            Finding::blocker(
                "no-replication",
                format!("ROLE {}", s.source.user),
                "has no right to replicate at the source",
            )
            .so("no slot can be made")
            .remedy(format!("ALTER ROLE {} REPLICATION at the source, or migrate with --offline", s.source.user))
        }),
        (1..SHORT_SENDER_TIMEOUT).contains(&number("wal_sender_timeout")).then(|| {
            Finding::warning(
                "sender-timeout",
                "SETTING wal_sender_timeout",
                format!("is {} ms at the source", number("wal_sender_timeout")),
            )
            .so("a target that is busy for longer loses its connection, and begins again and again")
            .remedy("ALTER SYSTEM SET wal_sender_timeout = '60s' at the source, then SELECT pg_reload_conf(); back afterwards")
        }),
        s.source.number("max_slot_wal_keep_size").filter(|size| *size >= 0).map(|size| {
            // While everything is copied once, not more is written than there is: a rule of thumb.
            let ample = u64::try_from(size).is_ok_and(|size| size << 20 > s.catalog.data_bytes());
            let of = if ample { Finding::note } else { Finding::warning };
            of("slot-limit", "SETTING max_slot_wal_keep_size", format!("is {size} MB at the source"))
                .so("a slot that needs more is lost, and the migration with it")
                .remedy("make sure that less is written while rows are copied, or raise it")
        }),
    ])
}

/// They come offline only, and nothing is brought back to them.
fn has_hypertables(s: &Situation) -> bool {
    s.timescale.as_ref().is_some_and(|timescale| !timescale.hypertables.is_empty())
}

/// Replication to and from the new database.
fn way_back(s: &Situation) -> Vec<Finding> {
    let number = |name| s.target.number(name).unwrap_or(0);
    let keeper = s.abilities.keeper();
    all([
        (s.target.setting("wal_level") != "logical").then(|| {
            Finding::blocker(
                "no-way-back",
                "SETTING wal_level",
                format!("is {} at the target", s.target.setting("wal_level")),
            )
            .so("nothing that is written there can be followed: neither verified until the switch, nor brought back afterwards")
            .remedy(keeper.set("wal_level", "logical"))
        }),
        (number("max_logical_replication_workers") < 2 || number("max_worker_processes") < 4).then(|| {
            Finding::blocker("no-worker", "SETTING max_logical_replication_workers", "is too small at the target")
                .so("nobody would apply changes there")
                .remedy(format!(
                    "{}; the same with max_worker_processes = 8",
                    keeper.set("max_logical_replication_workers", "4")
                ))
        }),
        // What it has applied, the record of changes, the way back.
        full(s.target.slots.len() + 2, number("max_replication_slots")).then(|| {
            Finding::blocker(
                "no-slot-target",
                "SETTING max_replication_slots",
                "less than three slots of the target are free",
            )
            .so("it needs one for what it has applied, one for what changes there, one for the way back")
            .remedy(keeper.set("max_replication_slots", &(s.target.slots.len() + 6).to_string()))
        }),
    ])
}

fn full(used: usize, of: i64) -> bool {
    i64::try_from(used).is_ok_and(|used| used >= of)
}
