//! A host in the guard, as a cutover leaves it: the agent's folder, the bundle's old server, the new one beside it with the roles that infra
//! makes at a managed database. Looks are the agent's own.

use std::time::{Duration, Instant};

use infra::host::Site;
use infra::migrate::catalog::QualifiedName;
use infra::migrate::ddl;
use infra::migrate::folder::Folder;
use infra::migrate::identity::give;
use infra::migrate::job::{Destination, JOB_VERSION, Job, Source};
use infra::migrate::logins::{self, Passwords};
use infra::migrate::replicate::{Channel, logged_tables, make_heartbeat, raise_fence, readmit_readers};
use infra::migrate::saga::{Cutover, Mode};
use infra::migrate::schema::Schema;
use infra::migrate::stages::{Context, WayBack, look_at_the_way_back, way_back_stands};
use infra::postgres::{Client, Endpoint, Secret, Tls, connect};
use lab::rds::Authority;

use super::bundle::{Bundle, SERVICE};
use crate::servers::{SUPERUSER, Server};

pub const BACK: &str = "infra_back";
/// Who owns everything at the new server, and is no superuser there.
pub const OWNER: &str = "shop";
/// A managed server's: no superuser.
const MASTER: &str = "master";
const APPLICATION: &str = "infra migrate";
const PATIENCE: Duration = Duration::from_secs(90);
const TABLES: &str = "CREATE TABLE orders (id bigint PRIMARY KEY, text text); INSERT INTO orders VALUES (1, 'before')";

pub struct Host {
    pub old: Bundle,
    pub new: Server,
    pub folder: Folder,
    place: tempfile::TempDir,
}

impl Host {
    pub async fn new() -> Self {
        Self::with(&[], TABLES).await
    }

    /// With settings of the new server, and these tables.
    pub async fn with(settings: &[&str], tables: &str) -> Self {
        let old = Bundle::start();
        let listen = format!("listen_addresses=127.0.0.1,{}", old.gateway());
        let new = Server::v17_with(&[&[listen.as_str()], settings].concat());
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path().join("migration"), &job(&old.plan)).unwrap();
        let host = Self { old, new, folder, place };
        host.old.psql("postgres", "CREATE DATABASE app");
        host.new.psql(SUPERUSER, &format!("CREATE ROLE {MASTER} LOGIN CREATEROLE CREATEDB"));
        host.new.psql(SUPERUSER, &format!("CREATE DATABASE app OWNER {MASTER}"));
        host.enter().await;
        host.old.psql("app", tables);
        host.new.psql_as(OWNER, "app", tables);
        host.guard().await;
        host
    }

    /// As infra enters a database that it made: by a role of its own, whose password the server asks for.
    async fn enter(&self) {
        let master = Endpoint::parse(&self.new.url_as(MASTER, "app")).unwrap();
        let logins = logins::make(&master, OWNER, &Passwords::random()).await.unwrap();
        let rights = format!(
            "ALTER ROLE infra_migrate REPLICATION; ALTER ROLE {OWNER} REPLICATION; GRANT pg_signal_backend TO {OWNER}"
        );
        self.new.psql(SUPERUSER, &rights);
        let file = self.new.psql(SUPERUSER, "SHOW hba_file");
        let rules = "'host all all 127.0.0.1/32 trust', 'host all all all scram-sha-256'";
        self.new.psql(SUPERUSER, &format!("COPY (SELECT unnest(ARRAY[{rules}])) TO '{file}'; SELECT pg_reload_conf()"));
        self.write_target(&Endpoint { host: self.old.gateway(), ..logins.infra });
    }

    /// From here on the new database serves, and the old one follows it.
    async fn guard(&self) {
        self.folder.write("schema.json", &Schema::default()).unwrap();
        let (old, new) = (self.old_client("app").await, self.new_client().await);
        for client in [&old, &new] {
            make_heartbeat(client).await.unwrap();
        }
        give(&old, None).await.unwrap();
        give(&new, Some(&old)).await.unwrap();
        self.old.psql("postgres", "CREATE ROLE infra_apply LOGIN SUPERUSER");
        assert_eq!(raise_fence(&old, APPLICATION).await.unwrap(), 0);
        readmit_readers(&self.old_client("postgres").await, "app", "infra_apply").await.unwrap();
        let tables: Vec<QualifiedName> = logged_tables(&new).await.unwrap();
        let back = Channel { name: BACK, publisher: &new, subscriber: &old };
        back.publish(Some(&tables)).await.unwrap();
        back.make_slot().await.unwrap();
        old.run("taking a role", "SET SESSION AUTHORIZATION infra_apply").await.unwrap();
        back.subscribe(&self.target()).await.unwrap();
        ddl::begin(&new, &self.folder).await.unwrap();
    }

    pub async fn old_client(&self, database: &str) -> Client {
        connect(&self.old.endpoint(database), APPLICATION).await.unwrap()
    }

    pub async fn new_client(&self) -> Client {
        connect(&self.target(), APPLICATION).await.unwrap()
    }

    pub fn target(&self) -> Endpoint {
        self.folder.read("target.json").unwrap().unwrap()
    }

    pub fn write_target(&self, target: &Endpoint) {
        self.folder.write("target.json", target).unwrap();
    }

    /// The new server speaks TLS, as RDS does, and infra verifies it.
    pub fn encrypt(&self) {
        let authority = Authority::open(self.place.path()).unwrap();
        let gateway = self.old.gateway();
        let signed = authority.sign("database", gateway.parse().unwrap()).unwrap();
        let folder = self.new.psql(SUPERUSER, "SHOW data_directory");
        for (name, text) in [("server.crt", &signed.certificate), ("server.key", &signed.key)] {
            let sql = format!(
                "COPY (SELECT line FROM regexp_split_to_table('{text}', E'\\n') AS line) TO PROGRAM 'umask 077; cat >{folder}/{name}'"
            );
            self.new.psql(SUPERUSER, &sql);
        }
        let file = self.new.psql(SUPERUSER, "SHOW hba_file");
        let rules = "'host all all 127.0.0.1/32 trust', 'hostssl all all all scram-sha-256'";
        self.new.psql(SUPERUSER, &format!("COPY (SELECT unnest(ARRAY[{rules}])) TO '{file}'"));
        self.new.psql(SUPERUSER, "ALTER SYSTEM SET ssl = on");
        self.new.psql(SUPERUSER, "SELECT pg_reload_conf()");
        let ca = Authority::certificate(self.place.path());
        self.write_target(&Endpoint { tls: Tls::VerifyFull { ca }, ..self.target() });
    }

    /// Of the role by which infra, and replication, enter the new server. Its connections end.
    pub fn set_password(&self, password: &str) {
        let sql = format!("ALTER ROLE infra_migrate PASSWORD '{password}'");
        self.new.psql(SUPERUSER, &sql);
        self.new.psql(SUPERUSER, "SELECT pg_terminate_backend(pid) FROM pg_stat_replication");
    }

    pub fn password(&self) -> Secret {
        self.target().password
    }

    /// What the plan says that the new server's storage is.
    pub fn set_storage(&self, bytes: u64) {
        self.folder.write("job.json", &Job { storage_bytes: Some(bytes), ..job(&self.old.plan) }).unwrap();
    }

    /// Into the new server's log.
    pub fn write_log(&self, megabytes: u32) {
        let sql = "SELECT pg_logical_emit_message(false, 'test', repeat('x', 1 << 20)) FROM generate_series(1, ";
        self.new.psql("app", &format!("{sql}{megabytes})"));
    }

    /// As the agent does it, by a program that was just started.
    pub async fn look(&self) -> WayBack {
        let context = Context::new(self.folder.clone()).unwrap();
        look_at_the_way_back(&context).await.unwrap();
        way_back_stands(&self.folder).unwrap().unwrap()
    }

    pub async fn look_until(&self, what: &str, is_so: impl Fn(&WayBack) -> bool) -> WayBack {
        let began = Instant::now();
        loop {
            let stands = self.look().await;
            if is_so(&stands) {
                return stands;
            }
            assert!(began.elapsed() < PATIENCE, "{what}: {stands:#?}");
        }
    }

    pub async fn is_open(&self) -> WayBack {
        let stands = self.look_until("there is no way back", |stands| stands.because.is_empty()).await;
        assert_eq!((stands.gone_since, stands.gone()), (None, None));
        stands
    }

    /// The one obstacle's words.
    pub async fn obstacle(&self, part: &str) -> (WayBack, String) {
        let names = |stands: &WayBack| stands.because.iter().any(|one| one.what.contains(part));
        let stands = self.look_until(part, names).await;
        assert!(stands.gone().is_some_and(|words| words.contains("NO WAY BACK with every row since")), "{stands:#?}");
        let what = stands.because.iter().find(|one| one.what.contains(part)).unwrap().what.clone();
        (stands, what)
    }

    /// The new database takes a row, whatever became of the way back.
    pub fn serves(&self, id: i64) {
        self.new.psql_as(OWNER, "app", &format!("INSERT INTO orders VALUES ({id}, 'new')"));
    }

    pub fn slots(&self) -> String {
        self.new.psql("app", "SELECT string_agg(slot_name, ' ' ORDER BY slot_name) FROM pg_replication_slots")
    }

    pub async fn comes_back(&self, id: i64) {
        self.serves(id);
        let began = Instant::now();
        while self.old.psql("app", &format!("SELECT count(*) FROM orders WHERE id = {id}")) != "1" {
            assert!(began.elapsed() < PATIENCE, "row {id} does not come back");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

fn job(plan: &str) -> Job {
    let host: infra::plan::NodeName = "vault".to_owned().try_into().unwrap();
    Job {
        v: JOB_VERSION,
        id: "20261121-093000".into(),
        mode: Mode::Online,
        cutover: Cutover::Auto,
        site: Site::new(plan.to_owned().try_into().unwrap(), host.clone(), vec![]),
        host,
        source: Source {
            service: SERVICE.into(),
            database: "app".into(),
            clients: vec![],
            password_variable: "POSTGRES_PASSWORD".into(),
        },
        to: Destination::Url,
        storage_bytes: None,
        jobs: None,
        max_rate: None,
        accepted: vec![],
        health_timeout_seconds: 60,
        by: "somebody@somewhere".into(),
    }
}
