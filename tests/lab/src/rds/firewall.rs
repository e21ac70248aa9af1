//! The security groups of an instance, and the peering of Lightsail's network, as nftables text. Pure.
//!
//! It holds inside the database's own network, for its address on the lab's network alone: MiniStack, which asks whether
//! the database answers, comes from another one.

use std::fmt::Write;
use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};

use crate::machines::{FirewallRule, Protocol};

/// What one rule of a security group lets in, over TCP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingress {
    pub from_port: u16,
    pub to_port: u16,
    pub source: Ipv4Net,
}

/// Of what security groups let in, what concerns a database.
pub fn ingress(rules: &[FirewallRule]) -> Vec<Ingress> {
    rules
        .iter()
        .filter_map(|rule| Some((ports(rule)?, rule)))
        .flat_map(|(ports, rule)| each_source(ports, rule))
        .collect()
}

fn ports(rule: &FirewallRule) -> Option<(u16, u16)> {
    match rule.protocol {
        Protocol::All => Some((0, u16::MAX)),
        Protocol::Tcp => Some((u16::try_from(rule.from_port).ok()?, u16::try_from(rule.to_port).ok()?)),
        _ => None,
    }
}

fn each_source((from_port, to_port): (u16, u16), rule: &FirewallRule) -> impl Iterator<Item = Ingress> {
    rule.sources.iter().filter_map(move |source| match source {
        IpNet::V4(source) => Some(Ingress { from_port, to_port, source: *source }),
        // The lab's network is IPv4.
        IpNet::V6(_) => None,
    })
}

/// The whole table of the database at `address`. The `unreachable` hosts are in a network that is not peered.
pub fn table(address: Ipv4Addr, rules: &[Ingress], unreachable: &[Ipv4Addr]) -> String {
    let mut text = format!(
        "table inet lab\ndelete table inet lab\ntable inet lab {{\n\
         \tchain into {{\n\t\ttype filter hook input priority filter; policy accept;\n\
         \t\tip daddr != {address} accept\n\t\tct state established,related accept\n"
    );
    let mut line = |line: String| writeln!(text, "\t\t{line}").expect("strings take everything");
    for host in unreachable {
        line(format!("ip saddr {host} drop"));
    }
    for Ingress { from_port, to_port, source } in rules {
        line(format!("ip saddr {} tcp dport {from_port}-{to_port} accept", source.trunc()));
    }
    text.push_str("\t\tdrop\n\t}\n\tchain out {\n\t\ttype filter hook output priority filter; policy accept;\n");
    for host in unreachable {
        writeln!(text, "\t\tip daddr {host} ct state new drop").expect("strings take everything");
    }
    text + "\t}\n}\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Vec<Ingress> {
        let sources = ["203.0.113.131/32", "10.0.0.0/8", "::/0"].map(|source| source.parse().unwrap()).into();
        let tcp = FirewallRule { protocol: Protocol::Tcp, from_port: 5432, to_port: 5432, sources };
        let udp = FirewallRule { protocol: Protocol::Udp, ..tcp.clone() };
        ingress(&[tcp, udp])
    }

    #[test]
    fn each_source_of_tcp_is_a_rule() {
        let rules = rules();
        let sources: Vec<String> = rules.iter().map(|rule| rule.source.to_string()).collect();
        assert_eq!(sources, ["203.0.113.131/32", "10.0.0.0/8"]);
        assert_eq!((rules[0].from_port, rules[0].to_port), (5432, 5432));
    }

    #[test]
    fn who_is_not_peered_is_kept_out_before_all_rules() {
        let address = Ipv4Addr::new(203, 0, 113, 192);
        let host = Ipv4Addr::new(203, 0, 113, 131);
        let text = table(address, &rules(), &[host]);
        let (drop, accept) = (text.find("ip saddr 203.0.113.131 drop"), text.find("ip saddr 203.0.113.131/32 tcp"));
        assert!(drop.unwrap() < accept.unwrap(), "{text}");
        assert!(text.contains("ip daddr 203.0.113.131 ct state new drop"));
        assert!(!table(address, &[], &[]).contains("tcp dport"));
    }
}
