//! The `lab` command: up twice, killed, up again, down.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::support;

fn lab(state: &Path, arguments: &[&str]) -> anyhow::Result<Output> {
    let output = Command::new(env!("CARGO_BIN_EXE_lab")).arg("--state").arg(state).args(arguments).output()?;
    ensure!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output)
}

/// The process id that the lab has written down.
fn process(state: &Path) -> anyhow::Result<u64> {
    let mark: Value = serde_json::from_slice(&std::fs::read(state.join("lab.json"))?)?;
    mark["pid"].as_u64().context("no process id")
}

#[tokio::test]
async fn up_is_idempotent_and_a_killed_lab_goes_on() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let state = folder.path();
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
    let up = ["up", "--machines", "none", "--lightsail-only", "--port", &port];
    lab(state, &up)?;
    let first = process(state)?;
    lab(state, &up)?;
    ensure!(process(state)? == first, "a second lab was started");
    let environment = String::from_utf8(lab(state, &["env"])?.stdout)?;
    ensure!(environment.contains(&format!("export AWS_ENDPOINT_URL=http://127.0.0.1:{port}\n")), "{environment}");

    let (client, url) = (support::client()?, format!("http://127.0.0.1:{port}"));
    let address = json!({ "staticIpName": "kept" });
    ensure!(support::send(&client, &url, "AllocateStaticIp", &address).await?.status == 200);
    Command::new("kill").args(["-KILL", &first.to_string()]).status()?;
    lab(state, &up)?;
    ensure!(support::send(&client, &url, "GetStaticIp", &address).await?.status == 200);

    lab(state, &["down"])?;
    ensure!(String::from_utf8(lab(state, &["status"])?.stdout)? == "the lab does not run\n");
    ensure!(!state.join("account.json").exists());
    lab(state, &["down"]).map(drop)
}
