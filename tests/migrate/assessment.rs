//! The look before a migration, against real servers: what it tells, and that it leaves nothing behind.

use std::collections::BTreeSet;
use std::path::Path;

use infra::cost::MigrationCost;
use infra::migrate::assessment::{Assessment, Ends, assess};
use infra::migrate::estimate::{basis, estimate};
use infra::migrate::job::Destination;
use infra::migrate::preflight::{Capacity, Severity};
use infra::migrate::saga::{Cutover, Mode, Stage};
use infra::plan::Engine;
use infra::postgres::Endpoint;
use infra::ui::{GuideView, StageView, guide_text};

use crate::corpus;
use crate::schema::Move;
use crate::servers::{SUPERUSER, Server};

fn ends(source: &Server, database: &str, target: Option<String>) -> Ends {
    let url = source.url(database);
    Ends {
        dump: source.tool("pg_dump", &[&url]),
        source: Endpoint::parse(&url).unwrap(),
        target: target.map(|url| Endpoint::parse(&url).unwrap()),
        made: infra::migrate::preflight::Made::Managed,
        mode: Mode::Online,
        capacity: Capacity { connections: 2, ..Capacity::default() },
    }
}

fn codes(look: &Assessment, severity: Severity) -> BTreeSet<&str> {
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
    let seen = assess(&ends(&moving.source, "corpus", Some(moving.target.url_as("master", "moved")))).await.unwrap();
    assert_eq!(before, (objects(&moving.source, "corpus"), objects(&moving.target, "moved")));
    assert_eq!((seen.source_version.major(), seen.target_version.unwrap().major()), (15, 17));
    assert!(codes(&seen, Severity::Blocker).contains("orphans"), "{:#?}", seen.findings);
    let warnings = codes(&seen, Severity::Warning);
    for code in ["no-tls", "extension-missing", "unlogged"] {
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
    let seen = assess(&ends(&source, "corpus", None)).await.unwrap();
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
    let look = assess(&ends(&source, "measured", None)).await.unwrap();
    let reading = look.reading.clone().unwrap();
    assert_eq!(reading.table, "public.wide");
    // The sample, or what is there: some 80 MB.
    assert!((60 << 20..70 << 20).contains(&reading.bytes), "{reading:?}");
    assert!(reading.microseconds < 3_500_000 && reading.bytes_per_second() > 1_000_000, "{reading:?}");
    assert_eq!((look.volume.tables, look.volume.indexes, look.volume.rows), (2, 1, 300_000));
    // Nobody writes: at most the server's own records.
    assert!(look.wal_bytes_per_second < 1 << 20, "{}", look.wal_bytes_per_second);
    let online = estimate(&look, Mode::Online, &Destination::Url);
    assert!((10..600).contains(&online.seconds), "{online:?}");
}

/// As `infra migrate --plan-only` tells it.
fn guide(look: Assessment, file: Option<&Path>) -> String {
    let [online, offline] =
        [Mode::Online, Mode::Offline].map(|mode| estimate(&look, mode, &Destination::Managed(Engine::Rds)));
    let view = GuideView {
        database: "app".into(),
        service: "db".into(),
        host: "vault".into(),
        to: "rds: db.m7g.large, 200 GB".into(),
        mode: Mode::Online,
        cutover: Cutover::Auto,
        stages: Stage::of(Mode::Online).map(|stage| StageView::of(stage, Mode::Online, &online)).collect(),
        basis: basis(&look),
        cost: MigrationCost { host: None, database: None, after: None, most: None },
        command: "infra migrate --to rds".into(),
        accepted: vec![],
        open: vec![],
        blockers: vec![],
        online,
        offline,
        look,
    };
    guide_text(&view, file, true)
}

/// Tables as nobody here made them: without keys, unlogged, inheriting, with rows that point to nothing, by the hundred.
#[tokio::test]
async fn five_hundred_tables_are_told_on_two_screens() {
    let source = Server::v15();
    source.psql(SUPERUSER, "CREATE DATABASE app TEMPLATE template0");
    source.psql(
        "app",
        "CREATE EXTENSION hstore; CREATE TABLE parent (id int PRIMARY KEY);
         DO $$ BEGIN FOR n IN 1..100 LOOP
           EXECUTE format('CREATE TABLE keyless_%s (id int, body text)', n);
           EXECUTE format('CREATE UNLOGGED TABLE scratch_%s (id int PRIMARY KEY)', n);
           EXECUTE format('CREATE TABLE child_%s (PRIMARY KEY (id)) INHERITS (parent)', n);
           EXECUTE format('CREATE TABLE computed_%s (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED)', n);
           EXECUTE format('CREATE TABLE refers_%s (id int PRIMARY KEY, parent int)', n);
           EXECUTE format('INSERT INTO refers_%s VALUES (1, 7)', n);
           EXECUTE format('ALTER TABLE refers_%s ADD CONSTRAINT fk_%1$s FOREIGN KEY (parent) REFERENCES parent NOT VALID', n);
           EXECUTE format('CREATE ROLE user_%s LOGIN', n);
         END LOOP; END $$;
         UPDATE pg_constraint SET convalidated = true WHERE conname LIKE 'fk_%'",
    );
    let seen = assess(&ends(&source, "app", None)).await.unwrap();
    assert!(seen.volume.tables > 500 && seen.findings.len() >= 400, "{:?}", seen.volume);
    let text = guide(seen.clone(), Some(Path::new(".infra/app/findings.txt")));
    assert!(text.lines().count() <= 100, "{} lines:\n{text}", text.lines().count());
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(text.contains("[orphans] 100 foreign keys, each: 1 row points to nothing"), "{text}");
    let whole = guide(seen.clone(), None);
    for finding in &seen.findings {
        let name = finding.object.rsplit(' ').next().unwrap();
        assert!(whole.contains(name), "{}", finding.object);
    }
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
        let seen = assess(&Ends { capacity, ..ends }).await.unwrap();
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
    let seen = assess(&ends(&source, SUPERUSER, None)).await.unwrap();
    let large: Vec<_> = seen.findings.iter().filter(|finding| finding.code == "large-value").collect();
    let [finding] = &large[..] else { panic!("{large:#?}") };
    assert_eq!((finding.object.as_str(), finding.severity), ("TABLE public.files", Severity::Blocker));
    let what = "the row at ctid (0,2) is 1080000007 bytes long as text, most of it in content";
    assert_eq!(finding.what, what);
}
