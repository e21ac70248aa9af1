//! Indexes, constraints and statistics, built while other tables are still copied.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use infra::migrate::catalog::{self, Catalog, QualifiedName};
use infra::migrate::copy::{SnapshotSource, copy, tables};
use infra::migrate::index::{Builds, Memory, Progress, build, progress, start_over};
use infra::migrate::schema::{self, Entry, Phase};
use infra::postgres::{Client, connect};

use crate::copy::setup::Ends;
use crate::servers::SUPERUSER;

const TABLES: &str = "
    CREATE TABLE a (id int PRIMARY KEY, n int NOT NULL, t text UNIQUE DEFERRABLE, r int4range, EXCLUDE USING gist (r WITH &&));
    INSERT INTO a SELECT i, i % 7, i::text, int4range(i, i + 1) FROM generate_series(1, 3000) i;
    CREATE INDEX odd ON a (lower(t)) WHERE n = 3; CREATE INDEX b_tree ON a (n, id DESC) INCLUDE (t); CLUSTER a USING a_pkey;
    CREATE TABLE b (id bigint PRIMARY KEY, a int REFERENCES a DEFERRABLE, pad text); CREATE INDEX ON b (a);
    INSERT INTO b SELECT i, 1 + i % 3000, repeat('x', 300) FROM generate_series(1, 30000) i;
    CREATE TABLE p (k int, v text, PRIMARY KEY (k)) PARTITION BY RANGE (k); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100);
    CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (100) TO (200); CREATE INDEX ON p (v); INSERT INTO p SELECT i, i::text FROM generate_series(1, 150) i;
    CREATE TABLE empty (id int PRIMARY KEY); CREATE TABLE checked (n int CHECK (n > 0));
    CREATE STATISTICS together (dependencies) ON n, id FROM a;";

/// Names, definitions and whether they hold.
fn indexes(catalog: &Catalog) -> Vec<String> {
    let mut all: Vec<String> =
        catalog.indexes.iter().map(|i| format!("{} {} {}", i.definition, i.valid, i.primary)).collect();
    let constraints =
        catalog.constraints.iter().map(|c| format!("{} {} {} {}", c.name, c.definition, c.validated, c.deferrable));
    all.extend(constraints);
    all.sort();
    all
}

/// The target with the schema's first half.
struct Move {
    ends: Ends,
    source: Catalog,
    entries: Vec<Entry>,
}

impl Move {
    async fn new() -> Self {
        let ends = Ends::new(TABLES);
        ends.new.psql(SUPERUSER, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        let old = connect(&ends.setup().source, "infra test").await.unwrap();
        let new = connect(&ends.setup().target, "infra test").await.unwrap();
        let source = catalog::read(&old).await.unwrap();
        let pg_dump = ends.new.tool("pg_dump", &["-d", &ends.old.url(SUPERUSER).replace("?sslmode=disable", "")]);
        let items = schema::parse(&schema::dump(&pg_dump, schema::Names::Plain).await.unwrap()).unwrap();
        let facts = schema::examine(&new, &source).await.unwrap();
        let entries = schema::build(items, &source, vec![], &facts).entries;
        let before = entries.iter().filter(|entry| entry.phase <= Phase::BeforeData);
        schema::apply(&new, before, |_| {}).await.unwrap();
        Self { ends, source, entries }
    }

    fn builds(&self) -> Builds {
        Builds::of(
            &self.source,
            self.entries.clone(),
            self.ends.setup().target,
            3,
            Memory { bytes: 64 << 20, processes: 3 },
        )
    }

    /// Returns how many entries were run.
    async fn copy_and_build(&self) -> usize {
        let (sender, complete) = tokio::sync::mpsc::unbounded_channel();
        let run = Mutex::new(0);
        let told = |_: &Entry| *run.lock().unwrap() += 1;
        let announce = Arc::new(move |tables: &[QualifiedName]| sender.send(tables.to_vec()).unwrap());
        let copied = async { copy(self.ends.setup(), &self.source, Arc::new(|_| {}), announce).await.unwrap() };
        let (_, built) = tokio::join!(copied, build(self.builds(), complete, told));
        built.unwrap();
        run.into_inner().unwrap()
    }

    async fn progress(&self) -> Progress {
        progress(&*self.target().await, &self.entries).await.unwrap()
    }

    async fn target(&self) -> Client {
        connect(&self.ends.setup().target, "infra test").await.unwrap()
    }

    async fn assert_built(&self) {
        let built = catalog::read(&*self.target().await).await.unwrap();
        assert_eq!(indexes(&built), indexes(&self.source));
        let never = "SELECT string_agg(relname, ',') FROM pg_class
            WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND reltuples < 0";
        assert_eq!(self.ends.new.psql(SUPERUSER, never), "");
        self.ends.assert_equal();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn indexes_are_built_while_others_copy() {
    let moving = Move::new().await;
    let _holder = moving.ends.hold(SnapshotSource::Transaction).await;
    assert_eq!(moving.progress().await.done, 0);
    assert!(moving.copy_and_build().await > 15);
    moving.assert_built().await;
    let progress = moving.progress().await;
    assert!(progress.total > 10 && progress.done == progress.total, "{progress:?}");
    // Everything is done: small tables were announced together, others alone.
    assert_eq!(moving.copy_and_build().await, 0);
    let announced = tables(&moving.ends.folder()).unwrap();
    assert!(announced.iter().any(|some| some.len() > 1) && announced.iter().any(|some| some.len() == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_snapshot_finds_bare_tables() {
    let moving = Move::new().await;
    let holder = moving.ends.hold(SnapshotSource::Transaction).await;
    let entries = moving.copy_and_build().await;
    holder.abort();
    drop(holder.await);
    moving.ends.old.psql(SUPERUSER, "INSERT INTO empty VALUES (1); DELETE FROM b WHERE id % 2 = 0");
    let _holder = moving.ends.hold(SnapshotSource::Transaction).await;
    start_over(&moving.target().await, &moving.builds()).await.unwrap();
    let left = indexes(&catalog::read(&*moving.target().await).await.unwrap());
    // CHECK constraints and the like came with the tables.
    assert!(!left.iter().any(|one| one.contains("INDEX") || one.contains("KEY")), "{left:#?}");
    assert_eq!(moving.copy_and_build().await, entries);
    moving.assert_built().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_that_cannot_be_built_is_named() {
    let moving = Move::new().await;
    let _holder = moving.ends.hold(SnapshotSource::Transaction).await;
    let (sender, complete) = tokio::sync::mpsc::unbounded_channel();
    copy(moving.ends.setup(), &moving.source, Arc::new(|_| {}), Arc::new(|_: &[_]| {})).await.unwrap();
    moving.ends.new.psql(SUPERUSER, "INSERT INTO p1 VALUES (1, 'twice')");
    for some in tables(&moving.ends.folder()).unwrap() {
        sender.send(some).unwrap();
    }
    drop(sender);
    let error = build(moving.builds(), complete, |_| {}).await.unwrap_err();
    assert!(error.to_string().contains("p1_pkey"), "{error}");
}

/// As one that has no connection to spare: whoever is first outlasts it too.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_when_builds_begin_is_waited_for() {
    let moving = Move::new().await;
    let (sender, complete) = tokio::sync::mpsc::unbounded_channel();
    sender.send(moving.source.with_rows().map(|table| table.name.clone()).collect()).unwrap();
    drop(sender);
    // What the schema wrote is not waited for at each commit.
    moving.ends.new.psql(SUPERUSER, "CHECKPOINT");
    moving.ends.new.stop();
    let comes_back = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        moving.ends.new.start();
    };
    let (built, ()) = tokio::join!(build(moving.builds(), complete, |_| {}), comes_back);
    built.unwrap();
    let progress = moving.progress().await;
    assert!(progress.total > 10 && progress.done == progress.total, "{progress:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_away_when_the_snapshot_is_taken_is_waited_for() {
    let moving = Move::new().await;
    moving.ends.old.stop();
    let comes_back = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        moving.ends.old.start();
    };
    let (_holder, ()) = tokio::join!(moving.ends.hold(SnapshotSource::Transaction), comes_back);
}
