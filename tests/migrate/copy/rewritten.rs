//! Tables that are rewritten while they are copied: their rows have moved, or are gone from the snapshot's sight.

use std::time::{Duration, Instant};

use infra::migrate::copy::{CopyError, CopyEvent, Rate, SnapshotSource, write_limit};

use super::setup::Ends;
use crate::servers::SUPERUSER;

/// Half of the rows are gone, so that the others move when the table is rewritten.
const TABLES: &str = "
    CREATE TABLE split AS SELECT i, repeat('x', 400) AS t FROM generate_series(1, 60000) i;
    DELETE FROM split WHERE i % 2 = 0;
    CREATE TABLE whole AS SELECT i, repeat('y', 400) AS t FROM generate_series(1, 8000) i;
    CREATE TABLE small AS SELECT generate_series(1, 100) AS a;
    CREATE TABLE emptied AS SELECT generate_series(1, 100) AS a;
    VACUUM";

fn limit(ends: &Ends, rate: Option<&str>) {
    write_limit(&ends.folder(), rate.map(|rate| rate.parse::<Rate>().unwrap())).unwrap();
}

async fn until_some_parts_are_done(ends: &Ends, parts: u64) {
    let patience = Instant::now() + Duration::from_secs(30);
    while ends.parts_done() < parts {
        assert!(Instant::now() < patience);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn again(events: &[CopyEvent]) -> Vec<&str> {
    let told = events.iter().filter_map(|event| match event {
        CopyEvent::TableAgain { table } => Some(table.as_str()),
        _ => None,
    });
    told.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_rewritten_between_two_parts_is_copied_again() {
    for rewrite in
        ["VACUUM FULL split", "CREATE INDEX by_i ON split (i DESC); CLUSTER split USING by_i; DROP INDEX by_i"]
    {
        let ends = Ends::new(TABLES);
        let _holder = ends.hold(SnapshotSource::Transaction).await;
        limit(&ends, Some("4MB/s"));
        let rewriter = async {
            until_some_parts_are_done(&ends, 2).await;
            ends.old.psql(SUPERUSER, rewrite);
            limit(&ends, None);
        };
        let ((copied, events), ()) = tokio::join!(ends.copy(), rewriter);
        copied.unwrap();
        assert_eq!(again(&events), ["public.split"], "{events:?}");
        let complete = |event: &&CopyEvent| matches!(event, CopyEvent::TableDone { table } if table == "public.split");
        assert_eq!(events.iter().filter(complete).count(), 1, "{events:?}");
        ends.assert_equal();
    }
}

/// The copier that saw the first file is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_copier_that_goes_on_notices_it_too() {
    let ends = Ends::new(TABLES);
    let _holder = ends.hold(SnapshotSource::Slot("infra_test".into())).await;
    limit(&ends, Some("4MB/s"));
    for rewritten in [1, 2] {
        let mut child = ends.child();
        until_some_parts_are_done(&ends, 2).await;
        child.kill().unwrap();
        child.wait().unwrap();
        ends.old
            .psql(SUPERUSER, &format!("DELETE FROM small WHERE a = {rewritten}; VACUUM FULL small; VACUUM FULL split"));
        ends.old.psql(SUPERUSER, &format!("INSERT INTO small VALUES ({rewritten})"));
    }
    limit(&ends, None);
    let (copied, events) = ends.copy().await;
    copied.unwrap();
    assert_eq!(again(&events), ["public.split"], "{events:?}");
    ends.assert_equal();
}

/// Rows that ALTER TABLE wrote anew are shown to no older snapshot; in a table that was emptied there is nothing to show.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_the_snapshot_does_not_show_any_more_ask_for_another() {
    for table in ["split", "whole", "small"] {
        let ends = Ends::new(TABLES);
        let holder = ends.hold(SnapshotSource::Transaction).await;
        ends.old.psql(SUPERUSER, "TRUNCATE emptied");
        ends.old.psql(SUPERUSER, &format!("ALTER TABLE {table} SET UNLOGGED; ALTER TABLE {table} SET LOGGED"));
        let column = if table == "small" { "a" } else { "i" };
        ends.old.psql(SUPERUSER, &format!("ALTER TABLE {table} ALTER {column} TYPE int USING {column} + 0"));
        let error = ends.copy().await.0.unwrap_err();
        let named = matches!(&error, CopyError::Altered { table: named } if *named == format!("public.{table}"));
        assert!(named, "{error}");
        holder.abort();
        drop(holder.await);
        let _holder = ends.hold(SnapshotSource::Transaction).await;
        let (copied, events) = ends.copy().await;
        copied.unwrap();
        assert_eq!(again(&events), [""; 0]);
        ends.assert_equal();
    }
}

/// Where the rows of such a partition are at the other server nobody knows: all of its root begins again.
#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_is_rewritten_begins_again_with_its_root() {
    let ends = Ends::new("SELECT 1 AS nothing");
    ends.old.psql(
        SUPERUSER,
        "CREATE TYPE shade AS ENUM ('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
         CREATE TABLE jar (i int, s shade, t text) PARTITION BY HASH (s);
         CREATE TABLE jar_0 PARTITION OF jar FOR VALUES WITH (MODULUS 2, REMAINDER 0);
         CREATE TABLE jar_1 PARTITION OF jar FOR VALUES WITH (MODULUS 2, REMAINDER 1);
         INSERT INTO jar SELECT i, (enum_range(NULL::shade))[1 + i % 8], repeat('x', 400) FROM generate_series(1, 60000) i;
         DELETE FROM jar WHERE (i / 8) % 2 = 0;
         CREATE TABLE small AS SELECT generate_series(1, 100) AS a",
    );
    ends.new.psql(SUPERUSER, "CREATE TYPE gone AS ENUM ('a', 'b', 'c'); DROP TYPE gone");
    ends.carry_tables();
    let _holder = ends.hold(SnapshotSource::Transaction).await;
    limit(&ends, Some("4MB/s"));
    let rewriter = async {
        until_some_parts_are_done(&ends, 3).await;
        ends.old.psql(SUPERUSER, "VACUUM FULL jar");
        limit(&ends, None);
    };
    let ((copied, events), ()) = tokio::join!(ends.copy(), rewriter);
    copied.unwrap();
    assert!(!again(&events).is_empty(), "{events:?}");
    for table in ["jar", "small"] {
        let rows = format!("SELECT count(*) || md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t");
        assert_eq!(ends.new.psql(SUPERUSER, &rows), ends.old.psql(SUPERUSER, &rows), "{table}");
    }
}
