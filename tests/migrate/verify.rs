//! Whole databases are equal; one wrong value anywhere is found and named.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use infra::migrate::schema::Phase;
use infra::migrate::verify::{End, Options, Report, RowFault, VerifyError, VerifyEvent, verify};
use infra::postgres::Endpoint;

use crate::corpus;
use crate::definitions::rehearsed;
use crate::schema::moved;
use crate::servers::{SUPERUSER, Server};

fn end(server: &Server, user: &str, database: &str) -> End {
    End::new(Endpoint::parse(&server.url_as(user, database)).unwrap())
}

#[tokio::test]
async fn the_moved_corpus_is_equal() {
    let (moving, built) = moved(&[&corpus::PORTABLE[..], &["losses"]].concat(), "master", Phase::Settings).await;
    let (prints, _) = rehearsed(&moving, &built).await;
    let (source, target) = (end(&moving.source, SUPERUSER, "corpus"), end(&moving.target, "master", "moved"));
    let options = Options {
        losses: built.losses.clone(),
        sequence_values: false,
        before_last: true,
        prints,
        ..Options::default()
    };
    let report = verify(&source, &target, &options, |_| ()).await.unwrap();
    assert!(report.matches(), "{}", report.markdown());
    assert!(report.tables.len() > 30 && report.rows() > 14_000, "{}", report.markdown());
    let codes: Vec<_> = report.objects.iter().filter_map(|object| object.explained.as_deref()).collect();
    for code in ["index-invalid", "extension-missing", "setting-refused"] {
        assert!(codes.contains(&code), "{codes:?}");
    }
}

/// Two databases of one server with the same rows, then one change at the second.
struct Twins {
    server: Server,
}

const TWIN: &str = "
    CREATE TABLE keyed (id integer, part text, f float8, n numeric, t text, j jsonb, b bytea, large bigint, at timestamptz,
      yes bool, lasts interval, fixed char(4), many int[], PRIMARY KEY (id, part));
    INSERT INTO keyed SELECT i, 'p' || i % 3, CASE WHEN i = 7 THEN 0 WHEN i = 8 THEN 'NaN'::float8 ELSE i END,
      CASE WHEN i = 7 THEN 1.0 ELSE i END, NULLIF('t' || i, 't7'), jsonb_build_object('v', 1.5, 'i', i), decode(md5(i::text), 'hex'),
      -1, '2026-01-01 12:00+00', true, '1 mon', 'a', ARRAY[i, NULL] FROM generate_series(1, 20000) AS i;
    CREATE TABLE keyless (a integer, b text);
    INSERT INTO keyless SELECT i % 100, 'x' FROM generate_series(1, 5000) AS i;
    CREATE SEQUENCE counter; SELECT setval('counter', 42);
    CREATE VIEW looking AS SELECT id FROM keyed; GRANT SELECT ON looking TO PUBLIC;
    ANALYZE;";

impl Twins {
    fn new() -> Self {
        let server = Server::v17();
        server.psql(SUPERUSER, "CREATE DATABASE one");
        server.psql("one", TWIN);
        server.psql(SUPERUSER, "CREATE DATABASE two TEMPLATE one");
        Self { server }
    }

    async fn after(&self, change: &str, undo: &str) -> Report {
        self.server.psql("two", change);
        let ends = (end(&self.server, SUPERUSER, "one"), end(&self.server, SUPERUSER, "two"));
        let report = verify(&ends.0, &ends.1, &Options::default(), |_| ()).await.unwrap();
        self.server.psql("two", undo);
        report
    }
}

#[tokio::test]
async fn every_single_fault_is_found_and_located() {
    let twins = Twins::new();
    let report = twins.after("SELECT 1", "SELECT 1").await;
    assert!(report.matches(), "{}", report.markdown());
    // No number either, but its sign is another one, which is lost where it is written as text.
    let undo = "UPDATE keyed SET f = 'NaN' WHERE id = 8";
    let report = twins.after("UPDATE keyed SET f = 'inf'::float8 - 'inf'::float8 WHERE id = 8", undo).await;
    assert!(report.matches(), "{}", report.markdown());
    let values = [
        ("f = '-0'", "f = 0", "f"),
        ("n = 1.00", "n = 1.0", "n"),
        ("n = 'NaN'", "n = 1.0", "n"),
        ("t = ''", "t = NULL", "t"),
        (r#"j = '{"v": 1.50, "i": 7}'"#, r#"j = '{"v": 1.5, "i": 7}'"#, "j"),
        ("b = decode(md5('7') || '00', 'hex')", "b = decode(md5('7'), 'hex')", "b"),
        // What a server's own hash of numbers calls the same.
        ("n = -1.0", "n = 1.0", "n"),
        ("large = 4294967295", "large = -1", "large"),
        ("at = at + interval '1 microsecond'", "at = at - interval '1 microsecond'", "at"),
        ("yes = NULL", "yes = true", "yes"),
        ("lasts = '30 days'", "lasts = '1 mon'", "lasts"),
        ("fixed = 'b'", "fixed = 'a'", "fixed"),
        ("many = ARRAY[7, 0]", "many = ARRAY[7, NULL]", "many"),
    ];
    for (change, undo, column) in values {
        let update = |set: &str| format!("UPDATE keyed SET {set} WHERE id = 7");
        let report = twins.after(&update(change), &update(undo)).await;
        let table =
            report.tables.iter().find(|table| !table.matches()).unwrap_or_else(|| panic!("{change} is not seen"));
        let [row] = &table.differences[..] else { panic!("{}", report.markdown()) };
        assert_eq!((row.fault, row.key.as_deref()), (RowFault::Changed, Some(r#"["7", "p1"]"#)), "{change}");
        assert_eq!(row.columns, [column], "{change}");
    }
    let fault = |report: &Report| {
        let table = report.tables.iter().find(|table| !table.matches()).unwrap().clone();
        assert_eq!(table.differences.len(), 1, "{}", report.markdown());
        table.differences[0].clone()
    };
    let missing = fault(
        &twins
            .after(
                "CREATE TABLE kept AS SELECT * FROM keyed WHERE id = 9; DELETE FROM keyed WHERE id = 9",
                "INSERT INTO keyed TABLE kept; DROP TABLE kept",
            )
            .await,
    );
    assert_eq!((missing.fault, missing.key.as_deref()), (RowFault::Missing, Some(r#"["9", "p0"]"#)));
    let twice = fault(
        &twins
            .after(
                "INSERT INTO keyless VALUES (5, 'x')",
                "DELETE FROM keyless WHERE ctid = (SELECT max(ctid) FROM keyless)",
            )
            .await,
    );
    assert_eq!((twice.fault, twice.key.is_none(), twice.target_place.is_some()), (RowFault::Extra, true, true));
}

#[tokio::test]
async fn other_objects_are_compared_too() {
    let twins = Twins::new();
    let changes = [
        ("SELECT setval('counter', 41)", "SELECT setval('counter', 42)", "SEQUENCE VALUE", "public.counter"),
        (
            "REVOKE SELECT ON looking FROM PUBLIC",
            "GRANT SELECT ON looking TO PUBLIC",
            "GRANT",
            "TABLE public.looking to PUBLIC: SELECT",
        ),
        ("CREATE INDEX more ON keyed (n)", "DROP INDEX more", "INDEX", "public.more"),
        (
            "ALTER DATABASE two SET work_mem = '5MB'",
            "ALTER DATABASE two RESET work_mem",
            "SETTING",
            "all roles in the database work_mem",
        ),
    ];
    for (change, undo, kind, name) in changes {
        let report = twins.after(change, undo).await;
        let found: Vec<_> =
            report.faults().map(|fault| (fault.object.kind.as_str(), fault.object.name.as_str())).collect();
        assert_eq!(found, [(kind, name)], "{change}");
    }
}

#[tokio::test]
async fn thousands_of_tables_and_huge_values_are_compared() {
    let server = Server::v17_with(&["shared_buffers=64MB"]);
    corpus::load(&server, "one", &["many", "large"]);
    server.psql(SUPERUSER, "CREATE DATABASE two TEMPLATE one");
    server.psql("two", "UPDATE many.t1777 SET body = body || ' ' WHERE id = 2; UPDATE large_values SET bytes = set_byte(bytes, 199999999, 0) WHERE id = 2");
    let ends = (end(&server, SUPERUSER, "one"), end(&server, SUPERUSER, "two"));
    let report = verify(&ends.0, &ends.1, &Options::default(), |_| ()).await.unwrap();
    let wrong: Vec<_> = report.tables.iter().filter(|table| !table.matches()).collect();
    let found: Vec<_> =
        wrong.iter().map(|table| (table.name.name.as_str(), &table.differences[0].columns[..])).collect();
    assert_eq!(found, [("t1777", &["body".to_owned()][..]), ("large_values", &["bytes".to_owned()][..])]);
    assert_eq!(report.tables.len(), 2001);
    println!("{} bytes, 2001 tables: {:.1} s", report.bytes, report.ended.duration_since(report.started).as_secs_f64());
}

/// Its rows move into another file while its parts are read, or are written anew where no older snapshot sees them.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_rewritten_between_two_parts_is_read_again() {
    let server = Arc::new(Server::v17());
    server.psql(SUPERUSER, "CREATE DATABASE one");
    server.psql(
        "one",
        "CREATE TABLE large AS SELECT i, repeat('x', 1000) AS t FROM generate_series(1, 200000) AS i;
         DELETE FROM large WHERE i % 2 = 0; VACUUM ANALYZE large",
    );
    server.psql(SUPERUSER, "CREATE DATABASE two TEMPLATE one");
    let ends = (end(&server, SUPERUSER, "one"), end(&server, SUPERUSER, "two"));
    for (database, rewrite, seen) in
        [("one", "VACUUM FULL large", true), ("two", "ALTER TABLE large ALTER i TYPE int USING i + 0", false)]
    {
        let (rewriter, begun) = (Arc::clone(&server), Arc::new(AtomicBool::new(false)));
        let told = move |event| {
            if matches!(event, VerifyEvent::Bytes { .. }) && !begun.swap(true, Ordering::Relaxed) {
                let rewriter = Arc::clone(&rewriter);
                std::thread::spawn(move || rewriter.psql(database, rewrite));
                // It waits for the part that was read; when that lets go, it comes before the next one.
                std::thread::sleep(Duration::from_secs(1));
            }
        };
        let report = verify(&ends.0, &ends.1, &Options { workers: 1, ..Options::default() }, told).await;
        match report {
            Ok(report) if seen => assert!(report.matches(), "{}", report.markdown()),
            Err(VerifyError::Rewritten { table }) if !seen => assert_eq!(table, "public.large"),
            other => panic!("{rewrite}: {other:?}"),
        }
    }
}
