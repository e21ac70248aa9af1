//! The checklist against real servers: the corpus triggers it, and leaves no trace at the source.

use std::collections::BTreeSet;

use infra::migrate::catalog;
use infra::migrate::preflight::{self, Capacity, Finding, Severity, Situation};
use infra::migrate::saga::Mode;
use infra::migrate::schema;
use infra::postgres::{Endpoint, connect};

use crate::corpus;
use crate::schema::Move;
use crate::servers::SUPERUSER;

async fn findings(moving: &Move, mode: Mode) -> Vec<Finding> {
    let endpoint = |url: &str| Endpoint::parse(url).unwrap();
    let source = connect(&endpoint(&moving.source.url("corpus")), "infra preflight").await.unwrap();
    let target = connect(&endpoint(&moving.target.url_as(moving.user, "moved")), "infra preflight").await.unwrap();
    let (catalog, built) = moving.schema().await;
    let abilities = schema::examine(&target, &catalog).await.unwrap();
    let situation = Situation {
        mode,
        source: preflight::gather(&source).await.unwrap(),
        orphans: Some(preflight::find_orphans(&source, &catalog).await.unwrap()),
        large_rows: vec![],
        target_catalog: catalog::read(&target).await.unwrap(),
        target: preflight::gather(&target).await.unwrap(),
        catalog,
        abilities,
        timescale: None,
        losses: built.losses,
        capacity: Capacity { connections: 8, ..Capacity::default() },
    };
    preflight::check(&situation)
}

fn codes(findings: &[Finding], severity: Severity) -> BTreeSet<&str> {
    findings.iter().filter(|finding| finding.severity == severity).map(|finding| finding.code.as_str()).collect()
}

#[tokio::test]
async fn the_corpus_has_something_of_everything() {
    let moving = Move::of(&[&corpus::PORTABLE[..], &["losses", "blockers", "orphans"]].concat(), "master");
    moving.source.psql("corpus", "BEGIN; INSERT INTO empty_table VALUES (1); PREPARE TRANSACTION 'forgotten'");
    let before = moving
        .source
        .psql(SUPERUSER, "SELECT xact_commit > 0, pg_current_wal_insert_lsn() FROM pg_stat_database LIMIT 1");
    let found = findings(&moving, Mode::Online).await;
    let all = format!("{found:#?}");
    assert_eq!(
        codes(&found, Severity::Blocker),
        BTreeSet::from(["function-language", "orphans", "prepared-transaction"]),
        "{all}"
    );
    let warnings = codes(&found, Severity::Warning);
    for code in [
        "operator-class",
        "unlogged",
        "always-trigger",
        "is-subscriber",
        "user-mapping",
        "event-trigger",
        "setting-refused",
        "extension-missing",
        "no-tls",
    ] {
        assert!(warnings.contains(code), "{code}: {all}");
    }
    let notes = codes(&found, Severity::Note);
    for code in [
        "index-invalid",
        "no-replica-identity",
        "not-valid",
        "large-objects",
        "generated-column",
        "inheritance",
        "case-twins",
        "role-password",
        "foreign-table",
    ] {
        assert!(notes.contains(code), "{code}: {all}");
    }
    assert!(!all.contains("planted"), "a password shows");
    let after = moving
        .source
        .psql(SUPERUSER, "SELECT xact_commit > 0, pg_current_wal_insert_lsn() FROM pg_stat_database LIMIT 1");
    let written =
        moving.source.psql(SUPERUSER, &format!("SELECT '{}'::pg_lsn - '{}'::pg_lsn", lsn(&after), lsn(&before)));
    // Hint bits and the background writer's records; no transaction of ours.
    assert!(written.parse::<u64>().unwrap() < 1 << 20, "{written} bytes of WAL");
}

fn lsn(row: &str) -> &str {
    row.split('|').nth(1).unwrap()
}
