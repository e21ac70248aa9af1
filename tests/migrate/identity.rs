//! Tables without a key, moved while they are written to: the application's UPDATE and DELETE never fail, at either end,
//! and afterwards every table has the identity that it had.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use infra::migrate::catalog::{self, QualifiedName};
use infra::migrate::folder::Folder;
use infra::migrate::identity::{IdentityError, give, give_to_new, look_for_new, take_back, unfollowed};
use infra::migrate::replicate::Channel;
use infra::migrate::verify::incremental::ChangeVerifier;
use infra::migrate::verify::{Prints, compare_objects, read_objects};
use infra::postgres::{Endpoint, connect};
use tokio::task::JoinHandle;

use crate::pair::{Pair, open};
use crate::servers::Server;

const PATIENCE: Duration = Duration::from_secs(30);
const TABLES: &str = "
    CREATE TABLE late (id int, v text, PRIMARY KEY (id) DEFERRABLE INITIALLY DEFERRED);
    CREATE TABLE log (at timestamptz, line text, n int);
    CREATE TABLE by_index (code text NOT NULL, n int);
    CREATE UNIQUE INDEX by_index_code ON by_index (code);
    CREATE TABLE told_nothing (id int PRIMARY KEY, n int); ALTER TABLE told_nothing REPLICA IDENTITY NOTHING;
    CREATE TABLE raw (id int NOT NULL, body json); CREATE UNIQUE INDEX raw_id ON raw (id);
    ALTER TABLE raw REPLICA IDENTITY FULL;
    CREATE TABLE events (day date, n int, note text) PARTITION BY RANGE (day);
    CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
    CREATE UNIQUE INDEX events_1_own ON events_1 (n); ALTER TABLE events_1 ALTER n SET NOT NULL;
    CREATE TABLE keyed (id int PRIMARY KEY, n int); ALTER TABLE keyed REPLICA IDENTITY FULL";
const ROWS: &str = "
    INSERT INTO late VALUES (1, 'a'), (2, 'b'); INSERT INTO log SELECT now(), 'x', i % 3 FROM generate_series(1, 30) AS i;
    INSERT INTO by_index SELECT 'c' || i, 0 FROM generate_series(1, 5) AS i; INSERT INTO told_nothing VALUES (1, 0);
    INSERT INTO raw VALUES (1, '{}'), (2, '[]'); INSERT INTO events SELECT '2026-01-05', i, 'e' FROM generate_series(1, 20) AS i;
    INSERT INTO keyed VALUES (1, 0)";
/// What the application does, over and over.
const WORK: &str = "
    UPDATE public.late SET v = v || 'c' WHERE id = 1 AND length(v) < 50; UPDATE public.late SET v = 'a' WHERE length(v) > 40;
    DELETE FROM public.log WHERE ctid = (SELECT min(ctid) FROM public.log); INSERT INTO public.log VALUES (now(), 'y', 1);
    UPDATE public.log SET n = n + 1 WHERE n = 2; UPDATE public.by_index SET n = n + 1 WHERE code = 'c1';
    UPDATE public.told_nothing SET n = n + 1; UPDATE public.raw SET body = '[1]' WHERE id = 2;
    UPDATE public.events SET note = note || 'x' WHERE n = 3; DELETE FROM public.events WHERE n = 4;
    INSERT INTO public.events VALUES ('2026-01-06', 4, 'again'); UPDATE public.keyed SET n = n + 1";
const NAMES: [&str; 7] = ["late", "log", "by_index", "told_nothing", "raw", "events", "keyed"];

async fn pair() -> Pair {
    Pair::of("", &format!("{TABLES}; {ROWS}")).await
}

/// The application, until it is told to stop; how often it did its work.
struct Application {
    stop: Arc<AtomicBool>,
    running: JoinHandle<usize>,
}

impl Application {
    async fn at(server: &Server) -> Self {
        let (client, stop) = (open(server).await, Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let running = tokio::spawn(async move {
            let mut done = 0;
            while !stopped.load(Ordering::Relaxed) {
                client.run("the application's work", WORK).await.unwrap();
                done += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            done
        });
        Self { stop, running }
    }

    async fn stop(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.running.await.unwrap()
    }
}

/// Of each table and index, what says by what rows are found.
fn identities(server: &Server) -> String {
    let sql = "SELECT string_agg(relname || ' ' || relreplident::text, ', ' ORDER BY relname) FROM pg_class
                WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace
               UNION ALL SELECT string_agg(indexrelid::regclass::text, ', ') FROM pg_index WHERE indisreplident
               UNION ALL SELECT string_agg(evtname, ',') FROM pg_event_trigger";
    server.psql("app", sql)
}

fn rows(server: &Server) -> Vec<String> {
    let text = |table: &str| {
        format!("SELECT coalesce(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\"), '') FROM public.{table} t")
    };
    NAMES.iter().map(|table| server.psql("app", &format!("SET timezone = 'UTC'; {}", text(table)))).collect()
}

async fn differences(pair: &Pair) -> Vec<String> {
    let found = compare_objects(&pair.old, &pair.new, &[], &Prints::default()).await.unwrap();
    found.iter().map(infra::migrate::verify::told_of_object).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_writes_without_keys_throughout_and_finds_everything_as_it_was() {
    let pair = pair().await;
    let before = (identities(&pair.old_server), identities(&pair.new_server));
    assert_eq!(before.0, before.1);
    let application = Application::at(&pair.old_server).await;
    for changed in [7, 0] {
        assert_eq!(give(&pair.old, None).await.unwrap(), changed);
        assert!(give_to_new(&pair.old).await.unwrap());
    }
    let forward = Channel { name: "infra_forward", publisher: &pair.old, subscriber: &pair.new };
    forward.publish(None).await.unwrap();
    let done = application.stop().await;
    assert!(done > 0);
    for table in NAMES {
        pair.new_server.psql("app", &format!("TRUNCATE {table}"));
        let rows = pair.old_server.psql("app", &format!("COPY (SELECT * FROM {table}) TO STDOUT"));
        pair.new_server.psql("app", &format!("COPY {table} FROM STDIN;\n{rows}\n\\.\n"));
    }
    forward.make_slot().await.unwrap();
    let application = Application::at(&pair.old_server).await;
    give(&pair.new, Some(&pair.old)).await.unwrap();
    assert!(give_to_new(&pair.new).await.unwrap());
    forward.subscribe(&Endpoint::parse(&pair.old_server.url("app")).unwrap()).await.unwrap();
    forward.drain(PATIENCE).await.unwrap();
    assert_eq!(
        differences(&pair).await,
        Vec::<String>::new(),
        "identities of the migration are no change of the schema"
    );

    // What both ends record is the same, without keys too.
    let folder = tempfile::tempdir().unwrap();
    let folder = Folder::at(folder.path());
    let application_paused = application.stop().await;
    assert!(application_paused > 0);
    forward.drain(PATIENCE).await.unwrap();
    let verifier = ChangeVerifier { source: &pair.old, target: &pair.new, folder: &folder };
    verifier.record(None, Some(&NAMES.map(|name| QualifiedName::new("public", name)))).await.unwrap();
    verifier.begin(verifier.baseline().await.unwrap()).unwrap();
    let application = Application::at(&pair.old_server).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    // A partition that a job makes: its rows are changed at once.
    let come =
        "CREATE TABLE public.events_2 PARTITION OF public.events FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');";
    pair.new_server.psql("app", come);
    pair.old_server.psql("app", &format!("{come} INSERT INTO events VALUES ('2026-02-02', 99, 'job')"));
    pair.old_server.psql("app", "UPDATE events SET note = 'changed' WHERE n = 99");
    // A table that comes on both sides; its rows are nobody's concern before the schema was looked at again.
    pair.new_server.psql("app", "CREATE TABLE extra (a int)");
    pair.old_server.psql("app", "CREATE TABLE extra (a int); INSERT INTO extra VALUES (1)");
    pair.old_server.psql("app", "UPDATE extra SET a = 2; ALTER TABLE extra ADD PRIMARY KEY (a)");
    pair.old_server.psql("app", "UPDATE extra SET a = 3; DROP TABLE extra");
    application.stop().await;
    forward.drain(PATIENCE).await.unwrap();
    pair.new_server.psql("app", "DROP TABLE extra");
    let look = verifier.recheck(&catalog::read(&pair.old).await.unwrap()).await.unwrap();
    assert_eq!(look.differing().count(), 0, "{look:?}");
    assert_eq!(rows(&pair.old_server), rows(&pair.new_server));
    verifier.end().await.unwrap();

    // Back: the roles change.
    forward.pause().await.unwrap();
    let back = Channel { name: "infra_back", publisher: &pair.new, subscriber: &pair.old };
    let beat = QualifiedName::new("infra_migration", "beat");
    back.publish(Some(&[NAMES.map(|name| QualifiedName::new("public", name)).as_slice(), &[beat]].concat()))
        .await
        .unwrap();
    back.make_slot().await.unwrap();
    back.subscribe(&Endpoint::parse(&pair.new_server.url("app")).unwrap()).await.unwrap();
    let application = Application::at(&pair.new_server).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    back.drain(PATIENCE).await.unwrap();
    assert_eq!(differences(&pair).await, Vec::<String>::new());

    // The end, under the application's eyes; a second time changes nothing.
    back.drain(PATIENCE).await.unwrap();
    for _ in 0..2 {
        back.remove().await.unwrap();
        forward.remove().await.unwrap();
        take_back(&pair.old).await.unwrap();
        take_back(&pair.new).await.unwrap();
    }
    assert!(application.stop().await > 0);
    let after = (identities(&pair.old_server), identities(&pair.new_server));
    assert_eq!(after.0.replace("events_2 d, ", ""), before.0);
    assert_eq!(after.1.replace("events_2 d, ", ""), before.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_in_use_is_waited_for_without_a_queue_behind() {
    let server = Server::v15();
    server.psql("postgres", "CREATE DATABASE app");
    server.psql("app", "CREATE TABLE used (a int); CREATE TABLE other (a int); INSERT INTO used VALUES (1)");
    let (long, client) = (server.connect("app").await, open(&server).await);
    long.batch_execute("BEGIN; SELECT * FROM used").await.unwrap();
    let giving = tokio::spawn(async move { give(&client, None).await });
    let (began, mut longest) = (Instant::now(), Duration::ZERO);
    let writer = server.connect("app").await;
    while began.elapsed() < Duration::from_secs(5) {
        let since = Instant::now();
        writer.batch_execute("UPDATE used SET a = a + 1").await.unwrap();
        longest = longest.max(since.elapsed());
    }
    assert!(longest < Duration::from_secs(2), "{longest:?}");
    assert_eq!(identities(&server).lines().next().unwrap(), "other f, used d", "the others do not wait");
    long.batch_execute("COMMIT").await.unwrap();
    assert_eq!(giving.await.unwrap().map_err(|error: IdentityError| error.to_string()), Ok(2));
    assert_eq!(identities(&server).lines().next().unwrap(), "other f, used f");
}

#[tokio::test]
async fn what_cannot_be_compared_is_known_by_the_servers_own_rules() {
    for server in [Server::v15(), Server::v17()] {
        server.psql("postgres", "CREATE DATABASE app");
        let types = [
            ("json", false),
            ("xml", false),
            ("point", false),
            ("box", false),
            ("json[]", false),
            ("pair", false),
            ("wrapped", false),
            ("jsonb", true),
            ("varchar(3)", true),
            ("char(3)", true),
            ("name", true),
            ("int[]", true),
            ("xid", true),
            ("mood", true),
            ("fine", true),
            ("numrange", true),
            ("cidr", true),
            ("regclass", true),
            ("money", true),
            ("tsvector", true),
            ("bit(3)", true),
        ];
        let mut sql =
            "CREATE TYPE mood AS ENUM ('a'); CREATE TYPE pair AS (a int, b json); CREATE DOMAIN wrapped AS json;
            CREATE TYPE fine AS (a int, b mood[]);"
                .to_owned();
        for (number, (name, _)) in types.iter().enumerate() {
            sql.push_str(&format!("CREATE TABLE t{number:02} (v {name});"));
        }
        server.psql("app", &sql);
        let client = open(&server).await;
        let catalog = catalog::read(&client).await.unwrap();
        let found: Vec<&str> = unfollowed(&catalog).iter().map(|table| table.name.name.as_str()).collect();
        let expected: Vec<String> = types
            .iter()
            .enumerate()
            .filter(|(_, (_, equal))| !equal)
            .map(|(number, _)| format!("t{number:02}"))
            .collect();
        assert_eq!(found, expected);
        // The server agrees.
        for (number, (name, equal)) in types.iter().enumerate() {
            let client = server.connect("app").await;
            let distinct = client.batch_execute(&format!("SELECT DISTINCT v FROM t{number:02}")).await;
            assert_eq!(distinct.is_ok(), *equal, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_cut_off_is_remembered() {
    let server = Server::v17();
    server.psql("postgres", "CREATE DATABASE app");
    let tables: Vec<String> = (0..60).map(|number| format!("CREATE TABLE t{number:02} (a int)")).collect();
    server.psql("app", &tables.join("; "));
    let before = identities(&server);
    let full = || identities(&server).matches(" f").count();
    // One table is in use, so that it is never done when the process ends.
    let reader = server.connect("app").await;
    for (wanted, giving) in [(59, true), (1, false)] {
        reader.batch_execute("BEGIN; LOCK TABLE t30 IN ACCESS SHARE MODE").await.unwrap();
        let client = open(&server).await;
        let working =
            tokio::spawn(
                async move { if giving { give(&client, None).await.map(drop) } else { take_back(&client).await } },
            );
        let began = Instant::now();
        while full() != wanted {
            assert!(began.elapsed() < PATIENCE, "{}", identities(&server));
        }
        working.abort();
        drop(working.await);
        reader.batch_execute("COMMIT").await.unwrap();
        if giving {
            give(&open(&server).await, None).await.unwrap();
            assert_eq!(full(), 60);
        }
    }
    take_back(&open(&server).await).await.unwrap();
    assert_eq!(identities(&server), before);
}

#[tokio::test]
async fn without_the_right_to_a_trigger_new_tables_are_looked_for() {
    let server = Server::v17();
    server.psql("postgres", "CREATE ROLE master LOGIN; CREATE DATABASE app OWNER master");
    let made = "CREATE TABLE log (at date, n int) PARTITION BY RANGE (at); CREATE TABLE keyed (n int PRIMARY KEY)";
    server.psql_as("master", "app", &format!("CREATE SCHEMA own; SET search_path = own; {made}"));
    let master = connect(&Endpoint::parse(&server.url_as("master", "app")).unwrap(), "test").await.unwrap();
    assert_eq!(give(&master, None).await.unwrap(), 1);
    assert!(!give_to_new(&master).await.unwrap());
    master.run("publishing", "CREATE PUBLICATION p FOR TABLE own.log, own.keyed").await.unwrap();
    let come = "CREATE TABLE own.log_1 PARTITION OF own.log DEFAULT; INSERT INTO own.log VALUES (now(), 1)";
    master.run("making a partition", come).await.unwrap();
    assert!(master.run("writing", "UPDATE own.log SET n = 2").await.is_err(), "else nothing is shown");
    look_for_new(&master, &master).await.unwrap();
    master.run("writing", "UPDATE own.log SET n = 2").await.unwrap();
    master.run("ending", "DROP PUBLICATION p").await.unwrap();
    take_back(&master).await.unwrap();
    let left = "SELECT count(*) FROM pg_class WHERE relreplident = 'f'";
    assert_eq!(server.psql("app", left), "0");
}

/// What describes a database says what it was before: only so is a change seen that somebody else made.
#[tokio::test]
async fn what_identifies_rows_for_a_time_is_no_change_of_a_definition() {
    let pair = pair().await;
    let before = read_objects(&pair.old).await.unwrap();
    give(&pair.old, None).await.unwrap();
    assert_eq!(read_objects(&pair.old).await.unwrap(), before);
    take_back(&pair.old).await.unwrap();
    assert_eq!(read_objects(&pair.old).await.unwrap(), before);
}
