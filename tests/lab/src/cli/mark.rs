//! The file by which a running lab is found, and what kind it was once it has stopped.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use lab::process;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::MachineKind;

const FILE: &str = "lab.json";

#[derive(Debug, Serialize, Deserialize)]
pub struct Mark {
    pub pid: u32,
    pub url: String,
    pub machines: MachineKind,
}

impl Mark {
    /// Written by the lab itself once it listens.
    pub fn write(state: &Path, url: &str, machines: MachineKind) -> anyhow::Result<()> {
        let mark = Self { pid: std::process::id(), url: url.to_owned(), machines };
        let path = state.join(FILE);
        std::fs::write(&path, serde_json::to_vec(&mark)?).with_context(|| format!("cannot write {}", path.display()))
    }

    /// The lab that was last started on this state, whether it runs or not.
    pub fn last(state: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(state.join(FILE)).ok()?).ok()
    }

    /// The lab that runs on this state.
    pub fn running(state: &Path) -> Option<Self> {
        Self::last(state).filter(|mark| process::is_running(mark.pid, "serve"))
    }

    pub fn remove(state: &Path) -> std::io::Result<()> {
        match std::fs::remove_file(state.join(FILE)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub async fn is_healthy(&self) -> bool {
        self.ask("health").await.is_ok()
    }

    /// `GET /_lab/PAGE`.
    pub async fn ask(&self, page: &str) -> anyhow::Result<Value> {
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?;
        let answer = client.get(format!("{}/_lab/{page}", self.url)).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }
}
