//! A PostgreSQL cluster in a temporary folder, from the binaries that the system has.

use super::program::free_port;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// `nobody` on Debian; the server refuses to run as root.
const NOBODY: u32 = 65534;

/// A running server; stopped and removed on drop.
pub struct Postgres {
    pub port: u16,
    folder: TempDir,
    binaries: PathBuf,
}

impl Postgres {
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("api-test-").tempdir().unwrap();
        let server = Self { port: free_port(), folder, binaries: binaries() };
        if is_root() {
            chown(server.folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        server.run("initdb", &["-U", "postgres", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]);
        let settings = format!("port={}\nlisten_addresses='127.0.0.1'\nunix_socket_directories=''\n", server.port);
        let path = server.data().join("postgresql.conf");
        std::fs::write(&path, std::fs::read_to_string(&path).unwrap() + &settings).unwrap();
        server.boot();
        server
    }

    /// Starts the server; also after [`Self::kill`], as soon as its orphans have let go of the data.
    pub fn boot(&self) {
        let log = self.folder.path().join("log");
        for _ in 0..100 {
            if self.command("pg_ctl", &["-w", "-l", log.to_str().unwrap(), "start"]).status().unwrap().success() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("PostgreSQL does not start: {}", std::fs::read_to_string(log).unwrap_or_default());
    }

    pub fn stop(&self) {
        self.run("pg_ctl", &["-w", "-m", "fast", "stop"]);
    }

    /// `kill -9` of the postmaster: what was only in memory is gone.
    pub fn kill(&self) {
        let pid = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        assert!(Command::new("kill").args(["-KILL", pid.lines().next().unwrap()]).status().unwrap().success());
    }

    pub fn sql(&self, statement: &str) {
        let port = self.port.to_string();
        let mut psql = Command::new(self.binaries.join("psql"));
        psql.args(["-h", "127.0.0.1", "-p", &port, "-U", "postgres", "-XAtqc", statement]);
        assert!(psql.status().unwrap().success(), "{statement}");
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        assert!(self.command(program, arguments).status().unwrap().success(), "{program} failed");
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.binaries.join(program));
        command.args(["-D", self.data().to_str().unwrap()]).args(arguments);
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.command("pg_ctl", &["-w", "-m", "immediate", "stop"]).status();
    }
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// Debian keeps them out of the path, a folder for each major version.
fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<_> = versions.map(|entry| entry.path().join("bin")).filter(|path| has_initdb(path)).collect();
    found.sort();
    found.pop().expect("these tests need PostgreSQL: apt-get install postgresql")
}

fn has_initdb(folder: &Path) -> bool {
    folder.join("initdb").exists()
}
