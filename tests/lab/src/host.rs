//! Single hosts outside of any account: for tests of what happens over SSH.
//!
//! They live in a lab of their own beside the gateway's, so neither removes the other's.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};
use serde::Serialize;
use tokio::process::Command;

use crate::machines::{Booted, ContainerMachines, DiskId, MachineId, MachineSpec, Machines, SeenAs, script};

/// `lab host …`
#[derive(Debug, Subcommand)]
pub enum HostCommand {
    /// Boot a new host, in place of one with the same name, and print how to reach it as JSON
    Up(HostOptions),
    /// Remove a host and its disks
    Down { name: String },
}

#[derive(Debug, Clone, Args)]
pub struct HostOptions {
    /// The host's name: lower-case letters, digits, hyphens
    pub name: String,
    /// A blueprint; debian_* come without Docker
    #[arg(long, default_value = "ubuntu_24_04")]
    pub blueprint: String,
    /// A blank disk of so many GB; the first one is /dev/xvdf, the next /dev/xvdg
    #[arg(long = "disk", value_name = "GB")]
    pub disks: Vec<u32>,
    /// A script to run at the first boot
    #[arg(long, value_name = "FILE")]
    pub user_data: Option<PathBuf>,
    #[arg(long, default_value_t = 2048)]
    pub memory_mb: u32,
}

/// How to reach a host.
#[derive(Debug, Clone, Serialize)]
pub struct Host {
    pub address: String,
    pub user: String,
    pub identity: PathBuf,
    /// Pins the host's keys.
    pub known_hosts: PathBuf,
    pub disks: Vec<String>,
}

/// Runs the command; `state` is the lab's state folder.
pub async fn run(command: &HostCommand, state: &Path) -> anyhow::Result<()> {
    match command {
        HostCommand::Up(options) => {
            println!("{}", serde_json::to_string_pretty(&up(options, state).await?)?);
            Ok(())
        }
        HostCommand::Down { name } => down(name, state).await,
    }
}

pub async fn up(options: &HostOptions, state: &Path) -> anyhow::Result<Host> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    ensure!(!options.name.is_empty() && options.name.chars().all(allowed), "unusable host name {:?}", options.name);
    let machines = open(state).await?;
    remove(&machines, &options.name).await?;
    let folder = state.join("hosts");
    let spec = spec(options, &identity(&folder).await?)?;
    let booted = machines.boot(&spec).await?;
    let mut disks = Vec::new();
    for ((disk, letter), size_gb) in disk_ids(&options.name).zip(&options.disks) {
        let path = format!("/dev/xvd{letter}");
        machines.create_disk(&disk, *size_gb, None).await?;
        machines.attach_disk(&spec.id, &disk, &SeenAs::path(&path)).await?;
        disks.push(path);
    }
    let known_hosts = folder.join(format!("{}.known_hosts", options.name));
    fs::write(&known_hosts, pinned(&booted))?;
    let (address, identity) = (booted.address.to_string(), folder.join("id"));
    Ok(Host { address, user: spec.user, identity, known_hosts, disks })
}

pub async fn down(name: &str, state: &Path) -> anyhow::Result<()> {
    remove(&open(state).await?, name).await
}

/// Removes every such host.
pub async fn remove_all(state: &Path) -> anyhow::Result<()> {
    match state.join("hosts").exists() {
        true => open(state).await?.remove_all().await,
        false => Ok(()),
    }
}

async fn open(state: &Path) -> anyhow::Result<ContainerMachines> {
    ContainerMachines::open(state.join("hosts")).await
}

async fn remove(machines: &ContainerMachines, name: &str) -> anyhow::Result<()> {
    machines.destroy(&machine(name)).await?;
    for (disk, _) in disk_ids(name) {
        machines.destroy_disk(&disk).await?;
    }
    machines.remove_unused().await
}

fn machine(name: &str) -> MachineId {
    MachineId(format!("host-{name}"))
}

/// The disks that a host can have, each with its letter.
fn disk_ids(name: &str) -> impl Iterator<Item = (DiskId, char)> {
    ('f'..='p').map(move |letter| (DiskId(format!("host-{name}-{letter}")), letter))
}

fn spec(options: &HostOptions, public_key: &str) -> anyhow::Result<MachineSpec> {
    let user_data = match &options.user_data {
        Some(file) => {
            Some(script(&fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?))
        }
        None => None,
    };
    Ok(MachineSpec {
        id: machine(&options.name),
        name: options.name.clone(),
        blueprint: options.blueprint.clone(),
        memory_mb: options.memory_mb,
        cpus: 2,
        disk_gb: 60,
        user: if options.blueprint.starts_with("debian_") { "admin" } else { "ubuntu" }.into(),
        user_data,
        authorized_keys: vec![public_key.to_owned()],
        ca_keys: Vec::new(),
        from_snapshot: None,
        disks: Default::default(),
        firewall: None,
        metadata: None,
    })
}

/// The public half of the key that opens all of these hosts, made at the first use.
async fn identity(folder: &Path) -> anyhow::Result<String> {
    let key = folder.join("id");
    if !key.exists() {
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "lab-host", "-f"]).arg(&key);
        ensure!(keygen.status().await.context("cannot run ssh-keygen")?.success(), "ssh-keygen failed");
    }
    Ok(fs::read_to_string(key.with_extension("pub"))?.trim().to_owned())
}

fn pinned(booted: &Booted) -> String {
    let keys = booted.host_keys.iter();
    keys.map(|key| format!("{} {} {}\n", booted.address, key.algorithm, key.public_key)).collect()
}
