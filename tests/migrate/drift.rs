//! Partitions that come and go while replication runs are carried with their rows; any other change of the schema is seen
//! and named.

use std::time::Duration;

use infra::migrate::catalog::QualifiedName;
use infra::migrate::drift::{Drift, Fingerprints};
use infra::migrate::partitions::{drop_partitions, make_partitions};
use infra::migrate::replicate::{Bound, Channel, ReplicateError, RetainedWal};
use infra::migrate::verify::{Prints, read_objects, told_of_object};

use crate::pair::{Pair, open};
use crate::servers::Server;

const PATIENCE: Duration = Duration::from_secs(30);
/// As the telemetry bundle makes its table: a key with the time, an index, a partition for each day.
const TABLES: &str = "GRANT ALL ON SCHEMA public TO app; SET ROLE app;
    CREATE TABLE telemetry (ts timestamptz NOT NULL, id bigint NOT NULL DEFAULT 0, agent text NOT NULL, body jsonb, PRIMARY KEY (ts, id))
      PARTITION BY RANGE (ts);
    CREATE INDEX telemetry_agent ON telemetry (agent, ts DESC);
    CREATE TABLE telemetry_p1 (LIKE telemetry INCLUDING ALL);
    ALTER TABLE telemetry ATTACH PARTITION telemetry_p1 FOR VALUES FROM ('2026-01-01') TO ('2026-01-02');
    CREATE TABLE plain (id int PRIMARY KEY, body text CHECK (body <> 'x'));
    CREATE TABLE nested (a int, b int, PRIMARY KEY (a, b)) PARTITION BY LIST (a);
    CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1';
    CREATE SEQUENCE counter";

async fn pair() -> Pair {
    Pair::of("CREATE ROLE app", TABLES).await
}

async fn follow(pair: &Pair) {
    pair.follow().await;
    pair.forward().drain(PATIENCE).await.unwrap();
}

async fn look(pair: &Pair) -> Drift {
    look_with(pair, &Prints::default()).await
}

async fn look_with(pair: &Pair, prints: &Prints) -> Drift {
    Drift::look(&pair.old, &pair.new, &[], prints).await.unwrap()
}

async fn differences(pair: &Pair) -> Vec<String> {
    look(pair).await.differences.iter().map(told_of_object).collect()
}

#[tokio::test]
async fn partitions_that_come_and_go_are_carried_with_their_rows() {
    let pair = pair().await;
    follow(&pair).await;
    assert_eq!(differences(&pair).await, Vec::<String>::new());
    let come = "SET ROLE app; CREATE INDEX telemetry_p2_agent_ts_idx ON plain (body);
        CREATE TABLE telemetry_p2 (LIKE telemetry INCLUDING ALL);
        ALTER TABLE telemetry ATTACH PARTITION telemetry_p2 FOR VALUES FROM ('2026-01-02') TO ('2026-01-03');
        DROP INDEX telemetry_p2_agent_ts_idx;
        CREATE TABLE nested_1 PARTITION OF nested FOR VALUES IN (1) PARTITION BY RANGE (b);
        CREATE TABLE nested_1_rest PARTITION OF nested_1 DEFAULT;
        INSERT INTO telemetry SELECT '2026-01-02 12:00', i, 'a' FROM generate_series(1, 1000) AS i;
        INSERT INTO telemetry SELECT '2026-01-01 12:00', i, 'a' FROM generate_series(1, 10) AS i;
        INSERT INTO nested VALUES (1, 7)";
    pair.old_server.psql("app", come);
    let drift = look(&pair).await;
    let made: Vec<_> = drift.partitions.made.iter().map(|name| name.name.as_str()).collect();
    assert_eq!(made.len(), 3, "{made:?}");
    assert_eq!(drift.differences, [], "names of indexes too");
    pair.forward().drain(PATIENCE).await.unwrap();
    let count = "SELECT (SELECT count(*) FROM telemetry_p2), (SELECT count(*) FROM nested_1_rest)";
    assert_eq!(pair.new_server.psql("app", count), "1000|1");

    pair.old_server
        .psql("app", "INSERT INTO telemetry VALUES ('2026-01-01 13:00', 1, 'last'); DROP TABLE telemetry_p1");
    let gone = look(&pair).await.partitions.gone;
    assert_eq!(gone, [QualifiedName::new("public", "telemetry_p1")]);
    pair.forward().drain(PATIENCE).await.unwrap();
    drop_partitions(&pair.new, &gone).await.unwrap();
    assert_eq!(differences(&pair).await, Vec::<String>::new());
    assert_eq!(pair.new_server.psql("app", "SELECT count(*) FROM telemetry"), "1000");
    pair.forward().remove().await.unwrap();
}

/// What a table that is attached has of its own, and what it lacks of its parent's, is no change of the schema.
#[tokio::test]
async fn an_attached_partition_is_made_as_it_was() {
    let pair = pair().await;
    for server in [&pair.old_server, &pair.new_server] {
        let parent = "CREATE TABLE visit (id bigint DEFAULT 7, at date NOT NULL DEFAULT CURRENT_DATE, note text, CONSTRAINT fits CHECK (id > 0))
            PARTITION BY RANGE (at)";
        server.psql("app", parent);
    }
    assert_eq!(differences(&pair).await, Vec::<String>::new());
    let attached = "CREATE TABLE visit_1 (id bigint, at date NOT NULL, note text NOT NULL DEFAULT 'none' CHECK (note <> ''), CONSTRAINT fits CHECK (id > 0));
        ALTER TABLE visit ATTACH PARTITION visit_1 FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')";
    pair.old_server.psql("app", attached);
    assert_eq!(differences(&pair).await, Vec::<String>::new());
    let defaults = "SELECT string_agg(a.attname || ' ' || pg_get_expr(d.adbin, d.adrelid), ', ') FROM pg_attrdef d
        JOIN pg_attribute a ON (a.attrelid, a.attnum) = (d.adrelid, d.adnum) WHERE d.adrelid = 'visit_1'::regclass";
    assert_eq!(pair.new_server.psql("app", defaults), "note 'none'::text");
    pair.old_server.psql("app", "ALTER TABLE visit_1 ALTER note DROP DEFAULT");
    assert_eq!(differences(&pair).await.len(), 1, "a later change is one");
}

/// Both servers print what they have, each in its way: a partition that comes has it from its parent.
#[tokio::test]
async fn a_new_partition_has_its_expressions_from_its_parent() {
    let pair = pair().await;
    let typed =
        "SET ROLE app; CREATE TABLE ticket (id int PRIMARY KEY, state varchar(9) CHECK (state IN ('open', 'done')),
          closed boolean GENERATED ALWAYS AS (state IN ('done', 'gone')) STORED) PARTITION BY RANGE (id);
        CREATE INDEX ticket_open ON ticket (id) WHERE state IN ('open', 'done')";
    pair.old_server.psql("app", typed);
    let dump = pair.old_server.tool("pg_dump", &["--table=ticket", &pair.old_server.url("app")]);
    let dumped = crate::servers::run(&dump, b"").stdout;
    let dumped = String::from_utf8(dumped).unwrap();
    let statements = dumped.lines().filter(|line| !line.contains("restrict "));
    pair.new_server.psql("app", &statements.collect::<Vec<_>>().join("\n"));
    let unknown: Vec<_> = differences(&pair).await;
    assert_eq!(unknown.len(), 3, "{unknown:?}");
    let prints = Prints::new(&read_objects(&pair.old).await.unwrap(), &read_objects(&pair.new).await.unwrap());
    assert_eq!(look_with(&pair, &prints).await.differences, []);
    pair.old_server.psql("app", "SET ROLE app; CREATE TABLE ticket_1 PARTITION OF ticket FOR VALUES FROM (1) TO (9)");
    let drift = look_with(&pair, &prints).await;
    assert_eq!((drift.partitions.made.len(), drift.differences), (1, vec![]));
    pair.old_server.psql("app", "ALTER TABLE ticket DROP CONSTRAINT ticket_state_check, ADD CHECK (state IN ('open'))");
    let told: Vec<_> = look_with(&pair, &prints).await.differences.iter().map(told_of_object).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|line| line.contains("ticket_state_check is `")), "{told:?}");
}

/// As it is when a partition comes after the schema was read and before the rows are copied.
#[tokio::test]
async fn a_partition_that_came_before_the_indexes_gets_them_after_the_others() {
    let pair = pair().await;
    pair.new_server.psql("app", "DROP INDEX telemetry_agent; ALTER TABLE telemetry DROP CONSTRAINT telemetry_pkey");
    let come = "SET ROLE app; CREATE TABLE telemetry_p2 (LIKE telemetry INCLUDING ALL);
        ALTER TABLE telemetry ATTACH PARTITION telemetry_p2 FOR VALUES FROM ('2026-01-02') TO ('2026-01-03')";
    pair.old_server.psql("app", come);
    assert_eq!(make_partitions(&pair.old, &pair.new).await.unwrap().made.len(), 1);
    // What the index stage does, which knows of the first partition alone.
    let built = "SET ROLE app; ALTER TABLE ONLY telemetry ADD CONSTRAINT telemetry_pkey PRIMARY KEY (ts, id);
        CREATE INDEX telemetry_agent ON ONLY telemetry (agent, ts DESC);
        ALTER TABLE ONLY telemetry_p1 ADD CONSTRAINT telemetry_p1_pkey PRIMARY KEY (ts, id);
        CREATE INDEX telemetry_p1_agent_ts_idx ON telemetry_p1 (agent, ts DESC);
        ALTER INDEX telemetry_pkey ATTACH PARTITION telemetry_p1_pkey;
        ALTER INDEX telemetry_agent ATTACH PARTITION telemetry_p1_agent_ts_idx";
    pair.new_server.psql("app", built);
    assert_eq!(differences(&pair).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_partition_that_was_detached_is_left_to_a_person() {
    let pair = pair().await;
    pair.old_server.psql("app", "ALTER TABLE telemetry DETACH PARTITION telemetry_p1");
    let drift = look(&pair).await;
    assert_eq!(drift.partitions.gone, []);
    assert!(drift.differences.iter().any(|difference| difference.object.name == "public.telemetry_p1"));
    let again = make_partitions(&pair.old, &pair.new).await.unwrap();
    assert_eq!((again.made, again.gone), (vec![], vec![]));
}

#[tokio::test]
async fn every_change_of_the_schema_is_seen_and_named() {
    let pair = pair().await;
    let changes = [
        (
            "CREATE TABLE added (id int)",
            "DROP TABLE added",
            "TABLE public.added is in the old database and not in the new one",
        ),
        ("ALTER TABLE plain ADD extra int", "ALTER TABLE plain DROP extra", "COLUMN public.plain.extra is in the old"),
        (
            "ALTER TABLE plain ALTER body SET NOT NULL",
            "ALTER TABLE plain ALTER body DROP NOT NULL",
            "COLUMN public.plain.body is `",
        ),
        (
            "ALTER TABLE plain ALTER body SET DEFAULT 'y'",
            "ALTER TABLE plain ALTER body DROP DEFAULT",
            "COLUMN public.plain.body is `",
        ),
        ("CREATE INDEX more ON plain (body)", "DROP INDEX more", "INDEX public.more is in the old"),
        ("ALTER SEQUENCE counter INCREMENT 2", "ALTER SEQUENCE counter INCREMENT 1", "SEQUENCE public.counter is `"),
        (
            "CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 2'",
            "CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "FUNCTION public.one() is `",
        ),
        ("CREATE VIEW v AS SELECT 1 AS n", "DROP VIEW v", "VIEW public.v is in the old"),
        ("CREATE TYPE mood AS ENUM ('a')", "DROP TYPE mood", "TYPE public.mood is in the old"),
        (
            "ALTER TABLE plain DROP CONSTRAINT plain_body_check",
            "ALTER TABLE plain ADD CHECK (body <> 'x')",
            "CONSTRAINT public.plain.plain_body_check is in the new",
        ),
        (
            "GRANT SELECT ON plain TO PUBLIC",
            "REVOKE SELECT ON plain FROM PUBLIC",
            "GRANT TABLE public.plain to PUBLIC: SELECT is in the old",
        ),
    ];
    for (change, undo, expected) in changes {
        let before = Fingerprints::read(&pair.old, &pair.new).await.unwrap();
        pair.old_server.psql("app", change);
        assert_ne!(Fingerprints::read(&pair.old, &pair.new).await.unwrap(), before, "{change}");
        let found = differences(&pair).await;
        assert!(found.iter().any(|line| line.starts_with(expected)), "{change}: {found:?}");
        pair.old_server.psql("app", undo);
    }
    let before = Fingerprints::read(&pair.old, &pair.new).await.unwrap();
    let normal = "INSERT INTO plain SELECT i FROM generate_series(1, 1000) AS i; SELECT nextval('counter');
        CREATE TEMP TABLE t AS SELECT 1; DELETE FROM plain WHERE id > 100";
    pair.old_server.psql("app", normal);
    pair.old_server.psql("app", "VACUUM ANALYZE plain");
    assert_eq!(Fingerprints::read(&pair.old, &pair.new).await.unwrap(), before, "normal work is no change");
}

#[tokio::test]
async fn a_slot_that_keeps_too_much_is_told_and_so_is_a_lost_one() {
    let server = Server::v15_with(&["max_slot_wal_keep_size=32MB", "max_wal_size=64MB", "min_wal_size=32MB"]);
    server.psql("postgres", "CREATE DATABASE app");
    let client = open(&server).await;
    let channel = Channel { name: "infra_forward", publisher: &client, subscriber: &client };
    channel.make_slot().await.unwrap();
    let bound = Bound::new(Some(1 << 40), Bound::server_limit(&client).await.unwrap());
    assert_eq!(bound.bytes, 32 << 20);
    let kept = async || RetainedWal::read(&client, &["infra_forward", "no_such"]).await.unwrap().remove(0);
    kept().await.check(&bound).unwrap();
    server.psql("app", "CREATE TABLE filler AS SELECT repeat(md5(i::text), 30) FROM generate_series(1, 40000) AS i");
    let error = kept().await.check(&bound).unwrap_err();
    assert!(matches!(error, ReplicateError::TooMuchKept { .. }), "{error}");
    assert!(error.to_string().contains("max_slot_wal_keep_size"), "{error}");
    for _ in 0..4 {
        server.psql("app", "INSERT INTO filler SELECT repeat(md5(i::text), 30) FROM generate_series(1, 40000) AS i");
        server.psql("app", "CHECKPOINT");
    }
    let error = kept().await.check(&bound).unwrap_err();
    assert!(matches!(error, ReplicateError::SlotLost { .. }), "{error}");
}
