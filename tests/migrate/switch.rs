//! What a switch is made of, on real servers: what stands in the way back is said while everybody writes, nobody writes within the
//! fence, and the old database takes no writer while it follows.

use std::time::Duration;

use infra::migrate::carried::{carry_objects, carry_rows};
use infra::migrate::catalog;
use infra::migrate::replicate::{
    ReplicateError, lower_fence, raise_fence, readmit, refuse_writes, remove_fence, reopen_database,
};
use infra::migrate::sequences;
use infra::postgres::{Endpoint, connect};

use crate::guarded::{APPLICATION, Guarded, open};

const PATIENCE: Duration = Duration::from_secs(30);
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
