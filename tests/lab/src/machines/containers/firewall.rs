//! The cloud's firewall as nftables text. Pure.
//!
//! It sits before address translation, so it also covers the ports that a Docker inside the machine publishes, which a
//! firewall in the input chain would never see. Like AWS it drops silently: a closed port looks like a dead host.

use std::fmt::Write;
use std::net::SocketAddrV4;

use ipnet::IpNet;

use super::FirewallRule;
use crate::machines::Protocol;

/// The whole table: loading it replaces the one before in one transaction.
pub(super) fn table(rules: &[FirewallRule]) -> String {
    let mut text = String::from(
        "table inet lab\n\
         delete table inet lab\n\
         table inet lab {\n\
         \tchain cloud {\n\
         \t\ttype filter hook prerouting priority mangle; policy accept;\n\
         \t\tiifname != \"eth0\" accept\n\
         \t\tct state established,related accept\n\
         \t\ticmp type { destination-unreachable, time-exceeded, parameter-problem } accept\n",
    );
    for rule in rules {
        for source in &rule.sources {
            if let Some(line) = accept(rule, source) {
                writeln!(text, "\t\t{line}").expect("strings take everything");
            }
        }
    }
    text.push_str("\t\tdrop\n\t}\n}\n");
    text
}

/// Leads what goes to the address of the metadata somewhere else: from the host itself, and from its containers.
pub(super) fn metadata(to: SocketAddrV4) -> String {
    let rule = format!("ip daddr 169.254.169.254 tcp dport 80 dnat to {to}");
    format!(
        "table ip lab_metadata\n\
         delete table ip lab_metadata\n\
         table ip lab_metadata {{\n\
         \tchain host {{\n\t\ttype nat hook output priority -100;\n\t\t{rule}\n\t}}\n\
         \tchain containers {{\n\t\ttype nat hook prerouting priority -100;\n\t\t{rule}\n\t}}\n\
         }}\n"
    )
}

fn accept(rule: &FirewallRule, source: &IpNet) -> Option<String> {
    // The lab's network is IPv4: nothing with another source can arrive.
    let IpNet::V4(source) = source else { return None };
    let what = match rule.protocol {
        Protocol::Tcp => format!(" tcp dport {}-{}", rule.from_port, rule.to_port),
        Protocol::Udp => format!(" udp dport {}-{}", rule.from_port, rule.to_port),
        Protocol::Icmp if rule.from_port >= 0 => format!(" icmp type {}", rule.from_port),
        Protocol::Icmp => " ip protocol icmp".to_owned(),
        Protocol::Icmpv6 => return None,
        Protocol::All => String::new(),
    };
    Some(format!("ip saddr {}{what} accept", source.trunc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(protocol: Protocol, from_port: i32, to_port: i32, sources: &[&str]) -> FirewallRule {
        let sources = sources.iter().map(|source| source.parse().unwrap()).collect();
        FirewallRule { protocol, from_port, to_port, sources }
    }

    #[test]
    fn each_source_of_each_rule_is_a_line_and_the_rest_is_dropped() {
        let text = table(&[
            rule(Protocol::Tcp, 443, 443, &["0.0.0.0/0", "::/0"]),
            rule(Protocol::Tcp, 8000, 8010, &["203.0.113.7/24"]),
            rule(Protocol::Icmp, -1, -1, &["0.0.0.0/0"]),
        ]);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| line.starts_with("ip saddr")).collect();
        assert_eq!(
            lines,
            [
                "ip saddr 0.0.0.0/0 tcp dport 443-443 accept",
                "ip saddr 203.0.113.0/24 tcp dport 8000-8010 accept",
                "ip saddr 0.0.0.0/0 ip protocol icmp accept",
            ]
        );
        assert!(text.ends_with("\t\tdrop\n\t}\n}\n"));
    }

    #[test]
    fn no_rules_close_everything_that_is_new() {
        assert_eq!(table(&[]).matches("ip saddr").count(), 0);
    }
}
