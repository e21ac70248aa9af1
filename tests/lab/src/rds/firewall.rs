//! The security groups of an instance, and the peering of Lightsail's network, as nftables text. Pure.
//!
//! It holds inside the database's own network, for its address on the lab's network alone: MiniStack, which asks whether
//! the database answers, comes from another one.

use std::fmt::Write;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::xml;

/// What one rule of a security group lets in, over TCP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ingress {
    pub from_port: u16,
    pub to_port: u16,
    pub source: Ipv4Net,
}

/// The rules of the groups in an answer of DescribeSecurityGroups. Sources that are groups have no members here.
pub fn rules(groups: &str) -> Vec<Ingress> {
    xml::elements(groups, "ipPermissions").flat_map(permissions).collect()
}

fn permissions(permissions: &str) -> Vec<Ingress> {
    // Items within items: each permission begins with its protocol.
    permissions.split("<ipProtocol>").skip(1).flat_map(|permission| ingress(permission).unwrap_or_default()).collect()
}

fn ingress(permission: &str) -> Option<Vec<Ingress>> {
    let (from_port, to_port) = match permission.split_once('<')?.0 {
        "-1" => (0, u16::MAX),
        "tcp" | "6" => (port(permission, "fromPort")?, port(permission, "toPort")?),
        _ => return None,
    };
    let sources = xml::elements(permission, "cidrIp").filter_map(|source| source.parse().ok());
    Some(sources.map(|source| Ingress { from_port, to_port, source }).collect())
}

fn port(permission: &str, name: &str) -> Option<u16> {
    xml::text(permission, name)?.parse().ok()
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

    const GROUPS: &str = "<securityGroupInfo><item><groupId>sg-1</groupId><ipPermissions><item><ipProtocol>tcp</ipProtocol>\
        <fromPort>5432</fromPort><toPort>5432</toPort><ipRanges><item><cidrIp>203.0.113.131/32</cidrIp></item><item>\
        <cidrIp>10.0.0.0/8</cidrIp></item></ipRanges></item><item><ipProtocol>-1</ipProtocol><groups><item>\
        <groupId>sg-1</groupId></item></groups></item></ipPermissions><ipPermissionsEgress><item><ipProtocol>-1</ipProtocol>\
        <ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges></item></ipPermissionsEgress></item></securityGroupInfo>";

    #[test]
    fn only_what_comes_in_is_ruled_and_each_source_is_a_rule() {
        let rules = rules(GROUPS);
        let sources: Vec<String> = rules.iter().map(|rule| rule.source.to_string()).collect();
        assert_eq!(sources, ["203.0.113.131/32", "10.0.0.0/8"]);
        assert_eq!((rules[0].from_port, rules[0].to_port), (5432, 5432));
    }

    #[test]
    fn who_is_not_peered_is_kept_out_before_all_rules() {
        let address = Ipv4Addr::new(203, 0, 113, 192);
        let host = Ipv4Addr::new(203, 0, 113, 131);
        let text = table(address, &rules(GROUPS), &[host]);
        let (drop, accept) = (text.find("ip saddr 203.0.113.131 drop"), text.find("ip saddr 203.0.113.131/32 tcp"));
        assert!(drop.unwrap() < accept.unwrap(), "{text}");
        assert!(text.contains("ip daddr 203.0.113.131 ct state new drop"));
        assert!(!table(address, &[], &[]).contains("tcp dport"));
    }
}
