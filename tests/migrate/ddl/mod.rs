//! What releases change at the new database while the way back is open comes to the old one with every row, or is named at once.

mod releases;

use std::collections::BTreeSet;
use std::time::Duration;

use infra::migrate::carried::carry_rows;
use infra::migrate::catalog;
use infra::migrate::ddl::{Arrival, Followed, Follower, begin, is_as_carried};
use infra::migrate::folder::Folder;
use infra::migrate::identity::give;
use infra::migrate::replicate::Channel;
use infra::migrate::sequences;

use crate::guarded::Guarded;
use crate::servers::Server;

const PATIENCE: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_secs(8);

/// A way back that is looked after, as the agent does it.
pub struct Watched {
    pub guarded: Guarded,
    place: tempfile::TempDir,
}

impl Watched {
    pub async fn new() -> Self {
        let guarded = Guarded::new().await;
        let watched = Self { guarded, place: tempfile::tempdir().unwrap() };
        watched.identities().await;
        begin(&watched.guarded.new, &watched.folder()).await.unwrap();
        watched
    }

    fn folder(&self) -> Folder {
        Folder::at(self.place.path())
    }

    async fn identities(&self) {
        give(&self.guarded.old, None).await.unwrap();
        give(&self.guarded.new, Some(&self.guarded.old)).await.unwrap();
    }

    pub fn channel(&self) -> Channel<'_> {
        self.guarded.back(&self.guarded.new, &self.guarded.old)
    }

    pub async fn look(&self) -> Followed {
        self.identities().await;
        let (channel, folder) = (self.channel(), self.folder());
        let followed = Follower { channel, folder: &folder, patience: LOOK }.look().await.unwrap();
        self.identities().await;
        followed
    }

    /// As a release does it.
    pub fn release(&self, sql: &str) {
        self.guarded.new_server.psql_as("owner", "app", sql);
    }

    /// Everything was carried.
    pub async fn carries(&self, sql: &str) {
        self.release(sql);
        let followed = self.look().await;
        assert!(followed.lost.is_empty() && followed.without.is_empty(), "{sql}: {followed:?}");
        assert_eq!(followed.arrival, Some(Arrival::Arrived), "{sql}");
    }

    /// Tables that are not the same at the old database, once everything has arrived.
    pub async fn differing(&self) -> BTreeSet<String> {
        self.channel().drain_or_say(PATIENCE).await.unwrap();
        self.channel().all_copied(PATIENCE).await.unwrap();
        self.compare().await
    }

    pub async fn compare(&self) -> BTreeSet<String> {
        let Guarded { old, new, old_server, new_server, .. } = &self.guarded;
        carry_rows(new, old, &catalog::read(new).await.unwrap()).await.unwrap();
        sequences::carry_known(new, old).await.unwrap();
        let tables = new_server.psql("app", ROWS);
        let differs = |line: &&str| {
            let (_, query) = line.split_once('|').unwrap();
            answer(old_server, query) != answer(new_server, query)
        };
        tables.lines().filter(differs).map(|line| line.split('|').next().unwrap().to_owned()).collect()
    }
}

/// Of each table: its name, and a query of all its rows in an order.
const ROWS: &str = "SELECT format('%I.%I', n.nspname, c.relname), format('SELECT coalesce(string_agg(r, E''\\x1e'' ORDER BY r COLLATE \"C\"), '''') FROM (SELECT ROW(%s)::text AS r FROM %I.%I) AS t',
        (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attname) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped), n.nspname, c.relname)
   FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^(pg_|information_schema$|infra_)' ORDER BY 1";

/// A table that one of them lacks is another answer.
fn answer(server: &Server, query: &str) -> String {
    let port = server.port().to_string();
    let arguments = ["-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-d", "app", "-XqAt", "-c", query];
    let output = crate::servers::run(&server.tool("psql", &arguments), b"");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_and_columns_come_back_with_rows_from_before_and_after_the_look() {
    let watched = Watched::new().await;
    watched
        .carries(
            "CREATE TABLE audit (id bigserial PRIMARY KEY, at timestamptz DEFAULT now(), who text NOT NULL);
             INSERT INTO audit (who) SELECT 'before' FROM generate_series(1, 500);
             ALTER TABLE telemetry ADD COLUMN place text DEFAULT 'here', ADD COLUMN seen timestamptz DEFAULT now(),
               ADD COLUMN tags int[] NOT NULL DEFAULT '{1,2}', ADD COLUMN double int GENERATED ALWAYS AS (length(text) * 2) STORED;
             INSERT INTO telemetry (text, place) SELECT 'later', 'there' FROM generate_series(1, 50);
             UPDATE telemetry SET place = 'moved' WHERE id < 10",
        )
        .await;
    watched.release("INSERT INTO audit (who) VALUES ('after'); DELETE FROM audit WHERE id < 10; INSERT INTO telemetry (text) VALUES ('x')");
    assert_eq!(watched.differing().await, BTreeSet::new());
    let next = "BEGIN READ WRITE; SET LOCAL session_replication_role = replica; INSERT INTO audit (who) VALUES ('home') RETURNING id; ROLLBACK";
    assert_eq!(watched.guarded.old_server.psql("app", next), "502", "its sequence goes on");
    // Readers see it; nobody writes.
    let session = watched.guarded.old_server.connect("app").await;
    watched.look().await;
    infra::migrate::replicate::raise_fence(&watched.guarded.old, crate::guarded::APPLICATION).await.unwrap();
    assert!(session.batch_execute("BEGIN READ WRITE; INSERT INTO audit (who) VALUES ('no')").await.is_err());
    assert!(is_as_carried(&watched.guarded.new, &watched.folder()).await.unwrap());
    watched.release("CREATE INDEX late ON audit (who)");
    assert!(!is_as_carried(&watched.guarded.new, &watched.folder()).await.unwrap());
}

/// Each is a release of its own, with rows.
const RELEASES: [&str; 24] = [
    "ALTER TABLE telemetry ADD COLUMN code uuid NOT NULL DEFAULT gen_random_uuid(), ADD COLUMN place text DEFAULT 'here'; INSERT INTO telemetry (text) VALUES ('u')",
    "ALTER TABLE telemetry ADD COLUMN turn bigserial; INSERT INTO telemetry (text) VALUES ('s')",
    "ALTER TABLE telemetry ADD COLUMN number int GENERATED BY DEFAULT AS IDENTITY, ADD COLUMN amount int DEFAULT 3; INSERT INTO telemetry (text) VALUES ('i')",
    "CREATE TYPE mood AS ENUM ('sad', 'ok'); ALTER TABLE telemetry ADD COLUMN mood mood DEFAULT 'ok'",
    "ALTER TYPE mood ADD VALUE 'glad'; ALTER TYPE mood ADD VALUE 'meh' BEFORE 'ok'",
    "INSERT INTO telemetry (text, mood) VALUES ('e', 'glad'), ('e', 'meh')",
    "CREATE DOMAIN positive AS int CHECK (VALUE > 0); CREATE TYPE pair AS (a int, b text);
     CREATE TABLE typed (id int PRIMARY KEY, p positive DEFAULT 3, q pair); INSERT INTO typed VALUES (1, 2, ROW(1, 'x')), (2, DEFAULT, NULL)",
    "CREATE SCHEMA shop; CREATE TABLE shop.\"Odd name\" (\"Key\" int PRIMARY KEY, \"a b\" text); INSERT INTO shop.\"Odd name\" VALUES (1, 'x')",
    "CREATE UNIQUE INDEX once ON shop.\"Odd name\" (\"a b\"); CREATE INDEX ON telemetry (text) WHERE mood = 'ok'",
    "ALTER TABLE telemetry ADD CHECK (text <> ''), ALTER text SET NOT NULL; ALTER TABLE typed ADD UNIQUE (p)",
    "CREATE TABLE child (id serial PRIMARY KEY, parent bigint REFERENCES telemetry, UNIQUE (parent)); INSERT INTO child (parent) SELECT max(id) FROM telemetry",
    "ALTER TABLE telemetry RENAME COLUMN text TO words; INSERT INTO telemetry (words) VALUES ('renamed')",
    "ALTER TABLE typed RENAME TO kinds; INSERT INTO kinds VALUES (7, 70, NULL); ALTER TABLE child SET SCHEMA shop; INSERT INTO shop.child DEFAULT VALUES",
    "ALTER TABLE kinds ALTER id TYPE bigint; INSERT INTO kinds VALUES (5000000000, 9, NULL)",
    "ALTER TABLE telemetry ALTER amount DROP DEFAULT, ALTER amount TYPE text USING 'n' || amount; INSERT INTO telemetry (words, amount) VALUES ('typed', 'free')",
    "ALTER TABLE telemetry DROP COLUMN place; INSERT INTO telemetry (words) VALUES ('dropped')",
    "ALTER TABLE telemetry ADD COLUMN place int DEFAULT 7; INSERT INTO telemetry (words, place) VALUES ('again', 8)",
    "DROP TABLE shop.child; CREATE TABLE shop.child (id int PRIMARY KEY, text text); INSERT INTO shop.child VALUES (1, 'anew')",
    "CREATE TABLE days (day date, n int, PRIMARY KEY (day, n)) PARTITION BY RANGE (day);
     CREATE TABLE days_1 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2026-02-01'); INSERT INTO days VALUES ('2026-01-05', 1)",
    "CREATE TABLE days_2 PARTITION OF days FOR VALUES FROM ('2026-02-01') TO ('2026-03-01'); INSERT INTO days VALUES ('2026-02-05', 1);
     ALTER TABLE parted ADD COLUMN v text DEFAULT 'p'; INSERT INTO parted (day) VALUES ('2026-01-20')",
    "CREATE TABLE no_key (a int, b jsonb); INSERT INTO no_key VALUES (1, '{}'), (1, '{}'); UPDATE no_key SET a = 2; CREATE UNLOGGED TABLE quick (id int); INSERT INTO quick VALUES (1)",
    "CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2'; ALTER TABLE kinds ADD COLUMN t int GENERATED ALWAYS AS (twice(p)) STORED;
     CREATE VIEW glad AS SELECT * FROM telemetry WHERE mood = 'glad'; CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM kinds; COMMENT ON TABLE kinds IS 'of all'",
    "CREATE FUNCTION stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.words := upper(NEW.words); RETURN NEW; END';
     CREATE TRIGGER stamp BEFORE INSERT ON telemetry FOR EACH ROW EXECUTE FUNCTION stamp(); INSERT INTO telemetry (words) VALUES ('loud'); GRANT SELECT ON telemetry TO PUBLIC",
    "ALTER TABLE telemetry DROP CONSTRAINT telemetry_text_check, ALTER words DROP NOT NULL; DROP TRIGGER stamp ON telemetry; DROP INDEX shop.once;
     INSERT INTO telemetry (words) VALUES (''), (NULL); INSERT INTO shop.\"Odd name\" VALUES (2, 'x')",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_release_is_carried() {
    let watched = Watched::new().await;
    for release in RELEASES {
        watched.carries(release).await;
        assert_eq!(watched.differing().await, BTreeSet::new(), "{release}");
    }
}

/// In one look: what waits at the old server waits for all of it.
#[tokio::test(flavor = "multi_thread")]
async fn many_releases_between_two_looks_are_carried_or_named() {
    let watched = Watched::new().await;
    for release in RELEASES {
        watched.release(release);
    }
    let mut followed = watched.look().await;
    for _ in 0..3 {
        followed = watched.look().await;
    }
    let named = format!("{:?} {:?}", followed.lost, followed.arrival);
    // A change that cannot be applied keeps everything after it, and is told with the server's words.
    if let Some(Arrival::Stuck(words)) = &followed.arrival {
        return assert!(words.contains("its server answers"), "{words}");
    }
    let differing = watched.differing().await;
    let silent: Vec<_> = differing.iter().filter(|table| !named.contains(table.as_str())).collect();
    assert!(silent.is_empty(), "{silent:?}: {followed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_carried_is_said_at_once_with_the_servers_words_and_ends_when_it_is_mended() {
    let watched = Watched::new().await;
    let at_old =
        |sql: &str| watched.guarded.old_server.psql("app", &format!("SET default_transaction_read_only = off; {sql}"));
    at_old("CREATE VIEW taken AS SELECT 1 AS one");
    watched.release("CREATE TABLE taken (id int PRIMARY KEY)");
    let followed = watched.look().await;
    assert!(followed.lost.is_empty(), "it has no rows: {followed:?}");
    assert!(followed.without.iter().any(|(what, _)| what.starts_with("TABLE public.taken: ")), "{followed:?}");
    watched.release("INSERT INTO taken VALUES (1)");
    let followed = watched.look().await;
    let [(what, remedy)] = followed.lost.as_slice() else { panic!("{followed:?}") };
    assert!(what.starts_with("TABLE public.taken: ") && what.contains("already exists"), "{what}");
    assert!(remedy.contains("READ WRITE"), "{remedy}");
    at_old("DROP VIEW taken");
    let followed = watched.look().await;
    assert!(followed.lost.is_empty() && followed.without.is_empty(), "{followed:?}");
    assert_eq!(watched.differing().await, BTreeSet::new());
    // A label that rows have under another name now.
    watched.carries("CREATE TYPE state AS ENUM ('new', 'old'); CREATE TABLE st (id int PRIMARY KEY, s state); INSERT INTO st VALUES (1, 'new')").await;
    watched.release("ALTER TYPE state RENAME VALUE 'new' TO 'fresh'");
    let followed = watched.look().await;
    assert!(followed.lost.iter().any(|(what, _)| what.starts_with("TYPE public.state: ")), "{followed:?}");
    // Rows that the old server refuses, with its words.
    at_old("ALTER TABLE telemetry ADD CONSTRAINT short CHECK (length(text) < 20)");
    watched.release("INSERT INTO telemetry (text) VALUES ('much longer than the old server takes')");
    let followed = watched.look().await;
    let Some(Arrival::Stuck(words)) = &followed.arrival else { panic!("{followed:?}") };
    assert!(words.contains("telemetry") && words.contains("short"), "{words}");
}

/// Killed after any statement: the next look finds what is missing.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_that_was_cut_off_is_repeated() {
    let watched = Watched::new().await;
    let release = "CREATE TABLE audit (id int PRIMARY KEY, at timestamptz DEFAULT now()); INSERT INTO audit SELECT generate_series(1, 100);
        ALTER TABLE telemetry ADD COLUMN code uuid NOT NULL DEFAULT gen_random_uuid()";
    watched.release(release);
    for wait in [5, 20, 40, 80, 120, 160, 200, 250, 300, 400, 600, 800] {
        let (channel, folder) = (watched.channel(), watched.folder());
        let follower = Follower { channel, folder: &folder, patience: LOOK };
        let old = crate::guarded::open(&watched.guarded.old_server, "postgres", "app").await;
        let follower = Follower { channel: Channel { subscriber: &old, ..follower.channel }, ..follower };
        drop(tokio::time::timeout(Duration::from_millis(wait), follower.look()).await);
    }
    let followed = watched.look().await;
    assert!(followed.lost.is_empty() && followed.without.is_empty(), "{followed:?}");
    assert_eq!(watched.differing().await, BTreeSet::new());
}
