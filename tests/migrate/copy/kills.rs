//! What dies in the middle costs the parts in flight, and nothing arrives twice.

use std::time::{Duration, Instant};

use infra::migrate::catalog;
use infra::migrate::copy::{CopyError, CopyEvent, Rate, Setup, SnapshotSource, write_limit};
use infra::postgres::connect;

use super::setup::Ends;
use crate::servers::{SUPERUSER, Server};

/// Split, whole and small tables; duplicates, so that a part that came twice would not be seen by a key.
const TABLES: &str = "
    CREATE TABLE split AS SELECT i % 1000 AS a, repeat('x', 400) AS t FROM generate_series(1, 60000) i;
    CREATE TABLE whole AS SELECT i % 1000 AS a, repeat('y', 400) AS t FROM generate_series(1, 8000) i;
    CREATE TABLE small AS SELECT generate_series(1, 100) AS a;
    CREATE TABLE other AS SELECT 1.5::numeric AS a";

/// About 30 MB: some seconds.
const SLOW: &str = "8MB/s";

fn slow(ends: &Ends) {
    write_limit(&ends.folder(), Some(SLOW.parse::<Rate>().unwrap())).unwrap();
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let patience = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < patience, "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn end_sessions(server: &Server) {
    server.psql(
        SUPERUSER,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'infra copy'",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_copier_continues() {
    let ends = Ends::new(TABLES);
    let _holder = ends.hold(SnapshotSource::Transaction).await;
    slow(&ends);
    for parts in [1, 4] {
        let mut child = ends.child();
        until("some parts are done", || ends.parts_done() >= parts).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let done = ends.parts_done();
    write_limit(&ends.folder(), None).unwrap();
    let (copied, events) = ends.copy().await;
    let Some(CopyEvent::Started { parts, done_parts, .. }) = events.first() else { panic!("{events:?}") };
    assert!(*done_parts as u64 >= done && copied.unwrap().parts < *parts);
    assert!(!events.contains(&CopyEvent::StartedOver));
    ends.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_connections_are_made_again() {
    let ends = Ends::new(TABLES);
    let _holder = ends.hold(SnapshotSource::Transaction).await;
    slow(&ends);
    let killer = async {
        until("it runs", || ends.parts_done() >= 1).await;
        end_sessions(&ends.old);
        tokio::time::sleep(Duration::from_millis(1200)).await;
        end_sessions(&ends.new);
        write_limit(&ends.folder(), None).unwrap();
    };
    let ((copied, events), ()) = tokio::join!(ends.copy(), killer);
    copied.unwrap();
    assert!(events.iter().filter(|event| matches!(event, CopyEvent::Retrying { .. })).count() >= 2, "{events:?}");
    ends.assert_equal();
}

/// Before the first part as well.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_others_have_are_waited_for() {
    let few = ["max_connections=10", "autovacuum=off"];
    for old_has_few in [true, false] {
        let old = if old_has_few { Server::v15_with(&few) } else { Server::v15() };
        let new = if old_has_few { Server::v17() } else { Server::v17_with(&few) };
        let ends = Ends::between(old, new, TABLES);
        let _holder = ends.hold(SnapshotSource::Transaction).await;
        let setup = Setup { jobs: Some(1), ..ends.setup() };
        let catalog = catalog::read(&connect(&setup.source, "infra test").await.unwrap()).await.unwrap();
        let full = if old_has_few { setup.source.clone() } else { setup.target.clone() };
        let others = async {
            let mut taken = vec![];
            while let Ok(client) = connect(&full, "others").await {
                taken.push(client);
            }
            taken
        };
        let taken = others.await;
        let let_go = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            drop(taken);
        };
        let ((copied, events), ()) = tokio::join!(ends.copy_of(setup, &catalog), let_go);
        copied.unwrap();
        let waited = events.iter().position(|event| matches!(event, CopyEvent::Retrying { .. }));
        let started = events.iter().position(|event| matches!(event, CopyEvent::Started { .. }));
        assert!(waited.is_some() && waited < started, "{events:?}");
        ends.assert_equal();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_restarts_is_waited_for() {
    let ends = Ends::new(TABLES);
    let _holder = ends.hold(SnapshotSource::Transaction).await;
    slow(&ends);
    let killer = async {
        until("it runs", || ends.parts_done() >= 1).await;
        ends.new.stop();
        tokio::time::sleep(Duration::from_millis(500)).await;
        write_limit(&ends.folder(), None).unwrap();
        ends.new.start();
    };
    let ((copied, events), ()) = tokio::join!(ends.copy(), killer);
    copied.unwrap();
    assert!(events.iter().any(|event| matches!(event, CopyEvent::Retrying { .. })));
    ends.assert_equal();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_snapshot_it_says_so_and_starts_over() {
    let ends = Ends::new(TABLES);
    for how in [SnapshotSource::Transaction, SnapshotSource::Slot("infra_test".into())] {
        let holder = ends.hold(how.clone()).await;
        slow(&ends);
        let mut child = ends.child();
        until("some parts are done", || ends.parts_done() >= 2).await;
        child.kill().unwrap();
        child.wait().unwrap();
        holder.abort();
        drop(holder.await);
        let error = ends.copy().await.0.unwrap_err();
        assert!(matches!(error, CopyError::SnapshotGone { .. }), "{error}");
        // The new snapshot shows other rows than the old one.
        ends.old.psql(SUPERUSER, "UPDATE split SET a = a + 1 WHERE a < 10; DELETE FROM small WHERE a > 90");
        let _holder = ends.hold(how).await;
        write_limit(&ends.folder(), None).unwrap();
        let (copied, events) = ends.copy().await;
        copied.unwrap();
        assert!(events.contains(&CopyEvent::StartedOver));
        ends.assert_equal();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_tells_when_its_server_ends() {
    let ends = Ends::new("CREATE TABLE t AS SELECT 1 AS a");
    let holder = ends.hold(SnapshotSource::Slot("infra_test".into())).await;
    ends.old.stop();
    let ended = tokio::time::timeout(Duration::from_secs(10), holder).await.unwrap().unwrap();
    assert!(matches!(ended, CopyError::SnapshotGone { .. }), "{ended}");
}
