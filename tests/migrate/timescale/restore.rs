//! TimescaleDB to a server that has it: the double as an extension that both servers can make, with the rows that a dump takes
//! along. The extension itself: see `real`.

use std::time::Duration;

use infra::migrate::preflight::Severity;
use infra::migrate::replicate::rows_written;
use infra::migrate::schema::{self, ExtensionState, Phase};
use infra::migrate::timescale;
use infra::postgres::{Client, Endpoint, connect};

use super::{codes, compared};
use crate::definitions::rehearsed;
use crate::schema::Move;
use crate::servers::{SUPERUSER, Server, run};

const SCRIPT: &str = concat!(include_str!("double.sql"), include_str!("script.sql"));
/// What a session would have to be in.
const MODE: &str =
    "SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE datname = 'moved'";
/// The first version, which the scripts make; others are updates of it, as with the extension itself.
const FIRST: &str = "2.23.0";
const CONFIG_OF_2_29: &str =
    "SELECT pg_catalog.pg_extension_config_dump('_timescaledb_catalog.compression_settings', '');";

fn with_extension(version: &str) -> Server {
    let server = Server::v17();
    let updated = matches!(version, "2.26.0" | "2.29.0");
    server.add_extension(timescale::EXTENSION, if updated { FIRST } else { version }, SCRIPT);
    server.add_extension_update(timescale::EXTENSION, FIRST, "2.26.0", super::TO_2_26);
    let script = format!("{}{CONFIG_OF_2_29}", include_str!("to_2.29.sql"));
    server.add_extension_update(timescale::EXTENSION, "2.26.0", "2.29.0", &script);
    server.add_extension_default(timescale::EXTENSION, version);
    server
}

fn source() -> Server {
    source_of(FIRST)
}

fn source_of(version: &str) -> Server {
    let source = with_extension(version);
    source.psql(SUPERUSER, "CREATE DATABASE corpus TEMPLATE template0");
    let begin = format!("CREATE EXTENSION timescaledb VERSION '{FIRST}'; SET timescaledb.restoring = on;");
    source.psql("corpus", &format!("{begin}{}", include_str!("shop.sql")));
    if version != FIRST {
        source.psql("corpus", &format!("ALTER EXTENSION timescaledb UPDATE TO '{version}'"));
    }
    source
}

fn target(version: &str, user: &str) -> Server {
    let target = with_extension(version);
    target.psql(SUPERUSER, "CREATE ROLE master LOGIN CREATEROLE CREATEDB");
    target.psql(SUPERUSER, &format!("CREATE DATABASE moved OWNER {user} TEMPLATE template0"));
    target
}

async fn session(url: &str) -> Client {
    connect(&Endpoint::parse(url).unwrap(), "test").await.unwrap()
}

#[tokio::test]
async fn everything_stays_what_it_is() {
    stays("2.23.0").await;
}

#[tokio::test]
async fn everything_of_2_26_stays_what_it_is_too() {
    stays("2.26.0").await;
}

#[tokio::test]
async fn everything_of_2_29_stays_what_it_is_too() {
    stays("2.29.0").await;
}

async fn stays(version: &str) {
    let moving = Move { source: source_of(version), target: target(version, SUPERUSER), user: SUPERUSER };
    let (catalog, built) = moving.schema().await;
    assert_eq!(codes(&built).into_keys().collect::<Vec<_>>(), Vec::<&str>::new(), "nothing is lost by it");
    let kept = built.losses.iter().find(|loss| loss.code == "hypertables-kept").unwrap();
    let counted = "3 hypertables with 7 chunks, 1 of them compressed, 2 continuous aggregates and 4 jobs";
    assert!(kept.what.starts_with(counted), "{}", kept.what);
    moving.apply(&moving.at_target().await, &built, Phase::BeforeData).await;
    let at = |sql: &str| moving.target.psql("moved", sql);
    assert_eq!(at(MODE), "1", "every session from here on is in restore mode");
    moving.copy(&catalog).await;
    moving.apply(&moving.at_target().await, &built, Phase::Settings).await;
    let restore = built.conversion.restore.as_ref().unwrap();
    let (old, new) = (session(&moving.source.url("corpus")).await, session(&moving.target.url("moved")).await);
    timescale::carry(&old, &new, restore).await.unwrap();
    timescale::carry(&old, &new, restore).await.unwrap();
    let report = compared(&moving, &built).await;
    assert!(report.matches(), "{}", report.markdown());
    assert!(
        report.tables.iter().any(|table| table.name.name == "compress_hyper_2_5_chunk" && table.source_rows == 10_000)
    );
    for known in &restore.tables {
        let sql = format!("SELECT t::text FROM {} AS t {} ORDER BY 1", known.name, known.filter);
        assert_eq!(at(&sql), moving.source.psql("corpus", &sql), "{}", known.name);
    }
    let chunks = "SELECT hypertable_name, chunk_name, range_start, range_start_integer, is_compressed FROM timescaledb_information.chunks ORDER BY 1, 2";
    assert_eq!(at(chunks), moving.source.psql("corpus", chunks));
    assert_eq!(at("SELECT nextval('_timescaledb_catalog.hypertable_id_seq')"), "8");
    let jobs = "SELECT id, owner, config FROM _timescaledb_config.bgw_job ORDER BY 1";
    assert_eq!(at(jobs), moving.source.psql("corpus", jobs), "its own job is there once");
    moving.apply(&moving.at_target().await, &built, Phase::Last).await;
    schema::hand_over(&new, &built).await.unwrap();
    assert_eq!(at(MODE), "0");
    let counts = timescale::same_counts(&old, &session(&moving.target.url("moved")).await).await.unwrap();
    assert_eq!(counts, "3 hypertables, 7 chunks, 1 of them compressed, 2 continuous aggregates, 4 jobs");
    let written = rows_written(&new).await.unwrap();
    at("DELETE FROM _timescaledb_config.bgw_job WHERE id = 1003");
    at("INSERT INTO shop.devices VALUES (99, 'somebody wrote')");
    // A session's counts are there when it has ended, or soon after.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(rows_written(&new).await.unwrap(), written + 1, "jobs are the extension's own affair");
    let differs = timescale::same_counts(&old, &new).await.unwrap_err().to_string();
    assert!(
        differs.contains("4 jobs in the old database, and ") && differs.ends_with("3 jobs in the new one"),
        "{differs}"
    );
    taken_away(&moving, &built).await;
}

/// Back in restore mode, as after a cutover that was undone.
async fn taken_away(moving: &Move, built: &schema::Schema) {
    let at = |sql: &str| moving.target.psql("moved", sql);
    schema::take_back(&session(&moving.target.url("moved")).await, built).await.unwrap();
    assert_eq!(at(MODE), "1");
    schema::remove(&session(&moving.target.url("moved")).await, built).await.unwrap();
    assert_eq!(at(MODE), "0");
    assert_eq!(at("SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'"), "0");
    assert_eq!(at("SELECT count(*) FROM pg_namespace WHERE nspname ~ 'timescaledb|shop'"), "0");
}

#[tokio::test]
async fn an_extension_that_was_there_knows_nothing_more_afterwards() {
    let moving = Move { source: source(), target: target("2.23.0", SUPERUSER), user: SUPERUSER };
    moving.target.psql("moved", "CREATE EXTENSION timescaledb");
    let (_, built) = moving.schema().await;
    moving.apply(&moving.at_target().await, &built, Phase::Settings).await;
    let (old, new) = (session(&moving.source.url("corpus")).await, session(&moving.target.url("moved")).await);
    timescale::carry(&old, &new, built.conversion.restore.as_ref().unwrap()).await.unwrap();
    schema::remove(&new, &built).await.unwrap();
    let at = |sql: &str| moving.target.psql("moved", sql);
    assert_eq!(at(MODE), "0");
    assert_eq!(at("SELECT count(*) FROM _timescaledb_catalog.hypertable"), "0");
    assert_eq!(at("SELECT id FROM _timescaledb_config.bgw_job"), "3", "its own job");
    assert_eq!(at("SELECT count(*) FROM pg_class WHERE relname ~ '_hyper_'"), "0");
}

/// Who may not write what the extension knows cannot restore into it: then it is as if it were not there.
#[tokio::test]
async fn without_the_right_to_restore_hypertables_are_converted() {
    let moving = Move { source: source(), target: target("2.23.0", "master"), user: "master" };
    // Timescale's own servers give this, and more.
    moving.target.psql("moved", "GRANT SET ON PARAMETER timescaledb.restoring TO master");
    let (catalog, built) = moving.schema().await;
    assert!(built.conversion.active && built.conversion.restore.is_none());
    let facts = schema::examine(&moving.at_target().await, &catalog).await.unwrap();
    let state = &facts.extensions["timescaledb"];
    let refused = matches!(state, ExtensionState::Refused { message } if message.contains("may not write"));
    assert!(refused, "{state:?}");
}

/// What a server has to give its user for it.
const RIGHTS: &str = "CREATE EXTENSION timescaledb;
    GRANT SET ON PARAMETER timescaledb.restoring TO master;
    GRANT CREATE ON SCHEMA _timescaledb_internal TO master WITH GRANT OPTION;
    GRANT ALL ON ALL TABLES IN SCHEMA _timescaledb_catalog, _timescaledb_config TO master;
    GRANT ALL ON ALL SEQUENCES IN SCHEMA _timescaledb_catalog TO master;";

#[tokio::test]
async fn with_that_right_superuser_is_not_needed() {
    let moving = Move { source: source(), target: target("2.23.0", "master"), user: "master" };
    moving.target.psql("moved", RIGHTS);
    let (catalog, built) = moving.schema().await;
    let (_, otherwise) = rehearsed(&moving, &built).await;
    assert_eq!(otherwise, []);
    moving.apply(&moving.at_target().await, &built, Phase::BeforeData).await;
    moving.copy(&catalog).await;
    moving.apply(&moving.at_target().await, &built, Phase::Settings).await;
    let (old, new) =
        (session(&moving.source.url("corpus")).await, session(&moving.target.url_as("master", "moved")).await);
    timescale::carry(&old, &new, built.conversion.restore.as_ref().unwrap()).await.unwrap();
    let report = compared(&moving, &built).await;
    assert!(report.matches(), "{}", report.markdown());
    schema::hand_over(&new, &built).await.unwrap();
    timescale::same_counts(&old, &new).await.unwrap();
    let owners = "SELECT DISTINCT owner FROM _timescaledb_config.bgw_job WHERE id >= 1000";
    assert_eq!(moving.source.psql("corpus", owners), "postgres");
    assert_eq!(moving.target.psql("moved", owners), "master", "whose tables they are too");
}

#[tokio::test]
async fn another_version_is_in_the_way() {
    use infra::migrate::assessment::{Ends, assess};
    use infra::migrate::saga::Mode;
    let (source, target) = (source(), target("2.22.1", SUPERUSER));
    let ends = Ends {
        dump: source.tool("pg_dump", &[&source.url("corpus")]),
        source: Endpoint::parse(&source.url("corpus")).unwrap(),
        target: Some(Endpoint::parse(&target.url("moved")).unwrap()),
        made: infra::migrate::preflight::Made::Managed,
        mode: Mode::Offline,
        capacity: Default::default(),
    };
    let seen = assess(&ends).await.unwrap();
    let blockers: Vec<_> = seen.findings.iter().filter(|finding| finding.severity == Severity::Blocker).collect();
    assert_eq!(blockers.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>(), ["timescaledb-version"]);
    assert!(blockers[0].remedy.contains("UPDATE TO '2.22.1'"), "{:?}", blockers[0]);
}

/// The lines themselves, with this server for the bundle's.
#[tokio::test]
async fn the_safety_copy_is_restored_by_the_steps_of_the_page() {
    let page = include_str!("../../../docs/verbs/migrate.md");
    let (_, section) = page.split_once("\n## The safety copy\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let steps: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    let [place, create, restore, before, after] = steps[..] else { panic!("{steps:#?}") };
    assert!(place.starts_with("db=$(docker ps "), "{place}");
    let source = source();
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.dump");
    let url = source.url("corpus");
    let dumped = run(&source.tool("pg_dump", &[&url, "--format=custom", "--compress=zstd:3"]), b"");
    std::fs::write(&copy, dumped.stdout).unwrap();
    let there = source.tool("env", &["PGHOST=127.0.0.1", &format!("PGPORT={}", source.port())]).join(" ");
    let script = [create, before, restore, after].join("\n").replace("docker exec -i $db", &there);
    let script = format!("set -e\ncopy={}\n{}", copy.display(), script.replace("2.29.2", FIRST));
    let done = run(&["sh", "-c", &script].map(str::to_owned), b"");
    assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
    for sql in [
        "SELECT count(*), sum(value) FROM shop.\"Readings\"",
        "SELECT hypertable_name, chunk_name, range_start, is_compressed FROM timescaledb_information.chunks ORDER BY 1, 2",
        "SELECT * FROM timescaledb_information.jobs ORDER BY 1",
        "SELECT count(*), sum(n) FROM average.daily",
    ] {
        assert_eq!(source.psql("restored", sql), source.psql("corpus", sql), "{sql}");
    }
    assert_eq!(source.psql(SUPERUSER, &MODE.replace("moved", "restored")), "0", "restore mode is over");
}
