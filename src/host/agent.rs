//! infra's own program on the host: brought there, checked by its hash, called, and given to systemd to run.

use std::io::Write as _;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use super::deploy::site_script;
use super::error::HostError;
use super::script::Script;
use super::session::Session;
use super::site::Site;

/// The program's place on a host.
pub(super) const BIN: &str = "/var/lib/infra/bin/infra";

impl Session {
    /// Brings this very program to the host, unless it is there.
    pub async fn install_agent(&self) -> Result<(), HostError> {
        let path = PathBuf::from("/proc/self/exe");
        let io = |source| HostError::Io { operation: "read", path: path.clone(), source };
        let program = tokio::fs::read(&path).await.map_err(io)?;
        let sha = hex::encode(Sha256::digest(&program));
        let has = Script::new("looking for the agent", include_str!("scripts/agent_has.sh")).set("BIN", BIN);
        let answer = self.run(&has).await?;
        let (there, machine) = answer.trim().split_once('\t').unwrap_or(("", answer.trim()));
        if machine != std::env::consts::ARCH {
            return Err(HostError::Answer {
                host: self.host(),
                operation: "bringing the agent".to_owned(),
                detail: format!("it is a {machine} machine, this infra is for {}", std::env::consts::ARCH),
            });
        }
        if there == sha {
            return Ok(());
        }
        let packed = tokio::task::spawn_blocking(move || gzipped(&program)).await.expect("compressing does not panic");
        let put =
            Script::new("bringing the agent", include_str!("scripts/agent_put.sh")).set("BIN", BIN).set("SHA", sha);
        let mut running = self.start(&put).await?;
        running.send(&packed).await?;
        running.output().await.map(drop)
    }

    /// Calls it; the answer is what it prints.
    pub async fn agent(&self, words: &[&str], input: &[u8]) -> Result<String, HostError> {
        let script =
            Script::new("asking the agent", include_str!("scripts/agent_run.sh")).set("BIN", BIN).list("WORDS", words);
        let mut running = self.start(&script).await?;
        running.send(input).await?;
        running.output().await
    }

    /// Where the migration in `folder` stands, in the agent's words; with `source`, also how the old server fares. None:
    /// none was ever begun.
    pub async fn migration(&self, site: &Site, folder: &str, source: bool) -> Result<Option<String>, HostError> {
        let script = site_script(
            "looking for a migration",
            concat!(include_str!("scripts/state.sh"), include_str!("scripts/agent_status.sh")),
            site,
        )
        .set("BIN", BIN)
        .set("FOLDER", folder)
        .set("SOURCE", if source { "--source" } else { "" });
        Ok(Some(self.run(&script).await?).filter(|text| !text.trim().is_empty()))
    }

    /// Lets systemd run the migration in `folder` to its end.
    pub async fn start_migration(&self, site: &Site, folder: &str) -> Result<(), HostError> {
        let script = site_script(
            "starting the migration",
            concat!(include_str!("scripts/state.sh"), include_str!("scripts/agent_start.sh")),
            site,
        )
        .set("BIN", BIN)
        .set("FOLDER", folder);
        self.run(&script).await.map(drop)
    }
}

/// gzip: every host has it.
fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(vec![], Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}
