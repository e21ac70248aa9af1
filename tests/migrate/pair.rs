//! An old server and a new one with the same database `app`, as a migration has them in its middle: the new one's is made of
//! the old one's dump, rows and all, and both have the table by which infra knows what has arrived.

use infra::migrate::replicate::{Channel, make_heartbeat};
use infra::postgres::{Client, Endpoint, connect};

use crate::servers::{SUPERUSER, Server, run};

pub struct Pair {
    pub old_server: Server,
    pub new_server: Server,
    pub old: Client,
    pub new: Client,
}

impl Pair {
    /// From 15 to 17. Roles are made at both servers.
    pub async fn of(roles: &str, sql: &str) -> Self {
        Self::from(Server::v15(), roles, sql).await
    }

    pub async fn from(old_server: Server, roles: &str, sql: &str) -> Self {
        let new_server = Server::v17();
        for server in [&old_server, &new_server] {
            server.psql(SUPERUSER, "CREATE DATABASE app");
            server.psql(SUPERUSER, roles);
        }
        old_server.psql("app", sql);
        let url = old_server.url("app").replace("?sslmode=disable", "");
        let dump = run(&new_server.tool("pg_dump", &["--no-publications", &url]), b"");
        assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
        new_server.psql("app", &String::from_utf8(dump.stdout).unwrap());
        let (old, new) = (open(&old_server).await, open(&new_server).await);
        make_heartbeat(&old).await.unwrap();
        make_heartbeat(&new).await.unwrap();
        Self { old_server, new_server, old, new }
    }

    pub fn forward(&self) -> Channel<'_> {
        Channel { name: "infra_forward", publisher: &self.old, subscriber: &self.new }
    }

    /// All tables, from now on.
    pub async fn follow(&self) {
        self.forward().publish(None).await.unwrap();
        self.forward().make_slot().await.unwrap();
        self.forward().subscribe(&endpoint(&self.old_server)).await.unwrap();
    }
}

pub async fn open(server: &Server) -> Client {
    connect(&endpoint(server), "test").await.unwrap()
}

pub fn endpoint(server: &Server) -> Endpoint {
    Endpoint::parse(&server.url("app")).unwrap()
}
