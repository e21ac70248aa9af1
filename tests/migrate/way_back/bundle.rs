//! The old database's server as a bundle has it: a container of a Compose service, whose data lie in a volume and outlive it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use infra::postgres::Endpoint;

use crate::servers::{BUNDLE, run};

pub const SERVICE: &str = "db";
const DATA: &str = "/home/postgres/data";

pub struct Bundle {
    /// The plan, and so Compose's project: nobody else's, since infra finds the container by it.
    pub plan: String,
    image: String,
    /// Of its server, besides the usual ones.
    options: &'static str,
}

impl Bundle {
    pub fn start() -> Self {
        Self::of(BUNDLE, "")
    }

    pub fn of(image: &str, options: &'static str) -> Self {
        let plan = format!("guard-{:08x}", rand::random::<u32>());
        let bundle = Self { plan, image: image.to_owned(), options };
        bundle.run();
        bundle
    }

    /// As after `docker compose up` with another image, or `down` and `up`.
    pub fn recreate(&self) {
        self.docker(&["rm", "--force", &self.plan]);
        self.run();
    }

    /// A file for CREATE EXTENSION to find. It is the container's own, and goes with it.
    pub fn add_extension_file(&self, name: &str, content: &str) {
        let place = format!("cat > /usr/share/postgresql/17/extension/{name}");
        let argv = ["docker", "exec", "--interactive", "--user=root", &self.plan, "sh", "-c", &place];
        let output = run(&argv.map(str::to_owned), content.as_bytes());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// As by a crash.
    pub fn stop(&self) {
        self.docker(&["kill", &self.plan]);
    }

    pub fn start_again(&self) {
        self.docker(&["start", &self.plan]);
        self.wait();
    }

    pub fn endpoint(&self, database: &str) -> Endpoint {
        let format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
        let address = self.docker(&["inspect", "--format", format, &self.plan]);
        Endpoint::parse(&format!("postgres://postgres@{}:5432/{database}?sslmode=disable", address.trim())).unwrap()
    }

    /// As its superuser, who writes although the database only follows.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        self.psql_with("-c default_transaction_read_only=off -c session_replication_role=replica", database, sql)
    }

    pub fn psql_with(&self, options: &str, database: &str, sql: &str) -> String {
        let options = format!("PGOPTIONS={options}");
        let argv = ["docker", "exec", "--interactive", "--env", &options, &self.plan, "psql", "-h", "127.0.0.1"];
        let more = ["-U", "postgres", "-d", database, "-XqAt", "-v", "ON_ERROR_STOP=1", "-f", "-"];
        let argv: Vec<String> = argv.iter().chain(&more).map(ToString::to_string).collect();
        let output = run(&argv, sql.as_bytes());
        assert!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    /// Where the new server is to it, and to this machine: the bundle's network's own gateway.
    pub fn gateway(&self) -> String {
        let format = "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}";
        self.docker(&["inspect", "--format", format, &self.plan]).trim().to_owned()
    }

    fn run(&self) {
        let script = "[ -s $PGDATA/PG_VERSION ] || { initdb -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync \
            && echo 'host all all all trust' >>$PGDATA/pg_hba.conf; } && exec postgres -c 'listen_addresses=*' \
            -c unix_socket_directories= -c fsync=off -c wal_level=logical -c max_locks_per_transaction=256 ";
        let script = format!("{script}{}", self.options);
        let (plan, volume) = (&self.plan, format!("{}:/home/postgres", self.plan));
        let labels = [("project", plan.as_str()), ("service", SERVICE)];
        let labels = labels.map(|(key, value)| format!("--label=com.docker.compose.{key}={value}"));
        let data = format!("--env=PGDATA={DATA}");
        let mut arguments = vec!["run", "--detach", "--init", "--shm-size=256m", "--label=infra-test"];
        arguments.extend(labels.iter().map(String::as_str));
        arguments.extend(["--user=postgres", "--env=POSTGRES_USER=postgres", "--env=POSTGRES_PASSWORD=none", &data]);
        arguments.extend(["--volume", &volume, "--name", plan, "--entrypoint=sh", &self.image, "-c", &script]);
        self.docker(&arguments);
        self.wait();
    }

    fn wait(&self) {
        let patience = Instant::now() + Duration::from_secs(240);
        let ready = ["exec", &self.plan, "pg_isready", "-q", "-h", "127.0.0.1"];
        while !docker(&ready).stdout(Stdio::null()).status().unwrap().success() {
            assert!(Instant::now() < patience, "{} does not answer", self.plan);
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn docker(&self, arguments: &[&str]) -> String {
        let output = docker(arguments).output().unwrap();
        assert!(output.status.success(), "docker {arguments:?}: {}", self.log());
        String::from_utf8(output.stdout).unwrap()
    }

    fn log(&self) -> String {
        let output = docker(&["logs", "--tail", "20", &self.plan]).stderr(Stdio::piped()).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }
}

impl Drop for Bundle {
    fn drop(&mut self) {
        drop(docker(&["rm", "--force", &self.plan]).output());
        drop(docker(&["volume", "rm", "--force", &self.plan]).output());
    }
}

fn docker(arguments: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}
