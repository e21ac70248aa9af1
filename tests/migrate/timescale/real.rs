//! The same with TimescaleDB itself: INFRA_TEST_TIMESCALEDB is the URL of a database that has the extension, of PostgreSQL 17
//! or before. It may be one that takes a single session at a time, and whose sessions are one, such as PGlite behind a
//! socket: so the rows are read as the copy reads them, but by psql and without a snapshot.

use infra::migrate::catalog::{self, Catalog};
use infra::migrate::schema::{self, Phase, Schema};
use infra::migrate::timescale;
use tokio_postgres::NoTls;

use crate::servers::{Server, run};

struct Real {
    url: String,
    target: Server,
}

impl Real {
    fn psql(&self, sql: &str) -> String {
        let sql = format!("SET client_min_messages = error; SET timezone = 'UTC'; SET search_path = public; {sql}");
        let argv = self.target.tool("psql", &[&self.url, "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", "-"]);
        let output = run(&argv, sql.as_bytes());
        assert!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Where all sessions are one, what the last one left is still there.
    fn fresh(&self) {
        self.psql("ROLLBACK; DISCARD ALL");
    }

    async fn schema(&self) -> (Catalog, Schema) {
        self.fresh();
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await.unwrap();
        let connection = tokio::spawn(async move { drop(connection.await) });
        let catalog = catalog::read(&client).await.unwrap();
        let found = timescale::read(&client).await.unwrap();
        drop(client);
        connection.await.unwrap();
        self.fresh();
        let archive = schema::dump(&self.target.tool("pg_dump", &[&self.url]), None).await.unwrap();
        self.fresh();
        let master = self.target.connect_as("master", "moved").await;
        let facts = schema::examine(&master, &catalog).await.unwrap();
        let items = schema::parse(&archive).unwrap();
        let built = timescale::build(items, &catalog, found.as_ref(), vec![], &facts);
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
    let (catalog, built) = real.schema().await;
    let losses: Vec<_> =
        built.losses.iter().map(|loss| format!("{} {}: {}", loss.code, loss.object, loss.what)).collect();
    println!("{}", losses.join("\n"));
    let master = real.target.connect_as("master", "moved").await;
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
