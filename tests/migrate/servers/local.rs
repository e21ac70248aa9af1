//! A server of this machine's packages, in a temporary folder.

use std::path::PathBuf;
use std::process::{Command, Stdio};

const BINARIES: &str = "/usr/lib/postgresql/15/bin";

pub struct Local {
    folder: tempfile::TempDir,
}

impl Local {
    pub fn start(settings: &[String]) -> Self {
        let local = Self { folder: tempfile::Builder::new().prefix("infra-postgres-").tempdir().unwrap() };
        if is_root() {
            done(Command::new("chown").arg("nobody").arg(local.folder.path()));
        }
        let data = local.data();
        done(local.as_owner("initdb").args(["-U", super::SUPERUSER, "-A", "trust", "-E", "UTF8"]).args([
            "--locale=C.UTF-8",
            "--no-sync",
            "-D",
            data.to_str().unwrap(),
        ]));
        local.run(settings);
        local
    }

    /// Starts the server, and returns when it answers.
    pub fn run(&self, settings: &[String]) {
        let options = settings.iter().map(|setting| format!("-c '{setting}'")).collect::<Vec<_>>().join(" ");
        let log = self.folder.path().join("log");
        let mut start = self.as_owner("pg_ctl");
        start.arg("-D").arg(self.data()).arg("-l").arg(&log).args(["-w", "-o", &options, "start"]);
        let status = start.status().unwrap_or_else(|error| panic!("{start:?}: {error}"));
        assert!(status.success(), "{start:?}: {status}\n{}", std::fs::read_to_string(&log).unwrap_or_default());
    }

    pub fn stop(&self) {
        done(self.as_owner("pg_ctl").arg("-D").arg(self.data()).args(["-m", "immediate", "stop"]));
    }

    pub fn tool(&self, program: &str) -> Vec<String> {
        vec![format!("{BINARIES}/{program}")]
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The server refuses to run as root.
    fn as_owner(&self, program: &str) -> Command {
        let program = format!("{BINARIES}/{program}");
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", &program]);
            command
        } else {
            Command::new(program)
        };
        // Not the test's own output: the server inherits it, and a reader would wait for the server's end.
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // A test may have stopped it.
        drop(self.as_owner("pg_ctl").arg("-D").arg(self.data()).args(["-m", "immediate", "stop"]).status());
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn done(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}
