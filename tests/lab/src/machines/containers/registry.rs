//! The registry from which the hosts pull: Debian's `docker-registry`, as a mirror of Docker Hub.
//!
//! It serves what `tests/lab/setup` has put in, from a cache that outlives the lab. It only reads.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::sleep;

use crate::paths::cache;

use super::docker::run;
use super::network::OPERATOR;
use super::record::write_atomically;

/// Stands in the hosts' `daemon.json` too.
const PORT: u16 = 5000;

/// Starts the registry unless one answers: all labs of a user share one.
pub(super) async fn ensure() -> anyhow::Result<()> {
    if answers().await {
        return Ok(());
    }
    let folder = cache();
    fs::create_dir_all(folder.join("registry"))?;
    let file = folder.join("registry.yml");
    write_atomically(&file, configuration(&folder.join("registry")).as_bytes())?;
    let log = File::create(folder.join("registry.log"))?;
    let child = Command::new("docker-registry")
        .arg("serve")
        .arg(&file)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .context("cannot run docker-registry; tests/lab/setup installs what the lab needs")?;
    let process = child.id().context("docker-registry ended at once")?;
    write_atomically(&folder.join("registry.pid"), process.to_string().as_bytes())?;
    for _ in 0..100 {
        if answers().await {
            return Ok(());
        }
        sleep(Duration::from_millis(100)).await;
    }
    bail!("the registry does not answer on {OPERATOR}:{PORT}; see {}", folder.join("registry.log").display())
}

pub(super) async fn stop() -> anyhow::Result<()> {
    let folder = cache();
    let Ok(process) = fs::read_to_string(folder.join("registry.pid")) else { return Ok(()) };
    let command = fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap_or_default();
    // Somebody else may have the number by now.
    if command.contains(&*folder.join("registry.yml").to_string_lossy()) {
        run("kill", [process]).await?;
    }
    fs::remove_file(folder.join("registry.pid"))?;
    Ok(())
}

async fn answers() -> bool {
    TcpStream::connect((OPERATOR, PORT)).await.is_ok()
}

fn configuration(storage: &Path) -> String {
    let storage = storage.display();
    format!(
        "version: 0.1\n\
         log: {{ level: warn }}\n\
         storage:\n\
         \x20 filesystem: {{ rootdirectory: \"{storage}\" }}\n\
         \x20 maintenance: {{ readonly: {{ enabled: true }} }}\n\
         http: {{ addr: \"{OPERATOR}:{PORT}\" }}\n"
    )
}
