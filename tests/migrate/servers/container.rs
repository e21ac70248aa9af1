//! A server in a container of the bundle's database image, in this machine's own network.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What the lab's setup builds of templates/phoenix/db.
pub const BUNDLE: &str = "infra-lab-timescaledb";
/// And of tests/lab/images/rds: the same with the extensions of RDS.
pub const RDS: &str = "infra-lab/postgres:17-alpine";

/// The first superuser there, who owns what servers make by themselves.
pub const BOOTSTRAP: &str = "bootstrap";

pub struct Container {
    name: String,
    port: u16,
}

impl Container {
    pub fn start(image: &str, port: u16, settings: &[String]) -> Self {
        let container = Self { name: format!("infra-test-postgres-{}-{port}", std::process::id()), port };
        let options = settings.iter().map(|setting| format!(" -c '{setting}'")).collect::<String>();
        // A started-again container has its data already. As on managed servers the first superuser is nobody's.
        let script = format!(
            "cd /home/postgres; [ -d test ] || {{ initdb -U {BOOTSTRAP} -A trust -E UTF8 --locale=C.UTF-8 --no-sync -D test \
             && echo 'CREATE ROLE {} SUPERUSER LOGIN CREATEDB CREATEROLE REPLICATION BYPASSRLS' | postgres --single -D test template1; }} \
             && exec postgres -D test{options}",
            super::SUPERUSER
        );
        container.docker(&[
            "run",
            "--detach",
            "--init",
            "--network=host",
            "--shm-size=256m",
            "--label=infra-test",
            "--user=postgres",
            "--name",
            &container.name,
            "--entrypoint=sh",
            image,
            "-c",
            &script,
        ]);
        container.wait();
        container
    }

    pub fn start_again(&self) {
        self.docker(&["start", &self.name]);
        self.wait();
    }

    pub fn stop(&self) {
        self.docker(&["kill", &self.name]);
        self.docker(&["wait", &self.name]);
    }

    /// A file for CREATE EXTENSION to find.
    pub fn add_extension_file(&self, name: &str, content: &str) {
        let place = format!("cat > /usr/share/postgresql/17/extension/{name}");
        let argv = ["docker", "exec", "--interactive", "--user=root", &self.name, "sh", "-c", &place];
        let output = super::run(&argv.map(str::to_owned), content.as_bytes());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    pub fn tool(&self, program: &str) -> Vec<String> {
        ["docker", "exec", "--interactive", &self.name, program].map(str::to_owned).to_vec()
    }

    fn wait(&self) {
        let port = self.port.to_string();
        let ready = ["exec", &self.name, "pg_isready", "-q", "-h", "127.0.0.1", "-p", &port];
        let patience = Instant::now() + Duration::from_secs(240);
        // A program in a container is dear: it is asked only once somebody listens.
        let listens = || std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok();
        while !(listens() && docker(&ready).status().unwrap().success()) {
            assert!(Instant::now() < patience, "{} does not answer\n{}", self.name, self.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn log(&self) -> String {
        let output = Command::new("docker").args(["logs", "--tail", "20", &self.name]).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    }

    fn docker(&self, arguments: &[&str]) {
        let status = docker(arguments).status().unwrap();
        assert!(status.success(), "docker {arguments:?}: {status}");
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        drop(docker(&["rm", "--force", "--volumes", &self.name]).status());
    }
}

fn docker(arguments: &[&str]) -> Command {
    let mut command = Command::new("docker");
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}
