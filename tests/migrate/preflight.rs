//! The checklist against real servers: the corpus triggers it, and leaves no trace at the source.

use std::collections::BTreeSet;

use infra::migrate::catalog;
use infra::migrate::preflight::{self, Capacity, Finding, RowFault, RowFaults, Severity, Situation};
use infra::migrate::saga::Mode;
use infra::migrate::schema;
use infra::postgres::{Endpoint, connect};

use crate::corpus;
use crate::schema::Move;
use crate::servers::{SUPERUSER, Server};

async fn findings(moving: &Move, mode: Mode) -> Vec<Finding> {
    let endpoint = |url: &str| Endpoint::parse(url).unwrap();
    let source = connect(&endpoint(&moving.source.url("corpus")), "infra preflight").await.unwrap();
    let target = connect(&endpoint(&moving.target.url_as(moving.user, "moved")), "infra preflight").await.unwrap();
    let (catalog, built) = moving.schema().await;
    let abilities = schema::examine(&target, &catalog).await.unwrap();
    let situation = Situation {
        mode,
        source: preflight::gather(&source).await.unwrap(),
        row_faults: Some(RowFaults::find(&source, &catalog).await.unwrap()),
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

/// Keys of every kind of comparison, each with rows of which the server says whether they fit.
const KEYS: &str = "CREATE EXTENSION citext; CREATE DOMAIN folded AS citext; CREATE TYPE mood AS ENUM ('a', 'b');
    CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    CREATE TABLE texts (v varchar(9) PRIMARY KEY, c char(6) UNIQUE, t text UNIQUE, x citext UNIQUE, n name UNIQUE, l text COLLATE loose UNIQUE,
      i int UNIQUE, big bigint UNIQUE, m numeric UNIQUE, at timestamptz UNIQUE, day date UNIQUE, e mood UNIQUE, list int[] UNIQUE, UNIQUE (i, e));
    INSERT INTO texts VALUES ('Zeile ', 'Zeile ', 'Zeile ', 'Word', 'Zeile', 'Case', 1, 1, 1.50, '2026-01-01', '2026-01-01', 'a', '{1}');
    CREATE TABLE heir () INHERITS (texts); INSERT INTO heir (v, i, t) VALUES ('heir', 9, 'heir');
    CREATE TABLE parted (id int, PRIMARY KEY (id)) PARTITION BY LIST (id); CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1, 2);
    INSERT INTO parted VALUES (1);
    CREATE TABLE row_of (v char(6), v2 varchar(9), v3 text, c varchar, c2 text, t char(6), t2 name, x text, x2 folded, n text, l text COLLATE \"C\",
      i bigint, i2 smallint, big int, m int, m2 bigint, at date, day timestamptz, e mood, list int[], part int, own int, other mood) PARTITION BY LIST (own);
    CREATE TABLE row_1 PARTITION OF row_of DEFAULT;";
/// Of `row_of`: its columns, a value, and the columns that they point to, with what follows.
const POINTERS: [(&str, &str, &str); 37] = [
    ("v", "'Zeile '", "texts (v)"),
    ("v2", "'Zeile '", "texts (v)"),
    ("v2", "'Zeile'", "texts (v)"),
    ("v3", "'Zeile '", "texts (v)"),
    ("v3", "'heir'", "texts (v)"),
    ("c", "'Zeile'", "texts (c)"),
    ("c", "'Zeile '", "texts (c)"),
    ("c2", "'Zeile '", "texts (c)"),
    ("t", "'Zeile '", "texts (t)"),
    ("t2", "'Zeile '", "texts (t)"),
    ("t2", "'Zeile'", "texts (t)"),
    ("x", "'word'", "texts (x)"),
    ("x", "'Word'", "texts (x)"),
    ("x2", "'word'", "texts (x)"),
    ("n", "'Zeile'", "texts (n)"),
    ("n", "'Zeile '", "texts (n)"),
    ("l", "'CASE'", "texts (l)"),
    ("l", "'Cases'", "texts (l)"),
    ("i", "1", "texts (i)"),
    ("i2", "1", "texts (i)"),
    ("i2", "2", "texts (i)"),
    ("i", "9", "texts (i)"),
    ("big", "1", "texts (big)"),
    ("m", "1", "texts (m)"),
    ("m2", "2", "texts (m)"),
    ("at", "'2026-01-01'", "texts (at)"),
    ("at", "'2026-01-02'", "texts (at)"),
    ("day", "'2026-01-01'", "texts (day)"),
    ("day", "'2026-01-01 01:00'", "texts (day)"),
    ("e", "'a'", "texts (e)"),
    ("list", "'{1}'", "texts (list)"),
    ("list", "'{2}'", "texts (list)"),
    ("part", "1", "parted"),
    ("part", "2", "parted"),
    ("own, other", "1, 'a'", "texts (i, e) MATCH FULL"),
    ("own, other", "1, NULL", "texts (i, e) MATCH FULL"),
    ("own, other", "1, NULL", "texts (i, e)"),
];

/// A row that the server's own check refuses is told, and no other, whatever the types.
#[tokio::test]
async fn foreign_keys_are_compared_as_the_server_compares_them() {
    for server in [Server::v15(), Server::v17()] {
        server.psql(SUPERUSER, "CREATE DATABASE keys TEMPLATE template0");
        server.psql("keys", "SET timezone = 'UTC'; ALTER DATABASE keys SET timezone = 'UTC'");
        server.psql("keys", KEYS);
        let source = connect(&Endpoint::parse(&server.url("keys")).unwrap(), "test").await.unwrap();
        let (mut refused, mut tried) = (0, 0);
        for (own, value, other) in POINTERS {
            let key = format!("ALTER TABLE row_of ADD CONSTRAINT key FOREIGN KEY ({own}) REFERENCES {other}");
            let Ok(()) = source.batch_execute(&format!("SET search_path = public; {key}")).await else { continue };
            tried += 1;
            let write = "SET session_replication_role = replica; TRUNCATE row_of";
            server.psql("keys", &format!("{write}; INSERT INTO row_of ({own}) VALUES ({value})"));
            let catalog = catalog::read(&source).await.unwrap();
            let told = RowFaults::find(&source, &catalog)
                .await
                .unwrap()
                .fk_violations
                .iter()
                .map(|found| found.rows)
                .sum::<i64>();
            let checked = source
                .batch_execute(&format!("SET search_path = public; ALTER TABLE row_of DROP CONSTRAINT key; {key}"))
                .await;
            let fits = checked.is_ok();
            assert_eq!(told, i64::from(!fits), "{own} {value} {other}");
            refused += told;
            if fits {
                server.psql("keys", "ALTER TABLE row_of DROP CONSTRAINT key");
            } else {
                server.psql("keys", "TRUNCATE row_of; ALTER TABLE row_of DROP CONSTRAINT IF EXISTS key");
            }
        }
        assert!(tried > 30 && refused > 10, "{tried} tried, {refused} refused");
    }
}

/// Each was in order when it was made; then something changed that no rule looks at again.
const BROKEN: &str = "
    CREATE FUNCTION fits(n int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';
    CREATE TABLE checked (n int CONSTRAINT fits CHECK (fits(n)), m int CONSTRAINT positive CHECK (m > 0),
                          later int);
    INSERT INTO checked VALUES (1, 1, -1), (-1, 1, -1), (-2, 1, 1);
    ALTER TABLE checked ADD CONSTRAINT later CHECK (later > 0) NOT VALID;
    CREATE DOMAIN given AS text NOT NULL;
    CREATE DOMAIN fitting AS int CHECK (fits(VALUE));
    CREATE DOMAIN unchecked AS int;
    CREATE TYPE pair AS (one fitting, other int);
    CREATE TABLE outer_join (id int, g given, many fitting[], p pair, u unchecked);
    INSERT INTO outer_join VALUES (1, 'here', '{1,2}', '(1,2)', -1);
    INSERT INTO outer_join SELECT 2, (SELECT g FROM outer_join WHERE false), '{1,-2}', '(1,2)', -1;
    ALTER DOMAIN unchecked ADD CONSTRAINT later CHECK (VALUE > 0) NOT VALID;
    CREATE TABLE sold (id int, article text, pieces int);
    INSERT INTO sold VALUES (1, 'a', 1), (2, 'b', 2), (3, NULL, 1), (4, NULL, 1);
    CREATE MATERIALIZED VIEW articles (name) AS SELECT article FROM sold;
    CREATE UNIQUE INDEX articles_name ON articles (name);
    CREATE MATERIALIZED VIEW shares AS SELECT id, 10 / pieces AS share FROM sold;
    CREATE MATERIALIZED VIEW empty_shares AS SELECT id, 10 / pieces AS share FROM sold WITH NO DATA;
    CREATE MATERIALIZED VIEW counted AS SELECT article, count(*) FROM sold GROUP BY article;
    CREATE UNIQUE INDEX counted_article ON counted (article);
    INSERT INTO sold VALUES (5, 'a', 0);
    CREATE OR REPLACE FUNCTION fits(n int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT n > 0';";

/// With a foreign key, whose rows cannot be looked through either.
const UNREADABLE: &str = "
    CREATE SCHEMA hidden;
    CREATE FUNCTION hidden.inner_of(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n';
    SET check_function_bodies = off;
    CREATE FUNCTION outer_of(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT inner_of(n)';
    CREATE TABLE parent (id int PRIMARY KEY); INSERT INTO parent VALUES (1); CREATE TABLE planned (n int, to_parent int);
    SET search_path = public, hidden;
    CREATE INDEX planned_n ON planned (outer_of(n));
    INSERT INTO planned VALUES (1, 1); ALTER TABLE planned ADD FOREIGN KEY (to_parent) REFERENCES parent;
    ALTER SCHEMA hidden RENAME TO gone;
    ALTER FUNCTION gone.inner_of RENAME TO gone_too;";

#[tokio::test]
async fn rows_that_would_not_arrive_are_told_before_they_are_copied() {
    let server = Server::v15();
    server.psql(SUPERUSER, "CREATE DATABASE broken TEMPLATE template0");
    server.psql("broken", BROKEN);
    let source = connect(&Endpoint::parse(&server.url("broken")).unwrap(), "test").await.unwrap();
    let found = RowFaults::find(&source, &catalog::read(&source).await.unwrap()).await.unwrap();
    let told = |faults: &[RowFault]| faults.iter().map(|f| format!("{}: {}", f.object, f.what)).collect::<Vec<_>>();
    assert_eq!(
        told(&found.checks),
        [
            "CHECK fits of public.checked: 2 rows break it",
            "COLUMN g of public.outer_join: domain given does not allow null values",
            "COLUMN many of public.outer_join: value for domain fitting violates check constraint \"fitting_check\"",
        ]
    );
    assert_eq!(
        told(&found.views),
        [
            "MATERIALIZED VIEW public.articles: filled today, 1 key of its unique index articles_name is there more than once",
            "MATERIALIZED VIEW public.shares: its query fails: division by zero",
        ]
    );

    server.psql("broken", UNREADABLE);
    let found = RowFaults::find(&source, &catalog::read(&source).await.unwrap()).await.unwrap();
    assert_eq!(told(&found.unreadable), ["TABLE public.planned: function inner_of(integer) does not exist"]);
}

#[tokio::test]
async fn rows_in_order_are_told_nothing_of() {
    let moving = Move::of(&corpus::PORTABLE, "master");
    let source = connect(&Endpoint::parse(&moving.source.url("corpus")).unwrap(), "test").await.unwrap();
    let found = RowFaults::find(&source, &catalog::read(&source).await.unwrap()).await.unwrap();
    assert_eq!(found, RowFaults::default());
}
