//! An old server and a new one in the guard: the clients use the new one, the old one follows it.

use infra::migrate::carried;
use infra::migrate::catalog::{self, QualifiedName};
use infra::migrate::replicate::{Channel, lacking, make_heartbeat, raise_fence, readmit_readers};
use infra::postgres::{Client, Endpoint, connect};

use crate::servers::Server;

pub const APPLICATION: &str = "infra migrate";
const TABLES: &str = "CREATE TABLE telemetry (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text);
    CREATE TABLE parted (day date, id serial, PRIMARY KEY (day, id)) PARTITION BY RANGE (day);
    CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
    CREATE UNLOGGED TABLE cache (id int PRIMARY KEY, text text);
    CREATE SEQUENCE alone;
    CREATE TABLE raw (day date, body json) PARTITION BY RANGE (day);
    CREATE TABLE raw_1 PARTITION OF raw FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
    INSERT INTO raw VALUES ('2026-01-03', '{}');
    INSERT INTO telemetry (text) SELECT 'before' FROM generate_series(1, 100)";

/// The clients have switched: the new server serves, the old one follows it.
pub struct Guarded {
    pub old_server: Server,
    pub new_server: Server,
    pub old: Client,
    pub new: Client,
}

impl Guarded {
    pub async fn new() -> Self {
        // Of one version: nothing here depends on it, and servers of the package start at once.
        let (old_server, new_server) = (Server::v15(), Server::v15());
        for server in [&old_server, &new_server] {
            // As on RDS: the clients' user owns the database and is no superuser.
            server.psql("postgres", "CREATE ROLE owner LOGIN CREATEDB REPLICATION; CREATE DATABASE app OWNER owner");
            server.psql_as("owner", "app", "SELECT 1");
            server.psql("app", "GRANT ALL ON SCHEMA public TO owner");
            server.psql_as("owner", "app", TABLES);
        }
        new_server.psql("postgres", "GRANT pg_signal_backend TO owner");
        let (old, new) = (open(&old_server, "postgres", "app").await, open(&new_server, "owner", "app").await);
        for client in [&old, &new] {
            make_heartbeat(client).await.unwrap();
        }
        let guarded = Self { old_server, new_server, old, new };
        guarded.old_server.psql("postgres", "CREATE ROLE infra_apply LOGIN SUPERUSER");
        assert_eq!(raise_fence(&guarded.old, APPLICATION).await.unwrap(), 0);
        let maintenance = open(&guarded.old_server, "postgres", "postgres").await;
        readmit_readers(&maintenance, "app", "infra_apply").await.unwrap();
        let back = guarded.back(&guarded.new, &guarded.old);
        let published = ["telemetry", "parted"].map(|name| QualifiedName::new("public", name));
        let beat = QualifiedName::new("infra_migration", "beat");
        back.publish(Some(&[published.as_slice(), &[beat]].concat())).await.unwrap();
        back.make_slot().await.unwrap();
        let applier = guarded.applier().await;
        let way = Endpoint::parse(&guarded.new_server.url_as("owner", "app")).unwrap();
        guarded.back(&guarded.new, &applier).subscribe(&way).await.unwrap();
        guarded
    }

    pub fn back<'a>(&self, new: &'a Client, old: &'a Client) -> Channel<'a> {
        Channel { name: "infra_back", publisher: new, subscriber: old }
    }

    pub async fn applier(&self) -> Client {
        let applier = open(&self.old_server, "postgres", "app").await;
        applier.run("taking a role", "SET SESSION AUTHORIZATION infra_apply").await.unwrap();
        applier
    }

    pub async fn lacks(&self) -> Vec<String> {
        let carried = carried::with_roots(&catalog::read(&self.new).await.unwrap());
        let lacks = lacking(&self.new, &self.old, "infra_back", &carried).await.unwrap();
        lacks.iter().map(ToString::to_string).collect()
    }

    pub fn count(&self, server: &Server, sql: &str) -> i64 {
        server.psql("app", sql).parse().unwrap()
    }
}

pub async fn open(server: &Server, user: &str, database: &str) -> Client {
    connect(&Endpoint::parse(&server.url_as(user, database)).unwrap(), APPLICATION).await.unwrap()
}
