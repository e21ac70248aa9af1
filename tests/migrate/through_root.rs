//! Partitions whose borders are the server's own: by the hash of an enum, whose numbers differ between two databases, and
//! by the order of text. Their rows go through the root, there and back, and are compared as the root's.

use std::time::Duration;

use infra::migrate::catalog::{self, QualifiedName};
use infra::migrate::copy::SnapshotSource;
use infra::migrate::replicate::{Channel, make_heartbeat};
use infra::migrate::verify::{End, Options, RowFault, verify};
use infra::postgres::{Client, Endpoint, connect};

use crate::copy::setup::Ends;
use crate::servers::{SUPERUSER, Server};

const PATIENCE: Duration = Duration::from_secs(30);
const TABLES: &str = "
    CREATE TYPE shade AS ENUM ('red', 'green', 'blue', 'black', 'white', 'cyan', 'pink', 'grey');
    CREATE TYPE pair AS (a int, s shade);
    CREATE DOMAIN tone AS shade;
    CREATE TABLE jar (id bigint GENERATED ALWAYS AS IDENTITY, shade shade NOT NULL, note text, PRIMARY KEY (id, shade)) PARTITION BY HASH (shade);
    CREATE TABLE jar_0 PARTITION OF jar FOR VALUES WITH (MODULUS 4, REMAINDER 0);
    CREATE TABLE jar_1 PARTITION OF jar FOR VALUES WITH (MODULUS 4, REMAINDER 1);
    CREATE TABLE jar_2 PARTITION OF jar FOR VALUES WITH (MODULUS 4, REMAINDER 2);
    CREATE TABLE jar_3 (note text, shade shade NOT NULL, id bigint NOT NULL);
    ALTER TABLE jar ATTACH PARTITION jar_3 FOR VALUES WITH (MODULUS 4, REMAINDER 3);
    CREATE TABLE sets (s shade[], n int) PARTITION BY HASH (s);
    CREATE TABLE sets_0 PARTITION OF sets FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE sets_1 PARTITION OF sets FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    CREATE TABLE pairs (p pair, n int) PARTITION BY HASH (p);
    CREATE TABLE pairs_0 PARTITION OF pairs FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE pairs_1 PARTITION OF pairs FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    CREATE TABLE tones (at date, t tone, n int) PARTITION BY RANGE (at);
    CREATE TABLE tones_26 PARTITION OF tones FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') PARTITION BY HASH (t);
    CREATE TABLE tones_26_0 PARTITION OF tones_26 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
    CREATE TABLE tones_26_1 PARTITION OF tones_26 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    CREATE TABLE words (w text, n int) PARTITION BY RANGE (w);
    CREATE TABLE words_a PARTITION OF words FOR VALUES FROM (MINVALUE) TO ('m');
    CREATE TABLE words_m PARTITION OF words FOR VALUES FROM ('m') TO (MAXVALUE);
    CREATE TABLE plain (n int PRIMARY KEY) PARTITION BY HASH (n);
    CREATE TABLE plain_0 PARTITION OF plain FOR VALUES WITH (MODULUS 1, REMAINDER 0)";
const ROWS: &str = "
    INSERT INTO jar (shade, note) SELECT (enum_range(NULL::shade))[1 + n % 8], repeat('n', 200) || n FROM generate_series(1, 8000) AS n;
    INSERT INTO sets SELECT ARRAY[(enum_range(NULL::shade))[1 + n % 8]], n FROM generate_series(1, 80) AS n;
    INSERT INTO pairs SELECT ROW(n % 5, (enum_range(NULL::shade))[1 + n % 8])::pair, n FROM generate_series(1, 80) AS n;
    INSERT INTO tones SELECT '2026-05-01', (enum_range(NULL::shade))[1 + n % 8], n FROM generate_series(1, 80) AS n;
    INSERT INTO words SELECT chr(97 + n % 26), n FROM generate_series(1, 80) AS n; INSERT INTO plain SELECT generate_series(1, 50)";
const ROOTS: [&str; 6] = ["jar", "sets", "pairs", "tones", "words", "plain"];

/// Two servers whose enums have other numbers, with everything but indexes.
fn ends() -> Ends {
    let ends = Ends::new("SELECT 1 AS nothing");
    ends.old.psql(SUPERUSER, TABLES);
    ends.old.psql(SUPERUSER, ROWS);
    for number in 0..30 {
        ends.new.psql(SUPERUSER, &format!("CREATE TYPE gone AS ENUM ('a', 'b{number}'); DROP TYPE gone"));
    }
    ends.carry_tables();
    ends.new.psql(SUPERUSER, "ALTER TABLE jar ADD PRIMARY KEY (id, shade); ALTER TABLE plain ADD PRIMARY KEY (n)");
    ends
}

async fn open(server: &Server) -> Client {
    connect(&endpoint(server), "test").await.unwrap()
}

fn endpoint(server: &Server) -> Endpoint {
    Endpoint::parse(&server.url(SUPERUSER)).unwrap()
}

fn rows(server: &Server, table: &str) -> String {
    server.psql(SUPERUSER, &format!("SELECT count(*) || md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t"))
}

async fn faults(ends: &Ends) -> Vec<(String, RowFault, Option<String>)> {
    let (old, new) = (End::new(endpoint(&ends.old)), End::new(endpoint(&ends.new)));
    let report = verify(&old, &new, &Options::default(), |_| {}).await.unwrap();
    for root in ROOTS {
        let found = report.tables.iter().find(|table| table.name == QualifiedName::new("public", root));
        assert_eq!(found.is_some(), root != "plain", "{root}");
    }
    let of = |table: &infra::migrate::verify::TableResult| {
        let name = table.name.name.clone();
        table.differences.iter().map(move |row| (name.clone(), row.fault, row.key.clone())).collect::<Vec<_>>()
    };
    report.tables.iter().flat_map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_find_their_partition_at_each_server_and_are_compared_by_root() {
    let ends = ends();
    let holder = ends.hold(SnapshotSource::Transaction).await;
    let (copied, _) = ends.copy().await;
    copied.unwrap();
    // Once more under the same snapshot: everything is there.
    assert_eq!(ends.copy().await.0.unwrap().parts, 0);
    for root in ROOTS {
        assert_eq!(rows(&ends.new, root), rows(&ends.old, root), "{root}");
    }
    assert_ne!(rows(&ends.new, "jar_0"), rows(&ends.old, "jar_0"), "else nothing is shown");
    assert_eq!(faults(&ends).await, []);
    ends.new.psql(SUPERUSER, "UPDATE jar SET note = 'wrong' WHERE id = 77");
    let found = faults(&ends).await;
    assert!(
        matches!(&found[..], [(name, RowFault::Changed, Some(key))] if name == "jar" && key.contains("77")),
        "{found:?}"
    );
    holder.abort();

    // A copy that starts over, under another snapshot.
    drop(holder.await);
    ends.old.psql(SUPERUSER, "DELETE FROM jar WHERE id % 2 = 0");
    let _holder = ends.hold(SnapshotSource::Transaction).await;
    ends.copy().await.0.unwrap();
    assert_eq!(faults(&ends).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn replication_goes_through_the_root_there_and_back() {
    let ends = ends();
    let _holder = ends.hold(SnapshotSource::Transaction).await;
    ends.copy().await.0.unwrap();
    let (old, new) = (open(&ends.old).await, open(&ends.new).await);
    for client in [&old, &new] {
        make_heartbeat(client).await.unwrap();
        infra::migrate::identity::give(client, None).await.unwrap();
    }
    let names = ROOTS.map(|name| QualifiedName::new("public", name));
    let all = [names.as_slice(), &[QualifiedName::new("infra_migration", "beat")]].concat();
    let forward = Channel { name: "infra_forward", publisher: &old, subscriber: &new };
    let back = Channel { name: "infra_back", publisher: &new, subscriber: &old };
    for (channel, from) in [(&forward, &ends.old), (&back, &ends.new)] {
        channel.publish(Some(&all)).await.unwrap();
        channel.make_slot().await.unwrap();
        channel.subscribe(&endpoint(from)).await.unwrap();
        let work = "UPDATE jar SET note = note || 'u' WHERE id % 3 = 0; UPDATE jar SET shade = 'pink' WHERE id % 7 = 0;
            DELETE FROM jar WHERE id % 11 = 0; INSERT INTO jar (shade, note) SELECT s, 'new' FROM unnest(enum_range(NULL::shade)) s;
            UPDATE sets SET s = ARRAY['pink', 'grey']::shade[] WHERE n % 4 = 0; DELETE FROM pairs WHERE n % 9 = 0;
            UPDATE tones SET t = 'grey', n = n + 1000 WHERE n % 5 = 0; UPDATE words SET w = 'zz' WHERE n % 6 = 0;
            INSERT INTO pairs VALUES (ROW(1, 'cyan'), 5000), (ROW(2, 'red'), 5001)";
        if from.port() == ends.new.port() {
            ends.new.psql(SUPERUSER, "SELECT setval('jar_id_seq', 1000000)");
        }
        from.psql(SUPERUSER, work);
        channel.drain(PATIENCE).await.unwrap();
        for root in ROOTS {
            assert_eq!(rows(&ends.new, root), rows(&ends.old, root), "{} {root}", channel.name);
        }
        channel.remove().await.unwrap();
    }
    let found = catalog::read(&old).await.unwrap();
    let through: Vec<_> = found.through_root().values().map(|root| root.name.name.clone()).collect();
    assert_eq!(through.len(), 4 + 2 + 2 + 2 + 2, "{through:?}");
}
