//! What a switch is made of, on real servers: what stands in the way back is said while everybody writes, nobody writes within the
//! fence, and the old database takes no writer while it follows.

use std::time::Duration;

use infra::migrate::carried::{self, carry_objects, carry_rows};
use infra::migrate::catalog::{self, QualifiedName};
use infra::migrate::replicate::{
    Channel, ReplicateError, lacking, lower_fence, make_beat, raise_fence, readmit, readmit_readers, refuse_writes,
    remove_fence, reopen_database,
};
use infra::migrate::sequences;
use infra::postgres::{Client, Endpoint, connect};

use crate::servers::Server;

const PATIENCE: Duration = Duration::from_secs(30);
const APPLICATION: &str = "infra migrate";
const TABLES: &str = "CREATE TABLE telemetry (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text);
    CREATE TABLE parted (day date, id serial, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
    CREATE UNLOGGED TABLE cache (id int PRIMARY KEY, text text);
    CREATE SEQUENCE alone;
    CREATE TABLE raw (day date, body json) PARTITION BY RANGE (day);
    CREATE TABLE raw_1 PARTITION OF raw FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
    INSERT INTO raw VALUES ('2026-01-03', '{}');
    INSERT INTO telemetry (text) SELECT 'before' FROM generate_series(1, 100)";

/// The clients have switched: the new server serves, the old one follows it.
struct Guarded {
    old_server: Server,
    new_server: Server,
    old: Client,
    new: Client,
}

impl Guarded {
    async fn new() -> Self {
        // Of one version: nothing here depends on it, and servers of the package start at once.
        let (old_server, new_server) = (Server::v15(), Server::v15());
        for server in [&old_server, &new_server] {
            // As on RDS: the clients' user owns the database and is no superuser.
            server.psql("postgres", "CREATE ROLE owner LOGIN CREATEDB REPLICATION; CREATE DATABASE app OWNER owner");
            server.psql_as("owner", "app", "SELECT 1");
            server.psql("app", "GRANT ALL ON SCHEMA public TO owner");
            server.psql_as("owner", "app", TABLES);
        }
        new_server.psql("postgres", "GRANT pg_signal_backend TO owner");
        let (old, new) = (open(&old_server, "postgres", "app").await, open(&new_server, "owner", "app").await);
        for client in [&old, &new] {
            make_beat(client).await.unwrap();
        }
        let guarded = Self { old_server, new_server, old, new };
        guarded.old_server.psql("postgres", "CREATE ROLE infra_apply LOGIN SUPERUSER");
        assert_eq!(raise_fence(&guarded.old, APPLICATION).await.unwrap(), 0);
        let maintenance = open(&guarded.old_server, "postgres", "postgres").await;
        readmit_readers(&maintenance, "app", "infra_apply").await.unwrap();
        let back = guarded.back(&guarded.new, &guarded.old);
        let published = ["telemetry", "parted"].map(|name| QualifiedName::new("public", name));
        let beat = QualifiedName::new("infra_migration", "beat");
        back.publish(Some(&[published.as_slice(), &[beat]].concat())).await.unwrap();
        back.make_slot().await.unwrap();
        let applier = guarded.applier().await;
        let way = Endpoint::parse(&guarded.new_server.url_as("owner", "app")).unwrap();
        guarded.back(&guarded.new, &applier).subscribe(&way).await.unwrap();
        guarded
    }

    fn back<'a>(&self, new: &'a Client, old: &'a Client) -> Channel<'a> {
        Channel { name: "infra_back", publisher: new, subscriber: old }
    }

    async fn applier(&self) -> Client {
        let applier = open(&self.old_server, "postgres", "app").await;
        applier.run("taking a role", "SET SESSION AUTHORIZATION infra_apply").await.unwrap();
        applier
    }

    async fn lacks(&self) -> Vec<String> {
        let carried = carried::with_roots(&catalog::read(&self.new).await.unwrap());
        let lacks = lacking(&self.new, &self.old, "infra_back", &carried).await.unwrap();
        lacks.iter().map(ToString::to_string).collect()
    }

    fn count(&self, server: &Server, sql: &str) -> i64 {
        server.psql("app", sql).parse().unwrap()
    }
}

async fn open(server: &Server, user: &str, database: &str) -> Client {
    connect(&Endpoint::parse(&server.url_as(user, database)).unwrap(), APPLICATION).await.unwrap()
}

/// shared/cases, "the way back": 500 rows of a table that a release added were lost without a word.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_place_at_the_old_database_is_named_before_anybody_is_stopped() {
    let guarded = Guarded::new().await;
    assert_eq!(guarded.lacks().await, Vec::<String>::new());
    let write = |sql: &str| guarded.new_server.psql_as("owner", "app", sql);
    write("CREATE TABLE audit (id int PRIMARY KEY); CREATE TABLE empty (id int)");
    assert_eq!(guarded.lacks().await, Vec::<String>::new(), "nothing is lost of an empty table");
    write("INSERT INTO audit SELECT generate_series(1, 500)");
    write("ALTER TABLE cache ADD COLUMN later int; INSERT INTO cache VALUES (1, 'x', 2)");
    write("CREATE TABLE both_have (id int PRIMARY KEY); INSERT INTO both_have VALUES (1)");
    guarded
        .old_server
        .psql("app", "SET default_transaction_read_only = off; CREATE TABLE both_have (id int PRIMARY KEY)");
    assert_eq!(
        guarded.lacks().await,
        [
            "TABLE public.audit, with all of its rows",
            "TABLE public.both_have, which is in both and whose rows do not come over",
            "COLUMN public.cache.later, and every row that was written there since",
        ]
    );
    // Everything else still comes over.
    write("INSERT INTO telemetry (text) VALUES ('after')");
    let applier = guarded.applier().await;
    guarded.back(&guarded.new, &applier).drain(PATIENCE).await.unwrap();
    assert_eq!(guarded.count(&guarded.old_server, "SELECT count(*) FROM telemetry WHERE text = 'after'"), 1);
}

/// shared/cases, "the way back", again: a column, and one more record.
#[tokio::test(flavor = "multi_thread")]
async fn a_column_of_the_new_side_stops_the_way_back_and_nobody_else() {
    let guarded = Guarded::new().await;
    let write = |sql: &str| guarded.new_server.psql_as("owner", "app", sql);
    write("ALTER TABLE telemetry ADD COLUMN x int; INSERT INTO telemetry (text, x) VALUES ('with x', 1)");
    assert_eq!(guarded.lacks().await, ["COLUMN public.telemetry.x, and every row that was written there since"]);
    let applier = guarded.applier().await;
    let back = guarded.back(&guarded.new, &applier);
    let error = back.drain_or_say(Duration::from_secs(8)).await.unwrap_err();
    assert!(matches!(error, ReplicateError::ApplyFailed { .. }), "{error}");
    assert!(
        error.to_string().contains("INSERT into public.telemetry") && error.to_string().contains("\"x\""),
        "{error}"
    );
    write("INSERT INTO telemetry (text) VALUES ('served on')");
    // What the remedy says: as superuser, at a database that takes no rows but those that come over.
    guarded.old_server.psql("app", "SET default_transaction_read_only = off; ALTER TABLE telemetry ADD COLUMN x int");
    assert_eq!(guarded.lacks().await, Vec::<String>::new());
    back.drain(PATIENCE).await.unwrap();
    assert_eq!(guarded.count(&guarded.old_server, "SELECT count(*) FROM telemetry"), 102);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_to_a_database_that_only_follows_whatever_they_ask_for() {
    let guarded = Guarded::new().await;
    for user in ["owner", "postgres"] {
        for sql in [
            "INSERT INTO telemetry (text) VALUES ('no')",
            "UPDATE telemetry SET text = 'no'",
            "DELETE FROM telemetry",
            "TRUNCATE parted",
            "INSERT INTO parted_1 VALUES ('2026-01-02', 1)",
            "COPY cache FROM PROGRAM 'echo 1'",
            "WITH gone AS (DELETE FROM telemetry RETURNING id) SELECT count(*) FROM gone",
        ] {
            for ask in [
                "SET default_transaction_read_only = off; BEGIN",
                "BEGIN READ WRITE",
                "BEGIN; SET TRANSACTION READ WRITE",
            ] {
                let session = guarded.old_server.connect_as(user, "app").await;
                for statement in ask.split("; ") {
                    session.batch_execute(statement).await.unwrap();
                }
                let error = session.batch_execute(sql).await.unwrap_err();
                let code = error.as_db_error().map(|error| error.code().code().to_owned());
                let refused = ["25006", "42501"].contains(&code.as_deref().unwrap_or_default());
                assert!(refused, "{user}: {ask}; {sql}: {error:?}");
            }
        }
        let readers = guarded.old_server.connect_as(user, "app").await;
        assert!(readers.batch_execute("SELECT count(*) FROM telemetry").await.is_ok());
    }
    // What comes over is applied all the same, a TRUNCATE too.
    guarded.new_server.psql_as(
        "owner",
        "app",
        "TRUNCATE parted; INSERT INTO parted VALUES ('2026-01-05'); DELETE FROM telemetry WHERE id > 50",
    );
    let applier = guarded.applier().await;
    guarded.back(&guarded.new, &applier).drain(PATIENCE).await.unwrap();
    assert_eq!(guarded.count(&guarded.old_server, "SELECT count(*) FROM telemetry"), 50);
    assert_eq!(guarded.count(&guarded.old_server, "SELECT count(*) FROM parted"), 1);
    // A table that came meanwhile, and one that is in use while the fence is raised.
    guarded.old_server.psql(
        "app",
        "SET default_transaction_read_only = off; CREATE TABLE later (id int); CREATE TABLE busy (id int)",
    );
    let holder = guarded.old_server.connect("app").await;
    holder
        .batch_execute("BEGIN; LOCK TABLE busy IN ACCESS SHARE MODE; LOCK TABLE busy IN ROW EXCLUSIVE MODE")
        .await
        .unwrap();
    assert_eq!(raise_fence(&guarded.old, APPLICATION).await.unwrap(), 1, "it is passed over");
    holder.batch_execute("COMMIT").await.unwrap();
    assert_eq!(raise_fence(&guarded.old, APPLICATION).await.unwrap(), 0);
    let session = guarded.old_server.connect("app").await;
    assert!(session.batch_execute("BEGIN READ WRITE; INSERT INTO later VALUES (1)").await.is_err());
    // Opened at once, with a reader in the midst of something.
    let reader = guarded.old_server.connect("app").await;
    reader.batch_execute("BEGIN; SELECT * FROM telemetry").await.unwrap();
    lower_fence(&guarded.old).await.unwrap();
    let maintenance = open(&guarded.old_server, "postgres", "postgres").await;
    readmit(&maintenance, "app", &[]).await.unwrap();
    guarded.old_server.psql_as("owner", "app", "INSERT INTO telemetry (text) VALUES ('yes')");
    reader.batch_execute("COMMIT").await.unwrap();
    for _ in 0..2 {
        remove_fence(&guarded.old).await.unwrap();
    }
    let left = "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal";
    assert_eq!(guarded.count(&guarded.old_server, left), 0);
}

/// The steps of a rollback in their order: what was written until the fence is at the old database, and nothing after it.
#[tokio::test(flavor = "multi_thread")]
async fn everything_that_was_written_until_the_fence_comes_home() {
    let guarded = Guarded::new().await;
    let write = "INSERT INTO telemetry (text) VALUES ('new'); INSERT INTO parted VALUES ('2026-01-09');
        INSERT INTO cache VALUES (7, 'unlogged'); SELECT nextval('alone'), nextval('alone'); SELECT lo_from_bytea(60000, '\\x0102')";
    guarded.new_server.psql_as("owner", "app", write);
    let outside = guarded.new_server.connect_as("owner", "app").await;
    outside.batch_execute("INSERT INTO telemetry (text) VALUES ('outside')").await.unwrap();
    assert_eq!(guarded.lacks().await, Vec::<String>::new());

    let applier = guarded.applier().await;
    let maintenance = open(&guarded.new_server, "owner", "postgres").await;
    let back = guarded.back(&guarded.new, &applier);
    back.drain(PATIENCE).await.unwrap();
    refuse_writes(&maintenance, &guarded.new).await.unwrap();
    assert!(outside.batch_execute("BEGIN READ WRITE; INSERT INTO telemetry (text) VALUES ('late')").await.is_err());
    let url = Endpoint::parse(&guarded.new_server.url_as("owner", "app")).unwrap();
    assert!(connect(&url, "a writer").await.is_err(), "nobody is let in");
    back.drain(PATIENCE).await.unwrap();
    sequences::carry(&guarded.new, &applier).await.unwrap();
    let catalog = catalog::read(&guarded.new).await.unwrap();
    carry_rows(&guarded.new, &applier, &catalog).await.unwrap();
    carry_objects(&guarded.new, &applier).await.unwrap();

    let all = "SELECT (SELECT count(*) FROM telemetry), (SELECT count(*) FROM parted), (SELECT text FROM cache),
        (SELECT last_value FROM alone), (SELECT last_value FROM telemetry_id_seq), lo_get(60000)";
    assert_eq!(guarded.old_server.psql("app", all), "102|1|unlogged|2|102|\\x0102");
    // Taken back: the new database lets everybody in again, and the way back is still there.
    reopen_database(&maintenance, "app").await.unwrap();
    guarded.new_server.psql_as("owner", "app", "INSERT INTO telemetry (text) VALUES ('served on')");
    back.drain(PATIENCE).await.unwrap();
    assert_eq!(guarded.count(&guarded.old_server, "SELECT count(*) FROM telemetry"), 103);
}

/// The new server is gone for good: nobody can say how far its sequences had come.
#[tokio::test(flavor = "multi_thread")]
async fn without_the_other_server_sequences_go_on_behind_the_rows() {
    let guarded = Guarded::new().await;
    guarded.new_server.psql_as("owner", "app", "INSERT INTO telemetry (text) SELECT 'new' FROM generate_series(1, 40); INSERT INTO parted VALUES ('2026-01-09', 500)");
    let applier = guarded.applier().await;
    guarded.back(&guarded.new, &applier).drain(PATIENCE).await.unwrap();
    guarded.new_server.stop();
    // Without asking it.
    guarded.back(&applier, &applier).unsubscribe().await.unwrap();
    for _ in 0..2 {
        sequences::past_rows(&applier).await.unwrap();
    }
    lower_fence(&guarded.old).await.unwrap();
    let maintenance = open(&guarded.old_server, "postgres", "postgres").await;
    readmit(&maintenance, "app", &[]).await.unwrap();
    let next = "INSERT INTO telemetry (text) VALUES ('home') RETURNING id";
    assert_eq!(guarded.old_server.psql_as("owner", "app", next), "141");
    let next = "INSERT INTO parted (day) VALUES ('2026-01-10') RETURNING id";
    assert_eq!(guarded.old_server.psql_as("owner", "app", next), "501");
    assert_eq!(guarded.old_server.psql("app", "SELECT nextval('alone')"), "1", "nothing draws from it");
}
