//! The same with TimescaleDB itself: INFRA_TEST_TIMESCALEDB is the URL of a database that has the extension, of PostgreSQL 17
//! or before. It may be one that takes a single session at a time, and whose sessions are one, such as PGlite behind a
//! socket: so the rows are read as the copy reads them, but by psql and without a snapshot. INFRA_TEST_TIMESCALEDB_TARGET is
//! another one, with the same version and nothing in it. One test after the other (`--test-threads 1`).

use infra::migrate::catalog::{self, Catalog};
use infra::migrate::schema::{self, Phase, Schema};
use infra::migrate::{strategy, timescale};
use infra::postgres::{Endpoint, connect};
use tokio_postgres::{Client, NoTls};

use crate::servers::{Server, run};

struct Real {
    url: String,
    target: Server,
}

impl Real {
    fn psql(&self, sql: &str) -> String {
        self.psql_at(&self.url, sql)
    }

    fn psql_at(&self, url: &str, sql: &str) -> String {
        let sql = format!("SET client_min_messages = error; SET timezone = 'UTC'; SET search_path = public; {sql}");
        let argv = self.target.tool("psql", &[url, "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", "-"]);
        let output = run(&argv, sql.as_bytes());
        assert!(output.status.success(), "psql: {} {sql}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Where all sessions are one, what the last one left is still there.
    fn fresh(&self) {
        self.psql("ROLLBACK; DISCARD ALL");
    }

    async fn schema(&self, target: &Client) -> (Catalog, Schema) {
        self.fresh();
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        let connection = tokio::spawn(async move { drop(connection.await) });
        let catalog = catalog::read(&client).await.unwrap();
        let found = timescale::read(&client).await.unwrap();
        drop(client);
        connection.await.unwrap();
        self.fresh();
        let archive = schema::dump(&self.target.tool("pg_dump", &[&self.url]), schema::Names::Plain).await.unwrap();
        self.fresh();
        let facts = schema::examine(target, &catalog).await.unwrap();
        let items = schema::parse(&archive).unwrap();
        let built = strategy::build(items, &catalog, found.as_ref(), vec![], &facts);
        (built.conversion.seen(catalog), built)
    }

    fn copy(&self, catalog: &Catalog) {
        for table in catalog.with_rows() {
            let from = table.slice.as_ref().map_or_else(
                || format!("SELECT * FROM {}", table.name),
                |slice| format!("SELECT * FROM {} WHERE {}", slice.of, slice.condition),
            );
            let rows = self.psql(&format!("COPY ({from}) TO STDOUT;"));
            let rows = if rows.is_empty() { rows } else { format!("{rows}\n") };
            self.target.psql_as("master", "moved", &format!("COPY {} FROM STDIN;\n{rows}\\.\n", table.name));
        }
    }
}

#[tokio::test]
#[ignore = "needs a server with TimescaleDB"]
async fn the_extension_itself_is_read_and_converted() {
    let url = std::env::var("INFRA_TEST_TIMESCALEDB").expect("the URL of a database with TimescaleDB");
    let real = Real { url, target: super::prepared(Server::v17()) };
    real.fresh();
    real.psql(include_str!("real.sql"));
    let master = real.target.connect_as("master", "moved").await;
    let (catalog, built) = real.schema(&master).await;
    let losses: Vec<_> =
        built.losses.iter().map(|loss| format!("{} {}: {}", loss.code, loss.object, loss.what)).collect();
    println!("{}", losses.join("\n"));
    let until = |phase: Phase| built.entries.iter().filter(move |entry| entry.phase <= phase);
    let failed = |error: schema::ApplyError| -> ! { panic!("{error}: {:?}", std::error::Error::source(&error)) };
    schema::apply(&master, until(Phase::BeforeData), |_| ()).await.unwrap_or_else(|error| failed(error));
    real.copy(&catalog);
    schema::apply(&master, until(Phase::Last), |_| ()).await.unwrap_or_else(|error| failed(error));
    let same = |sql: &str| {
        assert_eq!(real.target.psql("moved", &format!("SET timezone = 'UTC'; {sql}")), real.psql(sql), "{sql}")
    };
    for table in ["\"Readings\"", "ticks", "spaced", "devices"] {
        same(&format!(
            "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")) FROM shop.{table} AS t"
        ));
    }
    same("SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")) FROM shop.quarters AS t");
    // What the aggregates would say if they were refreshed: the extension's own answer to the same question.
    let own = "SELECT md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")) FROM";
    let views = [
        ("daily", "SELECT time_bucket('1 day', at), device, avg(value), count(*) FROM shop.\"Readings\" GROUP BY 1, 2"),
        ("calendar", "SELECT time_bucket('1 month', at), max(value) FROM shop.\"Readings\" GROUP BY 1"),
        (
            "a_week",
            "SELECT time_bucket('7 days', day), device, max(mean) FROM (SELECT time_bucket('1 day', at) AS day, device, avg(value) AS mean FROM shop.\"Readings\" GROUP BY 1, 2) AS d GROUP BY 1, 2",
        ),
        ("by_date", "SELECT time_bucket('7 days', day), sum(v) FROM shop.spaced GROUP BY 1"),
    ];
    for (view, query) in views {
        let here = real.target.psql("moved", &format!("SET timezone = 'UTC'; {own} shop.{view} AS t"));
        assert_eq!(here, real.psql(&format!("{own} ({query}) AS t")), "{view}");
    }
    let inside = "SELECT count(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE c.relname ~ '_default$' AND pg_relation_size(c.oid) > 0";
    assert_eq!(real.target.psql("moved", inside), "0", "every row is in the partition of its chunk");
}

/// What both say once the target has left restore mode, in the extension's own words and through its own plans.
pub const SAME: [&str; 12] = [
    "SELECT count(*), sum(value), md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")) FROM shop.\"Readings\" AS t",
    "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")) FROM shop.ticks AS t",
    "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")) FROM shop.spaced AS t",
    "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")) FROM shop.daily AS t",
    "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")) FROM shop.calendar AS t",
    "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")) FROM shop.quarters AS t",
    "SELECT hypertable_name, num_dimensions, num_chunks, compression_enabled FROM timescaledb_information.hypertables ORDER BY 1, 2",
    "SELECT chunk_name, range_start, range_end, range_start_integer, is_compressed FROM timescaledb_information.chunks ORDER BY 1",
    "SELECT view_name, materialization_hypertable_name, materialized_only FROM timescaledb_information.continuous_aggregates ORDER BY 1",
    "SELECT job_id, proc_name, schedule_interval, config, owner FROM timescaledb_information.jobs ORDER BY 1",
    "SELECT * FROM timescaledb_information.dimensions ORDER BY 1, 2, 3",
    "SELECT * FROM timescaledb_information.compression_settings ORDER BY 1, 2, 3",
];

/// The extension at work in the new database: rows old and new, a chunk that is opened and closed again, an aggregate that
/// is brought up to date, a job, a chunk that expires.
pub const WORK: &str = "INSERT INTO shop.\"Readings\" VALUES ('2026-01-03 00:30:00+00', 1, -1, 'old'), ('2026-06-01', 1, -2, 'new');
    SELECT count(*) FROM show_chunks('shop.\"Readings\"');
    SELECT decompress_chunk(c) IS NOT NULL FROM show_chunks('shop.\"Readings\"', older_than => '2026-01-09'::timestamptz) AS c;
    SELECT count(*), sum(value) FROM shop.\"Readings\";
    SELECT compress_chunk(c, if_not_compressed => true) IS NOT NULL FROM show_chunks('shop.\"Readings\"', older_than => '2026-01-16'::timestamptz) AS c;
    SELECT count(*), sum(value) FROM shop.\"Readings\";
    CALL refresh_continuous_aggregate('shop.daily', NULL, NULL);
    SELECT count(*), sum(n) FROM shop.daily;
    SELECT job_id AS tidy FROM timescaledb_information.jobs WHERE proc_name = 'tidy' \\gset
    CALL run_job(:tidy);
    SELECT add_job('shop.tidy', '2h');
    SELECT count(*) FROM drop_chunks('shop.ticks', older_than => 0);
    SELECT count(*) FROM shop.ticks;
    CREATE TABLE shop.more (at timestamptz NOT NULL);
    SELECT hypertable_id FROM create_hypertable('shop.more', 'at');";

#[tokio::test]
#[ignore = "needs two servers with TimescaleDB"]
async fn the_extension_itself_takes_over_what_was_carried() {
    let variable = |name: &str| std::env::var(name).expect("the URL of a database with TimescaleDB");
    let (url, to) = (variable("INFRA_TEST_TIMESCALEDB"), variable("INFRA_TEST_TIMESCALEDB_TARGET"));
    // Only for its programs.
    let real = Real { url, target: Server::v17() };
    real.fresh();
    real.psql(include_str!("real.sql"));
    real.psql("CALL refresh_continuous_aggregate('shop.daily', '2026-01-01', '2026-01-20')");
    let new = connect(&Endpoint::parse(&to).unwrap(), "test").await.unwrap();
    let (catalog, built) = real.schema(&new).await;
    let restore = built.conversion.restore.as_ref().expect("the target has the extension");
    let failed = |error: schema::ApplyError| -> ! { panic!("{error}: {:?}", std::error::Error::source(&error)) };
    let until = |phase: Phase| built.entries.iter().filter(move |entry| entry.phase <= phase);
    schema::apply(&new, until(Phase::BeforeData), |_| ()).await.unwrap_or_else(|error| failed(error));
    let mut compressed = 0;
    for table in catalog.with_rows() {
        let name = &table.name;
        let read = format!(
            "SET timescaledb.restoring = on; SELECT coalesce(json_agg(t), '[]') FROM ONLY {name} AS t WHERE ctid >= '(0,0)'"
        );
        let rows = real.psql(&read);
        compressed += usize::from(name.name.starts_with("compress_") && rows != "[]");
        // That build does not know COPY from a client.
        let write =
            format!("INSERT INTO {name} SELECT * FROM json_populate_recordset(NULL::{name}, $infra${rows}$infra$)");
        new.run("filling", &write).await.unwrap();
    }
    assert_eq!(compressed, 2, "compressed rows travel compressed");
    schema::apply(&new, until(Phase::Settings), |_| ()).await.unwrap_or_else(|error| failed(error));
    real.fresh();
    let old = connect(&Endpoint::parse(&real.url).unwrap(), "test").await.unwrap();
    assert!(timescale::carry(&old, &new, restore).await.unwrap() > 10);
    schema::apply(&new, until(Phase::Last), |_| ()).await.unwrap_or_else(|error| failed(error));
    schema::hand_over(&new, &built).await.unwrap();
    println!("{}", timescale::same_counts(&old, &new).await.unwrap());
    drop((old, new));
    // The one session is free when the server has seen that.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    real.fresh();
    for sql in SAME {
        let there = real.psql_at(&to, sql);
        assert!(!there.is_empty());
        assert_eq!(there, real.psql(sql), "{sql}");
    }
    assert_eq!(real.psql_at(&to, "SELECT count(*) FROM pg_db_role_setting"), "0", "restore mode is over");
    // As the old one does, in the same order.
    let (here, there) = (real.psql(WORK), real.psql_at(&to, WORK));
    println!("{there}");
    assert_eq!(there, here);
    let new = connect(&Endpoint::parse(&to).unwrap(), "test").await.unwrap();
    schema::take_back(&new, &built).await.unwrap();
    new.run("removing what was made since", "DROP TABLE shop.more").await.unwrap();
}
