//! First boot, user data, users and keys, reboot, snapshot of the root.

use std::fs;
use std::time::{Duration, Instant};

use lab::machines::{HostKey, Machines, SnapshotId, script};
use tokio::process::Command;

use crate::fixture::with_lab;

/// Nobody waits longer for a host of the lab than for one of the cloud, even on a busy machine.
const BOOT_LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_host_boots_runs_its_user_data_once_and_keeps_its_identity() {
    with_lab(async |lab| {
        let mut spec = lab.spec("i-1");
        spec.user_data = Some(script("id -un >> /root/user-data-ran\n"));
        let begun = Instant::now();
        let mut host = lab.boot_spec(&spec).await;
        assert!(begun.elapsed() < BOOT_LIMIT, "booted in {:?}", begun.elapsed());
        eprintln!("boot: {:?}", begun.elapsed());

        assert_eq!(host.ssh("cloud-init status --wait >/dev/null; hostname; whoami").await, "host-i-1\nubuntu");
        assert_eq!(host.ssh("sudo cat /root/user-data-ran").await, "root");
        assert_eq!(host.ssh("systemctl is-system-running").await, "running");
        assert_eq!(host.ssh("awk '/^MemTotal/ { print $2 }' /proc/meminfo").await, (2048 * 1024).to_string());

        let (keys, used) = (host.booted.host_keys.clone(), lab.machines.cpu_seconds(&host.id).await.unwrap().unwrap());
        assert!(used > 0.0);
        host.booted = lab.machines.reboot(&host.id).await.unwrap();
        assert_eq!(host.booted.host_keys, keys);
        assert_eq!(host.ssh("cloud-init status --wait >/dev/null; sudo cat /root/user-data-ran").await, "root");
        assert!(lab.machines.cpu_seconds(&host.id).await.unwrap().unwrap() > used);
    })
    .await;
}

#[tokio::test]
async fn only_the_right_keys_open_a_connection() {
    with_lab(async |lab| {
        let mut spec = lab.spec("i-1");
        spec.user = "admin".into();
        spec.authorized_keys.clear();
        let host = lab.boot_spec(&spec).await;
        let address = host.booted.address.to_string();

        let refused = host.ssh_at(&address, "true").await.unwrap_err();
        assert!(refused.contains("Permission denied"), "{refused}");

        // A certificate of the trusted authority, as GetInstanceAccessDetails hands out.
        let mut sign = Command::new("ssh-keygen");
        sign.args(["-q", "-I", "temporary", "-n", "admin", "-V", "-5m:+5m", "-s"]).arg(lab.path("ca"));
        assert!(sign.arg(lab.path("id.pub")).status().await.unwrap().success());
        assert_eq!(host.ssh_at(&address, "sudo id -un").await.unwrap(), "root");

        let other = fs::read_to_string(lab.path("ca.pub")).unwrap();
        let pinned: Vec<HostKey> = host.booted.host_keys.clone().into_iter().map(|key| replaced(key, &other)).collect();
        let refused = host.ssh_with(&address, &pinned, &[], "true").await.unwrap_err();
        assert!(refused.contains("Host key verification failed"), "{refused}");
    })
    .await;
}

/// The same host with somebody else's key.
fn replaced(key: HostKey, other: &str) -> HostKey {
    let public_key = other.split_whitespace().nth(1).unwrap().to_owned();
    HostKey { algorithm: "ssh-ed25519".into(), public_key, ..key }
}

#[tokio::test]
async fn a_host_from_a_snapshot_is_a_new_host_with_the_old_files() {
    with_lab(async |lab| {
        let host = lab.boot("i-1").await;
        host.ssh("echo kept | sudo tee /opt/mark && sudo docker pull -q debian:trixie-slim && sync").await;
        let snapshot = SnapshotId("snap-1".into());
        lab.machines.snapshot_machine(&host.id, &snapshot).await.unwrap();

        let mut spec = lab.spec("i-2");
        spec.from_snapshot = Some(snapshot.clone());
        let copy = lab.boot_spec(&spec).await;
        assert_eq!(copy.ssh("cat /opt/mark; hostname").await, "kept\nhost-i-2");
        assert_eq!(copy.ssh("sudo docker image ls --format '{{.Repository}}:{{.Tag}}'").await, "debian:trixie-slim");
        assert_ne!(copy.booted.host_keys, host.booted.host_keys);
    })
    .await;
}
