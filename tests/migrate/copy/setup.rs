//! Two servers with the same tables, a holder and a copier, in this process or in one of their own.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use infra::migrate::catalog;
use infra::migrate::catalog::Catalog;
use infra::migrate::copy::{Copied, CopyError, CopyEvent, HeldSnapshot, Setup, Sizing, SnapshotSource, copy, hold};
use infra::migrate::folder::Folder;
use infra::postgres::{Endpoint, connect};

use crate::child::child;
use crate::servers::{SUPERUSER, Server, run};

/// Small enough that small tables take every way through the planner.
pub const TINY: Sizing = Sizing { whole: 4 << 20, part: 1 << 20, small: 64 << 10 };

/// Where a child finds its part: see `child_process`.
const CHILD: &str = "INFRA_TEST_CHILD";

pub struct Ends {
    pub old: Server,
    pub new: Server,
    folder: tempfile::TempDir,
}

impl Ends {
    /// From 15 to 17.
    pub fn new(sql: &str) -> Self {
        Self::between(Server::v15(), Server::v17(), sql)
    }

    pub fn between(old: Server, new: Server, sql: &str) -> Self {
        let ends = Self { old, new, folder: tempfile::tempdir().unwrap() };
        ends.old.psql(SUPERUSER, sql);
        ends.carry_tables();
        ends
    }

    /// What the schema stage does before the data.
    pub fn carry_tables(&self) {
        let url = self.old.url(SUPERUSER).replace("?sslmode=disable", "");
        let dump = self.new.tool("pg_dump", &["--schema-only", "--section=pre-data", "--no-publications", &url]);
        let output = run(&dump, b"");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.new.psql(SUPERUSER, &String::from_utf8(output.stdout).unwrap());
    }

    pub fn setup(&self) -> Setup {
        setup(&self.url(&self.old), &self.url(&self.new), self.folder.path())
    }

    pub fn folder(&self) -> Folder {
        Folder::at(self.folder.path())
    }

    fn url(&self, server: &Server) -> String {
        server.url(SUPERUSER)
    }

    /// A holder in this process; it ends with what is returned.
    pub async fn hold(&self, how: SnapshotSource) -> tokio::task::JoinHandle<CopyError> {
        drop(std::fs::remove_file(self.folder.path().join("snapshot.json")));
        let (source, folder) = (Endpoint::parse(&self.url(&self.old)).unwrap(), self.folder());
        let holder = tokio::spawn(async move {
            match hold(&source, &folder, how).await {
                Err(error) => error,
                Ok(never) => match never {},
            }
        });
        let patience = Instant::now() + Duration::from_secs(20);
        while HeldSnapshot::read(&self.folder()).unwrap().is_none() {
            assert!(!holder.is_finished(), "{}", holder.await.unwrap());
            assert!(Instant::now() < patience);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        holder
    }

    pub async fn copy(&self) -> (Result<Copied, CopyError>, Vec<CopyEvent>) {
        self.copy_with(self.setup()).await
    }

    pub async fn copy_with(&self, setup: Setup) -> (Result<Copied, CopyError>, Vec<CopyEvent>) {
        let catalog = catalog::read(&connect(&setup.source, "infra test").await.unwrap()).await.unwrap();
        self.copy_of(setup, &catalog).await
    }

    pub async fn copy_of(&self, setup: Setup, catalog: &Catalog) -> (Result<Copied, CopyError>, Vec<CopyEvent>) {
        let events = Arc::new(Mutex::new(vec![]));
        let heard = Arc::clone(&events);
        let tell = Arc::new(move |event| heard.lock().unwrap().push(event));
        let copied = copy(setup, catalog, tell, Arc::new(|_: &[_]| {})).await;
        let events = events.lock().unwrap().clone();
        (copied, events)
    }

    /// The copier as a process that can be killed.
    pub fn child(&self) -> Child {
        let part = format!("{}\n{}\n{}", self.url(&self.old), self.url(&self.new), self.folder.path().display());
        child("copy::setup::child_process", CHILD, &part)
    }

    pub fn parts_done(&self) -> u64 {
        let sql = "SELECT CASE WHEN to_regclass('infra_migration.parts') IS NULL THEN 0 ELSE
                   (xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM infra_migration.parts', false, true, '')))[1]::text::int END";
        self.new.psql(SUPERUSER, sql).parse().unwrap()
    }

    /// Fails unless every table has the same rows at both ends, each as often.
    pub fn assert_equal(&self) {
        let tables = self.old.psql(SUPERUSER, TABLES);
        assert!(!tables.is_empty());
        for table in tables.lines() {
            let sql = format!(
                "{SAME} SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE \"C\")), '') FROM ONLY {table} AS t"
            );
            assert_eq!(self.new.psql(SUPERUSER, &sql), self.old.psql(SUPERUSER, &sql), "{table}");
        }
        let objects = "SELECT count(*), md5(string_agg(oid || ' ' || md5(lo_get(oid)), ',' ORDER BY oid)) FROM pg_largeobject_metadata";
        assert_eq!(self.new.psql(SUPERUSER, objects), self.old.psql(SUPERUSER, objects));
    }
}

const SAME: &str =
    "SET timezone = 'UTC'; SET datestyle = 'ISO'; SET extra_float_digits = 3; SET search_path = pg_catalog;";
const TABLES: &str =
    "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'r' AND n.nspname !~ '^pg_|^information_schema$|^infra_' ORDER BY 1";

pub fn setup(old: &str, new: &str, folder: &Path) -> Setup {
    let (source, target) = (Endpoint::parse(old).unwrap(), Endpoint::parse(new).unwrap());
    Setup {
        source,
        target,
        folder: Folder::at(folder),
        jobs: Some(3),
        sizing: TINY,
        pressure: None,
        restore_mode: false,
    }
}

/// Not a test: what `Ends::child` runs.
#[tokio::test]
#[ignore = "the copier as a process of its own"]
async fn child_process() {
    let Ok(part) = std::env::var(CHILD) else { return };
    let [old, new, folder] = part.split('\n').collect::<Vec<_>>()[..] else { panic!("{part}") };
    let setup = setup(old, new, &PathBuf::from(folder));
    let catalog = catalog::read(&connect(&setup.source, "infra test").await.unwrap()).await.unwrap();
    copy(setup, &catalog, Arc::new(|_| {}), Arc::new(|_: &[_]| {})).await.unwrap();
}
