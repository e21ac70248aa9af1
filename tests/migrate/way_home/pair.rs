//! Two servers of the bundle's image with the double of TimescaleDB: the bundle's own container, and one that it reaches by the network.
//! A migration between them is the agent's own, stage by stage, without what it does to the clients and to the host.

use std::time::Duration;

use infra::agent;
use infra::host::Site;
use infra::migrate::folder::Folder;
use infra::migrate::job::{Destination, JOB_VERSION, Job, Source};
use infra::migrate::logins::{self, Passwords};
use infra::migrate::saga::{Cutover, Event, GivenUp, Mode, Side, Stage, Step};
use infra::migrate::stages::{self, Context, StageError, Switch};
use infra::postgres::Endpoint;
use tokio::task::JoinHandle;

use crate::servers::{BUNDLE, SUPERUSER, Server};
use crate::way_back::bundle::{Bundle, SERVICE};

/// By which pg_dump in the container enters.
const SOCKET: &str = "-c unix_socket_directories=/var/run/postgresql";
const PRELOADED: &str = "-c unix_socket_directories=/var/run/postgresql -c shared_preload_libraries=timescaledb";
const VERSION: &str = "2.23.0";
const SCRIPT: &str = concat!(include_str!("../timescale/double.sql"), include_str!("../timescale/script.sql"));
const CONTROL: &str = "default_version = '2.23.0'\nrelocatable = false\nschema = public\ntrusted = true\n";
/// What no migration may change at the old server, but for its rows. The new one's first superuser is a role that was made there: it
/// comes home with the others.
const AS_IT_WAS: [&str; 5] = [
    "SELECT string_agg(format('%s %s %s %s %s %s %s', datname, datdba::regrole, encoding, datcollate, datallowconn, datconnlimit, (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(datacl) AS a)), ' / ' ORDER BY datname) FROM pg_database",
    "SELECT string_agg(rolname, ' ' ORDER BY rolname) FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'bootstrap'",
    "SELECT string_agg(format('%s %s %s', datname, setrole, setconfig), ' / ' ORDER BY 1) FROM pg_db_role_setting s LEFT JOIN pg_database d ON d.oid = s.setdatabase",
    "SELECT string_agg(nspname, ' ' ORDER BY nspname) FROM pg_namespace WHERE nspname !~ '^pg_'",
    "SELECT count(*) FROM pg_replication_slots",
];

pub struct Pair {
    pub old: Bundle,
    pub new: Server,
    pub folder: Folder,
    _place: tempfile::TempDir,
}

impl Pair {
    pub async fn new() -> Self {
        let old = Bundle::of(BUNDLE, SOCKET);
        let listen = format!("listen_addresses=127.0.0.1,{}", old.gateway());
        let new = Server::v17_with(&[listen.as_str()]);
        old.add_extension_file(&format!("timescaledb--{VERSION}.sql"), SCRIPT);
        old.add_extension_file("timescaledb.control", CONTROL);
        new.add_extension("timescaledb", VERSION, SCRIPT);
        old.psql("postgres", "CREATE DATABASE app; ALTER DATABASE app SET TimeZone = 'Europe/Berlin'");
        let shop = include_str!("../timescale/shop.sql");
        old.psql("app", &format!("CREATE EXTENSION timescaledb; SET timescaledb.restoring = on; {shop}"));
        Self::between(old, new).await
    }

    /// The extension itself, of this image; its workers rest, which act by the clock.
    pub async fn of_extension(image: &str) -> Self {
        let old = Bundle::of(image, PRELOADED);
        let listen = format!("listen_addresses=127.0.0.1,{}", old.gateway());
        let new = Server::of_image(image, &[listen.as_str(), "shared_preload_libraries=timescaledb"]);
        old.psql("postgres", "CREATE DATABASE app; ALTER DATABASE app SET TimeZone = 'Europe/Berlin'");
        let fill = |sql: &str| old.psql_with("-c client_min_messages=error -c timezone=UTC", "app", sql);
        fill("CREATE EXTENSION timescaledb");
        fill("SELECT _timescaledb_functions.stop_background_workers()");
        for sql in [include_str!("../timescale/real.sql"), include_str!("../timescale/native.sql")] {
            fill(sql);
        }
        fill("SELECT alter_job(job_id, scheduled => false) FROM timescaledb_information.jobs WHERE job_id >= 1000");
        fill("CALL refresh_continuous_aggregate('shop.daily', '2026-01-01', '2026-01-20'); CREATE ROLE app");
        Self::between(old, new).await
    }

    async fn between(old: Bundle, new: Server) -> Self {
        old.psql("app", "GRANT CONNECT ON DATABASE app TO app; COMMENT ON DATABASE app IS 'the shop''s'; CREATE SEQUENCE shop.counted");
        new.psql(SUPERUSER, "CREATE DATABASE app TEMPLATE template0");
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::create(place.path().join("migration"), &job(&old.plan)).unwrap();
        let pair = Self { old, new, folder, _place: place };
        pair.enter().await;
        pair
    }

    /// As infra enters a server of the bundle's own: by a role of its own, whose password the server asks for.
    async fn enter(&self) {
        let master = Endpoint::parse(&self.new.url_as(SUPERUSER, "app")).unwrap();
        let logins = logins::make(&master, SUPERUSER, &Passwords::random()).await.unwrap();
        let file = self.new.psql(SUPERUSER, "SHOW hba_file");
        let rules = "'host all all 127.0.0.1/32 trust', 'host all all all scram-sha-256'";
        self.new.psql(SUPERUSER, &format!("COPY (SELECT unnest(ARRAY[{rules}])) TO '{file}'; SELECT pg_reload_conf()"));
        self.folder.write("target.json", &Endpoint { host: self.old.gateway(), ..logins.infra }).unwrap();
    }

    pub fn context(&self) -> Context {
        Context::new(self.folder.clone()).unwrap()
    }

    pub fn write(&self, event: Event) {
        self.folder.journal("test".into()).unwrap().append(event).unwrap();
    }

    /// What the old server is like.
    pub fn of_old(&self) -> Vec<String> {
        AS_IT_WAS.map(|sql| self.old.psql("app", sql)).to_vec()
    }

    /// The clients are at the new database.
    pub async fn there(&self) {
        let context = self.context();
        for stage in [Stage::Preflight, Stage::Prepare, Stage::Schema, Stage::Copy, Stage::Index, Stage::Verify] {
            self.write(Event::Started { stage });
            let holder = (stage == Stage::Copy).then(|| held(self.folder.clone()));
            if holder.is_some() {
                until(|| self.folder.file("snapshot.json").exists()).await;
            }
            let note = said(Box::pin(stages::perform(stage, &context, GivenUp::default())).await);
            holder.inspect(JoinHandle::abort);
            self.write(Event::Done { stage, note });
        }
        self.write(Event::Started { stage: Stage::Cutover });
        let mut switch = Switch::new(&context, Side::New, Step::Drain, GivenUp::default());
        for step in Step::ALL {
            self.write(Event::Step { to: Side::New, step });
            // Clients and their pointer are the host's.
            if step < Step::Point {
                said(Box::pin(switch.step(step)).await);
            }
        }
        self.write(Event::Switched { to: Side::New });
        self.write(Event::Done { stage: Stage::Cutover, note: String::new() });
        self.write(Event::Started { stage: Stage::Guard });
        let note = said(stages::perform(Stage::Guard, &context, GivenUp::default()).await);
        assert!(note.contains("infra migrate rollback --offline"), "{note}");
        self.write(Event::Done { stage: Stage::Guard, note });
        self.folder.remove("paused.json").unwrap();
    }

    /// `infra migrate rollback --offline`.
    pub async fn asked(&self) {
        let consent = agent::Consent { wait: true, ..agent::Consent::default() };
        agent::submit(self.folder.path().to_owned(), agent::UserCommand::Rollback, consent).await.unwrap();
    }

    /// The steps of the way home from this one up to the clients, as one process of the agent makes them.
    pub async fn home_from(&self, from: Step) -> Result<(), (Step, StageError)> {
        let context = self.context();
        let mut switch = Switch::new(&context, Side::Old, from, GivenUp::default());
        for step in Step::ALL.into_iter().filter(|step| (from..Step::Point).contains(step)) {
            self.write(Event::Step { to: Side::Old, step });
            Box::pin(switch.step(step)).await.map_err(|error| (step, error))?;
        }
        Ok(())
    }

    /// They are there.
    pub async fn served_at_the_old(&self) {
        for step in [Step::Point, Step::Serve] {
            self.write(Event::Step { to: Side::Old, step });
        }
        self.write(Event::Switched { to: Side::Old });
        self.folder.remove("paused.json").unwrap();
        for stage in Stage::ALL.into_iter().rev() {
            if !self.folder.status().unwrap().stages.contains_key(&stage) {
                continue;
            }
            self.write(Event::UndoStarted { stage });
            let left = said(Box::pin(stages::undo(stage, &self.context(), &self.folder.status().unwrap())).await);
            self.write(Event::Undone { stage, left });
        }
    }

    /// As the unit that holds the snapshot of the way home: beside the agent, as soon as that reads for good.
    pub fn holds_on_the_way_home(&self) -> JoinHandle<()> {
        let home = self.folder.within("home");
        tokio::spawn(async move {
            until(|| home.file("paused.json").exists()).await;
            drop(held(home).await);
        })
    }
}

/// What `infra agent hold` does.
fn held(folder: Folder) -> JoinHandle<()> {
    tokio::spawn(async move { drop(stages::hold(&Context::new(folder).unwrap()).await) })
}

pub async fn until(is_so: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(240), "it does not come to that");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub fn said<T>(done: Result<T, StageError>) -> T {
    done.unwrap_or_else(|error| panic!("{}", infra::error::chain(&error)))
}

fn job(plan: &str) -> Job {
    let host: infra::plan::NodeName = "vault".to_owned().try_into().unwrap();
    Job {
        v: JOB_VERSION,
        id: "20261130-234500".into(),
        mode: Mode::Offline,
        cutover: Cutover::Auto,
        site: Site::new(plan.to_owned().try_into().unwrap(), host.clone(), vec![]),
        host,
        source: Source {
            service: SERVICE.into(),
            database: "app".into(),
            clients: vec![],
            password_variable: "POSTGRES_PASSWORD".into(),
        },
        to: Destination::Host("store".parse().unwrap()),
        storage_bytes: None,
        jobs: Some(2),
        max_rate: None,
        accepted: ACCEPTED.map(str::to_owned).to_vec(),
        health_timeout_seconds: 60,
        by: "somebody@somewhere".into(),
    }
}

/// What two servers of tests are warned of.
const ACCEPTED: [&str; 8] =
    ["no-tls", "tls-off", "disk", "timescaledb-untried", "connections", "wal-level", "no-backup", "plain-connection"];
