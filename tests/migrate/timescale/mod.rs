//! Hypertables become partitions, on a server without TimescaleDB and for a user without superuser. The source is a double
//! of the extension, which `double.sql` describes; `real` and `native` are the same with the extension itself.

mod native;
pub mod real;
mod restore;

use std::collections::BTreeMap;

use infra::migrate::catalog::Oid;
use infra::migrate::preflight::Severity;
use infra::migrate::schema::{Consequence, Phase, Schema};
use infra::migrate::timescale;
use infra::migrate::verify::{End, Options, Prints, Report, read_objects, verify};
use infra::postgres::{Endpoint, connect};

use crate::definitions::rehearsed;
use crate::schema::Move;
use crate::servers::{SUPERUSER, Server};

const TO_2_26: &str = include_str!("to_2.26.sql");
const TO_2_29: &str = concat!(include_str!("to_2.26.sql"), include_str!("to_2.29.sql"));
/// What makes the extension's own tables as each range of versions has them: 2.13 to 2.24, 2.26, 2.29.
const SHAPES: [&str; 3] = ["", TO_2_26, TO_2_29];

fn double() -> Server {
    double_with("", "")
}

/// With more hypertables, and the extension's own tables as a version has them.
fn double_with(more: &str, shape: &str) -> Server {
    let source = Server::v15();
    source.psql(SUPERUSER, "CREATE DATABASE corpus TEMPLATE template0");
    let shop = concat!(include_str!("double.sql"), include_str!("shop.sql"));
    source.psql("corpus", &format!("{shop}{more}{shape}{}", include_str!("adopt.sql")));
    source
}

/// With its database and user, who is no superuser.
fn prepared(target: Server) -> Server {
    // Who may use pg_cron on RDS.
    target.psql(
        SUPERUSER,
        "CREATE ROLE rds_superuser; CREATE ROLE master LOGIN CREATEROLE CREATEDB; GRANT rds_superuser TO master",
    );
    target.psql(SUPERUSER, "CREATE DATABASE moved OWNER master TEMPLATE template0");
    target
}

async fn moved(target: Server) -> (Move, Schema) {
    moved_from(double(), target).await
}

async fn moved_from(source: Server, target: Server) -> (Move, Schema) {
    let moving = Move { source, target, user: "master" };
    let (catalog, built) = moving.schema().await;
    let client = moving.at_target().await;
    moving.apply(&client, &built, Phase::BeforeData).await;
    moving.copy(&catalog).await;
    moving.apply(&client, &built, Phase::Settings).await;
    (moving, built)
}

/// Nothing that the target would print otherwise is left for the comparison of the rows to find.
async fn compared(moving: &Move, built: &Schema) -> Report {
    let restore_mode = built.conversion.restore.is_some();
    // Its rights are those of this database, in which everything is made already.
    let prints = if restore_mode && moving.user != SUPERUSER {
        Prints::default()
    } else {
        let (prints, otherwise) = rehearsed(moving, built).await;
        assert_eq!(otherwise, []);
        prints
    };
    let end = |url: String| End { restore_mode, ..End::new(Endpoint::parse(&url).unwrap()) };
    let (source, target) = (end(moving.source.url("corpus")), end(moving.target.url_as(moving.user, "moved")));
    let (losses, conversion) = (built.losses.clone(), built.conversion.clone());
    let options =
        Options { losses, conversion, prints, sequence_values: false, before_last: true, ..Options::default() };
    verify(&source, &target, &options, |_| ()).await.unwrap()
}

/// Codes of what is lost, with how often.
fn codes(built: &Schema) -> BTreeMap<&str, usize> {
    let mut codes = BTreeMap::new();
    for loss in built.losses.iter().filter(|loss| loss.consequence != Consequence::Note) {
        *codes.entry(loss.code.as_str()).or_default() += 1;
    }
    codes
}

/// Whatever the version, the same is read.
#[tokio::test]
async fn all_versions_say_the_same() {
    let source = Server::v15();
    let mut said = vec![];
    for shape in SHAPES {
        source.psql(SUPERUSER, "DROP ROLE IF EXISTS app; CREATE DATABASE corpus TEMPLATE template0");
        let all = concat!(include_str!("double.sql"), include_str!("shop.sql"), include_str!("odd.sql"));
        source.psql("corpus", &format!("{all}{shape}{}", include_str!("adopt.sql")));
        let mut found = timescale::read(&source.connect("corpus").await).await.unwrap().unwrap();
        // Numbers of objects are each database's own.
        found.aggregates.iter_mut().for_each(|aggregate| aggregate.oid = Oid(0));
        said.push(found);
        source.psql(SUPERUSER, "DROP DATABASE corpus WITH (FORCE)");
    }
    assert_eq!(said[0].hypertables.len(), 9);
    let aggregates: Vec<String> = said[0].aggregates.iter().map(|one| one.name.plain()).collect();
    assert_eq!(
        aggregates.last().map(String::as_str),
        Some("a_first.daily"),
        "after what it is made of: {aggregates:?}"
    );
    assert_eq!(said[1], said[0]);
    assert_eq!(said[2], said[0]);
}

#[tokio::test]
async fn hypertables_become_partitions_with_every_row() {
    becomes_partitions("").await;
}

#[tokio::test]
async fn hypertables_of_2_26_become_partitions_too() {
    becomes_partitions(TO_2_26).await;
}

#[tokio::test]
async fn hypertables_of_2_29_become_partitions_too() {
    becomes_partitions(TO_2_29).await;
}

async fn becomes_partitions(shape: &str) {
    let (moving, built) = moved_from(double_with("", shape), prepared(Server::v17())).await;
    let expected = [
        ("continuous-aggregate", 1),
        ("continuous-aggregate-refresh", 1),
        ("extension-missing", 1),
        ("hypertable", 3),
        ("hypertable-compression", 1),
        ("hypertable-no-way-back", 1),
        ("hypertable-partitions", 3),
        ("hypertable-retention", 1),
        ("timescaledb-call", 1),
        ("timescaledb-function", 1),
        ("timescaledb-job", 1),
    ];
    assert_eq!(codes(&built), BTreeMap::from(expected), "{:#?}", built.losses);
    let report = compared(&moving, &built).await;
    assert!(report.matches(), "{}", report.markdown());
    let rows: i64 = report.tables.iter().map(|table| table.source_rows).sum();
    assert_eq!(rows, 10 + 21_000 + 100 + 20);
    let at = |sql: &str| moving.target.psql("moved", sql);
    let partitions = "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid), (xpath('//n/text()', query_to_xml(format('SELECT count(*) AS n FROM ONLY %s', c.oid::regclass), false, true, '')))[1]
          FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'shop.\"Readings\"'::regclass ORDER BY 1";
    assert_eq!(
        at(&format!("SET timezone = 'UTC'; {partitions}")),
        "Readings_default|DEFAULT|0
Readings_p20260101|FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-01-08 00:00:00+00')|10000
Readings_p20260108|FOR VALUES FROM ('2026-01-08 00:00:00+00') TO ('2026-01-15 00:00:00+00')|10000
Readings_p20260122|FOR VALUES FROM ('2026-01-22 00:00:00+00') TO ('2026-01-29 00:00:00+00')|1000"
    );
    let indexes = "SELECT count(*), bool_and(x.indisvalid) FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid WHERE c.relname ~ '^Readings'";
    assert_eq!(at(indexes), "15|t", "three of the table, each with one of every partition");
    assert_eq!(
        at("SELECT count(*), sum(n) FROM average.daily"),
        moving.source.psql("corpus", "SELECT count(*), sum(n) FROM average.daily")
    );
    assert_eq!(
        at("SELECT count(*), max(top) FROM shop.quarters"),
        moving.source.psql("corpus", "SELECT count(*), max(top) FROM shop.quarters")
    );
    assert_eq!(at("SELECT relkind FROM pg_class WHERE oid = 'average.daily'::regclass"), "m");
    let lands = "WITH new AS (INSERT INTO shop.\"Readings\" VALUES ('2026-01-03 00:00:30+00', 3, 1, 'new'), ('2026-03-01', 3, 1, 'new') RETURNING tableoid::regclass::text)
          SELECT string_agg(tableoid, ' ' ORDER BY tableoid) FROM new";
    assert_eq!(at(lands), r#"shop."Readings_default" shop."Readings_p20260101""#);
    assert_eq!(at("SELECT count(*) FROM pg_namespace WHERE nspname ~ 'timescaledb'"), "0");
}

/// Words of SQL as names of columns, every type of time, borders off midnight and over the end of summer time, dropped
/// columns; aggregates of aggregates, with other tables, by number.
#[tokio::test]
async fn names_types_and_borders_are_carried_as_they_are() {
    let source = double_with(include_str!("odd.sql"), TO_2_29);
    // What a session shows depends on it; nothing that is carried may.
    source.psql(SUPERUSER, "ALTER DATABASE corpus SET TimeZone = 'Europe/Berlin'");
    let (moving, built) = moved_from(source, prepared(Server::v17())).await;
    let lost: Vec<_> = built.losses.iter().filter(|loss| loss.code == "timescaledb-function").collect();
    assert_eq!(lost.len(), 1, "shop.monthly alone: {lost:#?}");
    let report = compared(&moving, &built).await;
    assert!(report.matches(), "{}", report.markdown());
    let at = |sql: &str| moving.target.psql("moved", &format!("SET timezone = 'UTC'; {sql}"));
    let partitions =
        "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
         WHERE c.relkind = 'r' AND c.relnamespace = 'odd'::regnamespace AND c.relname !~ '_default$' ORDER BY 1";
    assert_eq!(
        at(partitions),
        "Mixed_p20261024|FOR VALUES FROM ('2026-10-24') TO ('2026-10-27')
cond_p20261023|FOR VALUES FROM ('2026-10-23 22:00:00+00') TO ('2026-10-24 22:00:00+00')
cond_p20261024|FOR VALUES FROM ('2026-10-24 22:00:00+00') TO ('2026-10-25 22:00:00+00')
order_p-1000|FOR VALUES FROM ('-1000') TO ('0')
order_p0|FOR VALUES FROM ('0') TO ('1000')
quoted_p20261024_010000|FOR VALUES FROM ('2026-10-24 01:00:00+00') TO ('2026-10-24 02:00:00+00')
spaced_p20261024_010000|FOR VALUES FROM ('2026-10-24 01:00:00+00') TO ('2026-10-24 02:00:00+00')
user_p20261024_013000|FOR VALUES FROM ('2026-10-24 01:30:00') TO ('2026-10-24 03:00:00')
user_p20261024_030000|FOR VALUES FROM ('2026-10-24 03:00:00') TO ('2026-10-24 04:30:00')"
    );
    let rest = "SELECT sum((xpath('//n/text()', query_to_xml(format('SELECT count(*) AS n FROM ONLY %s', c.oid::regclass), false, true, '')))[1]::text::int)
          FROM pg_class c WHERE c.relnamespace = 'odd'::regnamespace AND c.relname ~ '_default$'";
    assert_eq!(at(rest), "0", "every row is in the partition of its chunk");
    for view in ["a_first.\"of a place\"", "a_first.daily", "odd.hundreds", "odd.\"of users\""] {
        let sql = format!(
            "SET timezone = 'UTC'; SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")) FROM {view} AS t"
        );
        let here = moving.source.psql("corpus", &sql);
        assert!(!here.starts_with("0|"), "{view}");
        assert_eq!(moving.target.psql("moved", &sql), here, "{view}");
        let name = view.replace('"', "");
        let kind =
            format!("SELECT relkind FROM pg_class c WHERE relnamespace::regnamespace || '.' || relname = '{name}'");
        assert_eq!(at(&kind), "m", "{view}");
    }
}

/// What is looked at before the pause is compared with what is there in it: chunks come with the clock, everything else is told.
#[tokio::test]
async fn a_new_chunk_is_no_change_and_everything_else_is() {
    let moving =
        Move { source: double_with(include_str!("odd.sql"), ""), target: prepared(Server::v17()), user: "master" };
    let (_, built) = moving.schema().await;
    let old = connect(&Endpoint::parse(&moving.source.url("corpus")).unwrap(), "test").await.unwrap();
    let objects = async || built.conversion.besides_chunks(read_objects(&old).await.unwrap());
    let before = objects().await;
    moving.source.psql(
        "corpus",
        "CREATE TABLE _timescaledb_internal._hyper_6_99_chunk (CHECK (n >= 100 AND n < 200), UNIQUE (n)) INHERITS (shop.ticks);
         CREATE INDEX ON odd._hyper_23_231_chunk (\"with space\");
         ALTER TABLE odd._hyper_23_231_chunk ADD CHECK (\"with space\" > '2026-01-01')",
    );
    assert_eq!(objects().await, before);
    moving.source.psql("corpus", "ALTER TABLE odd.\"user\" ADD COLUMN w integer");
    let after = objects().await;
    let new: Vec<_> = after.keys().filter(|key| !before.contains_key(key)).map(|key| key.name.as_str()).collect();
    assert_eq!(new, ["odd.user.w"]);
}

#[tokio::test]
async fn a_row_that_differs_in_a_partition_is_found() {
    let (moving, built) = moved(prepared(Server::v17())).await;
    moving.target.psql(
        "moved",
        "UPDATE shop.\"Readings\" SET value = -1 WHERE at = '2026-01-01 00:07:00+00'; DROP INDEX shop.by_device",
    );
    let report = compared(&moving, &built).await;
    let wrong: Vec<_> = report.tables.iter().filter(|table| !table.matches()).collect();
    let [table] = &wrong[..] else { panic!("{}", report.markdown()) };
    assert_eq!(table.name.plain(), "shop.\"Readings_p20260101\"");
    assert_eq!(table.differences.len(), 1, "{}", report.markdown());
    let objects: Vec<_> = report.faults().map(|fault| fault.object.name.as_str()).collect();
    assert_eq!(objects, ["shop.by_device"]);
}

#[tokio::test]
async fn policies_are_those_of_the_targets_own_extensions() {
    let settings = ["shared_preload_libraries=pg_cron", "cron.database_name=moved", "cron.launch_active_jobs=off"];
    let target = prepared(Server::rds_with(&settings));
    // Jobs are its owner's to write, who at RDS is nobody's user.
    target.psql("moved", "CREATE EXTENSION pg_cron");
    let (moving, built) = moved_from(double_with(include_str!("odd.sql"), ""), target).await;
    let found = codes(&built);
    assert!(
        !found.contains_key("hypertable-retention") && !found.contains_key("continuous-aggregate-refresh"),
        "{found:?}"
    );
    assert_eq!(found.get("hypertable-partitions"), Some(&2), "those by number: {found:?}");
    let report = compared(&moving, &built).await;
    assert!(report.matches(), "{}", report.markdown());
    moving.apply(&moving.at_target().await, &built, Phase::Last).await;
    let at = |sql: &str| moving.target.psql("moved", sql);
    let config = "SELECT parent_table, control, partition_interval, retention, retention_keep_table, infinite_time_partitions FROM partman.part_config WHERE parent_table ~ '^shop' ORDER BY 1";
    let odd = "SELECT parent_table, control FROM partman.part_config WHERE parent_table ~ '^odd' ORDER BY 1";
    assert_eq!(at(odd), "odd.Mixed|Mixed Case\nodd.cond|time\nodd.quoted|a\"b\nodd.spaced|with space\nodd.user|user");
    assert_eq!(at(config), "shop.Readings|at|7 days|90 days|f|t\nshop.spaced|day|30 days||t|t");
    assert_eq!(
        at("SELECT schedule, command FROM cron.job WHERE command !~ 'a_first' ORDER BY jobname"),
        "@hourly|CALL partman.run_maintenance_proc()\n0 * * * *|REFRESH MATERIALIZED VIEW \"average\".\"daily\""
    );
    let ahead = "SELECT count(*) > 4, min(c.relname) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
          WHERE i.inhparent = 'shop.\"Readings\"'::regclass AND c.relname > 'Readings_p20260122' AND c.relname <> 'Readings_default'";
    assert_eq!(at(ahead), "t|Readings_p20260129", "they go on where the last one ends");
    let now = "WITH new AS (INSERT INTO shop.\"Readings\" VALUES (now(), 3, 1, 'new') RETURNING tableoid::regclass::text) SELECT tableoid ~ '_p20' FROM new";
    assert_eq!(at(now), "t");
    // What expired goes, what is new stays.
    at("CALL partman.run_maintenance_proc()");
    assert_eq!(at("SELECT count(*) FROM shop.\"Readings\" WHERE at < now() - interval '97 days'"), "0");
    assert_eq!(at("SELECT count(*) FROM shop.\"Readings\" WHERE at > now() - interval '1 day'"), "1");
    let report = compared(&moving, &built).await;
    let unexpected: Vec<_> = report.faults().collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
}

#[tokio::test]
async fn all_that_was_made_goes_again() {
    let (moving, built) = moved(prepared(Server::rds_with(&[]))).await;
    assert_eq!(codes(&built).get("hypertable-maintenance"), Some(&1), "there is pg_partman, and nobody who runs it");
    moving.apply(&moving.at_target().await, &built, Phase::Last).await;
    let target = Endpoint::parse(&moving.target.url_as("master", "moved")).unwrap();
    let target = infra::postgres::connect(&target, "test").await.unwrap();
    infra::migrate::schema::remove(&target, &built).await.unwrap();
    let left =
        "SELECT string_agg(nspname, ' ' ORDER BY nspname) FROM pg_namespace WHERE nspname !~ '^pg_|^information'";
    assert_eq!(moving.target.psql("moved", left), "infra_migration public");
    assert_eq!(moving.target.psql("moved", "SELECT count(*) FROM pg_extension WHERE extname <> 'plpgsql'"), "0");
}

/// The whole look, as the guide shows it: offline nothing is in the way but what needs consent.
#[tokio::test]
async fn the_look_tells_everything_before_anything_is_changed() {
    use infra::migrate::assessment::{Ends, assess};
    use infra::migrate::saga::Mode;
    let source = double();
    let ends = |mode| Ends {
        dump: source.tool("pg_dump", &[&source.url("corpus")]),
        source: Endpoint::parse(&source.url("corpus")).unwrap(),
        target: None,
        made: infra::migrate::preflight::Made::Managed,
        mode,
        capacity: Default::default(),
    };
    let online = assess(&ends(Mode::Online)).await.unwrap();
    let blockers = |look: &infra::migrate::assessment::Assessment| -> Vec<String> {
        let found = look.findings.iter().filter(|finding| finding.severity == Severity::Blocker);
        found.map(|finding| finding.code.clone()).collect()
    };
    assert_eq!(blockers(&online), ["hypertables-online"]);
    let offline = assess(&ends(Mode::Offline)).await.unwrap();
    assert_eq!(blockers(&offline), Vec::<String>::new());
    let readings = offline.losses.iter().find(|loss| loss.object == "HYPERTABLE shop.\"Readings\"").unwrap();
    assert!(readings.what.starts_with("becomes a table with 3 partitions of 7 days by at"), "{readings:?}");
    assert!(offline.volume.data_bytes > 5_000_000, "compressed rows count as what they become: {:?}", offline.volume);
    assert!(offline.volume.tables < 20, "chunks are no tables of their own: {:?}", offline.volume);
}
