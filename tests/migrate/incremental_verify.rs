//! After a verification: what changed at either end is compared, whoever changed it, and one wrong row is found and named.

use std::time::Duration;

use infra::migrate::catalog;
use infra::migrate::catalog::QualifiedName;
use infra::migrate::folder::Folder;
use infra::migrate::verify::RowFault;
use infra::migrate::verify::incremental::{ChangeVerifier, RecheckRound};

use crate::pair::{Pair, endpoint, open};
use crate::servers::Server;

const PATIENCE: Duration = Duration::from_secs(20);
const TABLES: &str = "CREATE TABLE kept (id bigint PRIMARY KEY, body text);
    CREATE TABLE \"Odd\" (at timestamptz, code char(5), n numeric, body text, PRIMARY KEY (at, code, n));
    CREATE TABLE parted (day date, id bigint, body text, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
    CREATE TABLE keyless (a int, b text);
    ALTER TABLE keyless REPLICA IDENTITY FULL;
    CREATE TABLE full_with_key (id int PRIMARY KEY, body text);
    ALTER TABLE full_with_key REPLICA IDENTITY FULL;
    CREATE EXTENSION citext;
    CREATE TABLE folded (word citext PRIMARY KEY, n int);
    ALTER TABLE kept ALTER body SET STORAGE EXTERNAL;
    CREATE SCHEMA hidden;
    CREATE FUNCTION hidden.norm(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower(t)';
    SET search_path = public, hidden;
    CREATE FUNCTION key_of(t text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT norm(t)';
    ALTER DATABASE app SET search_path = public, hidden;
    CREATE TABLE seen (code varchar(5) PRIMARY KEY, title varchar);
    CREATE FUNCTION lie(varchar, varchar) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
    CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = lie);
    CREATE FUNCTION hashtextextended(varchar, bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 0::bigint';";
/// Every statement on the table looks the function's names up, and what is found there lies.
const INDEX: &str = "SET search_path = public, hidden; CREATE INDEX ON seen (key_of(title))";
/// From 17 on it cannot be built otherwise.
const PATH: &str = "ALTER FUNCTION key_of SET search_path = public, hidden";
const ROWS: &str = "INSERT INTO kept SELECT i, repeat('x', 3000) FROM generate_series(1, 100) AS i;
    INSERT INTO \"Odd\" VALUES ('2026-01-05 12:00:00.123456+00', 'ab', 1.50, 'x');
    INSERT INTO parted SELECT '2026-01-05', i FROM generate_series(1, 100) AS i;
    INSERT INTO keyless SELECT i % 3, 'same' FROM generate_series(1, 100) AS i;
    INSERT INTO folded VALUES ('Ab', 1), ('Cd', 2);
    INSERT INTO full_with_key SELECT i FROM generate_series(1, 10) AS i;
    INSERT INTO seen VALUES ('a', 'A'), ('b', 'B');";

/// Two servers with the same rows, replication between them, and a record since then.
struct Verified {
    pair: Pair,
    folder: tempfile::TempDir,
}

impl Verified {
    async fn from(old_server: Server) -> Self {
        let pair = Pair::from(old_server, "", &format!("{TABLES} {ROWS}")).await;
        for server in [&pair.old_server, &pair.new_server] {
            server.psql("app", "ALTER DATABASE app SET search_path = public, hidden");
            if server.psql("app", "SELECT current_setting('server_version_num')::int >= 170000") == "t" {
                server.psql("app", PATH);
            }
            server.psql("app", INDEX);
        }
        let verified = Self { pair, folder: tempfile::tempdir().unwrap() };
        verified.pair.follow().await;
        verified.pair.forward().drain(PATIENCE).await.unwrap();
        verified.begin().await;
        verified
    }

    async fn begin(&self) {
        let folder = self.folder();
        let verifier = ChangeVerifier { source: &self.pair.old, target: &self.pair.new, folder: &folder };
        let names = ["kept", "Odd", "parted", "keyless", "full_with_key", "folded", "seen"];
        verifier.record(None, Some(&names.map(|name| QualifiedName::new("public", name)))).await.unwrap();
        let same = verifier.baseline().await.unwrap();
        verifier.begin(same).unwrap();
    }

    fn folder(&self) -> Folder {
        Folder::at(self.folder.path())
    }

    async fn look(&self) -> RecheckRound {
        let folder = self.folder();
        let verifier = ChangeVerifier { source: &self.pair.old, target: &self.pair.new, folder: &folder };
        let catalog = catalog::read(&self.pair.old).await.unwrap();
        verifier.recheck(&catalog).await.unwrap()
    }

    async fn drained(&self) -> RecheckRound {
        self.pair.forward().drain(PATIENCE).await.unwrap();
        self.look().await
    }

    /// The one row that is wrong.
    async fn fault(&self) -> (String, RowFault, Option<String>, Vec<String>) {
        let look = self.look().await;
        let tables: Vec<_> = look.differing().collect();
        let [table] = &tables[..] else { panic!("{look:?}") };
        let [row] = &table.differences[..] else { panic!("{look:?}") };
        (table.name.name.clone(), row.fault, row.key.clone(), row.columns.clone())
    }
}

#[tokio::test]
async fn what_replication_brought_is_the_same() {
    for old in [Server::v15(), Server::v17()] {
        let verified = Verified::from(old).await;
        let write = "UPDATE kept SET id = id + 1000 WHERE id <= 50; DELETE FROM kept WHERE id = 60;
            UPDATE \"Odd\" SET n = 1.500, body = NULL; INSERT INTO \"Odd\" VALUES ('infinity', '', 'NaN', '');
            INSERT INTO parted SELECT '2026-01-06', i, 'new' FROM generate_series(1, 5000) AS i;
            UPDATE keyless SET b = 'other' WHERE a = 1; DELETE FROM keyless WHERE a = 2; INSERT INTO keyless VALUES (NULL, NULL);
            UPDATE full_with_key SET body = 'x' WHERE id = 1; UPDATE folded SET word = 'AB' WHERE word = 'ab';
            UPDATE seen SET title = 'C' WHERE code::text = 'a'";
        verified.pair.old_server.psql("app", write);
        let look = verified.drained().await;
        assert_eq!(look.differing().count(), 0, "{look:?}");
        // 50 keys that went and 50 that came, one deleted, three of "Odd", 5000, one, two ways to write one word, one.
        assert_eq!(look.rows(), 101 + 3 + 5000 + 1 + 2 + 1, "{look:?}");
        assert_eq!(verified.look().await.rows(), 0, "what is the same is done with");
    }
}

/// What a pause has to do at most, and what it does when nobody writes.
#[tokio::test]
async fn thousands_of_rows_are_compared_by_their_keys() {
    let verified = Verified::from(Server::v17()).await;
    let write = "INSERT INTO kept SELECT i, repeat('y', 300) FROM generate_series(1001, 21000) AS i";
    verified.pair.old_server.psql("app", write);
    verified.pair.forward().drain(PATIENCE).await.unwrap();
    for rows in [20_000, 0] {
        let began = std::time::Instant::now();
        let look = verified.look().await;
        assert_eq!((look.differing().count(), look.rows()), (0, rows));
        println!("{rows} rows that changed: {} ms", began.elapsed().as_millis());
    }
}

#[tokio::test]
async fn one_wrong_row_at_the_target_is_found_and_named() {
    let verified = Verified::from(Server::v15()).await;
    let wrong = |change: &str| verified.pair.new_server.psql("app", change);
    wrong("UPDATE kept SET body = 'wrong' WHERE id = 7");
    assert_eq!(
        verified.fault().await,
        ("kept".into(), RowFault::Changed, Some(r#"["7"]"#.into()), vec!["body".into()])
    );
    assert_eq!(verified.fault().await.1, RowFault::Changed, "it stays until it is the same");
    wrong("UPDATE kept SET body = repeat('x', 3000) WHERE id = 7");
    assert_eq!(verified.look().await.differing().count(), 0);
    wrong("DELETE FROM parted WHERE id = 8");
    let key = Some(r#"["2026-01-05", "8"]"#.to_owned());
    assert_eq!(verified.fault().await, ("parted".into(), RowFault::Missing, key, vec![]));
    wrong("INSERT INTO parted VALUES ('2026-01-05', 8)");
    wrong("INSERT INTO \"Odd\" VALUES ('2026-01-07', 'q\"', 2, '')");
    let key = Some(r#"["2026-01-07 00:00:00+00", "q\"   ", "2"]"#.to_owned());
    assert_eq!(verified.fault().await, ("Odd".into(), RowFault::Extra, key, vec![]));
    wrong("DELETE FROM \"Odd\" WHERE n = 2");
    wrong("UPDATE folded SET n = 3 WHERE word = 'cd'");
    assert_eq!(
        verified.fault().await,
        ("folded".into(), RowFault::Changed, Some(r#"["Cd"]"#.into()), vec!["n".into()])
    );
    wrong("UPDATE folded SET n = 2 WHERE word = 'cd'");
    wrong("UPDATE seen SET title = 'wrong' WHERE code::text = 'b'");
    assert_eq!(
        verified.fault().await,
        ("seen".into(), RowFault::Changed, Some(r#"["b"]"#.into()), vec!["title".into()])
    );
    wrong("UPDATE seen SET title = 'B' WHERE code::text = 'b'");
    wrong("DELETE FROM keyless WHERE ctid = (SELECT min(ctid) FROM keyless)");
    assert_eq!(verified.fault().await, ("keyless".into(), RowFault::Missing, None, vec![]));
}

#[tokio::test]
async fn what_is_on_its_way_is_looked_at_again() {
    let verified = Verified::from(Server::v15()).await;
    verified.pair.forward().pause().await.unwrap();
    verified
        .pair
        .old_server
        .psql("app", "UPDATE kept SET body = 'late' WHERE id = 3; INSERT INTO keyless VALUES (9, 'late')");
    let look = verified.look().await;
    assert_eq!(look.differing().count(), 2, "{look:?}");
    verified.pair.forward().subscribe(&endpoint(&verified.pair.old_server)).await.unwrap();
    let look = verified.drained().await;
    assert_eq!((look.differing().count(), look.rows()), (0, 1), "{look:?}");
}

#[tokio::test]
async fn an_emptied_table_asks_for_another_verification() {
    let verified = Verified::from(Server::v15()).await;
    verified.pair.old_server.psql("app", "TRUNCATE kept");
    let look = verified.drained().await;
    let emptied: Vec<_> = look.differing().filter(|table| table.emptied).map(|table| table.name.plain()).collect();
    assert_eq!(emptied, ["public.kept"]);
    verified.begin().await;
    assert_eq!(verified.drained().await.differing().count(), 0);
}

#[tokio::test]
async fn a_reading_that_was_cut_off_is_neither_lost_nor_counted_twice() {
    let verified = Verified::from(Server::v15()).await;
    verified.pair.forward().pause().await.unwrap();
    verified
        .pair
        .old_server
        .psql("app", "INSERT INTO keyless VALUES (9, 'once'); INSERT INTO kept VALUES (500, 'once')");
    // Killed after the file was written, and the server crashed before the slot's position was on its disk.
    verified.look().await;
    verified.pair.old_server.stop();
    verified.pair.old_server.start();
    let old = open(&verified.pair.old_server).await;
    let verified = Verified { pair: Pair { old, ..verified.pair }, ..verified };
    verified.pair.forward().subscribe(&endpoint(&verified.pair.old_server)).await.unwrap();
    let look = verified.drained().await;
    assert_eq!((look.differing().count(), look.rows()), (0, 1), "{look:?}");
}
