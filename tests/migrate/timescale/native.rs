//! TimescaleDB itself on servers that take any number of sessions and run its workers: the whole of a migration's reading,
//! copying and comparing. INFRA_TEST_TIMESCALEDB_SERVER and INFRA_TEST_TIMESCALEDB_SERVER_TARGET name two of the same version as
//! `PORT:FOLDER` (`Server::running`), the first of PostgreSQL 17 or before; databases `corpus` and `moved` are made anew there. One
//! test after the other (`--test-threads 1`).

use infra::migrate::schema::{self, Phase, Schema};
use infra::migrate::timescale::{self, carry, same_counts, start_workers, stop_workers};
use infra::postgres::{Client, Endpoint, connect};

use super::real::{SAME, WORK};
use super::{compared, prepared};
use crate::schema::Move;
use crate::servers::{SUPERUSER, Server};

const SOURCE: &str = "INFRA_TEST_TIMESCALEDB_SERVER";
const TARGET: &str = "INFRA_TEST_TIMESCALEDB_SERVER_TARGET";

/// Tables with compressed rows, which versions name differently.
const COMPRESSED: &str = "SELECT DISTINCT c.relnamespace::regnamespace || '.' || c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE a.atttypid = '_timescaledb_internal.compressed_data'::regtype AND c.relkind = 'r' AND pg_relation_size(c.oid) > 0";

fn given(variable: &str) -> Server {
    Server::running(variable).unwrap_or_else(|| panic!("{variable} names no server with TimescaleDB"))
}

async fn session(server: &Server, database: &str) -> Client {
    connect(&Endpoint::parse(&server.url(database)).unwrap(), "test").await.unwrap()
}

/// With its workers paused, as they are while a migration copies.
async fn filled(source: &Server) {
    source.psql(SUPERUSER, "DROP DATABASE IF EXISTS corpus WITH (FORCE)");
    source.psql(SUPERUSER, "CREATE DATABASE corpus TEMPLATE template0");
    source.psql("corpus", "CREATE EXTENSION timescaledb");
    // They act by the clock, and would drop at once what is old.
    stop_workers(&session(source, "corpus").await).await.unwrap();
    let quiet = "SET client_min_messages = error; SET timezone = 'UTC';";
    for sql in [include_str!("real.sql"), include_str!("native.sql")] {
        source.psql("corpus", &format!("{quiet}{sql}"));
    }
    source.psql(
        "corpus",
        "SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs WHERE job_id >= 1000",
    );
    source.psql("corpus", "CALL refresh_continuous_aggregate('shop.daily', '2026-01-01', '2026-01-20')");
    source.psql(SUPERUSER, "ALTER DATABASE corpus SET TimeZone = 'Europe/Berlin'");
}

/// Rows and what the extension knows are in `moved`, where it is in restore mode.
async fn brought(source: Server, target: Server) -> (Move, Schema, Client, Client) {
    target.psql(SUPERUSER, "DROP DATABASE IF EXISTS moved WITH (FORCE)");
    target.psql(SUPERUSER, "CREATE DATABASE moved TEMPLATE template0");
    let moving = Move { source, target, user: SUPERUSER };
    let (catalog, built) = moving.schema().await;
    let restore = built.conversion.restore.as_ref().expect("the target has the extension");
    moving.apply(&moving.at_target().await, &built, Phase::BeforeData).await;
    moving.copy_as(&catalog, true).await;
    moving.apply(&moving.at_target().await, &built, Phase::Settings).await;
    let (old, new) = (session(&moving.source, "corpus").await, session(&moving.target, "moved").await);
    carry(&old, &new, restore).await.unwrap();
    (moving, built, old, new)
}

#[tokio::test]
#[ignore = "needs servers with TimescaleDB"]
async fn the_extension_itself_is_converted_and_compared() {
    let source = given(SOURCE);
    filled(&source).await;
    println!(
        "{}",
        source.psql("corpus", "SELECT extversion, version() FROM pg_extension WHERE extname = 'timescaledb'")
    );
    let (moving, built) = super::moved_from(source, prepared(Server::v17())).await;
    for loss in built.losses.iter().filter(|loss| loss.code.contains("timescale") || loss.code.contains("aggregate")) {
        println!("{} {}: {}", loss.code, loss.object, loss.what);
    }
    let report = compared(&moving, &built).await;
    assert!(report.matches(), "{}", report.markdown());
    let rows: i64 = report.tables.iter().map(|table| table.source_rows).sum();
    println!("{rows} rows of {} tables and partitions, {} objects", report.tables.len(), report.objects_compared);
    let at = |sql: &str| moving.target.psql("moved", &format!("SET timezone = 'UTC'; {sql}"));
    let rest = "SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE c.relname ~ '_default$' AND pg_relation_size(c.oid) > 0";
    assert_eq!(at(rest), "0", "every row is in the partition of its chunk");
    // An aggregate that was refreshed says the same as the materialized view.
    for view in ["odd.cond_hourly", "odd.cond_daily", "odd.hundreds", "odd.of_users"] {
        moving.source.psql("corpus", &format!("CALL refresh_continuous_aggregate('{view}', NULL, NULL)"));
        let sql = format!(
            "SET timezone = 'UTC'; SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")) FROM {view} AS t"
        );
        let here = moving.source.psql("corpus", &sql);
        assert!(!here.starts_with("0|"), "{view}");
        assert_eq!(moving.target.psql("moved", &sql), here, "{view}");
    }
    start_workers(&session(&moving.source, "corpus").await).await.unwrap();
}

#[tokio::test]
#[ignore = "needs servers with TimescaleDB"]
async fn the_extension_itself_goes_on_where_it_was_carried_to() {
    let (source, target) = (given(SOURCE), given(TARGET));
    filled(&source).await;
    let (moving, built, old, new) = brought(source, target).await;
    carry(&old, &new, built.conversion.restore.as_ref().unwrap()).await.unwrap();
    let report = compared(&moving, &built).await;
    assert!(report.matches(), "{}", report.markdown());
    let compressed = moving.source.psql("corpus", COMPRESSED);
    let found = report.tables.iter().filter(|table| compressed.lines().any(|name| name == table.name.plain()));
    assert_eq!(found.count(), 3, "compressed rows travel compressed: {compressed}");
    println!("{} tables, 3 of them compressed, {} objects", report.tables.len(), report.objects_compared);
    moving.apply(&moving.at_target().await, &built, Phase::Last).await;
    schema::hand_over(&new, &built).await.unwrap();
    println!("{}", same_counts(&old, &session(&moving.target, "moved").await).await.unwrap());
    let said = |server: &Server, database: &str, sql: &str| {
        server.psql(
            database,
            &format!("SET client_min_messages = error; SET timezone = 'UTC'; SET search_path = public; {sql}"),
        )
    };
    for sql in SAME {
        let there = said(&moving.target, "moved", sql);
        assert!(!there.is_empty(), "{sql}");
        assert_eq!(there, said(&moving.source, "corpus", sql), "{sql}");
    }
    let work = |server: &Server, database: &str| said(server, database, WORK);
    assert_eq!(work(&moving.target, "moved"), work(&moving.source, "corpus"));
    // Within the time in which its launcher would not look by itself.
    let wake = "SELECT alter_job(job_id, scheduled => true, next_start => now()) IS NOT NULL FROM timescaledb_information.jobs WHERE proc_name = 'tidy'";
    said(&moving.target, "moved", wake);
    // Whether it comes to its end is the server's own affair: versions before its last releases fail in all of them.
    let runs = "SELECT COALESCE(sum(total_runs), 0) FROM timescaledb_information.job_stats s
                  JOIN timescaledb_information.jobs j USING (job_id) WHERE proc_name = 'tidy'";
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(90);
    while said(&moving.target, "moved", runs) == "0" {
        assert!(std::time::Instant::now() < patience, "the new database's workers run no job");
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    start_workers(&old).await.unwrap();
    let left = timescale::read(&moving.at_target().await).await.unwrap().unwrap();
    assert!(left.hypertables.len() > 5);
}

/// The edition that Debian packages: without compression, aggregates and jobs.
const COMMUNITY: [&str; 9] = [
    "continuous",
    "compress",
    "_policy",
    "add_job",
    "gapfill",
    "refresh_",
    "MATERIALIZED VIEW",
    "time_bucket('1 hour', c.",
    "date_trunc",
];

fn without_community(sql: &str) -> String {
    // Statements end with their line.
    let statements =
        sql.split_inclusive(";\n").filter(|statement| !COMMUNITY.iter().any(|word| statement.contains(word)));
    statements.collect()
}

#[tokio::test]
#[ignore = "needs a server with TimescaleDB's Apache edition; with a second one it is carried there, else converted"]
async fn the_apache_edition_is_read_and_moved() {
    let source = given(SOURCE);
    source.psql(SUPERUSER, "DROP DATABASE IF EXISTS corpus WITH (FORCE)");
    source.psql(SUPERUSER, "CREATE DATABASE corpus TEMPLATE template0");
    source.psql("corpus", "CREATE EXTENSION timescaledb");
    let quiet = "SET client_min_messages = error; SET timezone = 'UTC';";
    for sql in [include_str!("real.sql"), include_str!("native.sql")] {
        source.psql("corpus", &format!("{quiet}{}", without_community(sql)));
    }
    let Some(target) = Server::running(TARGET) else {
        let (moving, built) = super::moved_from(source, prepared(Server::v17())).await;
        let report = compared(&moving, &built).await;
        assert!(report.matches(), "{}", report.markdown());
        println!("{} tables and partitions, {} objects", report.tables.len(), report.objects_compared);
        return;
    };
    let (moving, built, old, new) = brought(source, target).await;
    let report = compared(&moving, &built).await;
    assert!(report.matches(), "{}", report.markdown());
    moving.apply(&moving.at_target().await, &built, Phase::Last).await;
    schema::hand_over(&new, &built).await.unwrap();
    println!("{}", same_counts(&old, &session(&moving.target, "moved").await).await.unwrap());
    moving.target.psql(
        "moved",
        "INSERT INTO shop.\"Readings\" VALUES ('2026-01-03 00:30:00+00', 1, -1, 'old'), ('2027-06-01', 1, -2, 'new')",
    );
    assert_eq!(moving.target.psql("moved", "SELECT count(*) FROM shop.\"Readings\" WHERE value < 0"), "2");
}
