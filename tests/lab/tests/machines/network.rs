//! Addresses that move, a firewall that also covers what Docker publishes, images that are really pulled.

use std::net::Ipv4Addr;
use std::slice;
use std::time::Duration;

use ipnet::IpNet;
use lab::machines::{FirewallRule, Machines, OPERATOR, Protocol};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::fixture::with_lab;

/// Answers every connection on its port with "hello".
const SERVER: &str = "use IO::Socket::INET; my $server = IO::Socket::INET->new(LocalPort => 80, Listen => 5, ReuseAddr => 1); \
    while (my $client = $server->accept) { print $client \"hello\"; close $client }";

fn open(port: i32, sources: &[&str]) -> FirewallRule {
    let sources = sources.iter().map(|source| source.parse::<IpNet>().unwrap()).collect();
    FirewallRule { protocol: Protocol::Tcp, from_port: port, to_port: port, sources }
}

/// What a connection from here is told; none if nobody answers, as a dropped packet looks like.
async fn greeting(address: Ipv4Addr, port: u16) -> Option<String> {
    let greet = async {
        let mut text = String::new();
        TcpStream::connect((address, port)).await.ok()?.read_to_string(&mut text).await.ok()?;
        Some(text)
    };
    timeout(Duration::from_secs(2), greet).await.ok().flatten()
}

#[tokio::test]
async fn a_static_address_moves_between_hosts_and_comes_back_after_a_reboot() {
    with_lab(async |lab| {
        let address = Ipv4Addr::new(203, 0, 113, 249);
        let (mut first, second) = tokio::join!(lab.boot("i-1"), lab.boot("i-2"));
        lab.machines.assign_address(&first.id, address).await.unwrap();
        assert_eq!(first.ssh_at(&address.to_string(), "hostname").await.unwrap(), "host-i-1");
        first.booted = lab.machines.reboot(&first.id).await.unwrap();
        assert_eq!(first.ssh_at(&address.to_string(), "hostname").await.unwrap(), "host-i-1");

        lab.machines.unassign_address(&first.id, address).await.unwrap();
        lab.machines.assign_address(&second.id, address).await.unwrap();
        assert_eq!(second.ssh_at(&address.to_string(), "hostname").await.unwrap(), "host-i-2");
        // The hosts reach each other, and the first one is still there under its own.
        let port = first.ssh(&format!("bash -c 'exec 3<>/dev/tcp/{address}/22; head -c 7 <&3'")).await;
        assert_eq!(port, "SSH-2.0");
    })
    .await;
}

#[tokio::test]
async fn the_firewall_closes_ports_of_the_host_and_of_its_containers() {
    with_lab(async |lab| {
        let mut host = lab.boot("i-1").await;
        let everywhere = open(8080, &["0.0.0.0/0"]);
        let ssh = open(22, &["203.0.113.0/24"]);
        // Docker Hub's name; the bytes come from the lab's registry.
        host.ssh("sudo docker pull -q debian:trixie-slim").await;
        host.ssh(&format!("sudo docker run -d --restart=always -p 8080:80 debian:trixie-slim perl -e '{SERVER}'"))
            .await;
        for _ in 0..50 {
            if greeting(host.booted.address, 8080).await.is_some() {
                break;
            }
            // A refused connection is no answer at once: the container is still starting.
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        }
        assert_eq!(greeting(host.booted.address, 8080).await.as_deref(), Some("hello"), "no firewall: open");

        lab.machines.set_firewall(&host.id, slice::from_ref(&ssh)).await.unwrap();
        assert_eq!(greeting(host.booted.address, 8080).await, None, "not named: closed");
        assert_eq!(host.ssh("sudo docker ps --quiet | wc -l; getent hosts deb.debian.org | wc -l").await, "1\n1");

        lab.machines.set_firewall(&host.id, &[ssh.clone(), everywhere]).await.unwrap();
        assert_eq!(greeting(host.booted.address, 8080).await.as_deref(), Some("hello"), "named: open again");

        let elsewhere = open(8080, &["198.51.100.0/24"]);
        lab.machines.set_firewall(&host.id, &[ssh, elsewhere]).await.unwrap();
        assert_eq!(greeting(host.booted.address, 8080).await, None, "named for somebody else: closed");
        host.booted = lab.machines.reboot(&host.id).await.unwrap();
        host.ssh("until [ $(sudo docker ps --quiet --filter status=running | wc -l) = 1 ]; do sleep 0.2; done").await;
        assert_eq!(greeting(host.booted.address, 8080).await, None, "still closed after a reboot");

        let only_operator = open(22, &[&format!("{OPERATOR}/32")]);
        lab.machines.set_firewall(&host.id, &[only_operator]).await.unwrap();
        assert_eq!(host.ssh("whoami").await, "ubuntu");
        lab.machines.set_firewall(&host.id, &[]).await.unwrap();
        assert!(host.ssh_at(&host.booted.address.to_string(), "true").await.unwrap_err().contains("timed out"));
    })
    .await;
}

#[tokio::test]
async fn a_host_without_docker_installs_it_from_its_user_data() {
    with_lab(async |lab| {
        let mut spec = lab.spec("i-1");
        spec.blueprint = "debian_12".into();
        spec.user = "admin".into();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../templates/host.sh");
        spec.user_data = Some(std::fs::read_to_string(script).unwrap());
        let host = lab.boot_spec(&spec).await;
        let status = host.ssh("cloud-init status --wait --long || sudo tail -30 /var/log/cloud-init-output.log").await;
        assert!(status.contains("status: done"), "{status}");
        assert!(host.ssh("sudo docker compose version --short").await.starts_with('2'));
        assert!(host.ssh("cat /etc/docker/daemon.json").await.contains("max-size"));
        assert_eq!(host.ssh("sudo docker run --rm debian:trixie-slim echo inside").await, "inside");
    })
    .await;
}
