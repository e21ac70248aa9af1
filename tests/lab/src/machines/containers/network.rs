//! The lab's network: a Docker bridge with addresses from TEST-NET-3, which is reserved for documentation.
//!
//! It plays the internet. Only the upper half of the block is used: a machine may reach something of its own in the
//! rest. Traffic for it never leaves the machine, not even when the bridge is gone.

use std::fs;
use std::net::Ipv4Addr;

use anyhow::ensure;

use super::docker::{docker, docker_remove, run};

/// Hosts are 130–191, databases 192–199, static addresses 200–250.
pub const SUBNET: &str = "203.0.113.128/25";
pub const DATABASES: &str = "203.0.113.192/29";
/// What is in the default VPC: hosts and databases, and not the operator.
pub const VPC: [&str; 6] =
    ["203.0.113.130/31", "203.0.113.132/30", "203.0.113.136/29", "203.0.113.144/28", "203.0.113.160/27", DATABASES];
/// The last numbers of static addresses.
pub(super) const PUBLIC: std::ops::RangeInclusive<u8> = 200..=250;
/// This machine, as the hosts see it: the operator's address.
pub const OPERATOR: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 129);

const NAME: &str = "infra-lab";
/// The part from which Docker takes addresses, clear of the static ones.
const DYNAMIC: &str = "203.0.113.128/26";
/// Any real route is better than the one that refuses.
const LAST_RESORT: &str = "4294967295";

pub(super) async fn ensure() -> anyhow::Result<()> {
    run("ip", ["route", "replace", "unreachable", SUBNET, "metric", LAST_RESORT]).await?;
    if subnet().await.is_none() {
        refuse_taken(&run("ip", ["-4", "route", "show", "match", &OPERATOR.to_string()]).await?)?;
        create().await?;
    }
    let found = subnet().await;
    ensure!(
        found.as_deref() == Some(SUBNET),
        "docker network {NAME} has subnet {} instead of {SUBNET}; remove it: docker network rm {NAME}",
        found.unwrap_or_default()
    );
    Ok(())
}

pub(super) async fn remove() -> anyhow::Result<()> {
    docker_remove(["network", "rm", NAME]).await?;
    // Gone already if another lab removed it at the same moment.
    run("ip", ["route", "delete", "unreachable", SUBNET, "metric", LAST_RESORT]).await.ok();
    Ok(())
}

/// The containers that have an address.
pub(super) async fn names_at(address: Ipv4Addr) -> anyhow::Result<Vec<String>> {
    let format = "{{range .Containers}}{{.Name}} {{.IPv4Address}}\n{{end}}";
    let lines = docker(["network", "inspect", "--format", format, NAME]).await?;
    let has = |line: &&str| line.split_once(' ').is_some_and(|(_, held)| held.starts_with(&format!("{address}/")));
    Ok(lines.lines().filter(has).filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
}

/// The resolver that this machine uses, if containers can reach it too.
pub(super) fn nameserver() -> Option<String> {
    ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"]
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .find_map(|text| reachable_nameserver(&text))
}

/// The addresses must be nobody's: a route to them that is not the default one says that they are somebody's.
fn refuse_taken(routes: &str) -> anyhow::Result<()> {
    let own = |route: &&str| route.starts_with("default") || route.starts_with("unreachable") || route.contains(NAME);
    let foreign = routes.lines().find(|route| !own(route));
    ensure!(
        foreign.is_none(),
        "the lab's hosts have the addresses {SUBNET}, but this machine reaches something else there: {}",
        foreign.unwrap_or_default().trim()
    );
    Ok(())
}

async fn create() -> anyhow::Result<()> {
    let created = docker([
        "network".to_owned(),
        "create".to_owned(),
        format!("--subnet={SUBNET}"),
        format!("--ip-range={DYNAMIC}"),
        format!("--gateway={OPERATOR}"),
        format!("--opt=com.docker.network.bridge.name={NAME}"),
        NAME.to_owned(),
    ])
    .await;
    match created {
        // Another lab was faster.
        Err(error) if error.to_string().contains("already exists") => Ok(()),
        created => created.map(drop),
    }
}

async fn subnet() -> Option<String> {
    docker(["network", "inspect", "--format", "{{range .IPAM.Config}}{{.Subnet}}{{end}}", NAME]).await.ok()
}

fn reachable_nameserver(resolv_conf: &str) -> Option<String> {
    resolv_conf
        .lines()
        .filter_map(|line| line.strip_prefix("nameserver")?.trim().parse::<Ipv4Addr>().ok())
        .find(|address| !address.is_loopback())
        .map(|address| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_lead_elsewhere_are_not_taken() {
        let own = "default via 192.0.2.1 dev eth0 \nunreachable 203.0.113.128/25 metric 4294967295 \n\
                   203.0.113.128/25 dev infra-lab proto kernel scope link src 203.0.113.129 linkdown \n";
        assert!(refuse_taken(own).is_ok());
        let vpn = "default via 192.0.2.1 dev eth0 \n203.0.113.0/24 dev wg0 scope link \n";
        assert!(refuse_taken(vpn).unwrap_err().to_string().ends_with("203.0.113.0/24 dev wg0 scope link"));
    }

    #[test]
    fn a_resolver_on_loopback_is_of_no_use_to_a_container() {
        assert_eq!(reachable_nameserver("nameserver 127.0.0.53\noptions edns0\n"), None);
        let text = "# comment\nnameserver ::1\nnameserver 127.0.0.1\nnameserver 192.0.2.53\n";
        assert_eq!(reachable_nameserver(text).as_deref(), Some("192.0.2.53"));
    }
}
