//! A transaction of millions of rows while the cutover is waited for: the agent's memory does not grow with it.

use std::path::PathBuf;
use std::time::Instant;

use infra::migrate::catalog;
use infra::migrate::catalog::QualifiedName;
use infra::migrate::folder::Folder;
use infra::migrate::verify::incremental::{ChangeVerifier, to_be_verified};
use infra::postgres::{Client, Endpoint, connect};

use crate::child::{child, peak};
use crate::servers::Server;

const CHILD: &str = "INFRA_TEST_LARGE";
/// Of the agent as a whole.
const MOST_KIB: u64 = 128 * 1024;

/// Where so many rows are written: what memory is needed for does not depend on it, but room on the disk does.
#[derive(Clone, Copy)]
enum At {
    BothEnds,
    TheOldServer,
}

/// Two databases with the same rows, and a record at both since then. What replication would bring is written to both.
struct Ends {
    old: Server,
    new: Server,
    folder: tempfile::TempDir,
}

impl Ends {
    /// `rows` fill what `tables` makes.
    async fn with(tables: &str, rows: &str, at: At) -> Self {
        let ends = Self { old: Server::v15(), new: Server::v17(), folder: tempfile::tempdir().unwrap() };
        ends.write("postgres", "CREATE DATABASE app");
        ends.write("app", tables);
        ends.write_at(at, rows);
        let (old, new) = ends.open().await;
        let folder = Folder::at(ends.folder.path());
        let verifier = ChangeVerifier { source: &old, target: &new, folder: &folder };
        let tables = ["large", "keyless", "small"].map(|name| QualifiedName::new("public", name));
        verifier.record(None, Some(&tables)).await.unwrap();
        verifier.begin(verifier.baseline().await.unwrap()).unwrap();
        ends
    }

    fn write(&self, database: &str, sql: &str) {
        std::thread::scope(|scope| {
            for server in [&self.old, &self.new] {
                scope.spawn(|| server.psql(database, sql));
            }
        });
    }

    fn write_at(&self, at: At, sql: &str) {
        match at {
            At::BothEnds => self.write("app", sql),
            At::TheOldServer => drop(self.old.psql("app", sql)),
        }
    }

    async fn open(&self) -> (Client, Client) {
        open(&self.old.url("app"), &self.new.url("app")).await
    }

    /// As the agent would until it has read all, in a process of its own.
    async fn looks(&self) -> u64 {
        let part = format!("{}\n{}\n{}", self.old.url("app"), self.new.url("app"), self.folder.path().display());
        let began = Instant::now();
        let (status, peak) = peak(child("incremental_verify_large::looks", CHILD, &part)).await;
        println!("{} s, {} MB", began.elapsed().as_secs(), peak >> 10);
        assert!(status.success());
        peak
    }
}

async fn open(old: &str, new: &str) -> (Client, Client) {
    let open = async |url: &str| connect(&Endpoint::parse(url).unwrap(), "infra migrate").await.unwrap();
    (open(old).await, open(new).await)
}

/// Not a test: what `Ends::looks` runs.
#[tokio::test]
#[ignore = "the agent as a process of its own"]
async fn looks() {
    let Ok(part) = std::env::var(CHILD) else { return };
    let [old, new, folder] = part.split('\n').collect::<Vec<_>>()[..] else { panic!("{part}") };
    let (old, new) = open(old, new).await;
    let folder = Folder::at(PathBuf::from(folder));
    let catalog = catalog::read(&old).await.unwrap();
    let verifier = ChangeVerifier { source: &old, target: &new, folder: &folder };
    loop {
        if verifier.recheck(&catalog).await.unwrap().left == 0 {
            return;
        }
    }
}

/// Rows with a key, rows without one, and a table beside them of which each row is compared.
async fn a_transaction_of(rows: u64, at: At) {
    let tables = "CREATE TABLE large (id bigint PRIMARY KEY, n int);
         CREATE TABLE keyless AS SELECT i AS a FROM generate_series(1, 150000) AS i;
         ALTER TABLE keyless REPLICA IDENTITY FULL;
         CREATE TABLE small (id int PRIMARY KEY, body text);";
    let fill = format!("INSERT INTO large SELECT i, 0 FROM generate_series(1, {rows}) AS i");
    let ends = Ends::with(tables, &fill, at).await;
    ends.write_at(at, "UPDATE large SET n = n + 1");
    let rest = "INSERT INTO small SELECT i, 'x' FROM generate_series(1, 1000) AS i; UPDATE keyless SET a = a + 1";
    ends.write("app", &format!("BEGIN; {rest}; COMMIT"));
    let peak = ends.looks().await;
    assert!((1..=MOST_KIB).contains(&peak), "{peak} KiB");
    let whole = to_be_verified(&Folder::at(ends.folder.path())).unwrap();
    assert!(whole.contains(&QualifiedName::new("public", "large")), "{whole:?}");
    assert!(!whole.contains(&QualifiedName::new("public", "small")), "{whole:?}");
    let bytes = std::fs::metadata(ends.folder.path().join("changed.json")).unwrap().len();
    assert!(bytes < 32 << 20, "{bytes} bytes are kept");
    // What comes later is compared by its keys again, in the tables of which that is known.
    ends.write("app", "UPDATE small SET body = 'y'; UPDATE large SET n = n + 1 WHERE id <= 10");
    ends.looks().await;
    ends.old.psql("app", "UPDATE small SET body = 'z' WHERE id = 7");
    let (old, new) = ends.open().await;
    let folder = Folder::at(ends.folder.path());
    let verifier = ChangeVerifier { source: &old, target: &new, folder: &folder };
    let look = verifier.recheck(&catalog::read(&old).await.unwrap()).await.unwrap();
    let found = look.differing().filter(|table| !table.differences.is_empty());
    assert_eq!(found.map(|table| table.name.plain()).collect::<Vec<_>>(), ["public.small"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_larger_than_the_agents_memory_passes_through_it() {
    a_transaction_of(1_500_000, At::BothEnds).await;
}

/// What is promised, once by hand.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes some minutes and 15 GB"]
async fn a_transaction_of_20_million_rows() {
    a_transaction_of(20_000_000, At::TheOldServer).await;
}

/// As many as are noted row by row, and the other end has none of them yet.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_noted_fit_into_memory() {
    let tables = "CREATE TABLE large (id bigint PRIMARY KEY, n int); CREATE TABLE keyless (); CREATE TABLE small ();";
    let fill = "INSERT INTO large SELECT i, 0 FROM generate_series(1, 380000) AS i";
    let ends = Ends::with(tables, fill, At::BothEnds).await;
    ends.old.psql("app", "UPDATE large SET n = n + 1");
    for _ in 0..2 {
        let peak = ends.looks().await;
        assert!((1..=MOST_KIB).contains(&peak), "{peak} KiB");
    }
    assert_eq!(to_be_verified(&Folder::at(ends.folder.path())).unwrap(), []);
    ends.new.psql("app", "UPDATE large SET n = n + 1");
    ends.looks().await;
    let (old, new) = ends.open().await;
    let folder = Folder::at(ends.folder.path());
    let verifier = ChangeVerifier { source: &old, target: &new, folder: &folder };
    let look = verifier.recheck(&catalog::read(&old).await.unwrap()).await.unwrap();
    assert_eq!((look.rows(), look.differing().count()), (0, 0));
}

/// Rows whose values are larger than what is read of a change: their keys are known all the same.
#[tokio::test(flavor = "multi_thread")]
async fn large_values_are_compared_by_their_keys_without_being_read() {
    let ends = Ends::with(
        "CREATE TABLE large (id int PRIMARY KEY, body text);
         CREATE TABLE keyless (body text);
         CREATE TABLE small (body text, id int PRIMARY KEY);
         ALTER TABLE keyless REPLICA IDENTITY FULL;",
        "",
        At::BothEnds,
    )
    .await;
    let rows = "SELECT i, repeat(md5(i::text), 1000000) FROM generate_series(1, 20) AS i";
    ends.write("app", &format!("INSERT INTO large {rows}; INSERT INTO small (id, body) {rows}"));
    let peak = ends.looks().await;
    assert!((1..=MOST_KIB).contains(&peak), "{peak} KiB");
    // A key behind such a value is not known: the table is compared whole.
    let whole = to_be_verified(&Folder::at(ends.folder.path())).unwrap();
    assert_eq!(whole, [QualifiedName::new("public", "small")]);
}
