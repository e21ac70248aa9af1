//! The containers that MiniStack starts for instances and clusters: found by its labels, given an address on the lab's network, and
//! told what they have to run with.

use std::net::Ipv4Addr;
use std::process::Stdio;

use anyhow::Context;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use super::authority::Authority;
use super::records::{Key, Record};
use crate::machines::containers::{docker, docker_remove, ensure_network, run_with_input};

/// Built by `tests/lab/setup`; has nft.
const IMAGE: &str = "infra-lab/postgres:17-alpine";

pub struct Containers {
    authority: Authority,
    /// MiniStack's label on what is its own: its host's name and its port.
    owner: String,
}

/// A running container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    pub id: String,
    pub key: Key,
    /// Another one after each restart.
    pub started_at: String,
    pub volume: String,
}

/// What a server is to run with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    pub parameters: String,
    pub access: String,
    pub firewall: String,
}

/// Starts of containers of RDS, a line each.
pub struct Starts {
    lines: Lines<BufReader<ChildStdout>>,
    _events: Child,
}

impl Starts {
    /// Returns when a container has started, or when nothing more will be told.
    pub async fn next(&mut self) -> bool {
        matches!(self.lines.next_line().await, Ok(Some(_)))
    }
}

impl Containers {
    pub fn new(ministack: &str, authority: Authority) -> anyhow::Result<Self> {
        let port = ministack.rsplit_once(':').context("MiniStack's address has no port")?.1;
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname")?;
        Ok(Self { authority, owner: format!("ministack.instance={}:{port}", host.trim()) })
    }

    pub fn starts(&self) -> anyhow::Result<Starts> {
        let mut events = Command::new("docker")
            .args(["events", "--format", "{{.ID}}", "--filter", "event=start", "--filter", "label=ministack=rds"])
            .args(["--filter", &format!("label={}", self.owner)])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("cannot run docker events")?;
        let output = events.stdout.take().context("docker events has no output")?;
        Ok(Starts { lines: BufReader::new(output).lines(), _events: events })
    }

    /// Those of instances that run.
    pub async fn running(&self) -> anyhow::Result<Vec<Container>> {
        let owner = format!("label={}", self.owner);
        let ids =
            docker(["ps", "--quiet", "--no-trunc", "--filter", "label=ministack=rds", "--filter", &owner]).await?;
        let format = "{{.Id}} {{.State.StartedAt}} {{index .Config.Labels \"region\"}} \
                      {{with index .Config.Labels \"cluster_id\"}}cluster:{{.}}\
                      {{else}}{{index .Config.Labels \"db_id\"}}{{end}} {{range .Mounts}}{{.Name}}{{end}}";
        let mut found = Vec::new();
        for id in ids.lines() {
            // It may have ended since.
            let Ok(line) = docker(["inspect", "--format", format, id]).await else { continue };
            found.extend(container(&line));
        }
        Ok(found)
    }

    /// Joins the container to the lab's network. False: another lab on this machine has the address.
    pub async fn connect(&self, container: &Container, address: Ipv4Addr) -> anyhow::Result<bool> {
        let _network = ensure_network().await?;
        let connected = docker(["network", "connect", "--ip", &address.to_string(), "infra-lab", &container.id]).await;
        match connected.map_err(|error| error.to_string()) {
            Err(said) if said.contains("Address already in use") => Ok(false),
            Err(said) if !said.contains("already exists") => anyhow::bail!("{said}"),
            _ => Ok(true),
        }
    }

    /// Gives the container its certificate and configuration; then its PostgreSQL starts.
    pub async fn provide(&self, container: &Container, address: Ipv4Addr, files: &Files) -> anyhow::Result<()> {
        self.set_firewall(container, &files.firewall).await?;
        let signed = self.authority.sign(container.key.name(), address)?;
        let mut script = write(&[
            ("server.crt", &signed.certificate),
            ("server.key", &signed.key),
            ("parameters.conf", &files.parameters),
            ("pg_hba.conf", &files.access),
        ]);
        script.push_str("touch /rds/ready\n");
        exec(&container.id, &script).await
    }

    /// Changes what a running server takes up without a restart.
    pub async fn reload(&self, container: &Container, files: &Files) -> anyhow::Result<()> {
        let mut script = write(&[("parameters.conf", &files.parameters), ("pg_hba.conf", &files.access)]);
        script.push_str("chown postgres: /rds/*\nkill -HUP 1\n");
        exec(&container.id, &script).await
    }

    pub async fn set_firewall(&self, container: &Container, table: &str) -> anyhow::Result<()> {
        let network = format!("--network=container:{}", container.id);
        let arguments = ["run", "--rm", "-i", &network, "--cap-add=NET_ADMIN", "--entrypoint=nft", IMAGE, "-f", "-"];
        run_with_input("docker", arguments, table.as_bytes()).await.map(drop)
    }

    /// Removes the container, if MiniStack has left it, and its data.
    pub async fn remove(&self, record: &Record) -> anyhow::Result<()> {
        remove(record).await
    }
}

pub async fn remove(record: &Record) -> anyhow::Result<()> {
    if let Some(container) = &record.container {
        docker_remove(["rm", "--force", container]).await?;
    }
    if let Some(volume) = &record.volume {
        docker_remove(["volume", "rm", "--force", volume]).await?;
    }
    Ok(())
}

async fn exec(container: &str, script: &str) -> anyhow::Result<()> {
    run_with_input("docker", ["exec", "-i", container, "sh", "-es"], script.as_bytes()).await.map(drop)
}

/// A script that writes these files; each appears as a whole.
fn write(files: &[(&str, &str)]) -> String {
    let mut script = String::from("umask 077\nmkdir -p /rds\n");
    for (name, content) in files {
        script +=
            &format!("cat >/rds/{name}.new <<'END-OF-FILE'\n{content}\nEND-OF-FILE\nmv /rds/{name}.new /rds/{name}\n");
    }
    script
}

fn container(line: &str) -> Option<Container> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [id, started_at, region, db, volume] = fields.as_slice() else { return None };
    Some(Container {
        id: (*id).to_owned(),
        key: Key { region: (*region).to_owned(), id: (*db).to_owned() },
        started_at: (*started_at).to_owned(),
        volume: (*volume).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_read_from_what_docker_says() {
        let found = container("abc 2026-11-21T06:00:00Z us-east-1 phase1-db volume-1").unwrap();
        assert_eq!(found.key, Key { region: "us-east-1".into(), id: "phase1-db".into() });
        let cluster = container("abc 2026-11-21T06:00:00Z us-east-1 cluster:phase1-db volume-1").unwrap();
        assert_eq!(cluster.key, Key::cluster("us-east-1", "phase1-db"));
        assert_eq!(container("abc 2026-11-21T06:00:00Z us-east-1 phase1-db"), None, "no volume: not one of ours");
    }

    #[test]
    fn a_file_is_never_half_written() {
        let script = write(&[("a.conf", "x = '1'\n")]);
        assert!(script.contains("mv /rds/a.conf.new /rds/a.conf\n"));
    }
}
