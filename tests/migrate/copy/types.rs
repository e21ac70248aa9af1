//! What travels: every kind of table and type, large objects, huge values.

use infra::migrate::copy::{CopyError, CopyEvent, SnapshotSource};

use super::setup::Ends;
use crate::child::peak;
use crate::servers::SUPERUSER;

const KINDS: &str = "
    CREATE SCHEMA \"Odd \"\"schema\"\"\";
    CREATE TYPE mood AS ENUM ('sad', 'it''s ok');
    CREATE TYPE pair AS (a int, m mood);
    CREATE DOMAIN positive AS int CHECK (VALUE > 0);
    CREATE TYPE moods AS RANGE (subtype = mood);
    CREATE TABLE types (b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, n numeric, money money, t text, c char(7),
      v varchar(9), name name, by bytea, ts timestamp, tz timestamptz, d date, tm time, ttz timetz, iv interval, u uuid, j json,
      jb jsonb, x xml, bit bit(3), vb varbit, ip inet, cd cidr, mac macaddr, p point, l line, pl polygon, tsv tsvector, tsq tsquery,
      ia int[], ta text[][], r int4range, mr int4multirange, m mood, ma mood[], pr pair, dom positive, rm moods, cls regclass,
      ty regtype, o oid, jp jsonpath);
    INSERT INTO types VALUES (true, -1, 2, 9223372036854775807, 'NaN', '-0', 'NaN', 12.34, E'a\\tb\\\\n\\n ü', 'c', 'v', 'n', '\\x00ff',
      'infinity', '-infinity', '4713-01-01 BC', '24:00', '01:02+03', '1 mon -2 days 03:04:05.6', gen_random_uuid(), '{ \"a\":  1}',
      '{\"b\":[1,null]}', '<a>b</a>', '101', '1', '::1', '10.0.0.0/8', '08:00:2b:01:02:03', '(1,2)', '{1,2,3}', '((0,0),(1,1),(2,0))',
      'a:1 b', 'a & b', '{1,NULL}', '{{a,b},{NULL,\"c,d\"}}', '[1,5)', '{[1,2),[5,7)}', 'it''s ok', '{sad,NULL}', '(1,sad)', 5,
      '[sad,\"it''s ok\"]', 'pg_class', 'int', 42, '$.a[*]');
    INSERT INTO types (t) VALUES (NULL), (NULL);
    CREATE TABLE binary_only (i int, j jsonb, ts timestamptz[], r numrange, m mood, n numeric);
    INSERT INTO binary_only SELECT i, jsonb_build_object('k', i), ARRAY[now()], numrange(i, NULL), 'sad', 'infinity' FROM generate_series(1, 500) i;
    CREATE TABLE \"Odd \"\"schema\"\"\".\"Twin\" (\"a b\" int, dropped text, \"C\" text); ALTER TABLE \"Odd \"\"schema\"\"\".\"Twin\" DROP dropped;
    CREATE TABLE \"Odd \"\"schema\"\"\".twin (LIKE \"Odd \"\"schema\"\"\".\"Twin\");
    INSERT INTO \"Odd \"\"schema\"\"\".\"Twin\" SELECT i % 3, 'dup' FROM generate_series(1, 100) i;
    CREATE TABLE nothing (); INSERT INTO nothing SELECT FROM generate_series(1, 7);
    CREATE TABLE generated (id int GENERATED ALWAYS AS IDENTITY, a int, b int GENERATED ALWAYS AS (a * 2) STORED);
    INSERT INTO generated (a) SELECT generate_series(1, 50);
    CREATE TABLE all_generated (b int GENERATED ALWAYS AS (7) STORED); INSERT INTO all_generated SELECT FROM generate_series(1, 3);
    CREATE TABLE parent (a int); CREATE TABLE child (b int) INHERITS (parent);
    INSERT INTO parent VALUES (1); INSERT INTO child VALUES (2, 3);
    CREATE TABLE parted (a int, t text) PARTITION BY RANGE (a); CREATE TABLE p1 PARTITION OF parted FOR VALUES FROM (0) TO (100000) PARTITION BY HASH (a);
    CREATE TABLE p11 PARTITION OF p1 FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE p12 PARTITION OF p1 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    INSERT INTO parted SELECT i, repeat('x', 500) FROM generate_series(1, 30000) i;
    CREATE UNLOGGED TABLE unlogged AS SELECT 1 AS a;
    CREATE TABLE secured (a int); INSERT INTO secured VALUES (1), (2); ALTER TABLE secured ENABLE ROW LEVEL SECURITY; ALTER TABLE secured FORCE ROW LEVEL SECURITY;
    CREATE TABLE toasted (id int, big text); ALTER TABLE toasted ALTER big SET STORAGE EXTERNAL;
    INSERT INTO toasted SELECT i, repeat(md5(i::text), 20000) FROM generate_series(1, 30) i;
    SELECT lo_from_bytea(i, decode(repeat(md5(i::text), i % 300), 'hex')) FROM generate_series(20000, 21500) i; SELECT lo_create(30000);
";

#[tokio::test]
async fn everything_arrives_as_it_was() {
    let ends = Ends::new(KINDS);
    let holder = ends.hold(SnapshotSource::Transaction).await;
    // What is written later is not in the snapshot, and does not matter: it is taken back for the comparison.
    ends.old.psql(
        SUPERUSER,
        "INSERT INTO binary_only (i) SELECT -1 FROM binary_only; INSERT INTO parted SELECT 50000 + a FROM parted",
    );
    let (copied, events) = ends.copy().await;
    let copied = copied.unwrap();
    ends.old.psql(SUPERUSER, "DELETE FROM binary_only WHERE i < 0; DELETE FROM parted WHERE a > 50000");
    ends.assert_equal();
    assert!(copied.rows > 30_000 + 1500, "{copied:?}");
    assert!(matches!(events.last(), Some(CopyEvent::RowsDone { .. })), "{events:?}");
    // The parts of a table that is split, the whole ones, the small ones.
    let ranges =
        events.iter().filter(|e| matches!(e, CopyEvent::PartDone { what, .. } if what.contains("block"))).count();
    assert!(ranges > 2, "{events:#?}");
    // A second run finds everything done.
    let (again, _) = ends.copy().await;
    assert_eq!((again.unwrap().parts, holder.is_finished()), (0, false));
    ends.assert_equal();
}

#[tokio::test]
async fn rows_that_are_not_ours_are_not_touched() {
    let ends = Ends::new("CREATE TABLE t AS SELECT 1 AS a");
    ends.new.psql(SUPERUSER, "INSERT INTO t VALUES (42)");
    let _holder = ends.hold(SnapshotSource::Transaction).await;
    let error = ends.copy().await.0.unwrap_err();
    assert!(matches!(&error, CopyError::TargetNotEmpty { table } if table == "public.t"), "{error}");
    assert_eq!(ends.new.psql(SUPERUSER, "TABLE t"), "42");
}

#[tokio::test]
async fn a_table_that_fails_fails_the_copy_by_its_name() {
    let ends = Ends::new(
        "CREATE TABLE good AS SELECT generate_series(1, 10) AS a; CREATE TABLE bad AS SELECT generate_series(1, 90000) AS a",
    );
    ends.new.psql(SUPERUSER, "ALTER TABLE bad ADD CHECK (a < 50000)");
    let _holder = ends.hold(SnapshotSource::Transaction).await;
    let error = ends.copy().await.0.unwrap_err();
    assert!(matches!(&error, CopyError::Part { what, .. } if what == "public.bad"), "{error}");
    ends.new.psql(SUPERUSER, "ALTER TABLE bad DROP CONSTRAINT bad_a_check");
    ends.copy().await.0.unwrap();
    ends.assert_equal();
}

/// Value and copier are in different processes: what is measured is the copier alone.
#[tokio::test]
async fn a_value_of_200_mb_passes_in_pieces() {
    let ends = Ends::new(
        "CREATE TABLE huge (id int, v bytea, t text); ALTER TABLE huge ALTER v SET STORAGE EXTERNAL;
         INSERT INTO huge SELECT 1, decode(repeat('ab', 200000000), 'hex'), 'x'",
    );
    let _holder = ends.hold(SnapshotSource::Transaction).await;
    let (status, peak) = peak(ends.child()).await;
    assert!(status.success());
    assert!((1..=128 * 1024).contains(&peak), "{peak} KiB");
    let sql = "SELECT length(v), md5(v) FROM huge";
    assert_eq!(ends.new.psql(SUPERUSER, sql), ends.old.psql(SUPERUSER, sql));
}
