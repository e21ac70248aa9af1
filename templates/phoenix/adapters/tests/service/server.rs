//! Starts the service's binary on a free port and a folder of its own.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::http::{self, Answer};

pub const PUBLISH: &str = "publish-token-0123456789";
pub const READ: &str = "read-token-0123456789ab";

pub struct Server {
    pub child: Child,
    pub address: SocketAddr,
}

/// The binary with the settings that all tests share.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_adapters"));
    command
        .env_clear()
        .env("ADAPTERS_DIR", folder)
        .env("ADAPTERS_TOKEN", PUBLISH)
        .env("ADAPTERS_READ_TOKEN", READ)
        .env("ADAPTERS_MIN_FREE_MB", "0")
        .stderr(Stdio::piped());
    command
}

impl Server {
    pub fn start(folder: &Path) -> Self {
        Self::with(folder, &[])
    }

    pub fn with(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let mut command = command(folder);
        command.env("LISTEN_PLAIN", "127.0.0.1:0").envs(settings.iter().copied());
        Self::spawn(command)
    }

    /// Waits for the line of the log that says where it serves.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut seen = String::new();
        let address = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "it did not start: {seen}");
            if let Some((_, rest)) = line.split_once("address=") {
                break rest.split_whitespace().next().unwrap().parse().unwrap();
            }
            seen.push_str(&line);
        };
        // The log is read on, so that the service never waits for a full pipe.
        std::thread::spawn(move || std::io::copy(&mut log.by_ref(), &mut std::io::stderr()));
        Self { child, address }
    }

    pub fn put(&self, path: &str, body: &[u8]) -> Answer {
        self.send("PUT", path, PUBLISH, &[], body)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, READ, &[], b"")
    }

    pub fn send(&self, method: &str, path: &str, token: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut all = vec![("Authorization", bearer.as_str())];
        all.extend_from_slice(headers);
        http::send(self.address, method, path, &all, body)
    }

    /// The most memory that the process has had, in MB.
    pub fn peak_memory_mb(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Uploads under way in the store.
pub fn incoming(folder: &Path) -> usize {
    std::fs::read_dir(folder.join(".incoming")).unwrap().count()
}
