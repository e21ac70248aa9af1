//! The program in a folder of its own, without a terminal.

use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;
use tempfile::TempDir;

pub struct Program {
    pub folder: TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Program {
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { folder: tempfile::tempdir()? })
    }

    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<Ended> {
        let output = Command::new(env!("CARGO_BIN_EXE_infra"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("INFRA_DIR")
            .env("NO_COLOR", "1")
            // No answer can come from there, should a command ask the cloud after all.
            .env("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
            .envs([("AWS_ACCESS_KEY_ID", "none"), ("AWS_SECRET_ACCESS_KEY", "none")])
            .stdin(Stdio::null())
            .output()
            .context("cannot start infra")?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok(Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) })
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> anyhow::Result<()> {
        Ok(std::fs::write(self.folder.path().join(name), bytes)?)
    }

    pub fn read(&self, name: &str) -> anyhow::Result<String> {
        std::fs::read_to_string(self.folder.path().join(name)).with_context(|| format!("no {name}"))
    }
}

impl Ended {
    pub fn must(self, code: i32) -> anyhow::Result<Self> {
        ensure!(self.code == Some(code), "expected exit {code}: {:?}\n{}\n{}", self.code, self.out, self.err);
        Ok(self)
    }

    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.out).with_context(|| format!("no JSON: {}", self.out))
    }
}
