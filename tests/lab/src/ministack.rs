//! MiniStack, the emulator behind the gateway: started unmodified from the lab's Python environment.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::{Child, Command};

use crate::{paths, process};

/// It stops its containers before it ends.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Where its databases' ports on this machine begin, and how many are left to each of several emulators. One looks which port
/// is free before it starts a container: of two that looked at once, one had an instance without a server. Below the ports that
/// the kernel gives away.
const DATABASE_PORTS: (u16, u16, u16) = (15432, 50, 200);

/// Where no Docker daemon listens.
const NO_DOCKER: (&str, &str) = ("DOCKER_HOST", "unix:///dev/null");

#[derive(Debug)]
pub struct MiniStack {
    child: Child,
    port: u16,
    mark: PathBuf,
}

impl MiniStack {
    /// Starts it and does not wait: until it listens, what passes through is answered with 503.
    ///
    /// Without `containers` its databases exist in the account only.
    pub async fn start(state: &Path, port: u16, containers: bool) -> anyhow::Result<Self> {
        let program = paths::venv().join("bin/ministack");
        if !program.exists() {
            bail!("{} does not exist: run tests/lab/setup", program.display());
        }
        let home = state.join("ministack");
        std::fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
        let mark = state.join("ministack.pid");
        stop_orphan(&mark).await?;
        let log = File::create(state.join("ministack.log")).context("cannot write MiniStack's log")?;
        let child = Command::new(program)
            .env("GATEWAY_PORT", port.to_string())
            .env("BIND_HOST", "127.0.0.1")
            .env("STATE_DIR", &home)
            .env("PERSIST_STATE", "1")
            .env("RDS_PERSIST", "1")
            .env("RDS_BASE_PORT", database_ports(port).to_string())
            .env("MINISTACK_IMAGE_PREFIX", "infra-lab")
            .envs((!containers).then_some(NO_DOCKER))
            .env_remove("AWS_ENDPOINT_URL")
            .current_dir(&home)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start MiniStack")?;
        let pid = child.id().context("MiniStack ended at once")?;
        std::fs::write(&mark, pid.to_string()).with_context(|| format!("cannot write {}", mark.display()))?;
        Ok(Self { child, port, mark })
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub async fn stop(mut self) {
        if let Some(pid) = self.child.id()
            && let Err(error) = process::terminate(pid, STOP_LIMIT).await
        {
            tracing::warn!("MiniStack is killed: {error:#}");
        }
        if let Err(error) = self.child.kill().await {
            tracing::debug!("MiniStack has ended: {error}");
        }
        if let Err(error) = std::fs::remove_file(&self.mark) {
            tracing::debug!("{} could not be removed: {error}", self.mark.display());
        }
    }
}

/// By the emulator's own port, of which there is one.
fn database_ports(port: u16) -> u16 {
    let (first, each, emulators) = DATABASE_PORTS;
    first + each * (port % emulators)
}

/// A killed gateway leaves its MiniStack behind, which holds the port.
async fn stop_orphan(mark: &Path) -> anyhow::Result<()> {
    let Ok(text) = std::fs::read_to_string(mark) else { return Ok(()) };
    match text.trim().parse() {
        Ok(pid) if process::is_running(pid, "ministack") => process::terminate(pid, STOP_LIMIT).await,
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emulators_side_by_side_have_other_ports_for_databases() {
        let all: Vec<u16> = (40_000..40_200).map(database_ports).collect();
        let apart =
            all.iter().all(|one| all.iter().filter(|other| one.abs_diff(**other) < DATABASE_PORTS.1).count() == 1);
        assert!(apart && all.iter().all(|port| (15432..32768).contains(port)));
    }
}
