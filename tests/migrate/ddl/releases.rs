//! Releases at random, with rows in all tables and somebody else who writes all the time; then every row is at the old database, or
//! was named.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use infra::migrate::ddl::Arrival;
use rand::prelude::*;

use super::Watched;
use crate::journey::fill;
use crate::servers::Server;

/// A table as the releases know it.
#[derive(Clone)]
struct Known {
    name: String,
    columns: Vec<(String, &'static str)>,
}

struct Releases {
    random: StdRng,
    tables: Vec<Known>,
    enums: Vec<(String, usize)>,
    count: usize,
}

const TYPES: [(&str, &str); 9] = [
    ("int", "7"),
    ("bigint", "70"),
    ("text", "'it''s'"),
    ("varchar(40)", "'v'"),
    ("timestamptz", "now()"),
    ("uuid", "gen_random_uuid()"),
    ("numeric(10,2)", "1.50"),
    ("jsonb", "'{\"a\": 1}'"),
    ("int[]", "'{1,2}'"),
];

impl Releases {
    fn new(seed: u64) -> Self {
        let column = |name: &str, of| (name.to_owned(), of);
        let telemetry = Known { name: "telemetry".into(), columns: vec![column("text", "text")] };
        Self { random: StdRng::seed_from_u64(seed), tables: vec![telemetry], enums: vec![], count: 0 }
    }

    fn new_name(&mut self, of: &str) -> String {
        self.count += 1;
        format!("{of}_{}", self.count)
    }

    fn one(&mut self) -> String {
        match self.random.random_range(0..22) {
            0..4 => self.table(),
            4..10 => self.column(),
            10..12 => self.label(),
            12..15 => self.index(),
            15..18 => self.constraint(),
            18 => self.rename(),
            19 => self.retype(),
            20 => self.drop(),
            _ => self.code(),
        }
    }

    fn table(&mut self) -> String {
        let name = self.new_name("t");
        let columns: Vec<_> = (0..self.random.random_range(1..5)).map(|_| self.typed()).collect();
        let list: Vec<String> = columns.iter().map(|(name, of)| format!("{name} {of}")).collect();
        let list = list.join(", ");
        let sql = match self.random.random_range(0..8) {
            0 => format!("CREATE TABLE {name} ({list})"),
            1 => format!("CREATE UNLOGGED TABLE {name} (id bigserial PRIMARY KEY, {list})"),
            2 => format!(
                "CREATE TABLE {name} (id bigserial, day date NOT NULL DEFAULT '2026-03-01', {list}, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
                 CREATE TABLE {name}_a PARTITION OF {name} FOR VALUES FROM ('2026-01-01') TO ('2026-06-01'); CREATE TABLE {name}_b PARTITION OF {name} DEFAULT"
            ),
            3 => format!("CREATE TABLE {name} (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, {list})"),
            _ => format!("CREATE TABLE {name} (id bigserial PRIMARY KEY, {list})"),
        };
        self.tables.push(Known { name, columns });
        sql
    }

    fn typed(&mut self) -> (String, &'static str) {
        let name = self.new_name("c");
        (name, TYPES.choose(&mut self.random).unwrap().0)
    }

    fn column(&mut self) -> String {
        let (of, value) = *TYPES.choose(&mut self.random).unwrap();
        let name = self.new_name("c");
        let rest = match self.random.random_range(0..5) {
            0 => String::new(),
            1 => format!(" NOT NULL DEFAULT {value}"),
            2 => format!(" GENERATED ALWAYS AS ({value}::text || 'x') STORED"),
            _ => format!(" DEFAULT {value}"),
        };
        let (of, rest) = match (rest.contains("GENERATED"), of) {
            (true, "timestamptz" | "uuid" | "jsonb") => (of, String::new()),
            (true, _) => ("text", rest),
            _ => (of, rest),
        };
        let serial = self.random.random_ratio(1, 10);
        let table = self.tables.choose_mut(&mut self.random).unwrap();
        if serial {
            return format!("ALTER TABLE {} ADD COLUMN {name} bigserial", table.name);
        }
        if !rest.contains("GENERATED") {
            table.columns.push((name.clone(), of));
        }
        format!("ALTER TABLE {} ADD COLUMN {name} {of}{rest}", table.name)
    }

    fn label(&mut self) -> String {
        if self.enums.is_empty() || self.random.random_ratio(1, 3) {
            let name = self.new_name("e");
            self.enums.push((name.clone(), 2));
            let table = self.tables.choose(&mut self.random).unwrap();
            return format!(
                "CREATE TYPE {name} AS ENUM ('a', 'b'); ALTER TABLE {} ADD COLUMN of_{name} {name} DEFAULT 'b'",
                table.name
            );
        }
        let (name, labels) = self.enums.choose_mut(&mut self.random).unwrap();
        *labels += 1;
        let place = if *labels % 2 == 0 { " BEFORE 'b'" } else { "" };
        format!("ALTER TYPE {name} ADD VALUE 'l{labels}'{place}")
    }

    fn index(&mut self) -> String {
        let name = self.new_name("i");
        let table = self.tables.choose(&mut self.random).unwrap();
        match table.columns.choose(&mut self.random) {
            Some((column, _)) => format!("CREATE INDEX {name} ON {} ({column})", table.name),
            None => format!("CREATE INDEX {name} ON telemetry (text)"),
        }
    }

    fn constraint(&mut self) -> String {
        let name = self.new_name("k");
        let kind = self.random.random_range(0..3);
        let table = self.tables.choose(&mut self.random).unwrap();
        let Some((column, _)) = table.columns.choose(&mut self.random) else { return self.index() };
        match kind {
            0 => format!("ALTER TABLE {} ADD CONSTRAINT {name} CHECK ({column} IS NOT NULL OR true)", table.name),
            1 => format!(
                "ALTER TABLE {} ADD COLUMN r{name} bigint REFERENCES telemetry (id) ON DELETE SET NULL",
                table.name
            ),
            _ => format!(
                "DELETE FROM {0} WHERE {column} IS NULL; ALTER TABLE {0} ALTER {column} SET NOT NULL",
                table.name
            ),
        }
    }

    fn rename(&mut self) -> String {
        let (to, is_table) = (self.new_name("n"), self.random.random_bool(0.3));
        let table = self.tables.choose_mut(&mut self.random).unwrap();
        if is_table && table.name != "telemetry" {
            let from = std::mem::replace(&mut table.name, to.clone());
            return format!("ALTER TABLE {from} RENAME TO {to}");
        }
        let name = table.name.clone();
        match table.columns.choose_mut(&mut self.random) {
            Some((column, _)) => {
                let from = std::mem::replace(column, to.clone());
                format!("ALTER TABLE {name} RENAME COLUMN {from} TO {to}")
            }
            None => self.table(),
        }
    }

    fn retype(&mut self) -> String {
        let table = self.tables.choose_mut(&mut self.random).unwrap();
        let Some((column, of)) = table.columns.iter_mut().find(|(_, of)| *of == "int" || *of == "varchar(40)") else {
            return self.column();
        };
        *of = if *of == "int" { "bigint" } else { "text" };
        format!("ALTER TABLE {} ALTER {column} TYPE {of}", table.name)
    }

    fn drop(&mut self) -> String {
        let whole = self.random.random_ratio(1, 4);
        let place = self.random.random_range(0..self.tables.len());
        if whole && place > 0 {
            return format!("DROP TABLE {}", self.tables.swap_remove(place).name);
        }
        let table = &mut self.tables[place];
        match table.columns.pop() {
            Some((column, _)) => format!("ALTER TABLE {} DROP COLUMN {column}", table.name),
            None => self.table(),
        }
    }

    fn code(&mut self) -> String {
        let name = self.new_name("f");
        format!(
            "CREATE FUNCTION {name}(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
             CREATE VIEW v_{name} AS SELECT {name}(1) AS n FROM telemetry; COMMENT ON VIEW v_{name} IS 'of {name}'"
        )
    }
}

/// Writes what it can into every table that there is, until it is told to stop.
async fn outside_writer(server: Arc<Server>, stop: Arc<AtomicBool>, written: Arc<AtomicU64>) {
    let client = server.connect_as("owner", "app").await;
    let tables =
        "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^(pg_|information_schema$|infra_)'";
    while !stop.load(Ordering::Relaxed) {
        for row in client.query(tables, &[]).await.unwrap() {
            let table: String = row.get(0);
            let insert = client.batch_execute(&format!("INSERT INTO {table} DEFAULT VALUES")).await;
            written.fetch_add(u64::from(insert.is_ok()), Ordering::Relaxed);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// `all_of_it`: nothing of these has to be named.
async fn releases(seed: u64, count: usize, all_of_it: bool) {
    let watched = Watched::new().await;
    let mut releases = Releases::new(seed);
    let new_server = &watched.guarded.new_server;
    let writer_server = Arc::new(Server::at(new_server.port()));
    let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writer = tokio::spawn(outside_writer(writer_server, stop.clone(), written.clone()));
    let client = new_server.connect("app").await;
    let owner = new_server.connect_as("owner", "app").await;
    let (mut history, mut done) = (vec![], 0);
    while done < count {
        let sql = releases.one();
        // What does not fit to what is there is no release.
        if owner.batch_execute(&sql).await.is_err() {
            history.push(format!("refused: {sql}"));
            continue;
        }
        history.push(sql);
        done += 1;
        fill::fill(&client, seed * 1000 + done as u64, 2).await;
        fill::change(&client, seed * 1000 + done as u64).await;
        if releases.random.random_bool(0.4) {
            watched.look().await;
            history.push("-- a look".into());
        }
    }
    stop.store(true, Ordering::Relaxed);
    writer.await.unwrap();
    // As a rollback does before it stops anybody.
    let mut followed = watched.look().await;
    for _ in 0..3 {
        if followed.lost.is_empty() && followed.arrival == Some(Arrival::Arrived) {
            break;
        }
        followed = watched.look().await;
    }
    let context = || format!("seed {seed}\n{}\n{followed:#?}", history.join(";\n"));
    let named: Vec<&String> = followed.lost.iter().map(|(what, _)| what).collect();
    if followed.arrival != Some(Arrival::Arrived) {
        assert!(!all_of_it, "{}", context());
        return eprintln!("seed {seed}: named before anybody is stopped: {:?} {named:?}", followed.arrival);
    }
    let differing: BTreeSet<String> = watched.differing().await;
    let silent: Vec<_> =
        differing.iter().filter(|table| !named.iter().any(|what| what.contains(table.as_str()))).collect();
    assert!(silent.is_empty(), "rows are missing and nobody said so: {silent:?}\n{}", context());
    eprintln!(
        "seed {seed}: {done} releases, {} rows of an outside writer, without {:?}, named {named:?}",
        written.load(Ordering::Relaxed),
        followed.without
    );
    assert!(named.is_empty() || !all_of_it, "{}", context());
}

#[tokio::test(flavor = "multi_thread")]
async fn random_releases_come_back_with_every_row() {
    releases(1, 15, true).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes: tests/migrate's own 100 releases"]
async fn a_hundred_random_releases_come_back_with_every_row() {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(2);
    releases(seed, 100, false).await;
}
