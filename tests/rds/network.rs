//! The way between a host of Lightsail and a database: there when the networks are joined, and only for who has a rule.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use lab::machines::{ContainerMachines, OPERATOR};
use serde_json::json;
use tokio::process::Command;

use crate::stage::{Stage, wish};

#[tokio::test(flavor = "multi_thread")]
async fn a_host_and_its_database_reach_each_other_when_their_networks_are_joined() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let machines = Arc::new(ContainerMachines::open(folder.path().to_owned()).await?);
    let stage = Stage::with_machines(machines).await?;
    let outcome = reach(&stage).await;
    stage.end().await?;
    outcome
}

async fn reach(stage: &Stage) -> anyhow::Result<()> {
    let host = stage.host("web").await?;
    let mut wish = wish();
    wish.plan = stage.plan.clone();
    wish.from = vec![format!("{host}/32").parse()?];
    let database = stage.provision(&wish).await?.database.context("no database")?;
    let database: Ipv4Addr = database.endpoint.context("no endpoint")?.host.parse()?;

    settles(host, database, 5432, true).await.context("the host reaches its database")?;
    ensure!(!local(database, 5432).await, "{OPERATOR} has no rule and reaches the database");
    // Lightsail's firewall is for the public address.
    stage.lightsail("PutInstancePublicPorts", json!({ "instanceName": "web", "portInfos": [] })).await?;
    settles(database, host, 22, true).await.context("the database reaches the host")?;
    closed(host, 22).await.context("the host's firewall")?;

    stage.lightsail("UnpeerVpc", json!({})).await?;
    settles(host, database, 5432, false).await.context("without peering the host does not reach the database")?;
    settles(database, host, 22, false).await.context("nor the database the host")?;
    stage.provision(&wish).await?;
    settles(host, database, 5432, true).await.context("joined again")
}

/// The lab's machines learn of a change a moment after the call has returned.
async fn settles(from: Ipv4Addr, to: Ipv4Addr, port: u16, expected: bool) -> anyhow::Result<()> {
    for _ in 0..20 {
        if connects(from, to, port).await? == expected {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    anyhow::bail!("{from} to {to}:{port}: not {expected}")
}

/// Whether a connection is made from inside the container that has an address.
async fn connects(from: Ipv4Addr, to: Ipv4Addr, port: u16) -> anyhow::Result<bool> {
    let format = "{{range .Containers}}{{.Name}} {{.IPv4Address}}\n{{end}}";
    let listed = Command::new("docker").args(["network", "inspect", "infra-lab", "--format", format]).output().await?;
    let listed = String::from_utf8(listed.stdout)?;
    let address = format!(" {from}/");
    let line = listed.lines().find(|line| line.contains(&address)).context("no container has the address")?;
    let container = line.split(' ').next().context("no name")?;
    let script = format!("timeout 2 bash -c ': </dev/tcp/{to}/{port}'");
    let tried = Command::new("docker").args(["exec", container, "sh", "-c", &script]).output().await?;
    Ok(tried.status.success())
}

/// As `settles`, seen from outside.
async fn closed(to: Ipv4Addr, port: u16) -> anyhow::Result<()> {
    for _ in 0..20 {
        if !local(to, port).await {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    anyhow::bail!("{to}:{port} is open")
}

async fn local(to: Ipv4Addr, port: u16) -> bool {
    let connect = tokio::net::TcpStream::connect((to, port));
    tokio::time::timeout(Duration::from_secs(2), connect).await.is_ok_and(|connected| connected.is_ok())
}
