//! A lab for one test, and SSH to its hosts with pinned keys only.

use std::fs;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::FutureExt;
use lab::machines::{Booted, ContainerMachines, HostKey, MachineId, MachineSpec, Machines};
use tokio::process::Command;
use tokio::time::timeout;

pub struct Lab {
    pub machines: ContainerMachines,
    folder: tempfile::TempDir,
}

/// Runs a test in a new lab and removes all of it, also when the test fails.
pub async fn with_lab(test: impl AsyncFnOnce(&Lab)) {
    let folder = tempfile::tempdir().unwrap();
    keygen(&folder.path().join("id")).await;
    keygen(&folder.path().join("ca")).await;
    let lab = Lab { machines: ContainerMachines::open(folder.path().join("lab")).await.unwrap(), folder };
    let outcome = AssertUnwindSafe(test(&lab)).catch_unwind().await;
    lab.machines.remove_all().await.unwrap();
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

impl Lab {
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A host named after its id, with Docker.
    pub fn spec(&self, id: &str) -> MachineSpec {
        MachineSpec {
            id: MachineId(id.into()),
            name: format!("host-{id}"),
            blueprint: "ubuntu_24_04".into(),
            memory_mb: 2048,
            cpus: 2,
            disk_gb: 60,
            user: "ubuntu".into(),
            user_data: None,
            authorized_keys: vec![fs::read_to_string(self.path("id.pub")).unwrap()],
            ca_keys: vec![fs::read_to_string(self.path("ca.pub")).unwrap()],
            from_snapshot: None,
            disks: Default::default(),
            firewall: None,
            metadata: None,
        }
    }

    pub async fn boot(&self, id: &str) -> Host<'_> {
        self.boot_spec(&self.spec(id)).await
    }

    pub async fn boot_spec(&self, spec: &MachineSpec) -> Host<'_> {
        let booted = self.machines.boot(spec).await.unwrap();
        Host { lab: self, id: spec.id.clone(), user: spec.user.clone(), booted }
    }
}

pub struct Host<'lab> {
    lab: &'lab Lab,
    pub id: MachineId,
    user: String,
    pub booted: Booted,
}

impl Host<'_> {
    pub async fn ssh(&self, command: &str) -> String {
        self.ssh_at(&self.booted.address.to_string(), command).await.unwrap()
    }

    /// The command's output at any address that is said to be this host; an error tells what ssh said.
    pub async fn ssh_at(&self, address: &str, command: &str) -> Result<String, String> {
        self.ssh_with(address, &self.booted.host_keys, &[], command).await
    }

    pub async fn ssh_with(
        &self,
        address: &str,
        keys: &[HostKey],
        options: &[&str],
        command: &str,
    ) -> Result<String, String> {
        let known_hosts = self.lab.path(&format!("known_hosts-{}", self.id));
        let lines: String =
            keys.iter().map(|key| format!("{address} {} {}\n", key.algorithm, key.public_key)).collect();
        fs::write(&known_hosts, lines).unwrap();
        let known_hosts = format!("UserKnownHostsFile={}", known_hosts.display());
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=3"])
            .args(["-o", &known_hosts, "-o", "LogLevel=ERROR", "-o", "IdentitiesOnly=yes"])
            .arg("-i")
            .arg(self.lab.path("id"))
            .args(options)
            .arg(format!("{}@{address}", self.user))
            .arg(command);
        let output = timeout(Duration::from_secs(120), ssh.kill_on_drop(true).output()).await.unwrap().unwrap();
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout).unwrap().trim_end().to_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    pub async fn stop(&self) {
        self.lab.machines.stop(&self.id).await.unwrap();
    }

    pub async fn start(&mut self) {
        self.booted = self.lab.machines.start(&self.id).await.unwrap();
    }
}

pub async fn keygen(file: &Path) {
    let mut keygen = Command::new("ssh-keygen");
    let status = keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(file).status().await.unwrap();
    assert!(status.success());
}
