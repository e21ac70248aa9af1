//! The look before a migration, against real servers: what it tells, and that it leaves nothing behind.

use std::collections::BTreeSet;

use infra::migrate::estimate::estimate;
use infra::migrate::look::{Ends, Look, look};
use infra::migrate::preflight::{Capacity, Severity};
use infra::migrate::saga::Mode;
use infra::postgres::Endpoint;

use crate::corpus;
use crate::schema::Move;
use crate::servers::{SUPERUSER, Server};

fn ends(source: &Server, database: &str, target: Option<String>) -> Ends {
    let url = source.url(database);
    Ends {
        dump: source.tool("pg_dump", &[&url]),
        source: Endpoint::parse(&url).unwrap(),
        target: target.map(|url| Endpoint::parse(&url).unwrap()),
        mode: Mode::Online,
        capacity: Capacity { connections: 2, ..Capacity::default() },
    }
}

fn codes(look: &Look, severity: Severity) -> BTreeSet<&str> {
    look.findings.iter().filter(|finding| finding.severity == severity).map(|finding| finding.code.as_str()).collect()
}

/// Schemas, roles, slots, publications: what a migration would make.
fn objects(server: &Server, database: &str) -> String {
    server.psql(
        database,
        "SELECT 'schema', nspname::text FROM pg_namespace UNION ALL SELECT 'role', rolname FROM pg_roles
         UNION ALL SELECT 'slot', slot_name FROM pg_replication_slots UNION ALL SELECT 'publication', pubname FROM pg_publication
         UNION ALL SELECT 'extension', extname FROM pg_extension ORDER BY 1, 2",
    )
}

#[tokio::test]
async fn both_ends_are_looked_at_and_left_as_they_were() {
    let moving = Move::of(&[&corpus::PORTABLE[..], &["losses", "orphans"]].concat(), "master");
    let before = (objects(&moving.source, "corpus"), objects(&moving.target, "moved"));
    let seen = look(&ends(&moving.source, "corpus", Some(moving.target.url_as("master", "moved")))).await.unwrap();
    assert_eq!(before, (objects(&moving.source, "corpus"), objects(&moving.target, "moved")));
    assert_eq!((seen.source_version.major(), seen.target_version.unwrap().major()), (15, 17));
    assert!(codes(&seen, Severity::Blocker).contains("orphans"), "{:#?}", seen.findings);
    let warnings = codes(&seen, Severity::Warning);
    for code in ["no-tls", "extension-missing", "no-replica-identity"] {
        assert!(warnings.contains(code), "{code}: {:#?}", seen.findings);
    }
    let told: BTreeSet<_> = seen.findings.iter().map(|finding| (&finding.code, &finding.object)).collect();
    assert!(!seen.losses.is_empty());
    for loss in &seen.losses {
        assert!(told.contains(&(&loss.code, &loss.object)), "{loss:?} is a finding too");
    }
    assert!(seen.volume.tables > 10 && seen.volume.indexes > 5, "{:?}", seen.volume);
}

/// What infra is still to make is taken to have everything, but for what RDS never has.
#[tokio::test]
async fn without_a_target_the_findings_are_the_sources_own() {
    let source = Server::v17_with(&["wal_sender_timeout=5s"]);
    corpus::load(&source, "corpus", &corpus::PORTABLE);
    let seen = look(&ends(&source, "corpus", None)).await.unwrap();
    assert_eq!(seen.target_version, None);
    assert_eq!(codes(&seen, Severity::Blocker), BTreeSet::new(), "{:#?}", seen.findings);
    assert!(codes(&seen, Severity::Warning).contains("sender-timeout"), "{:#?}", seen.findings);
    assert!(seen.findings.iter().all(|finding| finding.object != "TARGET"), "{:#?}", seen.findings);
}

#[tokio::test]
async fn sizes_speed_and_writes_are_measured() {
    let source = Server::v15();
    source.psql(SUPERUSER, "CREATE DATABASE measured TEMPLATE template0");
    source.psql(
        "measured",
        "CREATE TABLE wide (id bigint PRIMARY KEY, payload jsonb);
         INSERT INTO wide SELECT n, jsonb_build_object('n', n, 'text', repeat(md5(n::text), 6)) FROM generate_series(1, 300000) n;
         CREATE TABLE small (id int); ANALYZE",
    );
    let look = look(&ends(&source, "measured", None)).await.unwrap();
    let reading = look.reading.clone().unwrap();
    assert_eq!(reading.table, "public.wide");
    // The sample, or what is there: some 80 MB.
    assert!((60 << 20..70 << 20).contains(&reading.bytes), "{reading:?}");
    assert!(reading.microseconds < 3_500_000 && reading.bytes_per_second() > 1_000_000, "{reading:?}");
    assert_eq!((look.volume.tables, look.volume.indexes, look.volume.rows), (2, 1, 300_000));
    // Nobody writes: at most the server's own records.
    assert!(look.wal_bytes_per_second < 1 << 20, "{}", look.wal_bytes_per_second);
    let online = estimate(&look, Mode::Online, false);
    assert!((10..600).contains(&online.seconds), "{online:?}");
}

/// What the plan asks for is too small for what is there, compressed or not.
#[tokio::test]
async fn storage_that_does_not_hold_the_database_is_told() {
    let source = Server::v15();
    source.psql(SUPERUSER, "CREATE TABLE t AS SELECT i, repeat('x', 100) AS t FROM generate_series(1, 1000) AS i");
    let bytes: u64 = source.psql(SUPERUSER, "SELECT pg_database_size(current_database())").parse().unwrap();
    for (storage, told) in [(bytes, true), (bytes * 2, false)] {
        let ends = ends(&source, SUPERUSER, None);
        let capacity = Capacity { target_storage_bytes: Some(storage), ..ends.capacity };
        let seen = look(&Ends { capacity, ..ends }).await.unwrap();
        assert_eq!(codes(&seen, Severity::Blocker).contains("target-storage"), told, "{:#?}", seen.findings);
    }
}

/// 540 MB of bytea are 1.08 GB of text, compressed to a few megabytes or not.
#[tokio::test]
async fn values_too_long_for_a_text_are_found_before_anything_is_copied() {
    let source = Server::v15();
    source.psql(
        SUPERUSER,
        "CREATE TABLE files (id int, name text, content bytea);
         INSERT INTO files VALUES (1, 'small', '\\x00'), (2, 'large', convert_to(repeat('x', 540000000), 'UTF8'));
         CREATE TABLE texts AS SELECT repeat('x', 540000000) AS t",
    );
    let seen = look(&ends(&source, SUPERUSER, None)).await.unwrap();
    let large: Vec<_> = seen.findings.iter().filter(|finding| finding.code == "large-value").collect();
    let [finding] = &large[..] else { panic!("{large:#?}") };
    assert_eq!((finding.object.as_str(), finding.severity), ("TABLE public.files", Severity::Blocker));
    let what = "the row at ctid (0,2) is 1080000007 bytes long as text, most of it in content";
    assert_eq!(finding.what, what);
}
