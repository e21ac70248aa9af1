//! Indexes, constraints and statistics, built while other tables are still copied.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use infra::migrate::catalog::{self, Catalog, QualifiedName};
use infra::migrate::copy::{Hold, copy};
use infra::migrate::index::{Builds, build};
use infra::migrate::schema::{self, Entry, Phase};
use infra::postgres::connect;

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
    CREATE TABLE empty (id int PRIMARY KEY);";

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

#[tokio::test(flavor = "multi_thread")]
async fn indexes_are_built_while_others_copy() {
    let ends = Ends::new(TABLES);
    ends.new.psql(SUPERUSER, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    let old = connect(&ends.setup().source, "infra test").await.unwrap();
    let new = connect(&ends.setup().target, "infra test").await.unwrap();
    let source = catalog::read(&old).await.unwrap();
    let pg_dump = ends.new.tool("pg_dump", &["-d", &ends.old.url(SUPERUSER).replace("?sslmode=disable", "")]);
    let items = schema::parse(&schema::dump(&pg_dump, None).await.unwrap()).unwrap();
    let facts = schema::examine(&new, &source).await.unwrap();
    let entries = schema::build(items, &source, vec![], &facts).entries;
    let before = entries.iter().filter(|entry| entry.phase <= Phase::BeforeData);
    schema::apply(&new, before, |_| {}).await.unwrap();
    let _holder = ends.hold(Hold::Transaction).await;
    // The second time everything is done.
    for expected in [true, false] {
        let (sender, complete) = tokio::sync::mpsc::unbounded_channel();
        let announced: HashSet<QualifiedName> = source.with_rows().map(|table| table.name.clone()).collect();
        let target = ends.setup().target;
        let builds = Builds { target, jobs: 3, memory: 64 << 20, entries: entries.clone(), announced };
        let run = Mutex::new(0);
        let told = |_: &Entry| *run.lock().unwrap() += 1;
        let announce = Arc::new(move |table: &QualifiedName| sender.send(table.clone()).unwrap());
        let copied = async { copy(ends.setup(), &source, Arc::new(|_| {}), announce).await.unwrap() };
        let (_, built) = tokio::join!(copied, build(builds, complete, told));
        built.unwrap();
        assert_eq!(*run.lock().unwrap() > 0, expected);
    }
    assert_eq!(indexes(&catalog::read(&new).await.unwrap()), indexes(&source));
    let analyzed =
        "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND reltuples < 0";
    assert_eq!(ends.new.psql(SUPERUSER, analyzed), "0");
    ends.assert_equal();
}
