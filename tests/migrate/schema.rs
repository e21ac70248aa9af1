//! The schema of the corpus from PostgreSQL 15 to 17: what arrives is what was there, except for what was listed.

use std::collections::BTreeSet;
use std::sync::Arc;

use infra::migrate::catalog::{self, Catalog};
use infra::migrate::copy::{HeldSnapshot, Setup, SnapshotSource, copy, hold};
use infra::migrate::folder::Folder;
use infra::migrate::schema::{self, Consequence, Phase, Schema};
use infra::migrate::{strategy, timescale};
use tokio_postgres::Client;

use crate::copy::setup::setup;
use crate::corpus;
use crate::servers::{SUPERUSER, Server, run};

/// A user as managed servers have it, and its database.
pub const MASTER: &str = "CREATE ROLE master LOGIN CREATEROLE CREATEDB;
    GRANT pg_monitor, pg_signal_backend TO master WITH ADMIN OPTION";

pub struct Move {
    pub source: Server,
    pub target: Server,
    pub user: &'static str,
}

impl Move {
    /// The corpus on 15, and an empty database on 17.
    pub fn of(parts: &[&str], user: &'static str) -> Self {
        Self::between(Server::v15(), Server::v17(), parts, user)
    }

    pub fn between(source: Server, target: Server, parts: &[&str], user: &'static str) -> Self {
        corpus::load(&source, "corpus", parts);
        if user != SUPERUSER {
            target.psql(SUPERUSER, MASTER);
        }
        target.psql(SUPERUSER, &format!("CREATE DATABASE moved OWNER {user} TEMPLATE template0"));
        Self { source, target, user }
    }

    pub async fn at_source(&self) -> Client {
        self.source.connect("corpus").await
    }

    pub async fn at_target(&self) -> Client {
        self.target.connect_as(self.user, "moved").await
    }

    pub async fn schema(&self) -> (Catalog, Schema) {
        let (source, target) = (self.at_source().await, self.at_target().await);
        let catalog = catalog::read(&source).await.unwrap();
        let large = schema::read_large_objects(&source).await.unwrap();
        let command = self.source.tool("pg_dump", &[&self.source.url("corpus")]);
        let items = schema::parse(&schema::dump(&command, schema::Names::Plain).await.unwrap()).unwrap();
        let facts = schema::examine(&target, &catalog).await.unwrap();
        let timescale = timescale::read(&source).await.unwrap();
        let built = strategy::build(items, &catalog, timescale.as_ref(), large, &facts);
        (built.conversion.seen(catalog), built)
    }

    pub async fn apply(&self, target: &Client, built: &Schema, until: Phase) {
        let entries = built.entries.iter().filter(|entry| entry.phase <= until);
        let applied = schema::apply(target, entries, |_| ()).await;
        applied.unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)));
    }

    /// Every row, by the copy engine, into tables of a user who may not switch triggers off.
    pub async fn copy(&self, catalog: &Catalog) {
        self.copy_as(catalog, false).await;
    }

    /// `restore_mode`: chunks of TimescaleDB as the tables that they are.
    pub async fn copy_as(&self, catalog: &Catalog, restore_mode: bool) {
        let folder = tempfile::tempdir().unwrap();
        let setup = setup(&self.source.url("corpus"), &self.target.url_as(self.user, "moved"), folder.path());
        let setup = Setup { restore_mode, ..setup };
        let (source, place) = (setup.source.clone(), Folder::at(folder.path()));
        let holder = tokio::spawn(async move { drop(hold(&source, &place, SnapshotSource::Transaction).await) });
        while HeldSnapshot::read(&Folder::at(folder.path())).unwrap().is_none() {
            assert!(!holder.is_finished());
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        copy(setup, catalog, Arc::new(|_| ()), Arc::new(|_: &[_]| ())).await.unwrap();
        holder.abort();
    }

    /// All of it, as `pg_dump --schema-only` of 17 writes it for either end, in statements without comments.
    pub fn dumped(&self, server: &Server, database: &str) -> BTreeSet<String> {
        let url = server.url(database);
        let argv = self.target.tool("pg_dump", &["--schema-only", "--exclude-schema=infra_migration", &url]);
        let output = run(&argv, b"");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        // The target's own superuser is not the source's: what that owned belongs to the target's user.
        let text = text.replace(&format!("OWNER TO {};", self.user), "OWNER TO postgres;");
        text.split("\n\n")
            .map(str::trim)
            // \restrict and its counterpart hold a random word.
            .filter(|part| !part.starts_with("--") && !part.contains("restrict ") && !part.is_empty())
            .map(unqualified)
            .collect()
    }

    fn differences(&self) -> Vec<String> {
        let (source, target) = (self.dumped(&self.source, "corpus"), self.dumped(&self.target, "moved"));
        let lost = source.difference(&target).map(|statement| format!("- {statement}"));
        lost.chain(target.difference(&source).map(|statement| format!("+ {statement}"))).collect()
    }
}

/// From 16 on the server leaves out a table's name before a column where a view reads one table only.
fn unqualified(statement: &str) -> String {
    if !statement.starts_with("CREATE VIEW") && !statement.starts_with("CREATE MATERIALIZED VIEW") {
        return statement.to_owned();
    }
    let last = |word: &str| word.rsplit('.').next().unwrap().to_owned();
    statement.split_inclusive([' ', '\n', ',', '(']).map(last).collect()
}

pub async fn moved(parts: &[&str], user: &'static str, until: Phase) -> (Move, Schema) {
    let moving = Move::of(parts, user);
    let (catalog, built) = moving.schema().await;
    let target = moving.at_target().await;
    moving.apply(&target, &built, Phase::BeforeData).await;
    moving.copy(&catalog).await;
    moving.apply(&target, &built, until).await;
    (moving, built)
}

#[tokio::test]
async fn all_of_it_arrives_at_a_superuser() {
    let (moving, built) = moved(&corpus::PORTABLE, SUPERUSER, Phase::HandOver).await;
    assert_eq!(moving.differences(), Vec::<String>::new());
    assert!(built.losses.iter().all(|loss| loss.consequence == Consequence::Note), "{:#?}", built.losses);
}

#[tokio::test]
async fn all_of_it_arrives_at_a_user_without_superuser() {
    let (moving, built) = moved(&corpus::PORTABLE, "master", Phase::HandOver).await;
    assert_eq!(moving.differences(), Vec::<String>::new());
    assert!(built.losses.iter().all(|loss| loss.consequence == Consequence::Note), "{:#?}", built.losses);
    let again = schema::apply(&moving.at_target().await, &built.entries, |_| ()).await.unwrap();
    assert_eq!((again.done, again.already), (0, built.entries.len()));
}

/// Killed again and again, each time with a statement under way that the server finishes or not.
#[tokio::test]
async fn a_run_that_is_killed_continues_and_does_nothing_twice() {
    let moving = Move::of(&["roles", "types", "tables"], "master");
    let (_, built) = moving.schema().await;
    let mut kills = 0;
    let done = loop {
        let target = moving.at_target().await;
        let patience = std::time::Duration::from_millis(20 + 10 * kills);
        match tokio::time::timeout(patience, schema::apply(&target, &built.entries, |_| ())).await {
            Ok(applied) => break applied.unwrap(),
            Err(_) => kills += 1,
        }
    };
    assert!(kills > 2, "{kills}");
    assert!(done.already > 0 && done.done + done.already == built.entries.len());
    // The values of sequences are rows, and materialized views are filled elsewhere: this is the shape alone.
    assert_eq!(moving.differences(), Vec::<String>::new());
}
