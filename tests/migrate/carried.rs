//! What replication does not bring is carried, there and back: unlogged tables, tables whose rows no subscriber finds,
//! large objects. And replication goes on meanwhile, whatever is truncated.

use std::time::Duration;

use infra::migrate::carried::{self, CarriedError, carry_objects, carry_rows, foreign_objects, loosen, tighten};
use infra::migrate::catalog::{self, QualifiedName};
use infra::migrate::identity::give;
use infra::migrate::replicate::{Channel, ReplicateError};
use infra::migrate::verify::{Prints, compare_objects};
use infra::postgres::{Client, Endpoint, connect};

use crate::pair::Pair;
use crate::servers::Server;

const PATIENCE: Duration = Duration::from_secs(30);
const TABLES: &str = "
    CREATE TABLE parent (id int PRIMARY KEY);
    CREATE UNLOGGED TABLE child (id int PRIMARY KEY, parent int REFERENCES parent);
    COMMENT ON CONSTRAINT child_parent_fkey ON child IS 'kept';
    CREATE UNLOGGED TABLE grandchild (child int REFERENCES child, parent int REFERENCES parent ON DELETE CASCADE);
    CREATE TABLE raw (at timestamptz, body json, place point, doc xml, parent int REFERENCES parent);
    CREATE TABLE shelf (parent int REFERENCES parent, body json) PARTITION BY RANGE (parent);
    CREATE TABLE shelf_1 PARTITION OF shelf FOR VALUES FROM (0) TO (5) PARTITION BY LIST (parent);
    CREATE TABLE shelf_1_all PARTITION OF shelf_1 DEFAULT;
    CREATE TABLE shelf_2 PARTITION OF shelf DEFAULT;
    CREATE TABLE doc (id int PRIMARY KEY, file oid);
    CREATE TABLE told (n int);
    CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO public.told VALUES (1); RETURN NULL; END';
    CREATE TRIGGER tell AFTER INSERT ON child EXECUTE FUNCTION tell();
    INSERT INTO parent SELECT generate_series(1, 5); INSERT INTO child SELECT n, n FROM generate_series(1, 5) AS n;
    INSERT INTO grandchild VALUES (1, 1); TRUNCATE told;
    INSERT INTO shelf SELECT n, json_build_object('n', n) FROM generate_series(1, 5) AS n;
    INSERT INTO raw SELECT now(), json_build_object('n', n), point(n, n), ('<a>' || n || '</a>')::xml, 1 FROM generate_series(1, 20) AS n;
    INSERT INTO doc VALUES (1, lo_from_bytea(50001, '\\x00')), (2, lo_from_bytea(50002, '\\x0102')), (3, lo_from_bytea(50003, '\\x03'))";
const NAMES: [&str; 7] = ["parent", "child", "grandchild", "raw", "shelf", "doc", "told"];

async fn pair() -> Pair {
    let pair = Pair::of("CREATE ROLE writer LOGIN; CREATE ROLE master LOGIN", TABLES).await;
    for client in [&pair.old, &pair.new] {
        give(client, None).await.unwrap();
    }
    pair
}

async fn carry(from: &Client, to: &Client) {
    let catalog = catalog::read(from).await.unwrap();
    carry_rows(from, to, &catalog).await.unwrap();
    carry_objects(from, to).await.unwrap();
}

fn assert_same(pair: &Pair) {
    for table in NAMES {
        let sql = format!(
            "SET timezone = 'UTC'; SELECT count(*) || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') FROM {table} t"
        );
        assert_eq!(pair.new_server.psql("app", &sql), pair.old_server.psql("app", &sql), "{table}");
    }
    let objects = "SELECT string_agg(oid || ' ' || md5(lo_get(oid)) || ' ' || lomowner::regrole || ' '
        || coalesce(lomacl::text, ''), ',' ORDER BY oid) FROM pg_largeobject_metadata";
    assert_eq!(pair.new_server.psql("app", objects), pair.old_server.psql("app", objects));
}

async fn differences(pair: &Pair) -> Vec<String> {
    let found = compare_objects(&pair.old, &pair.new, &[], &Prints::default()).await.unwrap();
    found.iter().map(infra::migrate::verify::told_of_object).collect()
}

async fn open(server: &Server, user: &str) -> Client {
    connect(&Endpoint::parse(&server.url_as(user, "app")).unwrap(), "test").await.unwrap()
}

fn foreign_keys(server: &Server) -> String {
    let sql = "SELECT string_agg(conname || pg_get_constraintdef(oid) || coalesce(obj_description(oid, 'pg_constraint'), ''), ',' ORDER BY conname)
        FROM pg_constraint WHERE contype = 'f'";
    server.psql("app", sql)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_in_the_log_is_carried_there_and_back() {
    let pair = pair().await;
    let keys = foreign_keys(&pair.old_server);
    let names = ["parent", "doc", "told"].map(|name| QualifiedName::new("public", name));
    let published = [names.as_slice(), &[QualifiedName::new("infra_migration", "beat")]].concat();
    let read = catalog::read(&pair.old).await.unwrap();
    assert_eq!(
        carried::unpublished(&read).into_iter().collect::<Vec<_>>(),
        ["raw", "shelf"].map(|name| QualifiedName::new("public", name))
    );
    for (channel, from, from_server, to) in [
        ("infra_forward", &pair.old, &pair.old_server, &pair.new),
        ("infra_back", &pair.new, &pair.new_server, &pair.old),
    ] {
        let channel = Channel { name: channel, publisher: from, subscriber: to };
        channel.publish(Some(&published)).await.unwrap();
        channel.make_slot().await.unwrap();
        for _ in 0..2 {
            loosen(to, &carried::with_roots(&read)).await.unwrap();
        }
        assert_eq!(differences(&pair).await, Vec::<String>::new(), "keys that are away for a while are no change");
        channel.subscribe(&Endpoint::parse(&from_server.url("app")).unwrap()).await.unwrap();
        let work = "TRUNCATE parent, child, grandchild, raw, shelf; INSERT INTO parent SELECT generate_series(1, 9);
            INSERT INTO shelf SELECT n, json_build_object('m', n) FROM generate_series(2, 9) AS n;
            INSERT INTO child VALUES (9, 1), (10, 2); INSERT INTO grandchild VALUES (9, 3);
            INSERT INTO raw SELECT now(), '{\"n\": 3}', point(1, 1), '<b/>', 7 FROM generate_series(1, 3);
            UPDATE raw SET place = point(2, 2); UPDATE doc SET file = 0 WHERE id = 3";
        from_server.psql("app", work);
        channel.drain(PATIENCE).await.unwrap();
        // An object that is new, one that is longer, one that is shorter, one that is gone.
        let number: u32 = if channel.name == "infra_forward" { 60000 } else { 70000 };
        let objects = format!(
            "SELECT lo_from_bytea({number}, decode(repeat('ab', 3000000), 'hex')); ALTER LARGE OBJECT {number} OWNER TO writer;
             GRANT SELECT ON LARGE OBJECT {number} TO PUBLIC; SELECT lo_create({number} + 1);
             SELECT lo_put(50001, 5, '\\xffff'); SELECT lo_truncate64(lo_open(50002, 131072), 1);
             SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE oid IN (50003, 60001)"
        );
        from_server.psql("app", &format!("BEGIN; {objects}; COMMIT"));
        carry(from, to).await;
        carry(from, to).await;
        channel.remove().await.unwrap();
        for _ in 0..2 {
            tighten(to).await.unwrap();
        }
        assert_same(&pair);
        assert_eq!(foreign_keys(&pair.new_server), keys);
        assert_eq!(foreign_keys(&pair.old_server), keys);
        assert_eq!(differences(&pair).await, Vec::<String>::new());
    }
}

/// What this file is for: without it, both of these happen.
/// A new file for an unlogged table, taken back, and a crash before the log is on disk: such a server never starts again.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_carried_gets_no_new_file_and_a_crash_is_outlived() {
    let pair = pair().await;
    let file = "SELECT pg_relation_filepath('child')";
    let before = pair.new_server.psql("app", file);
    carry(&pair.old, &pair.new).await;
    assert_eq!(pair.new_server.psql("app", file), before);
    pair.old_server.psql("app", "INSERT INTO child VALUES (6, NULL)");
    pair.new_server.psql("app", "ALTER TABLE child ADD CHECK (id < 6); CHECKPOINT");
    let catalog = catalog::read(&pair.old).await.unwrap();
    carry_rows(&pair.old, &pair.new, &catalog).await.unwrap_err();
    assert_eq!(pair.new_server.psql("app", &format!("{file}; SELECT count(*) FROM child")), format!("{before}\n5"));
    pair.new_server.stop();
    pair.new_server.start();
    assert_eq!(pair.new_server.psql("app", &format!("{file}; SELECT count(*) FROM child")), format!("{before}\n0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn replication_alone_stops_at_both() {
    let pair = pair().await;
    let forward = Channel { name: "infra_forward", publisher: &pair.old, subscriber: &pair.new };
    forward.publish(None).await.unwrap();
    forward.make_slot().await.unwrap();
    forward.subscribe(&Endpoint::parse(&pair.old_server.url("app")).unwrap()).await.unwrap();
    pair.old_server.psql("app", "TRUNCATE parent, child, grandchild, raw, shelf");
    let error = forward.drain(Duration::from_secs(4)).await.unwrap_err();
    assert!(matches!(error, ReplicateError::ApplyFailed { .. } | ReplicateError::NotDrained { .. }), "{error}");
    forward.remove().await.unwrap();
}

#[tokio::test]
async fn old_rows_that_no_longer_fit_keep_their_key_for_new_ones() {
    let pair = pair().await;
    let read = catalog::read(&pair.old).await.unwrap();
    loosen(&pair.old, &carried::with_roots(&read)).await.unwrap();
    pair.old_server.psql("app", "TRUNCATE parent");
    tighten(&pair.old).await.unwrap();
    let keys = foreign_keys(&pair.old_server);
    assert_eq!(keys.matches("NOT VALID").count(), 3, "{keys}");
}

#[tokio::test]
async fn objects_that_may_not_be_read_are_named() {
    let pair = pair().await;
    let master = open(&pair.new_server, "master").await;
    let before = foreign_objects(&master).await.unwrap();
    assert_eq!(before, ["50001 of postgres", "50002 of postgres", "50003 of postgres"]);
    let error = carry_objects(&master, &pair.old).await.unwrap_err();
    assert!(
        matches!(error, CarriedError::Unreadable { .. }) && error.to_string().contains("50002 of postgres"),
        "{error}"
    );
    for oid in 50001..50004 {
        pair.new_server
            .psql("app", &format!("GRANT SELECT ON LARGE OBJECT {oid} TO master; SELECT lo_put({oid}, 1, '\\x77')"));
    }
    assert_eq!(foreign_objects(&master).await.unwrap(), Vec::<String>::new());
    assert_eq!(carry_objects(&master, &pair.old).await.unwrap().written, 3);
}

/// As at a rollback: by a role that goes when it has done its work, and everything with it that it owns.
#[tokio::test]
async fn what_comes_home_belongs_to_nobody_who_goes() {
    let pair = pair().await;
    pair.old_server.psql("app", "CREATE ROLE infra_apply SUPERUSER LOGIN");
    pair.new_server.psql("postgres", "CREATE ROLE late");
    let made = "SELECT lo_from_bytea(60000, '\\x01'), lo_from_bytea(60001, '\\x02'), lo_from_bytea(60002, '\\x03');
        ALTER LARGE OBJECT 60001 OWNER TO writer; ALTER LARGE OBJECT 60002 OWNER TO late";
    pair.new_server.psql("app", made);
    let applier = open(&pair.old_server, "postgres").await;
    applier.run("taking a role", "SET SESSION AUTHORIZATION infra_apply").await.unwrap();
    carry_objects(&pair.new, &applier).await.unwrap();
    pair.old_server.psql("app", "DROP OWNED BY infra_apply; DROP ROLE infra_apply");
    let owners = "SELECT string_agg(oid || ' ' || lomowner::regrole, ', ' ORDER BY oid) FROM pg_largeobject_metadata WHERE oid >= 60000";
    assert_eq!(pair.old_server.psql("app", owners), "60000 postgres, 60001 writer, 60002 postgres");
}
