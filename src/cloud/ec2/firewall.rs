//! Security groups and their rules. EC2 keeps one rule a source; so they are told and asked for.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types as sdk;
use ipnet::IpNet;

use super::convert::{Resource as _, tags};
use crate::inventory::{Firewall, OpenPort, RuleProtocol, RuleRange};

/// Where EC2 tells no ports: a protocol that has none, or all protocols.
const NO_PORTS: i32 = -1;

pub(super) fn firewall(group: &sdk::SecurityGroup) -> Option<Firewall> {
    let owner = group.owner_id().unwrap_or_default();
    Some(Firewall {
        name: group.name(),
        id: group.group_id.clone()?,
        tags: tags(group.tags()),
        vpc: group.vpc_id.clone().unwrap_or_default(),
        ports: group.ip_permissions().iter().flat_map(|permission| ports(permission, owner)).collect(),
    })
}

fn ports(permission: &sdk::IpPermission, owner: &str) -> Vec<OpenPort> {
    let bare = OpenPort {
        range: RuleRange { from: permission.from_port.unwrap_or(NO_PORTS), to: permission.to_port.unwrap_or(NO_PORTS) },
        protocol: protocol(permission.ip_protocol().unwrap_or_default()),
        from: BTreeSet::new(),
        aliases: BTreeSet::new(),
    };
    let v4 = permission.ip_ranges().iter().filter_map(|range| range.cidr_ip());
    let v6 = permission.ipv6_ranges().iter().filter_map(|range| range.cidr_ipv6());
    let nets = v4.chain(v6).filter_map(|net| net.parse::<IpNet>().ok());
    let nets = nets.map(|net| OpenPort { from: BTreeSet::from([net]), ..bare.clone() });
    let lists = permission.prefix_list_ids().iter().filter_map(|list| list.prefix_list_id.clone());
    let groups = permission.user_id_group_pairs().iter().filter_map(|pair| group_alias(pair, owner));
    let aliases = lists.chain(groups).map(|alias| OpenPort { aliases: BTreeSet::from([alias]), ..bare.clone() });
    nets.chain(aliases).collect()
}

/// `sg-1`, or `123456789012/sg-1` where it is another account's.
fn group_alias(pair: &sdk::UserIdGroupPair, owner: &str) -> Option<String> {
    let id = pair.group_id()?;
    Some(match pair.user_id() {
        Some(user) if user != owner && !owner.is_empty() => format!("{user}/{id}"),
        _ => id.to_owned(),
    })
}

fn protocol(name: &str) -> RuleProtocol {
    match name {
        "tcp" | "6" => RuleProtocol::Tcp,
        "udp" | "17" => RuleProtocol::Udp,
        "-1" => RuleProtocol::All,
        "icmp" | "1" => RuleProtocol::Icmp,
        "icmpv6" | "58" => RuleProtocol::Icmpv6,
        other => RuleProtocol::Other(other.to_owned()),
    }
}

/// The same as EC2 takes it: one permission a protocol and range, with all its sources.
pub(super) fn permissions(ports: &[OpenPort]) -> Vec<sdk::IpPermission> {
    let mut kinds: BTreeMap<(RuleProtocol, RuleRange), (BTreeSet<IpNet>, BTreeSet<String>)> = BTreeMap::new();
    for port in ports {
        let (nets, aliases) = kinds.entry((port.protocol.clone(), port.range)).or_default();
        nets.extend(port.from.iter().copied());
        aliases.extend(port.aliases.iter().cloned());
    }
    kinds.into_iter().map(|((protocol, range), (nets, aliases))| permission(protocol, range, nets, aliases)).collect()
}

fn permission(
    protocol: RuleProtocol,
    range: RuleRange,
    nets: BTreeSet<IpNet>,
    aliases: BTreeSet<String>,
) -> sdk::IpPermission {
    let has_ports = match protocol {
        RuleProtocol::All | RuleProtocol::Other(_) => range.from != NO_PORTS,
        _ => true,
    };
    let name = if protocol == RuleProtocol::All { "-1".into() } else { protocol.to_string() };
    let mut permission = sdk::IpPermission::builder()
        .ip_protocol(name)
        .set_from_port(has_ports.then_some(range.from))
        .set_to_port(has_ports.then_some(range.to));
    for net in nets {
        permission = match net {
            IpNet::V4(net) => permission.ip_ranges(sdk::IpRange::builder().cidr_ip(net.to_string()).build()),
            IpNet::V6(net) => permission.ipv6_ranges(sdk::Ipv6Range::builder().cidr_ipv6(net.to_string()).build()),
        };
    }
    for alias in aliases {
        permission = match alias.starts_with("pl-") {
            true => permission.prefix_list_ids(sdk::PrefixListId::builder().prefix_list_id(alias).build()),
            false => permission.user_id_group_pairs(group_pair(&alias)),
        };
    }
    permission.build()
}

fn group_pair(alias: &str) -> sdk::UserIdGroupPair {
    let pair = sdk::UserIdGroupPair::builder();
    match alias.split_once('/') {
        Some((user, id)) => pair.user_id(user).group_id(id).build(),
        None => pair.group_id(alias).build(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group() -> sdk::SecurityGroup {
        let v4 = |net: &str| sdk::IpRange::builder().cidr_ip(net).description("office").build();
        let web = sdk::IpPermission::builder()
            .ip_protocol("tcp")
            .from_port(443)
            .to_port(443)
            .ip_ranges(v4("0.0.0.0/0"))
            .ip_ranges(v4("10.0.0.0/8"))
            .ipv6_ranges(sdk::Ipv6Range::builder().cidr_ipv6("::/0").build())
            .prefix_list_ids(sdk::PrefixListId::builder().prefix_list_id("pl-1").build())
            .build();
        let pair = |user: &str, id: &str| sdk::UserIdGroupPair::builder().user_id(user).group_id(id).build();
        let all = sdk::IpPermission::builder()
            .ip_protocol("-1")
            .user_id_group_pairs(pair("1", "sg-1"))
            .user_id_group_pairs(pair("2", "sg-2"))
            .build();
        let ping = sdk::IpPermission::builder().ip_protocol("icmp").from_port(8).to_port(-1).ip_ranges(v4("0.0.0.0/0"));
        sdk::SecurityGroup::builder()
            .group_id("sg-1")
            .group_name("demo-vault")
            .owner_id("1")
            .vpc_id("vpc-1")
            .ip_permissions(web)
            .ip_permissions(all)
            .ip_permissions(ping.build())
            .build()
    }

    #[test]
    fn every_source_is_a_rule() {
        let found = firewall(&group()).unwrap();
        assert_eq!((found.name.as_str(), found.vpc.as_str()), ("demo-vault", "vpc-1"));
        let source = |port: &OpenPort| {
            let nets = port.from.iter().map(ToString::to_string);
            nets.chain(port.aliases.iter().cloned()).collect::<Vec<_>>().join(",")
        };
        let said: Vec<_> = found.ports.iter().map(|port| format!("{} {}", port.what(), source(port))).collect();
        assert_eq!(
            said,
            [
                "443/tcp 0.0.0.0/0",
                "443/tcp 10.0.0.0/8",
                "443/tcp ::/0",
                "443/tcp pl-1",
                "all protocols sg-1",
                "all protocols 2/sg-2",
                "icmp type 8 0.0.0.0/0"
            ]
        );
        assert_eq!(found.ports[4].range, RuleRange { from: -1, to: -1 });
    }

    /// What was seen can be closed as it was seen.
    #[test]
    fn rules_go_back_as_they_came() {
        let seen = firewall(&group()).unwrap().ports;
        let again = permissions(&seen);
        assert_eq!(again.len(), 3, "one permission a protocol and range");
        let group = sdk::SecurityGroup::builder().group_id("sg-1").owner_id("1").set_ip_permissions(Some(again));
        let sorted = |mut ports: Vec<OpenPort>| {
            ports.sort();
            ports
        };
        assert_eq!(sorted(firewall(&group.build()).unwrap().ports), sorted(seen));
    }

    #[test]
    fn all_protocols_are_asked_for_without_ports() {
        let all = permissions(&firewall(&group()).unwrap().ports)
            .into_iter()
            .find(|p| p.ip_protocol() == Some("-1"))
            .unwrap();
        assert_eq!((all.from_port, all.to_port), (None, None));
        assert_eq!(all.user_id_group_pairs().len(), 2);
    }
}
