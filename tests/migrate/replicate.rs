//! Logical replication between two real servers, there and back, and a database that nobody can write to.

use std::time::Duration;

use infra::migrate::replicate::{
    Bound, Channel, ReplicateError, RetainedWal, empty_database, hold_writers, make_heartbeat, open_writers, readmit,
    readmit_readers, refuse_writes,
};
use infra::postgres::{Client, Endpoint, connect};

use crate::pair::Pair;
use crate::servers::Server;

const PATIENCE: Duration = Duration::from_secs(20);
const TABLES: &str = "CREATE TABLE kept (id bigint PRIMARY KEY, text text);
    CREATE TABLE parted (day date, id bigint, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')";

async fn open(server: &Server, database: &str) -> Client {
    connect(&endpoint(server, database), "test").await.unwrap()
}

fn endpoint(server: &Server, database: &str) -> Endpoint {
    Endpoint::parse(&server.url(database)).unwrap()
}

async fn pair() -> Pair {
    Pair::of("", TABLES).await
}

async fn ids(client: &Client) -> Vec<i64> {
    let rows = client
        .rows("reading", "SELECT id FROM public.kept UNION ALL SELECT id FROM public.parted ORDER BY 1", &[])
        .await;
    rows.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn what_is_committed_arrives_in_both_directions() {
    let pair = pair().await;
    let forward = Channel { name: "infra_forward", publisher: &pair.old, subscriber: &pair.new };
    forward.publish(None).await.unwrap();
    forward.make_slot().await.unwrap();
    for _ in 0..2 {
        forward.publish(None).await.unwrap();
        forward.make_slot().await.unwrap();
        forward.subscribe(&endpoint(&pair.old_server, "app")).await.unwrap();
    }
    pair.old.run("writing", "INSERT INTO public.kept SELECT generate_series(1, 1000), 'x'").await.unwrap();
    pair.old.run("writing", "INSERT INTO public.parted VALUES ('2026-01-05', 5000)").await.unwrap();
    forward.drain(PATIENCE).await.unwrap();
    assert_eq!(ids(&pair.new).await.len(), 1001);

    // Here the roles change: nothing may come back that came from there.
    let back = Channel { name: "infra_back", publisher: &pair.new, subscriber: &pair.old };
    let tables = ["kept", "parted"].map(|name| infra::migrate::catalog::QualifiedName::new("public", name));
    let beat = infra::migrate::catalog::QualifiedName::new("infra_migration", "beat");
    forward.pause().await.unwrap();
    back.publish(Some(&[tables.as_slice(), &[beat]].concat())).await.unwrap();
    back.make_slot().await.unwrap();
    back.subscribe(&endpoint(&pair.new_server, "app")).await.unwrap();
    pair.new.run("writing", "INSERT INTO public.kept VALUES (2000, 'new')").await.unwrap();
    back.drain(PATIENCE).await.unwrap();
    assert_eq!(ids(&pair.old).await.last(), Some(&5000));
    assert_eq!(ids(&pair.old).await.len(), 1002);
    assert!(back.lag().await.unwrap().connected);

    for _ in 0..2 {
        forward.remove().await.unwrap();
        back.remove().await.unwrap();
    }
    for (client, what) in [(&pair.old, "old"), (&pair.new, "new")] {
        let left = "SELECT (SELECT count(*) FROM pg_subscription) + (SELECT count(*) FROM pg_publication)
                    + (SELECT count(*) FROM pg_replication_slots)";
        assert_eq!(client.row("counting", left, &[]).await.unwrap().get::<_, i64>(0), 0, "{what}");
    }
}

#[tokio::test]
async fn a_change_that_cannot_be_applied_is_said() {
    let pair = pair().await;
    let forward = Channel { name: "infra_forward", publisher: &pair.old, subscriber: &pair.new };
    forward.publish(None).await.unwrap();
    forward.make_slot().await.unwrap();
    forward.subscribe(&endpoint(&pair.old_server, "app")).await.unwrap();
    pair.new.run("writing", "INSERT INTO public.kept VALUES (1, 'in the way')").await.unwrap();
    pair.old.run("writing", "INSERT INTO public.kept VALUES (1, 'x')").await.unwrap();
    let error = forward.drain_or_say(Duration::from_secs(3)).await.unwrap_err();
    assert!(matches!(error, ReplicateError::ApplyFailed { .. }), "{error}");
    let words =
        "INSERT into public.kept with id = 1: its server answers: duplicate key value violates unique constraint";
    assert!(error.to_string().contains(words), "{error}");
    assert!(error.to_string().contains("Key (id)=(1) already exists"), "{error}");
    let kept = pair.new.row("reading", "SELECT text FROM public.kept", &[]).await.unwrap();
    assert_eq!(kept.get::<_, String>(0), "in the way", "nothing was applied by looking");

    // What came before it was applied is not told, and what is not there is.
    pair.new.run("making room", "DELETE FROM public.kept").await.unwrap();
    forward.drain(PATIENCE).await.unwrap();
    pair.new.run("drifting", "ALTER TABLE public.kept DROP COLUMN text").await.unwrap();
    pair.old.run("writing", "INSERT INTO public.kept VALUES (2, 'y')").await.unwrap();
    let error = forward.drain_or_say(Duration::from_secs(8)).await.unwrap_err().to_string();
    assert!(error.contains("INSERT into public.kept with id = 2") && error.contains("\"text\""), "{error}");
    forward.remove().await.unwrap();
}

#[tokio::test]
async fn a_closed_database_takes_no_writes_and_opens_again() {
    let server = Server::v17();
    server.psql("postgres", "CREATE DATABASE app; CREATE ROLE stubborn LOGIN SUPERUSER");
    server.psql("app", "CREATE TABLE t (i int)");
    server.psql("postgres", "ALTER ROLE stubborn SET default_transaction_read_only = off");
    let (keep, maintenance) = (open(&server, "app").await, open(&server, "postgres").await);
    let writer = server.connect_as("stubborn", "app").await;
    writer.batch_execute("INSERT INTO t VALUES (1)").await.unwrap();

    let quiet = refuse_writes(&maintenance, &keep).await.unwrap();
    assert_eq!(quiet.ended, 1);
    assert!(writer.batch_execute("INSERT INTO t VALUES (2)").await.is_err(), "its session was ended");
    assert!(connect(&endpoint(&server, "app"), "test").await.is_err(), "and no other is let in");
    keep.run("the session that was there", "SELECT 1").await.unwrap();

    maintenance.run("the role that applies changes", "CREATE ROLE infra_apply LOGIN SUPERUSER").await.unwrap();
    let overridden = readmit_readers(&maintenance, "app", "infra_apply").await.unwrap();
    assert_eq!(overridden, ["stubborn"]);
    for (role, may) in [("postgres", false), ("stubborn", false), ("infra_apply", true)] {
        let session = server.connect_as(role, "app").await;
        assert_eq!(session.batch_execute("INSERT INTO t VALUES (3)").await.is_ok(), may, "{role}");
    }
    readmit(&maintenance, "app", &overridden).await.unwrap();
    for role in ["postgres", "stubborn"] {
        server.connect_as(role, "app").await.batch_execute("INSERT INTO t VALUES (4)").await.unwrap();
    }
}

#[tokio::test]
async fn old_data_go_under_whoever_looks_at_them_and_an_empty_database_takes_their_place() {
    for server in [Server::v15(), Server::v17()] {
        server.psql("postgres", "CREATE ROLE app LOGIN; CREATE DATABASE \"old \"\"data\" OWNER app");
        server.psql("old \"data", "CREATE TABLE t AS SELECT 1 AS i");
        let reader = server.connect_as("app", "old%20%22data").await;
        let maintenance = open(&server, "postgres").await;
        for _ in 0..2 {
            empty_database(&maintenance, "old \"data").await.unwrap();
        }
        assert!(reader.batch_execute("SELECT 1").await.is_err(), "its session was ended");
        let new = server.connect_as("app", "old%20%22data").await;
        assert!(new.batch_execute("SELECT * FROM t").await.is_err(), "nothing is left");
        assert!(new.batch_execute("CREATE TABLE public.u (i int)").await.is_err(), "and nothing comes by mistake");
        let owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'old \"data'";
        assert_eq!(server.psql("postgres", owner), "app");
    }
}

#[tokio::test]
async fn sequences_are_carried_with_what_was_called() {
    let pair = pair().await;
    let make = "CREATE SEQUENCE public.fresh START 7; CREATE SEQUENCE public.used;
                CREATE SEQUENCE public.down INCREMENT -1 MAXVALUE -1; CREATE SEQUENCE public.\"Odd name\" CYCLE";
    for client in [&pair.old, &pair.new] {
        client.run("making sequences", make).await.unwrap();
    }
    let draw = "SELECT nextval('public.used'), nextval('public.down'), setval('public.\"Odd name\"', 42, false)";
    pair.old.run("drawing", draw).await.unwrap();
    infra::migrate::sequences::carry(&pair.old, &pair.new).await.unwrap();
    infra::migrate::sequences::compare(&pair.old, &pair.new).await.unwrap();
    for (wrong, right) in [
        ("SELECT setval('public.used', 2)", "SELECT setval('public.used', 1)"),
        ("SELECT setval('public.fresh', 7, true)", "SELECT setval('public.fresh', 7, false)"),
    ] {
        pair.new.run("drawing meanwhile", wrong).await.unwrap();
        let error = infra::migrate::sequences::compare(&pair.old, &pair.new).await.unwrap_err();
        assert!(error.to_string().contains("public."), "{error}");
        pair.new.run("taking it back", right).await.unwrap();
    }
    let next = "SELECT nextval('public.fresh'), nextval('public.used'), nextval('public.down'), nextval('public.\"Odd name\"')";
    let row = pair.new.row("drawing", next, &[]).await.unwrap();
    assert_eq!([0, 1, 2, 3].map(|column| row.get::<_, i64>(column)), [7, 2, -2, 42]);
}

#[tokio::test]
async fn a_writer_that_wants_what_is_locked_already_goes_first() {
    let server = Server::v15();
    server.psql("postgres", "CREATE DATABASE app");
    server.psql("app", TABLES);
    let (locks, writer) = (open(&server, "app").await, open(&server, "app").await);
    writer.run("writing", "BEGIN; INSERT INTO public.parted VALUES ('2026-01-05', 1)").await.unwrap();
    let tables = ["public.kept", "public.parted"].map(str::to_owned);
    let writing = async {
        let waits = "SELECT 1 FROM pg_locks WHERE relation = 'public.parted'::regclass AND NOT granted";
        while writer.rows("looking", waits, &[]).await.unwrap().is_empty() {}
        writer.run("writing", "INSERT INTO public.kept VALUES (1, 'x'); COMMIT").await
    };
    let (held, written) = tokio::join!(hold_writers(&locks, &tables), writing);
    written.unwrap();
    held.unwrap();
    assert_eq!(ids(&locks).await, [1, 1]);
}

/// Whoever they belong to and whichever database they are in, a slot waits for them.
#[tokio::test]
async fn transactions_that_a_slot_waits_for_are_named() {
    let pair = pair().await;
    assert_eq!(open_writers(&pair.old).await.unwrap(), [""; 0]);
    let url = pair.old_server.url("postgres");
    let elsewhere = connect(&Endpoint::parse(&url).unwrap(), "nightly job").await.unwrap();
    elsewhere.run("writing", "CREATE TABLE public.t (a int); BEGIN; INSERT INTO public.t VALUES (1)").await.unwrap();
    let pid: i32 = elsewhere.row("asking", "SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    pair.old_server.psql("app", "BEGIN; INSERT INTO kept VALUES (1); PREPARE TRANSACTION 'left it''s'");
    let reader = open(&pair.old_server, "app").await;
    reader.run("reading", "BEGIN; SELECT count(*) FROM public.kept").await.unwrap();
    let named = open_writers(&pair.old).await.unwrap();
    let [first, second] = &named[..] else { panic!("{named:?}") };
    let idle = format!("process {pid} of postgres (nightly job) in database postgres, idle in transaction, begun at 2");
    assert!(first.starts_with(&idle) && first.ends_with(&format!("pg_terminate_backend({pid}) ends it")), "{first}");
    assert!(second.starts_with("prepared transaction 'left it''s' of postgres in database app, of 2"), "{second}");
    let channel = Channel { name: "infra_forward", publisher: &pair.old, subscriber: &pair.new };
    let error = channel.make_slot().await.unwrap_err();
    assert!(matches!(&error, ReplicateError::NoSlot { .. }), "{error}");
    assert!(error.to_string().contains("nightly job") && error.to_string().contains("left it"), "{error}");
    // The session is free again, and so is the name.
    pair.old_server.psql("app", "ROLLBACK PREPARED 'left it''s'");
    elsewhere.run("ending", "ROLLBACK").await.unwrap();
    channel.make_slot().await.unwrap();
}

/// Of a transaction that is still open the publisher has nothing to send, and keeps what it decoded in files.
#[tokio::test]
async fn decoded_changes_count_as_kept() {
    let old_server = Server::v15_with(&["logical_decoding_work_mem=64kB"]);
    let new_server = Server::v17();
    for server in [&old_server, &new_server] {
        server.psql("postgres", "CREATE DATABASE app");
        server.psql("app", TABLES);
    }
    let (old, new) = (open(&old_server, "app").await, open(&new_server, "app").await);
    make_heartbeat(&old).await.unwrap();
    make_heartbeat(&new).await.unwrap();
    let channel = Channel { name: "infra_forward", publisher: &old, subscriber: &new };
    channel.publish(None).await.unwrap();
    channel.make_slot().await.unwrap();
    channel.subscribe(&endpoint(&old_server, "app")).await.unwrap();
    channel.drain(PATIENCE).await.unwrap();
    let writer = open(&old_server, "app").await;
    let write = "BEGIN; INSERT INTO public.kept SELECT i, repeat('x', 100) FROM generate_series(1, 100000) AS i";
    writer.run("writing", write).await.unwrap();
    let began = std::time::Instant::now();
    let spilled = loop {
        let kept = RetainedWal::read(&old, &["infra_forward", "not there"]).await.unwrap();
        assert_eq!(kept.len(), 1);
        if kept[0].spilled > 10_000_000 {
            break kept;
        }
        assert!(began.elapsed() < PATIENCE, "{kept:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    let bound = Bound { bytes: spilled[0].bytes + spilled[0].spilled - 1, ..Bound::new(None, None) };
    let error = RetainedWal::check_all(&spilled, &bound).unwrap_err();
    assert!(error.to_string().contains("decoded changes"), "{error}");
    writer.run("ending", "ROLLBACK").await.unwrap();
}
