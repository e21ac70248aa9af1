//! The schema is rehearsed at a target as RDS is: what fails is known before anything is copied, all of it at once, and
//! what was known fails nowhere later.

mod inherited;
mod many;
mod paths;
mod refusals;
mod rights;
mod routed;

use infra::migrate::catalog::{self, Catalog};
use infra::migrate::copy::{HeldSnapshot, SnapshotSource, copy, hold};
use infra::migrate::folder::Folder;
use infra::migrate::rehearse::{Rehearsal, Source, rehearsed};
use infra::migrate::schema::{self, Loss, Names, Schema};
use infra::migrate::strategy;
use infra::postgres::{Endpoint, connect};

use crate::copy::setup::setup;
use crate::schema::MASTER;
use crate::servers::{SUPERUSER, Server};

pub struct Case {
    pub source: Server,
    pub target: Server,
}

impl Case {
    /// The case's statements on 15, and an empty database of a master user on 17 with RDS's extensions.
    pub fn of(sql: &str) -> Self {
        Self::between(Server::v15(), Server::rds_with(&[]), sql)
    }

    pub fn between(source: Server, target: Server, sql: &str) -> Self {
        let case = Self { source, target };
        case.source.psql(SUPERUSER, "CREATE DATABASE moving TEMPLATE template0");
        case.source.psql("moving", &sql.replace(":DBNAME", "moving"));
        case.target.psql(SUPERUSER, MASTER);
        case.target.psql(SUPERUSER, "CREATE DATABASE moved OWNER master TEMPLATE template0");
        case
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint::parse(&self.target.url_as("master", "moved")).unwrap()
    }

    pub async fn catalog(&self) -> Catalog {
        catalog::read(&self.source.connect("moving").await).await.unwrap()
    }

    pub async fn rehearse(&self) -> (Schema, Rehearsal) {
        let source = connect(&Endpoint::parse(&self.source.url("moving")).unwrap(), "test").await.unwrap();
        let catalog = catalog::read(&source).await.unwrap();
        let command = self.source.tool("pg_dump", &[&self.source.url("moving")]);
        let ends = Source { client: &source, catalog: &catalog };
        // As the stage does it.
        for names in [Names::Plain, Names::Quoted] {
            let items = schema::parse(&schema::dump(&command, names).await.unwrap()).unwrap();
            let target = self.target.connect_as("master", "moved").await;
            let mut facts = schema::examine(&target, &catalog).await.unwrap();
            let build = |facts: &schema::Target| strategy::build(items.clone(), &catalog, None, vec![], facts);
            let learned = rehearsed(&ends, &self.endpoint(), &mut facts, build).await.unwrap();
            if !facts.tried.names_are_words() {
                return learned;
            }
        }
        panic!("names are in the way although all of them are quoted");
    }

    /// Everything in earnest, with its rows: nothing may fail that was not told.
    pub async fn move_all(&self, built: &Schema) {
        let target = self.target.connect_as("master", "moved").await;
        let (before, after): (Vec<_>, Vec<_>) =
            built.entries.iter().partition(|entry| entry.phase <= schema::Phase::BeforeData);
        apply(&target, before).await;
        self.copy().await;
        apply(&target, after).await;
    }

    async fn copy(&self) {
        let folder = tempfile::tempdir().unwrap();
        let setup = setup(&self.source.url("moving"), &self.target.url_as("master", "moved"), folder.path());
        let (source, place) = (setup.source.clone(), Folder::at(folder.path()));
        let holder = tokio::spawn(async move { drop(hold(&source, &place, SnapshotSource::Transaction).await) });
        while HeldSnapshot::read(&Folder::at(folder.path())).unwrap().is_none() {
            assert!(!holder.is_finished());
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        copy(setup, &self.catalog().await, std::sync::Arc::new(|_| ()), std::sync::Arc::new(|_: &[_]| ()))
            .await
            .unwrap();
        holder.abort();
    }

    /// Databases and roles that a rehearsal might have left.
    pub fn left_over(&self) -> String {
        let sql = "SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1', 'moved')
             UNION ALL SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname NOT IN ('postgres', 'bootstrap', 'master')
             UNION ALL SELECT setconfig::text FROM pg_db_role_setting
             UNION ALL SELECT nspname FROM pg_namespace WHERE nspname ~ '^infra'";
        self.target.psql("moved", sql)
    }
}

async fn apply(target: &tokio_postgres::Client, entries: Vec<&schema::Entry>) {
    let applied = schema::apply(target, entries, |_| ()).await;
    applied.unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)));
}

pub fn loss<'a>(schema: &'a Schema, code: &str, object: &str) -> &'a Loss {
    let found = schema.losses.iter().find(|loss| loss.code == code && loss.object == object);
    found.unwrap_or_else(|| panic!("no {code} of {object}: {:#?}", schema.losses))
}
